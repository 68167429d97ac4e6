"Runs every workshop notebook and the README's notebook as its author would; the lessons are run by test_lab.py."
import pytest
from conftest import ROOT, program, run
from nbformat import v4, write
from warm import warm

NOTEBOOKS = [ROOT/'nbs'/'index.ipynb', *sorted((ROOT/'nbs'/'workshop').glob('*.ipynb'))]


@pytest.fixture(scope='module')
def notebooks():
    with warm() as runs: yield runs


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebooks, notebook):
    before = notebook.read_bytes()
    code, said = notebooks(notebook, 1800)
    assert code == 0, said[-4000:]
    assert notebook.read_bytes() == before, f'running {notebook.name} changed it'


def test_one_notebook_knows_nothing_of_another(notebooks, tmp_path):
    "Each runs in a process of its own: names, imported modules and the working folder of the first are unknown to the second."
    (tmp_path/'pyproject.toml').write_text((ROOT/'pyproject.toml').read_text(encoding='utf-8'), encoding='utf-8')
    first = "import os, fastlessons.drawing; left = 1; os.environ['LEFT'] = '1'; os.chdir('/')"
    second = "import os, sys; assert 'left' not in globals() and 'LEFT' not in os.environ and 'fastlessons.drawing' not in sys.modules; assert os.getcwd() != '/'"
    for name, source in (('first', first), ('second', second)):
        write(v4.new_notebook(cells=[v4.new_code_cell(source)]), tmp_path/f'{name}.ipynb')
        code, said = notebooks(tmp_path/f'{name}.ipynb', 300)
        assert code == 0, said


@pytest.mark.parametrize('source, what', [('assert 1 == 2', 'AssertionError'), ("import os; os._exit(3)", ''), ('import time; time.sleep(600)', 'ended after 30 s')],
                         ids=['an error', 'an end', 'a standstill'])
def test_a_failing_notebook_is_seen(notebooks, tmp_path, source, what):
    "Else the tests above say nothing; and the next notebook runs all the same."
    (tmp_path/'pyproject.toml').write_text((ROOT/'pyproject.toml').read_text(encoding='utf-8'), encoding='utf-8')
    for name, source in (('wrong', source), ('right', 'assert 1 == 1')): write(v4.new_notebook(cells=[v4.new_code_cell(source)]), tmp_path/f'{name}.ipynb')
    code, said = notebooks(tmp_path/'wrong.ipynb', 30)
    assert code != 0 and what in said, said
    code, said = notebooks(tmp_path/'right.ipynb', 300)
    assert code == 0, said


def test_nbdev_test_says_no(tmp_path):
    "The command that authors use."
    write(v4.new_notebook(cells=[v4.new_code_cell('assert 1 == 2')]), tmp_path/'wrong.ipynb')
    (tmp_path/'pyproject.toml').write_text((ROOT/'pyproject.toml').read_text(encoding='utf-8'), encoding='utf-8')
    done = run(program('nbdev-test'), tmp_path/'wrong.ipynb', '--n-workers', '0', cwd=tmp_path)
    assert done.returncode != 0, done.stdout
