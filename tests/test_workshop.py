"Runs every workshop notebook and the README's notebook as its author would; the lessons are run by test_wheel.py."
import pytest
from conftest import ROOT, program, run

NOTEBOOKS = [ROOT/'nbs'/'index.ipynb', *sorted((ROOT/'nbs'/'workshop').glob('*.ipynb'))]


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook):
    before = notebook.read_bytes()
    done = run(program('nbdev-test'), notebook, '--n-workers', '0', MPLBACKEND='agg', timeout=900)
    assert done.returncode == 0, done.stdout[-4000:]
    assert notebook.read_bytes() == before, f'running {notebook.name} changed it'


def test_a_failing_notebook_is_seen(tmp_path):
    "nbdev-test must say no, else the test above says nothing."
    from nbformat import v4, write
    write(v4.new_notebook(cells=[v4.new_code_cell('assert 1 == 2')]), tmp_path/'wrong.ipynb')
    (tmp_path/'pyproject.toml').write_text((ROOT/'pyproject.toml').read_text(encoding='utf-8'), encoding='utf-8')
    done = run(program('nbdev-test'), tmp_path/'wrong.ipynb', '--n-workers', '0', cwd=tmp_path)
    assert done.returncode != 0, done.stdout
