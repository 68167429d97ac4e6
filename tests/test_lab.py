"""The lessons from the built wheel in a real JupyterLab: each runs from top to bottom, and its widgets are used by mouse, keyboard and file.

`make lab-check` runs this file. Selectors are names and texts that a reader sees, never the numbers of cells.
"""
import os,re,shutil
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
def server(tmp_path_factory, kernel):
    "One JupyterLab for all tests, on a folder of copies; its kernel knows the installed wheel and not the checkout."
    import nbformat
    from nbformat.v4 import new_code_cell,new_markdown_cell,new_notebook
    folder = tmp_path_factory.mktemp('lessons')
    small = new_notebook(cells=[new_markdown_cell('# Widgets'), *map(new_code_cell, SMALL)], metadata=KERNEL)
    nbformat.write(small, folder/'widgets.ipynb')
    for f in (ROOT/'nbs').glob('[0-9][0-9]_*.ipynb'): shutil.copy(f, folder)
    with lab.lab(folder, kernels=kernel.kernel(tmp_path_factory.mktemp('kernels'))) as s: yield s


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
    from fastlessons.questions import load_questions
    out = p.tab.locator('.fl-study').last
    question = out.locator(':scope > *').filter(has_text='validation set* for'.replace('*', '')).first
    check = question.get_by_role('button', name='Check')
    check.click()
    question.get_by_text('nothing is answered yet').wait_for()
    question.get_by_text('It keeps the network from overfitting.').click()
    check.click()
    question.get_by_text('Think again').wait_for()
    assert question.get_by_role('button', name='Show the solution').is_visible()
    question.locator('.fl-one button').nth(2).focus()
    question.locator('.fl-one button').nth(2).press('Space')
    check.focus()
    check.press('Enter')
    question.get_by_text('Right. Only pictures').wait_for()
    out.get_by_text(f"1 of {len(load_questions('01'))} questions answered right").wait_for()
    return out


def test_widgets_in_a_small_notebook(server, picture):
    with lab.page(server) as p:
        assert_clean(p, lab.run_notebook(p, server, 'widgets.ipynb'))
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
        seen = lab.run_notebook(p, server, 'bad.ipynb')
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


def use_reviewer(p):
    "The suspects: a button by keyboard, a letter in the field for keys, the other way round by undo; JupyterLab's own keys stay asleep."
    out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.get_by_role('button', name='Set aside')).first
    cells = p.tab.locator('.jp-Cell').count()
    keep, keys = out.get_by_role('button', name='Keep'), out.get_by_placeholder('click here and type')
    start, total = map(int, re.search(r'(\d+) of (\d+) decided', out.inner_text()).groups())
    def decided(n): out.get_by_text(f'{start + n} of {total} decided').wait_for()
    keep.focus()
    keep.press('Enter')
    decided(1)
    keep.press('Space')
    decided(2)
    keys.click()
    keys.press_sequentially('s', delay=50)
    decided(3)
    keys.press_sequentially('dd', delay=50)                               # no key here; in command mode it would delete the cell
    out.get_by_text('is no key here').wait_for()
    img, label = out.locator('img'), out.get_by_role('status').first
    before = label.inner_text()
    keys.press_sequentially('n', delay=50)
    for _ in range(100):
        if label.inner_text() != before: break
        p.tab.wait_for_timeout(100)
    assert label.inner_text() != before
    for n in (2, 1, 0):
        out.get_by_role('button', name='Undo').click()
        decided(n)
    assert img.count() <= 2 and p.tab.locator('.jp-Cell').count() == cells
    return out


def use_gallery(p):
    "The gallery: a picture is pressed and stands there large, above the others; another order; only right and only wrong ones; by keyboard, too."
    out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.get_by_label('Order', exact=True)).first
    tiles = out.locator('button:visible')
    first = tiles.first.inner_text()
    assert out.locator('img').count() == 0 and 'url("data:image' in tiles.first.evaluate('e => getComputedStyle(e).backgroundImage')
    tiles.first.click()
    out.locator('img').wait_for()
    assert out.locator('img').get_attribute('alt').startswith(first.split(' · ')[0])
    out.get_by_label('Order', exact=True).select_option('lowest loss first')
    out.locator('img').wait_for(state='detached')
    assert tiles.first.inner_text() != first
    for answers, sign in (('only right', '✓'), ('only wrong', '✗')):
        out.get_by_label('Answers', exact=True).select_option(answers)
        for _ in range(100):
            if {t[0] for t in tiles.all_inner_texts()} == {sign}: break
            p.tab.wait_for_timeout(100)
        assert {t[0] for t in tiles.all_inner_texts()} == {sign}
    tiles.first.focus()
    tiles.first.press('Enter')
    out.locator('img[alt^="✗"]').wait_for()
    assert out.locator('img').bounding_box()['y'] < tiles.first.bounding_box()['y']      # above the small ones
    return out


