"Records of where pictures come from: damaged files, older forms, audits of spoilt folders."
import json, os, sys
from pathlib import Path

import pytest
from PIL import Image

from fastlessons.sources import Source, audit, file_sha256, load_sources, open_picture, pixels_sha256, save_sources


def paint(folder, name, colour, **kwargs):
    path = folder/name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 8), colour).save(path, **kwargs)
    return path

def record(folder, path):
    return Source(path.relative_to(folder).as_posix(), path.parent.name, 'own', 'me', 'CC0-1.0', '', None, file_sha256(path),
                  pixels_sha256(open_picture(path)))

@pytest.fixture
def filed(tmp_path):
    "Six pictures of two classes, all filed."
    folder = tmp_path/'pictures'
    files = [paint(folder, f'{label}/{i}.png', (i*20, ord(label), 0)) for label in 'ab' for i in range(3)]
    save_sources(tmp_path/'SOURCES.json', [record(folder, o) for o in files])
    return folder


def test_all_is_well(filed):
    found = audit(filed)
    assert found.ok and found.pictures == 6 and 'all filed and unchanged' in str(found)


def test_every_fault_is_found(filed):
    paint(filed, 'a/new.png', 'red')
    (filed/'no_ending').write_bytes((filed/'b/2.png').read_bytes() + b' ')   # a picture all the same
    (filed/'a/0.png').unlink()
    paint(filed, 'a/1.png', 'blue')
    Image.open(filed/'a/2.png').save(filed/'a/2.png', compress_level=0)
    (filed/'b/notes.txt').write_text('no picture')
    found = audit(filed)
    assert not found.ok
    assert found.unfiled == ('a/new.png', 'no_ending')
    assert found.missing == ('a/0.png',)
    assert found.changed == ('a/1.png', 'a/2.png') and found.same_pixels == ('a/2.png',)
    for words in ['2 unfiled: a/new.png, no_ending', '1 missing: a/0.png', '1 changed: a/1.png', '1 saved again, same pixels: a/2.png', '→']:
        assert words in str(found)


def test_twice(filed, tmp_path):
    rows = load_sources(tmp_path/'SOURCES.json')
    copy = filed/'b/copy.png'
    copy.write_bytes((filed/'a/0.png').read_bytes())                                    # the same bytes under another label
    Image.open(filed/'a/1.png').save(filed/'b/again.png', compress_level=0)             # the same pixels in another file
    save_sources(tmp_path/'SOURCES.json', rows + [record(filed, copy), record(filed, filed/'b/again.png')])
    found = audit(filed)
    assert found.twice == (('a/0.png', 'b/copy.png'), ('a/1.png', 'b/again.png')) and not found.ok
    assert 'a/0.png = b/copy.png' in str(found)
    (tmp_path/'two.json').write_text(json.dumps([vars(o) for o in rows + [Source(rows[0].file, 'other')]]))
    assert ('a/0.png', 'a/0.png') in audit(filed, tmp_path/'two.json').twice
    with pytest.raises(ValueError, match='a/0.png filed twice'): load_sources(tmp_path/'two.json')


def test_an_unfiled_copy_is_named(filed):
    (filed/'b/copy.png').write_bytes((filed/'a/0.png').read_bytes())
    found = audit(filed)
    assert found.unfiled == ('b/copy.png',) and found.twice == (('a/0.png', 'b/copy.png'),)


def test_older_form(tmp_path):
    folder, file = tmp_path/'m', tmp_path/'data.json'
    for i in range(4): paint(folder, f'kind/{i}_mm.jpg', (i*50, 0, 0))
    paint(folder, 'other/2_mm.png', 'green')
    file.write_text('{"0_mm": "https://example.org/0", "1_mm": "https://example.org/1", "2_mm": "https://example.org/1",\n'
                    ' "9_mm": "https://example.org/9", "0_mm": "https://example.org/0"}')
    with pytest.raises(ValueError, match='0_mm filed twice'): load_sources(file)
    found = audit(folder, file)
    assert (found.unfiled, found.missing, found.changed) == (('kind/3_mm.jpg',), ('9_mm',), ())
    assert found.twice == (('0_mm', '0_mm'), ('1_mm', '2_mm'), ('kind/2_mm.jpg', 'other/2_mm.png'))
    assert not found.fingerprints and 'cannot be known' in str(found)
    file.write_text('{"0_mm": "https://example.org/0"}')
    assert load_sources(file) == [Source('0_mm', address='https://example.org/0')]


