"""Every lesson from the built wheel: a new environment, an empty folder, a real kernel, no network. The one time a lesson is executed.

Also: is the wheel small and complete, are its plain dependencies sufficient, does it draw the same pictures as the checkout."""
import json, os, re, shutil, subprocess, sys, time, venv, zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, copy_project, run

LESSONS = sorted((ROOT/'nbs').glob('[0-9][0-9]_*.ipynb'))
MODULES = sorted(file.stem for file in (ROOT/'fastlessons').glob('*.py') if not file.stem.startswith('_'))
LESSON_SECONDS = 60   # the budget, on two idle cores; asserted with a generous factor only

RUN = '''
import sys, time, nbformat
from nbclient import NotebookClient
start, name = time.time(), sys.argv[1]
notebook = nbformat.read(name, as_version=4)
try: NotebookClient(notebook, timeout=600, kernel_name='python3', resources={'metadata': {'path': '.'}}).execute()
finally: nbformat.write(notebook, 'executed.ipynb')
print('seconds', time.time() - start)
'''

PICTURES = '''
import json
from fastlessons.opening import open_picture
from fastlessons.pictures import drawn_folder
from fastlessons.sources import pixels_sha256
folder = drawn_folder()
print(json.dumps([str(folder), {f'{file.parent.name}/{file.name}': pixels_sha256(open_picture(file)) for file in sorted(folder.glob('*/*.jpg'))}]))
'''


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    "The built wheel."
    folder = tmp_path_factory.mktemp('wheel')
    done = run(sys.executable, '-m', 'build', '--wheel', '--no-isolation', '--outdir', folder, cwd=copy_project(folder/'project'))
    assert done.returncode == 0, done.stdout[-3000:]
    return next(folder.glob('*.whl'))