def use_code(p):
    "A question for code: as it was given, with a loop that never ends, mended; all by keyboard, and Tab leads out of the text area."
    cells = p.tab.locator('.jp-Cell').count()
    question = p.tab.locator('.fl-study > *').filter(has_text='so that it returns the weights after one step').first
    area, check = question.locator('textarea'), question.get_by_role('button', name='Check')
    assert 'mono' in area.evaluate('e => getComputedStyle(e).fontFamily')
    start = area.input_value()
    area.focus()
    area.press('Tab')
    assert check.evaluate('e => e === document.activeElement') and area.input_value() == start
    check.press('Enter')
    question.get_by_text('and should give').wait_for()
    area.fill('def update(ws, slopes, lr):\n    while True: pass')
    check.click()
    question.get_by_text('was not done after 4 seconds, in line 2').wait_for()
    area.fill('')
    area.press_sequentially('def update(ws, slopes, lr): return [w - lr*s for w, s in zip(ws, slopes)] # dd')
    area.press('Tab')
    check.press('Enter')
    question.get_by_text('Right. A step goes').wait_for()
    assert p.tab.locator('.jp-Cell').count() == cells                     # no letter reached JupyterLab's own keys
    return question


def use_cards(p):
    "A round of cards: by keyboard, by mouse and keyboard in turns, with undo; JupyterLab's own keys stay asleep."
    out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.locator('.fl-face')).first
    def sources(): return [(c['cell_type'], c['source']) for c in p.tab.evaluate(lab.CELLS)]
    before, keys = sources(), out.get_by_placeholder('click here and type')
    good, look = out.get_by_role('button', name='3 good'), out.get_by_role('button', name='Show the answer')
    total = int(re.search(r'(\d+) cards? to go', out.inner_text())[1])
    def done(n): out.get_by_text(f'{total - n} cards to go{f" · {n} done" if n else ""}').wait_for()
    keys.click()
    p.tab.keyboard.press('Space')
    good.wait_for()
    out.screenshot(path=SHOTS/'00-card-revealed.png')
    p.tab.keyboard.type('ddabxmz', delay=40)                                    # no keys here; in command mode they would delete, add and change cells
    p.tab.keyboard.press('ArrowDown')
    p.tab.keyboard.press('3')
    done(1)
    p.tab.keyboard.press('Enter')
    good.wait_for()
    p.tab.keyboard.press('1')
    done(2)
    look.click()                                                                # by mouse, and the keys go on working
    good.wait_for()
    p.tab.wait_for_function("() => document.activeElement.matches('.fl-study input')")
    p.tab.keyboard.type('dd2', delay=40)
    done(3)
    look.click()
    good.click()
    done(4)
    p.tab.wait_for_function("() => document.activeElement.matches('.fl-study input')")
    p.tab.keyboard.type('uu', delay=40)
    done(2)
    good.wait_for()
    assert sources() == before, "a key of the cards reached the notebook"
    assert 'jp-mod-editMode' not in p.tab.locator('.jp-Notebook:visible').last.get_attribute('class')
    return out


def use_memory(p):
    "A question answered wrong and then right; the kernel is restarted; question, cards and map still know it."
    from fastlessons.questions import load_questions
    questions = [q for q in load_questions('00') if q.kind == 'one']
    q, all_of_them = questions[0], len(load_questions('00'))
    def asked(): return p.tab.locator('.fl-study').last.locator(':scope > *').filter(has_text='Question ').filter(has=p.tab.locator('.fl-one')).first
    def choose(key): asked().locator('.fl-one button').nth([o.key for o in q.options].index(key)).click()
    choose(next(o.key for o in q.options if not o.right))
    asked().get_by_role('button', name='Check').click()
    asked().get_by_text('Think again').wait_for()
    choose(q.answer)                                                            # the cursor goes into the field for letters: b would be a new cell
    p.tab.wait_for_function("() => document.activeElement.matches('.fl-study input')")
    cells = p.tab.locator('.jp-Cell').count()
    p.tab.keyboard.type(next(o.key for o in q.options if o.key != q.answer) + q.answer, delay=60)
    p.tab.keyboard.press('Enter')
    asked().get_by_text('Right.').first.wait_for()
    assert p.tab.locator('.jp-Cell').count() == cells
    p.tab.locator('.fl-study').last.get_by_text(f'1 of {all_of_them} questions answered right').wait_for()
    asked().screenshot(path=SHOTS/'00-question.png')
    p.tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    p.tab.wait_for_timeout(1500)
    p.tab.wait_for_function(lab.READY, timeout=180_000)
    assert_clean(p, lab.run_all(p))
    p.tab.locator('.fl-study').last.get_by_text(f'1 of {all_of_them} questions answered right').wait_for()
    asked().get_by_text('✓ answered right on ').wait_for()
    stand = p.tab.locator('.fl-map').first
    assert f'1 of {all_of_them}' in stand.inner_text() and '1 learned, 2 begun' in stand.locator('[role=img]').first.get_attribute('aria-label')
    return stand