@pytest.mark.parametrize('text, words', [
    ('[{"file": "a.png"},\n {"file": "b.png"', r'line 2, column'),
    ('', r'line 1, column 1'),
    ('[1]', r'record 1 is 1: expected is'),
    ('"SOURCES"', r'holds "SOURCES": expected is a list'),
    ('null', r'holds null'),
    ('[{"file": "a.png"}, {"label": "a"}]', r'record 2 has no file'),
    ('[{"file": ["a.png"]}]', r'file is \["a.png"\], expected is text'),
    ('[{"file": "a.png", "sha256": null}]', r'sha256 is null, expected is text'),
    ('[{"file": "a.png", "recipe": "red"}]', r'recipe is "red", expected is a recipe or null'),
    ('[{"file": "a.png", "lisence": "MIT"}]', r"unknown field 'lisence', do you mean licence\?"),
    ('[{"file": "a.png", "file": "b.png"}]', r'names a field twice'),
    ('[{"file": "../a.png"}]', r'leaves the picture folder'),
    ('[{"file": "a/../../b.png"}]', r'leaves the picture folder'),
    ('[{"file": "/etc/passwd"}]', r'leaves the picture folder'),
    ('[{"file": "C:/a.png"}]', r'leaves the picture folder'),
    ('[{"file": "..\\\\a.png"}]', r'leaves the picture folder'),
    ('[{"file": "a\\u0000.png"}]', r'leaves the picture folder'),
    ('{"0_mm": ["https://example.org"]}', r'0_mm is \["https'),
    ('{"../0_mm": "https://example.org"}', r'leaves the picture folder'),
    ('['*100_000, r'nested too deeply'),
])
def test_damaged_records(tmp_path, text, words):
    (tmp_path/'SOURCES.json').write_text(text)
    with pytest.raises(ValueError, match=words): load_sources(tmp_path/'SOURCES.json')
    (tmp_path/'m').mkdir()
    with pytest.raises(ValueError, match=words): audit(tmp_path/'m')


def test_not_utf8_and_byte_order_mark(tmp_path):
    file = tmp_path/'SOURCES.json'
    file.write_bytes('[{"file": "a.png", "author": "André"}]'.encode('latin-1'))
    with pytest.raises(ValueError, match='is not UTF-8 text'): load_sources(file)
    file.write_bytes('\ufeff[{"file": "a.png", "author": "André"}]'.encode())
    assert load_sources(file)[0].author == 'André'


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='no file'): load_sources(tmp_path/'SOURCES.json')
    (tmp_path/'m_mushrooms').mkdir()
    with pytest.raises(FileNotFoundError, match='SOURCES.json'): audit(tmp_path/'m_mushrooms')
    with pytest.raises(FileNotFoundError, match='do you mean m_mushrooms'): audit(tmp_path/'m_mushroms')


def test_file_is_readable_stable_and_a_record_a_line(tmp_path):
    rows = [Source('b/Grüner „Knollenblätterpilz".jpg', 'b', recipe={'seed': 1, 'kind': 'x'}), Source('a/1.jpg', 'a')]
    save_sources(tmp_path/'1.json', rows)
    save_sources(tmp_path/'2.json', rows[::-1])
    text = (tmp_path/'1.json').read_text(encoding='utf-8')
    assert text == (tmp_path/'2.json').read_text(encoding='utf-8') and 'Grüner' in text
    assert len(text.splitlines()) == 2 + len(rows)
    assert load_sources(tmp_path/'1.json') == rows[::-1] and load_sources(tmp_path/'1.json')[1].recipe == {'seed': 1, 'kind': 'x'}


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    file = tmp_path/'SOURCES.json'
    save_sources(file, [Source('a.png')])
    before = file.read_bytes()
    def fail(*args): raise OSError(28, 'No space left on device')
    with monkeypatch.context() as m:
        m.setattr(os, 'replace', fail)
        with pytest.raises(OSError): save_sources(file, [Source('b.png')])
    assert file.read_bytes() == before and [o.name for o in tmp_path.iterdir()] == ['SOURCES.json']
    with pytest.raises(ValueError, match='b.png filed twice'): save_sources(file, [Source('b.png'), Source('b.png')])
    assert file.read_bytes() == before


NAMES = ['with space.png', "it's.png", 'say "hi".png', '[1].png', '{a,b}.png', 'ежовик.png', '茸.png', 'ä\u0308.png', 'new\nline.png', '50%.png', '-rf.png']

@pytest.mark.skipif(sys.platform == 'win32', reason='Windows forbids such names')
def test_odd_names(tmp_path):
    folder = tmp_path/'pictures'
    files = [paint(folder, f'class [a] ü/{name}', (i*20, 0, 0)) for i,name in enumerate(NAMES)]
    raw = os.fsdecode(os.fsencode(folder/'class [a] ü') + b'/caf\xe9.png')
    try: paint(folder, Path(raw).relative_to(folder), 'white'); files.append(Path(raw))
    except OSError: pass   # macOS allows UTF-8 only
    save_sources(tmp_path/'SOURCES.json', [record(folder, o) for o in files])
    assert audit(folder).ok, str(audit(folder))
    for o in files: o.unlink()
    found = audit(folder)
    assert len(found.missing) == len(files)
    assert str(found).encode() and str(found).count('\n') == 2   # printable, no line broken by a name
