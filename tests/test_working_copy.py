"A working copy under faults: whatever happens, what the learner wrote is still there."
import errno, json, os, shutil
import pytest
from fastlessons import copying, lessons, stamping
from fastlessons.copying import working_copy
from fastlessons.lessons import cleared


def notebook(*texts):
    cells = [dict(cell_type='code', id=f'c{i}', metadata={}, source=t, outputs=[], execution_count=None) for i, t in enumerate(texts)]
    return cleared(dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5))


OLD = {'01_one.ipynb': notebook('1', '2'), '02_two.ipynb': notebook('a')}
NEW = {'01_one.ipynb': notebook('1', '2 better', '3'), '02_two.ipynb': notebook('b'), '03_three.ipynb': notebook('c')}
EDIT = notebook('1', 'my own idea')


@pytest.fixture
def folder(tmp_path):
    working_copy(tmp_path/'study', OLD)
    return tmp_path/'study'


def states(rows): return {r.file: r.state for r in rows}
def content(folder): return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and not p.name.startswith('.')}
def no_leftovers(folder): assert not [p for p in folder.iterdir() if p.name.endswith('.part')]


def test_an_edit_is_kept_and_the_newer_lesson_lies_beside_it_once(folder):
    (folder/'01_one.ipynb').write_bytes(EDIT)
    rows = working_copy(folder, NEW)
    assert states(rows) == {'01_one.ipynb': 'yours kept', '02_two.ipynb': 'updated', '03_three.ipynb': 'new'}
    beside, = folder.glob('01_one.new-*.ipynb')
    assert beside.name in rows[0].note and '2 cells differ' in rows[0].note and '1 cell differs' in rows[1].note
    assert content(folder) == {**NEW, '01_one.ipynb': EDIT, beside.name: NEW['01_one.ipynb']}
    beside.write_bytes(b'edited too')
    rows = working_copy(folder, NEW)
    assert not any(r.writes for r in rows) and beside.read_bytes() == b'edited too' and len(list(folder.glob('*.new-*'))) == 1
    no_leftovers(folder)


def test_saved_outputs_count_as_an_edit(folder):
    nb = json.loads((folder/'02_two.ipynb').read_bytes())
    nb['cells'][0]['outputs'] = [dict(output_type='stream', name='stdout', text='my result')]
    (folder/'02_two.ipynb').write_text(json.dumps(nb))
    before = (folder/'02_two.ipynb').read_bytes()
    assert states(working_copy(folder, NEW))['02_two.ipynb'] == 'yours kept'
    assert (folder/'02_two.ipynb').read_bytes() == before


def test_a_deleted_lesson_comes_back_and_a_deleted_side_file_does_not(folder):
    (folder/'02_two.ipynb').unlink()
    assert states(working_copy(folder, OLD))['02_two.ipynb'] == 'new'
    (folder/'01_one.ipynb').write_bytes(EDIT)
    working_copy(folder, NEW)
    next(folder.glob('*.new-*')).unlink()
    working_copy(folder, NEW)
    assert not list(folder.glob('*.new-*'))


def test_what_the_learner_made_is_never_touched(folder):
    (folder/'03_three.ipynb').write_bytes(b'mine, and not even a notebook')
    (folder/'notes.ipynb').write_bytes(b'mine')
    rows = {r.file: r for r in working_copy(folder, NEW)}
    assert rows['03_three.ipynb'].state == 'yours kept' and 'cannot be read as a notebook' in rows['03_three.ipynb'].note
    assert (folder/'03_three.ipynb').read_bytes() == b'mine, and not even a notebook' and (folder/'notes.ipynb').read_bytes() == b'mine'


@pytest.mark.parametrize('damage', [b'', b'{"delivered": ', b'[]', b'{"delivered": [1]}', b'\xff\xfe\x00', b'{"delivered": {"01_one.ipynb": 3}}'])
def test_with_a_damaged_memory_everything_counts_as_the_learners(folder, damage):
    (folder/'.fastlessons.json').write_bytes(damage)
    before = content(folder)
    assert states(working_copy(folder, NEW)) == {'01_one.ipynb': 'yours kept', '02_two.ipynb': 'yours kept', '03_three.ipynb': 'new'}
    assert {k: v for k, v in content(folder).items() if k in before} == before
    assert (folder/'.fastlessons.json.damaged-1').read_bytes() == damage
    (folder/'.fastlessons.json').write_bytes(damage)
    working_copy(folder, NEW)
    assert (folder/'.fastlessons.json.damaged-2').exists()


def test_with_a_missing_memory_too(folder):
    (folder/'.fastlessons.json').unlink()
    assert states(working_copy(folder, NEW))['01_one.ipynb'] == 'yours kept'