# What is used in each lesson, besides its questions
USES = {'00_studying': {'cards': use_cards, 'memory': use_memory},
        '01_first_model': {'browser': use_browser},
        '02_training': {'bowl': use_flipbook('steps'), 'batches': use_flipbook('batch'), 'code': use_code},
        '03_loss': {'editor': use_editor, 'weight': use_flipbook('weight')},
        '04_metrics': {'threshold': use_flipbook('Threshold')},
        '05_overfitting': {'epochs': use_flipbook('After epoch')},
        '06_transforms': {'strength': use_flipbook('Strength')},
        '07_rates': {'bowl': use_flipbook('learning rate')},
        '08_convolutions': {'kernel': use_flipbook('Position'), 'stride': use_flipbook('With stride 2'), 'learned': use_flipbook('Updates'), 'field': use_flipbook('Layer')},
        '09_finetuning': {'rates': use_flipbook('lr_mult')},
        '10_interpretation': {'gallery': use_gallery, 'layers': use_flipbook('Layer')},
        '11_cleaning': {'suspects': use_reviewer},
        '12_layers': {'maps': use_flipbook('Maps of'), 'favourites': use_flipbook('Favourites of')}}
LESSON_SECONDS = 60   # the budget, on two idle cores; asserted with a generous factor only
LESSONS = sorted(f.stem for f in (ROOT/'nbs').glob('[0-9][0-9]_*.ipynb'))


def answer_a_question(p):
    "Each lesson's own questions: one is left open and judged, with what is missing said."
    out = p.tab.locator('.fl-study').last
    out.get_by_role('button', name='Check').first.click()
    out.get_by_text('nothing is answered yet').first.wait_for()
    return out


@pytest.mark.parametrize('lesson', LESSONS)
def test_lesson(server, kernel, picture, lesson, capsys):
    "Every lesson from the wheel, top to bottom, and its widgets; the network is not asked."
    kernel.asked.unlink(missing_ok=True)
    assert lesson in USES, f'say in USES which widgets {lesson} has'
    with lab.page(server) as p:
        before = lab.processor_seconds(server)
        seen = lab.run_notebook(p, server, f'{lesson}.ipynb')
        took = lab.processor_seconds(server) - before
        with capsys.disabled(): print(f'\n{lesson}: {seen.seconds:.0f} s from the wheel ({took:.0f} s of the processor), pictures drawn on first use included', end=' ')
        lab.screenshots(p, SHOTS, lesson[:2])
        assert_clean(p, seen)
        assert 0 < took < 6*LESSON_SECONDS, f'{took:.0f} s of the processor'
        used = {name: use(p) for name, use in USES[lesson].items()}
        used['questions'] = use_questions(p) if lesson[:2] == '01' else answer_a_question(p)
        if lesson[:2] == '01': used['upload'] = use_upload(p, picture)
        for name, out in used.items():
            out.scroll_into_view_if_needed()
            out.screenshot(path=SHOTS/f'{lesson[:2]}-{name}.png')
        assert_clean(p, lab.look(p))
    assert not kernel.asked.exists(), f'{lesson} asked the network: {kernel.asked.read_text()}'


CARDS = ["""from datetime import datetime,timedelta,timezone
from fastlessons.memory import Memory
from fastlessons.studying import check_yourself,progress,review
clock = [datetime(2026, 5, 4, 9, tzinfo=timezone.utc)]
memory = Memory('answers.sqlite3', now=lambda: clock[0])
from fastlessons.cards import deck
for i,c in enumerate(deck(['00', '01', '02'])):
    if i%4: memory.record(c.id, 1 if i%5 == 0 else 3)
clock[0] += timedelta(minutes=20)
asked = [c for c in deck('01') if c.id == 'question:01-validation']
from fastlessons.flashcards import Reviewer
from fastlessons.questions import all_questions
from fastlessons.rounds import Round""",
"Reviewer(Round(asked, Memory('other.sqlite3')), all_questions())", "review('02', memory)", "progress(memory)", "'the end'"]