class Environment:
    "A virtual environment that knows nothing of the checkout."
    def __init__(self, folder):
        self.folder, self.home = folder, folder.parent/'home'
        venv.create(folder, with_pip=True)
        self.home.mkdir()
        self.python = folder/('Scripts' if os.name == 'nt' else 'bin')/('python.exe' if os.name == 'nt' else 'python')
        self.namespace = self.without_network()
        self.asked = self.home/'asked.txt'

    def without_network(self):
        "A command that runs another one in a namespace with nothing but the loopback; empty where that isn't possible."
        command = ['unshare', '-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
        if not (shutil.which('unshare') and shutil.which('ip')): return []
        return command if subprocess.run([*command, 'true'], capture_output=True).returncode == 0 else []

    def install(self, *packages):
        "With uv where the tests' environment has it, else with pip."
        fast = [sys.executable, '-m', 'uv', 'pip', 'install', '--python', self.python]
        slow = [self.python, '-m', 'pip', 'install']
        tried = []
        for command in (fast, slow):
            done = run(*command, '--quiet', '-c', ROOT/'constraints.txt', *packages, timeout=900)
            if done.returncode == 0: return
            tried.append(done.stdout[-1500:])
        pytest.fail('neither uv nor pip could install: ' + '\n'.join(tried))

    def forbid_network(self):
        site = run(self.python, '-c', "import sysconfig; print(sysconfig.get_path('purelib'))", PYTHONPATH='').stdout.strip()
        shutil.copy(ROOT/'tests'/'guard.py', Path(site)/'lesson_guard.py')
        (Path(site)/'lesson_guard.pth').write_text('import lesson_guard\n')   # not sitecustomize: Debian's Python has its own

    def python_runs(self, *arguments, cwd, offline=True, timeout=900):
        "Runs the environment's Python with a home of its own, nothing of ours on the path."
        own = dict(HOME=self.home, USERPROFILE=self.home, LOCALAPPDATA=self.home/'cache', XDG_CACHE_HOME=self.home/'cache',
                   XDG_CONFIG_HOME=self.home/'config', XDG_DATA_HOME=self.home/'data', IPYTHONDIR=self.home/'ipython', MPLCONFIGDIR=self.home/'mpl',
                   JUPYTER_RUNTIME_DIR=self.home/'runtime', JUPYTER_PREFER_ENV_PATH='1', PYTHONPATH='', PYTHONSAFEPATH='1', LESSON_ASKED=self.asked)
        return run(*(self.namespace if offline else []), self.python, *arguments, cwd=cwd, timeout=timeout, **{k: str(v) for k, v in own.items()})


@pytest.fixture(scope='module')
def plain(wheel, tmp_path_factory):
    "The wheel with its plain dependencies and nothing else; removed afterwards, it holds gigabytes."
    environment = Environment(tmp_path_factory.mktemp('environment')/'venv')
    try:
        environment.install(wheel)
        environment.forbid_network()
        yield environment
    finally: shutil.rmtree(environment.folder, ignore_errors=True)


@pytest.fixture(scope='module')
def kernel(plain):
    "The same with a kernel and somebody to drive it, which JupyterLab brings to a learner. Asked for after `plain` was tested."
    plain.install('nbclient', 'ipykernel')
    return plain


def test_wheel_is_small_and_complete(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.stat().st_size <= 9e6, f'{wheel.stat().st_size/1e6:.2f} MB'
    wanted = {'fastlessons/questions.toml', *(f'fastlessons/{module}.py' for module in MODULES),
              *(f'fastlessons/course/{file.relative_to(ROOT).as_posix()}' for file in [*LESSONS, *(ROOT/'experiments').glob('*.json')])}
    assert wanted <= names, f'missing: {sorted(wanted - names)}'
    assert not [name for name in names if re.search(r'm_mushrooms|\.jpg$|^tests/|^benchmarks/|^nbs/|workshop', name)]


def test_plain_dependencies_suffice(plain, tmp_path):
    "Every module can be imported with what the wheel alone brings; the lab, the kernel and nbconvert are extras."
    code = f"import sys, importlib\nfor m in {MODULES}: importlib.import_module('fastlessons.' + m)\n" \
           "import fastlessons; print(fastlessons.__file__); print(*[m for m in ('jupyterlab', 'nbclient') if importlib.util.find_spec(m)])"
    done = plain.python_runs('-W', 'ignore', '-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    assert str(ROOT) not in done.stdout and str(plain.folder.name) in done.stdout
    assert 'jupyterlab' not in done.stdout.splitlines()[-1], 'jupyterlab is an extra, not a dependency'


def test_the_network_is_really_shut(plain, tmp_path):
    "The lessons' silence below means something only if an outside address cannot be reached, and the attempt is seen."
    code = "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 3)\nexcept OSError as e: print('refused')"
    done = plain.python_runs('-c', code, cwd=tmp_path)
    assert done.stdout.strip() == 'refused'
    assert '192.0.2.1' in plain.asked.read_text(encoding='utf-8')
    plain.asked.unlink()


@pytest.mark.parametrize('lesson', LESSONS, ids=lambda file: file.stem)
def test_lesson_runs_from_the_wheel(kernel, lesson, tmp_path, record_property, capsys):
    shutil.copy(lesson, tmp_path)
    (kernel.home/'run_lesson.py').write_text(RUN, encoding='utf-8')
    kernel.asked.unlink(missing_ok=True)
    begun = time.time()
    done = kernel.python_runs(kernel.home/'run_lesson.py', lesson.name, cwd=tmp_path)
    took = time.time() - begun
    with capsys.disabled(): print(f'\n{lesson.stem}: {took:.0f} s from the wheel, pictures drawn on first use included', end=' ')
    record_property('seconds', round(took, 1))
    assert done.returncode == 0, done.stdout[-4000:]
    outputs = [output for cell in nbformat.read(tmp_path/'executed.ipynb', as_version=4).cells for output in cell.get('outputs', [])]
    assert not [output for output in outputs if output.output_type == 'error']
    assert not kernel.asked.exists(), f'{lesson.stem} asked the network: {kernel.asked.read_text()}'
    assert took < 6*LESSON_SECONDS, f'{took:.0f} s'


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
