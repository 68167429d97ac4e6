"The widgets' functions on what learners really give them: both ipywidgets, broken files, odd names, models that fail."
import io,re
import pytest
from PIL import Image
from fastlessons import controls
from fastlessons.controls import browser_page,picture_browser,picture_from,tried,try_picture,uploaded_picture


def words(text): return re.sub('<[^>]+>', '', text)


def file(format='PNG', size=(40, 30), mode='RGB', **kw):
    "The bytes of a picture file."
    buf = io.BytesIO()
    Image.new(mode, size, 0).save(buf, format, **kw)
    return buf.getvalue()


def same(picture): return {'a':.25, 'b':.75}
def deliver(panel, *files):
    "An upload as the installed ipywidgets brings it."
    upload = panel.children[0].children[0]
    from datetime import datetime,timezone
    now = datetime.now(timezone.utc)
    new = [dict(name=n, type='image/png', size=len(d), content=memoryview(d), last_modified=now) for n,d in files]
    v8 = not controls.w.__version__.startswith('7')
    upload.set_trait('value', tuple(new) if v8 else {f['name']:dict(metadata={}, content=f['content']) for f in new})
    return panel.children[1].value


@pytest.mark.parametrize('value', [
    ({'name':'x.png', 'type':'image/png', 'size':2, 'content':memoryview(b'ab')}, {'name':'y.png', 'content':b'cd'}),
    {'x.png':{'metadata':{'name':'x.png'}, 'content':b'ab'}, 'y.png':{'metadata':{}, 'content':memoryview(b'cd')}},
], ids=['ipywidgets 8', 'ipywidgets 7'])
def test_upload_of_both_versions(value):
    assert uploaded_picture(value) == [('x.png', b'ab'), ('y.png', b'cd')]


@pytest.mark.parametrize('value', [None, 3, 'x.png', b'ab'], ids=repr)
def test_what_is_no_upload(value):
    with pytest.raises(TypeError, match='is no upload'): uploaded_picture(value)


@pytest.mark.parametrize('format,mode', [('PNG', 'RGBA'), ('PNG', 'I;16'), ('PNG', 'L'), ('PNG', '1'), ('JPEG', 'CMYK'), ('GIF', 'P'), ('WEBP', 'RGB')])
def test_every_usual_kind_of_picture_is_tried(format, mode):
    picture = picture_from('mine', file(format, mode=mode))
    assert (picture.mode, picture.size) == ('RGB', (40, 30))


def test_a_photo_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert picture_from('turned.jpg', file('JPEG', exif=exif)).size == (30, 40)


@pytest.mark.parametrize('name', ['', '.', '..', '../../etc/passwd', 'a/b\\c.png', 'x'*400 + '.png', '蘑菇 [1] "q".png', '<img src=x onerror=alert(1)>.png', 'nul\0.png'], ids=ascii)
def test_odd_names_are_only_names(name, tmp_path):
    good = deliver(try_picture(same), (name, file()))
    assert good.startswith('<img') and 'the model says b, with probability 0.75' in words(good)
    bad = deliver(try_picture(same), (name, b'no picture'))
    assert 'role="alert"' in bad and '<img' not in bad
    assert '/tmp' not in bad and str(tmp_path.parent) not in bad, "the temporary file's path is nobody's business"


@pytest.mark.parametrize('data', [b'', b'GIF89a', b'\x89PNG\r\n\x1a\n', file()[:60], b'%PDF-1.7', b'<svg xmlns="http://www.w3.org/2000/svg"/>', b'\xff'*1000])
def test_files_that_are_no_pictures_get_a_reason(data):
    with pytest.raises(ValueError) as e: picture_from('mine.png', data)
    assert len(str(e.value)) > 10
    out = deliver(try_picture(same), ('mine.png', data))
    assert 'role="alert"' in out and words(out).count('mine.png') >= 1


