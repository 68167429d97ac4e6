"""Notebooks run as `nbdev-test` runs them, each in a process of its own that need not import PyTorch and fastai anew.

    with warm() as notebooks:
        code, said = notebooks('nbs/workshop/drawing.ipynb', seconds=900)

One Python imports the large libraries, none of ours but the package itself, and makes a copy of itself (a fork) for every notebook: it knows nothing of the others.
Where there is no safe fork (macOS, Windows) each notebook gets `nbdev-test`."""
import contextlib, os, signal, subprocess, sys, tempfile, time, traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {'MPLBACKEND': 'agg', 'PYTHONIOENCODING': 'utf-8'}


@contextlib.contextmanager
def warm():
    "A function of a notebook's path and a limit in seconds that gives exit code and everything said."
    if not sys.platform.startswith('linux'):
        from conftest import program, run
        def cold(notebook, seconds):
            done = run(program('nbdev-test'), notebook, '--n-workers', '0', timeout=seconds, **ENVIRONMENT)
            return done.returncode, done.stdout
        yield cold
        return
    process = subprocess.Popen([sys.executable, __file__], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT})
    def forked(notebook, seconds):
        with tempfile.NamedTemporaryFile(suffix='.txt') as said:
            print(notebook, said.name, seconds, sep='\t', file=process.stdin, flush=True)
            code = process.stdout.readline()
            return int(code) if code else 'the warm Python is gone', Path(said.name).read_text(encoding='utf-8', errors='replace')
    try: yield forked
    finally:
        process.stdin.close()
        process.wait(60)


def run_notebook(notebook, said):
    "What a copy does, and nothing after it: everything said goes into a file, the exit code is that of `nbdev-test`."
    os.setsid()                                            # what the notebook starts can be ended with it
    out = os.open(said, os.O_WRONLY | os.O_TRUNC)
    for stream in (1, 2): os.dup2(out, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    import random
    import numpy as np
    from nbdev.test import nbdev_test
    random.seed()                                          # a new Python begins anywhere, and so does this one
    np.random.seed()
    code = 0
    try: nbdev_test(notebook, n_workers=0)
    except SystemExit as e: code = e.code if isinstance(e.code, int) else int(bool(e.code))
    except BaseException: traceback.print_exc(); code = 1
    finally:
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)


def serve():
    "Read a notebook a line, run it in a copy, write its exit code."
    answers = os.dup(1)
    os.dup2(2, 1)                                          # whatever a library prints is no answer
    sys.path.remove(str(ROOT/'tests'))                     # notebooks know nothing of the tests
    import fastlessons                                     # says how many threads, before PyTorch asks  # noqa: F401
    import fastai.vision.all, IPython, ipywidgets, matplotlib.pyplot, nbdev.test, sklearn.metrics, torchvision  # noqa: F401, E401
    for line in sys.stdin:
        notebook, said, seconds = line.rstrip('\n').split('\t')
        child = os.fork()
        if not child: run_notebook(notebook, said)
        end = time.monotonic() + float(seconds)
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.killpg(child, signal.SIGKILL)
                with open(said, 'a', encoding='utf-8') as f: f.write(f'\nended after {seconds} s')
                end = float('inf')                        # once
            time.sleep(.02)
        with contextlib.suppress(ProcessLookupError): os.killpg(child, signal.SIGKILL)   # processes that it left behind
        os.write(answers, f'{os.waitstatus_to_exitcode(ended[1])}\n'.encode())


if __name__ == '__main__': serve()
