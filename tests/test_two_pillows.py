"The same seed gives the same pixels with another Pillow and another numpy, and the stored pictures decode to what is filed."
import json, os, subprocess, sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OLDER = ['pillow==11.3.0', 'numpy==2.2.6']

# Prints the fingerprints of 24 drawings, bare and by way of JPEG, and which of the stored pictures do not decode to what is filed.
SCRIPT = '''
import json, sys
from pathlib import Path
import numpy, PIL
from fastlessons.drawing import KINDS, draw, recipe
from fastlessons.records import load_sources, pixels_sha256
from fastlessons.opening import open_picture
from fastlessons.rendering import drawn_jpeg
bare = {f"{k} {s}": pixels_sha256(draw(recipe(k, s), 160).picture) for k in KINDS for s in range(3)}
jpeg = {f"{k} {s}": drawn_jpeg(k, s)[1].pixels for k in KINDS for s in range(3)}
root, wrong, stored = Path(sys.argv[1]), [], 0
if (root/"SOURCES.json").is_file():
    for row in load_sources(root/"SOURCES.json"):
        stored += 1
        if pixels_sha256(open_picture(root/"m_mushrooms"/row.file)) != row.pixels: wrong.append(row.file)
print(json.dumps(dict(pillow=PIL.__version__, numpy=numpy.__version__, bare=bare, jpeg=jpeg, stored=stored, wrong=wrong)))
'''

def fingerprints(path=None):
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    if path: env['PYTHONPATH'] = str(path)
    run = subprocess.run([sys.executable, '-c', SCRIPT, ROOT], env=env, text=True, capture_output=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])

@pytest.fixture(scope='module')
def older(tmp_path_factory):
    "A folder with an older Pillow and an older numpy."
    target = tmp_path_factory.mktemp('older')
    run = subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:',
                          '--retries', '1', '--timeout', '20', '--target', target, *OLDER], text=True, capture_output=True, timeout=300)
    if run.returncode:
        why = f"{' and '.join(OLDER)} cannot be installed here: {(run.stderr.strip() or 'pip failed').splitlines()[-1]}"
        pytest.fail(why) if os.environ.get('CI') == 'true' else pytest.skip(why)
    return target


def test_same_pixels_on_two_pillows(older):
    now, then = fingerprints(), fingerprints(older)
    assert now['pillow'] == version('pillow') != then['pillow'] == '11.3.0' and then['numpy'] == '2.2.6'
    assert then['bare'] == now['bare'], 'the drawing itself differs'
    assert then['jpeg'] == now['jpeg'], 'the drawing is the same, the JPEG file is not'
    assert len(set(now['jpeg'].values())) == len(now['jpeg']) == 24
    assert now['stored'] == then['stored']
    assert now['wrong'] == then['wrong'] == []
