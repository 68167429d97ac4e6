"""The built wheel in a new environment, an empty folder, no network: is it small and complete, are its plain dependencies sufficient, does it draw
the same pictures as the checkout. The lessons are run from it, too: in a browser by test_lab.py, and here where there is none."""
import json, re, shutil, time, zipfile
from pathlib import Path

import lab
import nbformat
import pytest
from conftest import ROOT
from installed import MODULES

LESSONS = sorted((ROOT/'nbs').glob('[0-9][0-9]_*.ipynb'))

RUN = '''
import sys, nbformat
from nbclient import NotebookClient
name = sys.argv[1]
notebook = nbformat.read(name, as_version=4)
try: NotebookClient(notebook, timeout=1800, kernel_name='python3', resources={'metadata': {'path': '.'}}).execute()
finally: nbformat.write(notebook, 'executed.ipynb')
'''

PICTURES = '''
import json
from fastlessons.opening import open_picture
from fastlessons.pictures import drawn_folder
from fastlessons.sources import pixels_sha256
folder = drawn_folder()
print(json.dumps([str(folder), {f'{file.parent.name}/{file.name}': pixels_sha256(open_picture(file)) for file in sorted(folder.glob('*/*.jpg'))}]))
'''


def test_wheel_is_small_and_complete(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.stat().st_size <= 9e6, f'{wheel.stat().st_size/1e6:.2f} MB'
    wanted = {'fastlessons/questions.toml', *(f'fastlessons/{module}.py' for module in MODULES),
              *(f'fastlessons/course/{file.relative_to(ROOT).as_posix()}' for file in [*LESSONS, *(ROOT/'experiments').glob('*.json')])}
    assert wanted <= names, f'missing: {sorted(wanted - names)}'
    assert not [name for name in names if re.search(r'm_mushrooms|\.jpg$|^tests/|^benchmarks/|^nbs/|workshop', name)]


def test_plain_dependencies_suffice(plain):
    "Every module can be imported with what the wheel alone brings; the lab, the kernel and nbconvert are extras."
    done = plain.imports
    assert done.returncode == 0, done.stdout[-3000:]
    assert str(ROOT) not in done.stdout and str(plain.folder.name) in done.stdout
    assert not done.stdout.splitlines()[-1].strip(), 'JupyterLab, nbclient and ipykernel are extras, not dependencies'


def test_the_network_is_really_shut(plain, tmp_path):
    "The lessons' silence means something only if an outside address cannot be reached, and the attempt is seen."
    code = "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 3)\nexcept OSError as e: print('refused')"
    done = plain.python_runs('-c', code, cwd=tmp_path)
    assert done.stdout.strip() == 'refused'
    assert '192.0.2.1' in plain.asked.read_text(encoding='utf-8')
    plain.asked.unlink()


if lab.missing():
    @pytest.mark.parametrize('lesson', LESSONS, ids=lambda file: file.stem)
    def test_lesson_runs_from_the_wheel(kernel, lesson, tmp_path, capsys):
        "Without a browser: a real kernel all the same."
        kernel.install('nbclient')
        shutil.copy(lesson, tmp_path)
        (kernel.home/'run_lesson.py').write_text(RUN, encoding='utf-8')
        kernel.asked.unlink(missing_ok=True)
        begun = time.time()
        done = kernel.python_runs(kernel.home/'run_lesson.py', lesson.name, cwd=tmp_path)
        with capsys.disabled(): print(f'\n{lesson.stem}: {time.time() - begun:.0f} s from the wheel, pictures drawn on first use included', end=' ')
        assert done.returncode == 0, done.stdout[-4000:]
        outputs = [output for cell in nbformat.read(tmp_path/'executed.ipynb', as_version=4).cells for output in cell.get('outputs', [])]
        assert not [output for output in outputs if output.output_type == 'error']
        assert not kernel.asked.exists(), f'{lesson.stem} asked the network: {kernel.asked.read_text()}'


def test_wheel_draws_the_same_pictures(kernel, tmp_path):
    "Without a checkout the pictures are drawn into the user's cache folder: the same ones, pixel by pixel."
    done = kernel.python_runs('-W', 'ignore', '-c', PICTURES, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    folder, pixels = json.loads(done.stdout.splitlines()[-1])
    assert Path(folder).resolve().is_relative_to(kernel.home.resolve()), f'{folder} is not the cache folder of the new home'
    from fastlessons.sources import load_sources
    filed = {source.file: source.pixels for source in load_sources(ROOT/'SOURCES.json') if source.origin == 'drawn'}
    assert len(filed) >= 400 and pixels.keys() == filed.keys()
    assert pixels == filed