def test_one_bad_file_among_good_ones():
    out = deliver(try_picture(same), ('1.png', file()), ('2.png', b'no'), ('3.png', file()))
    assert (out.count('<img'), out.count('role="alert"')) == (2, 1)


def test_upload_after_upload():
    panel = try_picture(same)
    for i in range(4):
        out = deliver(panel, (f'{i}.png', file()))
        assert f'{i}.png: the model says' in words(out) and out.count('<img') == 1
    assert 'role="alert"' in deliver(panel, ('bad.png', b'no'))
    assert deliver(panel, ('0.png', file())).count('<img') == 1


@pytest.mark.parametrize('answer,said', [
    ({}, 'the model failed'), (None, 'the model failed with AttributeError'), ({'a':'much'}, 'float'), ([.5, .5], 'the model failed'),
    (RuntimeError('size <mismatch>'), 'the model failed with RuntimeError: size &lt;mismatch&gt;'), (KeyError('x'), 'KeyError'),
], ids=repr)
def test_a_model_that_fails_is_said(answer, said):
    def predict(picture):
        if isinstance(answer, Exception): raise answer
        return answer
    out = tried(predict, 'x.png', lambda: Image.new('RGB', (9, 9)))
    assert 'role="alert"' in out and re.search(said, out), out


def test_a_path_with_quotes_home_and_blanks(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('USERPROFILE', str(tmp_path))
    (tmp_path/'my best.png').write_bytes(file())
    panel = try_picture(same)
    path,out = panel.children[0].children[1],panel.children[1]
    for typed in (str(tmp_path/'my best.png'), f'  "{tmp_path/"my best.png"}" ', '~/my best.png'):
        path.value = typed
        assert 'my best.png: the model says' in words(out.value), typed
    for typed in (str(tmp_path), str(tmp_path/'gone.png'), '~nobody-at-all/x.png', 'a'*5000):
        path.value = typed
        assert 'role="alert"' in out.value and 'the model' not in out.value, typed


def test_the_browser_goes_on_after_a_broken_picture(tmp_path):
    (tmp_path/'good.png').write_bytes(file())
    (tmp_path/'bad.png').write_bytes(b'no')
    panel = picture_browser([tmp_path/'good.png', tmp_path/'bad.png', tmp_path/'good.png'], ['<b>a</b>', 'b', 'c'])
    (label,number),page = panel.children[0].children,panel.children[1]
    assert '<img' in page.value and '&lt;b&gt;a&lt;/b&gt;' in page.value and '<b>a</b>' not in page.value
    number.value = 2
    assert 'role="alert"' in page.value
    number.value = 3
    assert 'c · 3 of 3 · good.png' in words(page.value)
    label.value = 'b'
    assert 'b · 1 of 1 · bad.png' in words(page.value) and number.max == 1


def test_browser_page_keeps_to_the_pictures_there_are():
    pictures,labels = [Image.new('RGB', (9, 9))]*3,list('aab')
    assert '2 of 2' in browser_page(pictures, labels, 'a', 99) and '1 of 2' in browser_page(pictures, labels, 'a', -5)
    with pytest.raises(ValueError, match="no picture has the label 'z'"): browser_page(pictures, labels, 'z', 1)


def test_no_widget_shows_its_inner_life_as_text():
    for panel in (picture_browser([Image.new('RGB', (9, 9))], ['a']), try_picture(same)):
        assert '(' not in repr(panel) and 'where widgets run' in repr(panel) and len(repr(panel)) < 110


def test_hostile_pictures(real):
    "Each of the hostile files is tried or refused with a reason."
    files = [f for f in (real/'hostile').rglob('*') if f.is_file() and f.stat().st_size < 2**22]
    if not files: pytest.skip('no hostile pictures there')
    outs = {f.name:tried(same, f.name, lambda: picture_from(f.name, f.read_bytes())) for f in files}
    assert all(o.startswith(('<img', '<p role="alert"')) for o in outs.values())
    assert not [n for n,o in outs.items() if 'the model failed' in o]
