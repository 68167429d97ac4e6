"The built wheel and a new environment that holds nothing but it: what a learner installs, for the tests to try."
import json, os, shutil, subprocess, sys, venv
from pathlib import Path

import pytest
from conftest import ROOT, copy_project, run

MODULES = sorted(file.stem for file in (ROOT/'fastlessons').glob('*.py') if not file.stem.startswith('_'))
IMPORTS = f"""import sys, importlib
for m in {MODULES}: importlib.import_module('fastlessons.' + m)
import fastlessons; print(fastlessons.__file__); print(*[m for m in ('jupyterlab', 'nbclient', 'ipykernel') if importlib.util.find_spec(m)])"""


def build_wheel(folder):
    "The wheel of a copy of the project, as a fresh clone has it."
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

    @property
    def own(self):
        "Environment variables: a home of its own, nothing of ours on the path, and a file for whoever asks the network."
        own = dict(HOME=self.home, USERPROFILE=self.home, LOCALAPPDATA=self.home/'cache', XDG_CACHE_HOME=self.home/'cache',
                   XDG_CONFIG_HOME=self.home/'config', XDG_DATA_HOME=self.home/'data', IPYTHONDIR=self.home/'ipython', MPLCONFIGDIR=self.home/'mpl',
                   JUPYTER_RUNTIME_DIR=self.home/'runtime', JUPYTER_PREFER_ENV_PATH='1', PYTHONPATH='', PYTHONSAFEPATH='1', LESSON_ASKED=self.asked)
        return {k: str(v) for k, v in own.items()}

    def python_runs(self, *arguments, cwd, offline=True, timeout=1800):
        "Runs the environment's Python; without a network where the system can shut it."
        return run(*(self.namespace if offline else []), self.python, *arguments, cwd=cwd, timeout=timeout, **self.own)

    def kernel(self, folder):
        "A folder of kernels with one in it, named python3: this environment's Python. JupyterLab's runtime folder stays JupyterLab's."
        own = {k: v for k, v in self.own.items() if not k.startswith('JUPYTER')}
        spec = {'argv': [str(self.python), '-m', 'ipykernel_launcher', '-f', '{connection_file}'], 'display_name': 'Python 3 (ipykernel)', 'language': 'python',
                'env': own, 'metadata': {'debugger': True}}
        (folder/'python3').mkdir(parents=True)
        (folder/'python3'/'kernel.json').write_text(json.dumps(spec), encoding='utf-8')
        return folder


def environment_with(wheel, folder):
    "An environment with the wheel and its plain dependencies; `imports` is what came of importing every module, before anything else is installed."
    environment = Environment(folder/'venv')
    environment.install(wheel)
    environment.forbid_network()
    environment.imports = environment.python_runs('-W', 'ignore', '-c', IMPORTS, cwd=folder)
    return environment
