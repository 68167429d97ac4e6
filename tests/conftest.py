"What several test files need: where the checkout is, the environment's programs, the folder of real data."
import os, shutil, signal, subprocess, sys, tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Whoever starts the tests in the background may hand down a Ctrl-C that is ignored, and some tests send one.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN: signal.signal(signal.SIGINT, signal.default_int_handler)
# Whoever runs the tests studies, too: what lessons and notebooks answer here goes into a file of its own.
os.environ['FASTLESSONS_STUDY'] = tempfile.mkdtemp(prefix='study')


def program(name):
    "A console program of the environment that runs the tests, such as `nbdev-test`."
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if not found: pytest.fail(f"{name} is not installed in this environment: pip install -e '.[dev]'")
    return found


def run(*command, cwd=ROOT, timeout=300, **env):
    "Runs a command, output captured as text; never raises for its exit code."
    return subprocess.run([str(part) for part in command], cwd=cwd, timeout=timeout, text=True, encoding='utf-8', errors='replace',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          env={**os.environ, 'PYTHONIOENCODING': 'utf-8', **env})


def project_files():
    "Every file that belongs to the project: tracked by git, or new and not ignored; without git, what an archive holds."
    if (ROOT/'.git').exists() and shutil.which('git'):
        names = run('git', '-c', 'core.quotePath=false', 'ls-files', '-z', '--cached', '--others', '--exclude-standard').stdout.split('\0')
        return sorted(ROOT/name for name in names if name and (ROOT/name).is_file())
    skipped = {'.venv', 'study', 'dist', 'build', 'screenshots', '__pycache__', '.ipynb_checkpoints', '_proc'}
    return sorted(file for file in ROOT.rglob('*') if file.is_file() and not skipped & set(file.relative_to(ROOT).parts))


def copy_project(folder):
    "A copy of the project as a fresh clone would have it."
    for file in project_files():
        target = Path(folder)/file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    return Path(folder)


@pytest.fixture(scope='session')
def root():
    return ROOT


@pytest.fixture(scope='session')
def python():
    "The Python of the environment under test."
    return sys.executable


@pytest.fixture(scope='session')
def real():
    "The folder of real data, which is not part of the project."
    folder = os.environ.get('FASTLESSONS_REAL')
    if not folder: pytest.skip('FASTLESSONS_REAL is not set: it names the folder with real pictures to try the code on')
    if not Path(folder).is_dir(): pytest.fail(f'FASTLESSONS_REAL={folder} is not a folder')
    return Path(folder)


@pytest.fixture(scope='session')
def wheel(tmp_path_factory):
    "The built wheel."
    from installed import build_wheel
    return build_wheel(tmp_path_factory.mktemp('wheel'))


@pytest.fixture(scope='session')
def plain(wheel, tmp_path_factory):
    "An environment with the wheel and its plain dependencies; removed afterwards, it holds gigabytes."
    from installed import environment_with
    folder = tmp_path_factory.mktemp('environment')
    try: yield environment_with(wheel, folder)
    finally: shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope='session')
def kernel(plain):
    "The same with a kernel, which JupyterLab brings to a learner."
    plain.install('ipykernel')
    return plain