def test_studying_in_the_dark(server):
    "A question card by letters and Enter alone, and how cards and map look on a dark page."
    import nbformat
    from nbformat.v4 import new_code_cell,new_notebook
    nbformat.write(new_notebook(cells=[*map(new_code_cell, CARDS)], metadata=KERNEL), server.folder/'cards.ipynb')
    with lab.page(server, dark=True) as p:
        lab.open_notebook(p, server, 'cards.ipynb')
        p.tab.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
        assert_clean(p, lab.run_all(p))
        out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.locator('.fl-face')).first
        out.get_by_placeholder('click here and type').click()
        p.tab.keyboard.type('b ', delay=60)                                     # wrong
        out.get_by_text('Think again').wait_for()
        p.tab.keyboard.press('c')
        p.tab.keyboard.press('Enter')                                           # right
        out.get_by_role('button', name='1 again · 10 minutes ←').wait_for()
        lab.screenshots(p, SHOTS, 'dark')
        p.tab.keyboard.press('2')
        out.get_by_text('1 card looked at. Nothing is due now.').wait_for()
        assert_clean(p, lab.look(p))


CLEANING = ["""import sys; from pathlib import Path
from fastlessons.decisions import Decisions
from fastlessons.looking import looks
from fastlessons.reviewing import review
from fastlessons.suspects import copy_suspects,file_suspects,one_list
folder = Path('to_clean')
files = sorted(folder.glob('*/*'))
rows,labels = looks(files),[f.parent.name for f in files]
found = one_list(file_suspects(rows, labels), copy_suspects(rows, labels))""",
"review(found, Decisions(folder))",
"print('decided:', *Decisions(folder), sep='\\n')"]


def test_decisions_outlive_the_kernel(server):
    "Clean three pictures, restart the kernel, the decisions are there; take one back; a second notebook sees it."
    import json
    import nbformat
    from nbformat.v4 import new_code_cell,new_notebook
    from fastlessons.drawing import draw,recipe
    folder = server.folder/'to_clean'
    for kind in ('morel', 'porcini'): (folder/kind).mkdir(parents=True)
    for i in range(3):
        im = draw(recipe('morel', i)).picture
        im.save(folder/'morel'/f'{i}.png')
        im.resize((120, 120)).save(folder/'porcini'/f'copy {i}.jpg', quality=60)
    (folder/'porcini'/'broken.jpg').write_bytes(b'')
    nbformat.write(new_notebook(cells=[*map(new_code_cell, CLEANING)], metadata=KERNEL), server.folder/'cleaning.ipynb')
    with lab.page(server) as p:
        assert_clean(p, lab.run_notebook(p, server, 'cleaning.ipynb'))
        out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.get_by_role('button', name='Set aside')).first
        out.get_by_text('0 of 4 decided').wait_for()
        out.get_by_role('button', name='Set aside').click()                    # the broken file
        out.get_by_text('1 of 4 decided').wait_for()
        assert out.locator('img').count() == 2                                 # a copy and its twin
        keys = out.get_by_placeholder('click here and type')
        keys.click()
        keys.press_sequentially('k1', delay=80)                                # keep; relabel as the first class
        out.get_by_text('3 of 4 decided').wait_for()
        out.screenshot(path=SHOTS/'cleaning-decided.png')
        kept = [json.loads(line) for line in (server.folder/'to_clean.decisions.jsonl').read_text(encoding='utf-8').splitlines()]
        assert [r.get('did') for r in kept] == [None, 'set aside', 'keep', 'relabel'] and kept[3]['label'] == 'morel'
        p.tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        p.tab.wait_for_timeout(1500)
        p.tab.wait_for_function(lab.READY, timeout=180_000)
        seen = lab.run_all(p)
        assert_clean(p, seen)
        out = p.tab.locator('.jp-OutputArea-output').filter(has=p.tab.get_by_role('button', name='Set aside')).first
        out.get_by_text('3 of 4 decided').wait_for()
        p.tab.get_by_text('relabel as morel').first.wait_for()                 # what the last cell printed
        out.get_by_role('button', name='Undo').click()
        out.get_by_text('2 of 4 decided').wait_for()
        out.get_by_text('taken back').wait_for()
        out.screenshot(path=SHOTS/'cleaning-undone.png')
        assert_clean(p, lab.look(p))
    from fastlessons.decisions import Decisions
    assert {d.did for d in Decisions(folder)} == {'set aside', 'keep'}


def test_keys_of_the_reviewer(server):
    "Buttons and letters by keyboard, in a notebook without anything else."
    import nbformat
    from nbformat.v4 import new_code_cell,new_notebook
    for i in range(8):
        file = server.folder/'broken'/('morel', 'porcini')[i % 2]/f'{i}.jpg'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b'no picture')
    cells = [CLEANING[0].replace('to_clean', 'broken'), CLEANING[1], "'the end'"]
    nbformat.write(new_notebook(cells=[*map(new_code_cell, cells)], metadata=KERNEL), server.folder/'keys.ipynb')
    with lab.page(server) as p:
        assert_clean(p, lab.run_notebook(p, server, 'keys.ipynb'))
        use_reviewer(p)
        assert_clean(p, lab.look(p))
