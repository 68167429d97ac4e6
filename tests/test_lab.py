"""What only a browser can show: the widgets of the lessons in a real JupyterLab, used by mouse, keyboard and file.

`make lab-check` runs this file. Selectors are names and texts that a reader sees, never the numbers of cells.
"""
import os,shutil
from pathlib import Path
import pytest
import lab

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT/'screenshots'
WHY = lab.missing()
if WHY and os.environ.get('CI', '').lower() in ('1', 'true'): pytest.fail(WHY, pytrace=False)
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY)

SMALL = ["""from fastlessons.drawing import KINDS,draw,recipe,title
from fastlessons.plots import picture_grid,pixels,show
from fastlessons.controls import picture_browser,try_picture
from fastlessons.studying import check_yourself
drawn = [draw(recipe(k, s)).picture for k in KINDS for s in range(3)]
names = [title(k) for k in KINDS for s in range(3)]""",
"show(picture_grid(drawn[:8], names[:8]), 'Eight drawn mushrooms.')",
"picture_browser(drawn, names)",
"""def guess(picture):
    "A stand-in for a model."
    r,g,b = pixels(picture).reshape(-1, 3).mean(0)
    return {'red':r/(r+g+b), 'green':g/(r+g+b), 'blue':b/(r+g+b)}
try_picture(guess)""",
"check_yourself('01')"]


KERNEL = {'kernelspec':{'display_name':'python3', 'language':'python', 'name':'python3'}}


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    "One JupyterLab for all tests, on a folder of copies."
    import nbformat
    from nbformat.v4 import new_code_cell,new_markdown_cell,new_notebook
    folder = tmp_path_factory.mktemp('lessons')
    small = new_notebook(cells=[new_markdown_cell('# Widgets'), *map(new_code_cell, SMALL)], metadata=KERNEL)
    nbformat.write(small, folder/'widgets.ipynb')
    for f in (ROOT/'nbs').glob('[0-9][0-9]_*.ipynb'): shutil.copy(f, folder)
    with lab.lab(folder) as s: yield s


@pytest.fixture(scope='module')
def picture(tmp_path_factory):
    "A picture to upload, with a name that is long and awkward."
    from fastlessons.drawing import draw,recipe
    f = tmp_path_factory.mktemp('mine')/f'my best [1] <b>{"mushroom "*8}.png'
    draw(recipe('porcini', 77)).picture.save(f)
    return f


def assert_clean(p, seen):
    "No cell failed, nothing is shown as text that should be a widget, nothing asked an address elsewhere."
    assert not seen.errors, seen.errors
    assert seen.finished, "the last cell has not run"
    assert not seen.reprs, seen.reprs
    assert not seen.stderr, seen.stderr
    assert not p.outside, p.outside
    assert seen.blank_pictures == 0, "a picture without alternative text"


def output_with(p, text):
    "The output of the cell that shows `text`."
    return p.tab.locator('.jp-OutputArea-output').filter(has_text=text).first


def use_browser(p):
    "The slider of the picture browser, by keyboard; the class, by choosing."
    out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.get_by_label('Class', exact=True)).first
    img = out.locator('img')
    before = img.get_attribute('src')
    handle = out.locator('.noUi-handle')
    handle.focus()
    handle.press('ArrowRight')
    out.get_by_text('· 2 of ').wait_for()
    assert img.get_attribute('src') != before and img.get_attribute('alt').startswith('Picture 2 of')
    names = out.locator('select option').all_inner_texts()
    out.locator('select').select_option(names[-1])
    out.get_by_text(f'{names[-1]} · 1 of ').wait_for()
    return out


def use_upload(p, picture):
    "A picture through the browser's own file dialogue, and a file that is none right after it."
    out = output_with(p, 'Upload a picture')
    for files,expect in [(picture, 'the model says'), (__file__, 'test_lab.py'), (picture, 'the model says')]:
        with p.tab.expect_file_chooser() as chooser: out.get_by_role('button', name='Upload a picture').click()
        chooser.value.set_files(files)
        out.get_by_text(expect).first.wait_for()
        assert out.locator('img').count() == (1 if files == picture else 0)
        assert out.get_by_role('alert').count() == (0 if files == picture else 1)
    assert 'the model says' in out.locator('img').get_attribute('alt')
    return out


def use_path(p, folder):
    "The same by a typed path: one that is there, one that isn't."
    out = output_with(p, 'Upload a picture')
    box = out.get_by_placeholder('type the path')
    box.fill(str(folder/'gone.png'))
    box.press('Enter')
    out.get_by_role('alert').wait_for()
    assert 'gone.png' in out.get_by_role('alert').inner_text()
    plain = folder/'plain.png'
    if not plain.exists(): shutil.copy(next(folder.glob('*mushroom*.png')), plain)
    box.fill(str(plain))
    box.press('Enter')
    out.get_by_text('plain.png: the model says').wait_for()


