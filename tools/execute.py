"""Runs a lesson once, whole, in a real kernel, and saves it with its outputs: `python tools/execute.py nbs/01_first_model.ipynb`.

Of a widget only its still twin is kept: without its kernel a widget is an error message. Of a progress bar nothing is kept. Of a solution nothing is kept: who has not opened it shall
not read its result."""
import os, re, sys, tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

BAR = re.compile(r'\d%\|.*\| *\d+/\d+ \[')   # what a progress bar leaves behind


def execute(path):
    "Runs the notebook beside its file, so that it finds settings and pictures, and writes it in place when all has gone well."
    nb = nbformat.read(path, 4)
    NotebookClient(nb, timeout=600, resources={'metadata': {'path': str(path.parent)}}).execute()
    for cell in nb.cells:
        cell.metadata.pop('execution', None)
        if cell.cell_type != 'code': continue
        cell.execution_count = None
        for output in cell.outputs:
            if 'execution_count' in output: output.execution_count = None
            output.get('data', {}).pop('application/vnd.jupyter.widget-view+json', None)
        cell.outputs = [o for o in cell.outputs if not BAR.search(o.get('data', {}).get('text/plain', ''))]
        if 'solution' in cell.metadata.get('tags', []): cell.outputs = []
        cell.outputs = [o for o in cell.outputs if o.output_type != 'stream' or o.name != 'stderr' or fail(path, o)]
    nb.metadata.pop('widgets', None)
    part = path.with_suffix('.part')
    nbformat.write(nb, part)
    os.replace(part, path)


def fail(path, output):
    raise SystemExit(f"{path}: a cell writes to stderr, which a reader would see as a red box: {output.text[:300]}")


if __name__ == '__main__':
    os.environ['FASTLESSONS_STUDY'] = tempfile.mkdtemp(prefix='study')   # nobody's own answers are saved with a lesson
    for name in sys.argv[1:]: execute(Path(name))
