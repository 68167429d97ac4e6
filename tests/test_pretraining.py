"Pretraining that is killed, or whose disk is full: it goes on, ends with the same weights, and the last good checkpoint stays."
import json, os, subprocess, sys, time

import pytest

ENV = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONUNBUFFERED': '1'}
PLAN = "Plan(designs=4, each=10, places=2, crops=10, many=False, steps=60, bs=10, small=32, large=32)"
RUN = f'''
import sys, torch
from fastlessons.sealing import fingerprint
from fastlessons.pools import *
from fastlessons.pretraining import *
torch.set_num_threads(1)
training = Pretraining({PLAN}, sys.argv[1], progress=False, jobs=1)
print('from', training.step)
training.run(every=0)
print(fingerprint(training.body.state_dict()))
'''


def start(folder): return subprocess.Popen([sys.executable, '-W', 'ignore', '-c', RUN, str(folder)], env=ENV, text=True, stdout=subprocess.PIPE)


def test_killed_again_and_again_it_ends_with_the_same_weights(tmp_path):
    whole = start(tmp_path/'whole').communicate(timeout=300)[0].split()
    begun = []
    for steps in (3, 11, 0, 30):                             # kill -9 after so many more checkpoints; 0: as early as possible
        process = start(tmp_path/'part')
        begun.append(process.stdout.readline().split()[-1])
        end = time.monotonic() + 120
        written, last = 0, None
        while written < steps and process.poll() is None and time.monotonic() < end:
            now = next(iter((tmp_path/'part').glob('*/checkpoint.pt')), None)
            stamp = now and now.stat().st_mtime_ns
            written, last = written + (stamp != last), stamp
            time.sleep(.002)
        process.kill()
        process.wait(timeout=300)
    part = start(tmp_path/'part').communicate(timeout=300)[0].split()
    assert [int(step) for step in begun] == sorted(int(step) for step in begun) and begun[0] == '0'    # never behind where it was
    assert 0 < int(begun[1]) < int(part[1]) < 60, (begun, part)
    assert part[-1] == whole[-1]


DISK = f'''
import errno, json, subprocess, sys, torch
from pathlib import Path
from fastlessons.pools import *
from fastlessons.pretraining import *
torch.set_num_threads(1)
disk = Path(sys.argv[1])
def mount(*args): subprocess.run(['mount', *args], check=True)
mount('-t', 'tmpfs', '-o', 'size=60m', 'tmpfs', str(disk))
training = Pretraining({PLAN}, disk, progress=False, jobs=1)
training.run(until=20)
good = (training.folder/'checkpoint.pt').read_bytes()
(disk/'filler').write_bytes(b'0'*(60_000_000 - len(good) - 3_000_000))
try: training.run(until=40)
except OSError as e: code = e.errno
same = (training.folder/'checkpoint.pt').read_bytes() == good
left = [o.name for o in disk.rglob('*.part')]
(disk/'filler').unlink()
again = Pretraining({PLAN}, disk, progress=False, jobs=1)
print(json.dumps(dict(full=code == errno.ENOSPC, same=same, left=left, step=again.step, rows=len(again.run()))))
'''


def test_a_full_disk_costs_only_the_newest_checkpoint(tmp_path):
    can = sys.platform == 'linux' and os.geteuid() == 0 and \
        subprocess.run(['unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', tmp_path], capture_output=True).returncode == 0
    if not can: pytest.skip('a disk of its own needs root on Linux')
    run = subprocess.run(['unshare', '-m', sys.executable, '-W', 'ignore', '-c', DISK, tmp_path], env=ENV, text=True, capture_output=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == dict(full=True, same=True, left=[], step=20, rows=2)