def use_questions(p):
    "A question left open, answered wrongly, then rightly, with what is said each time."
    out = p.tab.locator('.fl-study')
    question = out.locator(':scope > *').filter(has_text='validation set* for'.replace('*', '')).first
    check = question.get_by_role('button', name='Check')
    check.click()
    question.get_by_text('nothing is answered yet').wait_for()
    question.get_by_text('It keeps the network from overfitting.').click()
    check.click()
    question.get_by_text('Think again').wait_for()
    assert question.get_by_role('button', name='Show the solution').is_visible()
    question.get_by_role('radio').nth(2).focus()
    question.get_by_role('radio').nth(2).press('Space')
    check.focus()
    check.press('Enter')
    question.get_by_text('Right. Only pictures').wait_for()
    out.get_by_text('1 of 8 right').wait_for()
    return out


def test_widgets_in_a_small_notebook(server, picture):
    with lab.page(server) as p:
        assert_clean(p, lab.run_notebook(p, server, 'widgets.ipynb', seconds=60))
        use_browser(p)
        use_upload(p, picture)
        use_path(p, picture.parent)
        use_questions(p)
        assert_clean(p, lab.look(p))
        lab.screenshots(p, SHOTS, 'widgets')


def test_harness_sees_what_is_wrong(server):
    "The checks can fail: an error, a widget as text, a warning, a picture without a text, an address elsewhere."
    import nbformat
    from nbformat.v4 import new_code_cell,new_notebook
    bad = ["import sys; print('warning', file=sys.stderr)", "print('VBox(children=(IntSlider(value=1),))')",
           "from IPython.display import HTML; HTML('<img src=\"https://example.org/x.png\">')", "1/0", "2"]
    nbformat.write(new_notebook(cells=[*map(new_code_cell, bad)], metadata=KERNEL), server.folder/'bad.ipynb')
    with lab.page(server) as p:
        seen = lab.run_notebook(p, server, 'bad.ipynb', seconds=60)
        assert not seen.finished and 'ZeroDivisionError' in seen.errors[0]
        assert 'warning' in seen.stderr[0] and seen.reprs and seen.blank_pictures == 1
        assert set(p.outside) == {'https://example.org/x.png'}


def use_flipbook(description):
    "A slider over recorded figures, by keyboard: the figure changes, forwards and back, and each has a text of its own."
    def use(p):
        out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.locator('.widget-slider', has_text=description)).first
        img, handle = out.locator('img'), out.locator('.noUi-handle')
        before, text = img.get_attribute('src'), img.get_attribute('alt')
        handle.focus()
        handle.press('ArrowRight')
        changed = out.locator(f'img:not([alt="{text}"])')
        changed.wait_for()
        assert changed.get_attribute('src') != before
        handle.press('ArrowLeft')
        out.locator(f'img[alt="{text}"]').wait_for()
        return out
    return use


def use_editor(p):
    "The table from scores to loss: a score is moved by keyboard, and its row and the mean loss change."
    out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.locator('table')).filter(has=p.tab.locator('.widget-slider')).first
    before, handle = out.locator('table').inner_text(), out.locator('.noUi-handle').first
    handle.focus()
    for _ in range(10): handle.press('ArrowRight')
    for _ in range(100):
        if out.locator('table').inner_text() != before: return out
        p.tab.wait_for_timeout(100)
    raise AssertionError("the table did not change with the score")


# What is used in each lesson, besides its questions
USES = {'01_first_model': {'browser': use_browser},
        '02_training': {'bowl': use_flipbook('steps'), 'batches': use_flipbook('batch')},
        '03_loss': {'editor': use_editor, 'weight': use_flipbook('weight')},
        '04_metrics': {'threshold': use_flipbook('Threshold')},
        '05_overfitting': {'epochs': use_flipbook('After epoch')}}
LESSONS = sorted(f.stem for f in (ROOT/'nbs').glob('[0-9][0-9]_*.ipynb'))


def answer_a_question(p):
    "Each lesson's own questions: one is left open and judged, with what is missing said."
    out = p.tab.locator('.fl-study')
    out.get_by_role('button', name='Check').first.click()
    out.get_by_text('nothing is answered yet').first.wait_for()
    return out


@pytest.mark.parametrize('lesson', LESSONS)
def test_lesson(server, picture, lesson):
    assert lesson in USES, f'say in USES which widgets {lesson} has'
    with lab.page(server) as p:
        seen = lab.run_notebook(p, server, f'{lesson}.ipynb', seconds=240)
        lab.screenshots(p, SHOTS, lesson[:2])
        assert_clean(p, seen)
        used = {name: use(p) for name, use in USES[lesson].items()}
        used['questions'] = use_questions(p) if lesson[:2] == '01' else answer_a_question(p)
        if lesson[:2] == '01': used['upload'] = use_upload(p, picture)
        for name, out in used.items():
            out.scroll_into_view_if_needed()
            out.screenshot(path=SHOTS/f'{lesson[:2]}-{name}.png')
        assert_clean(p, lab.look(p))
