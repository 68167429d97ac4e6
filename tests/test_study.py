"""`make study` in a fresh clone: it prints an address, the server answers to the token only, an edit survives the next time, Ctrl-C ends it.

The environment is the one that runs the tests (`VENV=`); installing anew is what `make test` itself does on a fresh machine."""
import json, os, re, shutil, signal, subprocess, sys, time
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from conftest import ROOT, copy_project, run

pytestmark = [pytest.mark.skipif(os.name == 'nt', reason='make study is for machines with make; Windows uses `fastlessons study`'),
              pytest.mark.skipif(not shutil.which('make'), reason='make is not installed')]
ADDRESS = re.compile(r'(http://(?:127\.0\.0\.1|localhost):\d+)(/\S*?)\?(?:\S*&)?token=([\w-]+)')
SECONDS = 90   # a busy machine starts JupyterLab slowly


@pytest.fixture(scope='module')
def clone(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp('clone')/'fast lessons')   # a blank in the name, as on many a desktop


class Study:
    "`make study` as somebody types it, in a process group of its own so that Ctrl-C can be sent to all of it."
    def __init__(self, clone, log):
        hidden = {name: value for name, value in os.environ.items() if name not in ('DISPLAY', 'WAYLAND_DISPLAY', 'FASTLESSONS_REAL')}
        self.log = log
        with open(log, 'w') as output:
            self.process = subprocess.Popen(['make', 'study', f'VENV={sys.prefix}'], cwd=clone, stdout=output, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, start_new_session=True, env={**hidden, 'BROWSER': 'true', 'PYTHONUNBUFFERED': '1'})

    def address(self):
        "Server, path and token, once they are printed and the server answers."
        until = time.time() + SECONDS
        while time.time() < until and self.process.poll() is None:
            if found := ADDRESS.search(self.printed()):
                try: urlopen(f'{found[1]}/api', timeout=5)
                except OSError: pass
                else: return found.groups()
            time.sleep(.3)
        pytest.fail(f'no address, or no answer there, within {SECONDS} s:\n{self.printed()[-3000:]}')

    def printed(self): return self.log.read_text(encoding='utf-8', errors='replace')

    def interrupt(self):
        "Ctrl-C, as a terminal sends it; returns the seconds until everything has ended."
        begun = time.time()
        os.killpg(self.process.pid, signal.SIGINT)
        try: self.process.wait(30)
        finally:
            if self.process.poll() is None: os.killpg(self.process.pid, signal.SIGKILL)
        return time.time() - begun


@pytest.fixture
def study(clone, tmp_path):
    running = []
    def start():
        running.append(Study(clone, tmp_path/f'study{len(running)}.log'))
        return running[-1]
    yield start
    for one in running:
        if one.process.poll() is None: os.killpg(one.process.pid, signal.SIGKILL)


def status(address):
    try: return urlopen(address, timeout=10).status
    except HTTPError as error: return error.code


def test_study_twice_with_an_edit_in_between(study, clone):
    first = study()
    server, path, token = first.address()
    assert '/lab/tree/' in path and '01_first_model.ipynb' in path, f'{path} is not lesson 01 in JupyterLab'
    assert status(f'{server}/api/contents?token={token}') == 200
    assert status(f'{server}/api/contents') == 403 and status(f'{server}/api/contents?token=wrong') == 403
    assert first.interrupt() < 30 and 'Traceback' not in first.printed(), first.printed()[-2000:]
    with pytest.raises(OSError): urlopen(f'{server}/api', timeout=5)

    lesson = clone/'study'/'01_first_model.ipynb'
    edited = json.loads(lesson.read_text(encoding='utf-8'))
    edited['cells'].append({'cell_type': 'markdown', 'id': 'mine', 'metadata': {}, 'source': ['my own note']})
    lesson.write_text(json.dumps(edited), encoding='utf-8')
    before = lesson.read_bytes()

    second = study()
    second.address()
    second.interrupt()
    assert lesson.read_bytes() == before, 'the second `make study` changed an edited lesson'
    assert (clone/'nbs'/'01_first_model.ipynb').read_bytes() == (ROOT/'nbs'/'01_first_model.ipynb').read_bytes()


def test_an_environment_of_ones_own_is_used_as_it_is(clone, tmp_path):
    done = run('make', 'study', f'VENV={tmp_path}', cwd=clone)
    assert done.returncode != 0 and 'bin/python' in done.stdout
    assert not list(tmp_path.iterdir()), 'something was installed into a folder that the learner named'


def test_make_alone_lists_the_commands(clone):
    done = run('make', cwd=clone)
    assert done.returncode == 0 and 'make study' in done.stdout and 'make test' in done.stdout
    assert not (clone/'.venv').exists()


def test_no_python_that_fits_is_said_clearly(clone, tmp_path):
    "With only an old Python on the path the message names what is needed, and leaves no half-made environment."
    tools = tmp_path/'bin'
    tools.mkdir()
    for name in ('sh', 'make', 'cat', 'cksum', 'mv', 'env'): (tools/name).symlink_to(shutil.which(name))
    old = tools/'python3'
    old.write_text('#!/bin/sh\nexit 1\n')
    old.chmod(0o755)
    done = run('make', 'test', cwd=clone, PATH=str(tools))
    assert done.returncode != 0 and '3.11' in done.stdout and 'PYTHON=' in done.stdout, done.stdout
    assert not (clone/'.venv').exists()