def test_folders_that_cannot_be_one(tmp_path):
    (tmp_path/'file').write_text('x')
    for bad, error, words in [(tmp_path/'file', NotADirectoryError, 'is a file'), (tmp_path/'file'/'below', OSError, 'choose another'),
                              (lessons.course_file('nbs'), ValueError, "library's source"), (lessons.course_file('nbs')/'deep'/'er', ValueError, "library's source")]:
        with pytest.raises(error, match=words): working_copy(bad, OLD)
    assert (tmp_path/'file').read_text() == 'x' and not (lessons.course_file('nbs')/'deep').exists()


def test_a_link_or_a_folder_in_a_lessons_place_stays(folder, tmp_path):
    (folder/'01_one.ipynb').unlink()
    (folder/'01_one.ipynb').mkdir()
    (folder/'02_two.ipynb').unlink()
    try: (folder/'02_two.ipynb').symlink_to(tmp_path/'nowhere')
    except OSError: pytest.skip("no symbolic links here")
    assert states(working_copy(folder, NEW))['02_two.ipynb'] == 'yours kept'
    assert (folder/'01_one.ipynb').is_dir() and (folder/'02_two.ipynb').is_symlink()


@pytest.mark.parametrize('stop', [KeyboardInterrupt(), OSError(errno.ENOSPC, 'No space left on device'), PermissionError(errno.EACCES, 'Permission denied')])
@pytest.mark.parametrize('at', range(1, 7))
def test_stopped_at_any_write_nothing_is_lost_and_the_next_call_goes_on(folder, monkeypatch, stop, at):
    (folder/'01_one.ipynb').write_bytes(EDIT)
    calls, replace = [], os.replace
    def failing(source, target):
        calls.append(target)
        if len(calls) == at: raise stop
        replace(source, target)
    monkeypatch.setattr(os, 'replace', failing)
    with pytest.raises(type(stop) if isinstance(stop, KeyboardInterrupt) else OSError) as e: working_copy(folder, NEW)
    if isinstance(stop, OSError): assert 'cannot be written' in str(e.value) and stop.strerror in str(e.value)
    assert (folder/'01_one.ipynb').read_bytes() == EDIT
    for name, data in content(folder).items(): assert data in (EDIT, OLD.get(name), NEW.get(name)) or '.new-' in name
    no_leftovers(folder)
    monkeypatch.setattr(os, 'replace', replace)
    working_copy(folder, NEW)
    beside, = folder.glob('*.new-*')
    assert content(folder) == {**NEW, '01_one.ipynb': EDIT, beside.name: NEW['01_one.ipynb']}


def test_a_file_saved_while_we_decide_is_not_replaced(folder, monkeypatch):
    plan = copying.plan
    def slow(*args):
        rows = plan(*args)
        (folder/'02_two.ipynb').write_bytes(EDIT)
        (folder/'03_three.ipynb').write_bytes(EDIT)
        return rows
    monkeypatch.setattr(copying, 'plan', slow)
    assert states(working_copy(folder, NEW)) == {'01_one.ipynb': 'updated', '02_two.ipynb': 'yours kept', '03_three.ipynb': 'yours kept'}
    assert content(folder)['02_two.ipynb'] == content(folder)['03_three.ipynb'] == EDIT


def test_the_real_lessons_are_delivered_without_outputs(tmp_path):
    working_copy(tmp_path)
    for path in tmp_path.glob('*.ipynb'):
        nb = json.loads(path.read_bytes())
        assert all(not c['outputs'] and c['execution_count'] is None for c in nb['cells'] if c['cell_type'] == 'code')
    assert not (tmp_path/'settings.ini').exists()   # the checkout has one


def test_outside_a_checkout_the_settings_come_too_under_the_same_rules(tmp_path, monkeypatch):
    package = tmp_path/'site'/'fastlessons'
    shutil.copytree(lessons.course_file('nbs'), package/'course'/'nbs')
    monkeypatch.setattr(lessons.fastlessons, '__file__', str(package/'__init__.py'))
    folder = tmp_path/'mine'
    assert lessons.checkout() is None and states(working_copy(folder))['settings.ini'] == 'new'
    (folder/'settings.ini').write_text('[fastlessons]\nbs = 8\n')
    assert states(working_copy(folder))['settings.ini'] == 'yours kept'
    assert (folder/'settings.ini').read_text() == '[fastlessons]\nbs = 8\n'
    assert stamping.badge('01_first_model.ipynb').startswith('[Open in Colab](https://colab.research.google.com/github/')   # from the metadata
