"Drawing that is interrupted, killed, out of disk or without permission: what is done stays, and the next call goes on."
import errno, json, os, signal, subprocess, sys, time

import pytest
from PIL import Image

from fastlessons import pictures, rendering
from fastlessons.drawing import KINDS
from fastlessons.settings import Settings
from fastlessons.sources import audit, load_sources

ALL = 40*len(KINDS)
# On purpose without `if __name__ == '__main__'`: a learner's script has none.
SCRIPT = 'import sys\nfrom fastlessons.pictures import draw_pictures\nprint(draw_pictures(sys.argv[1], per_class=40, progress=False), flush=True)\n'
ENV = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONUNBUFFERED': '1'}


def jpegs(folder): return sorted(folder.rglob('*.jpg'))
def parts(folder): return [o for o in folder.parent.rglob('*') if o.name.endswith('.part')]

def check_whole(folder, n=ALL):
    "Every picture there, opened, filed and unchanged; nothing half-done beside them."
    found = audit(folder)
    assert found.ok and found.pictures == n, str(found)
    assert parts(folder) == []

def start(tmp_path):
    "A learner's script that draws, stopped at once when a few pictures are there."
    script, folder = tmp_path/'draw.py', tmp_path/'set'/'m_mushrooms'
    script.write_text(SCRIPT)
    process = subprocess.Popen([sys.executable, script, folder], env=ENV, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    end = time.monotonic() + 60
    while len(jpegs(folder)) < 20 and process.poll() is None and time.monotonic() < end: time.sleep(.005)
    return process, folder

small = dict(per_class=3, size=32, jobs=1, progress=False)


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no SIGINT for a group of processes')
def test_ctrl_c_files_what_is_done(tmp_path):
    process, folder = start(tmp_path)
    os.killpg(process.pid, signal.SIGINT)   # as a terminal does: to the script and its workers
    _, err = process.communicate(timeout=300)
    assert process.returncode != 0 and 'KeyboardInterrupt' in err
    assert f'of {ALL} pictures are drawn and filed' in err
    done = audit(folder)
    assert done.ok and 20 <= done.pictures < ALL, str(done)
    assert parts(folder) == []
    report = pictures.draw_pictures(folder, per_class=40, progress=False)
    assert (report.drawn, report.kept) == (ALL - done.pictures, done.pictures)
    check_whole(folder)


def test_kill_leaves_only_whole_pictures(tmp_path):
    process, folder = start(tmp_path)
    process.kill()   # the script only, its workers live on for a while, as after a crash
    process.wait(timeout=300)
    if sys.platform != 'win32': os.killpg(process.pid, signal.SIGKILL)
    there = jpegs(folder)
    assert 20 <= len(there) < ALL
    for o in there: Image.open(o).load()
    (folder/KINDS[0]/f'.{KINDS[0]}_039.jpg.0123abcd.part').write_bytes(b'half a pict')   # what a kill in the middle of a write leaves
    (folder.parent/'.SOURCES.json.0123abcd.part').write_bytes(b'[')
    report = pictures.draw_pictures(folder, per_class=40, progress=False)
    assert (report.drawn, report.kept, report.changed) == (ALL - len(there), len(there), ())
    check_whole(folder)


def test_two_processes_at_once(tmp_path):
    script, folder = tmp_path/'draw.py', tmp_path/'set'/'m_mushrooms'
    script.write_text(SCRIPT)
    both = [subprocess.Popen([sys.executable, script, folder], env=ENV, text=True, stderr=subprocess.PIPE) for _ in range(2)]
    for o in both: assert (o.communicate(timeout=300)[1], o.returncode) == ('', 0)
    check_whole(folder)


# A disk of our own, in a mount namespace of our own: it is gone with the process, whatever happens.
DISK = '''
import json, subprocess, sys
from pathlib import Path
from fastlessons.pictures import draw_pictures
from fastlessons.sources import audit
disk = Path(sys.argv[1])
def mount(*args): subprocess.run(['mount', *args], check=True)
mount('-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', str(disk))
folder = disk/'set'/'m_mushrooms'
try: draw_pictures(folder, per_class=20, progress=False)
except OSError as e: said, code = str(e), e.errno
part = audit(folder)
left = [o.name for o in disk.rglob('*.part')]
mount('-o', 'remount,ro', str(disk))
try: draw_pictures(folder, per_class=20, progress=False)
except PermissionError as e: denied = str(e)
mount('-o', 'remount,rw,size=60m', str(disk))
report = draw_pictures(folder, per_class=20, progress=False)
print(json.dumps(dict(said=said, code=code, ok=part.ok, pictures=part.pictures, left=left, denied=denied, drawn=report.drawn, kept=report.kept,
                      whole=audit(folder).ok)))
'''

def test_a_really_full_and_a_really_read_only_disk(tmp_path):
    can = sys.platform == 'linux' and os.geteuid() == 0 and \
        subprocess.run(['unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', tmp_path], capture_output=True).returncode == 0
    if not can: pytest.skip('a disk of its own needs root on Linux; the next tests simulate it')
    run = subprocess.run(['unshare', '-m', sys.executable, '-c', DISK, tmp_path], env=ENV, text=True, capture_output=True, timeout=300)
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout.splitlines()[-1])
    n = 20*len(KINDS)
    assert seen['code'] == errno.ENOSPC and seen['ok'] and seen['left'] == [] and 0 < seen['pictures'] < n
    assert f"the disk is full: {seen['pictures']} of {n} pictures are drawn and filed" in seen['said'] and 'make room' in seen['said']
    assert 'cannot write into' in seen['denied'] and 'choose another folder' in seen['denied']
    assert (seen['drawn'], seen['kept'], seen['whole']) == (n - seen['pictures'], seen['pictures'], True)


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no such limit')
def test_limit_on_file_size(tmp_path):
    script = 'import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n' + SCRIPT.replace('progress=False', 'jobs=1, progress=False')
    run = subprocess.run([sys.executable, '-c', script, tmp_path/'set'/'m'], env=ENV, text=True, capture_output=True, timeout=300)
    assert run.returncode != 0 and f'OSError: [Errno {errno.EFBIG}] the disk is full: 0 of {ALL} pictures' in run.stderr
    assert [o for o in tmp_path.rglob('*') if o.is_file()] == []


def test_full_disk_in_the_middle(tmp_path, monkeypatch):
    real, calls = rendering.write_whole, []
    def write(path, data, sync=False):
        calls.append(path)
        if len(calls) > 12: raise OSError(errno.ENOSPC, 'No space left on device')
        return real(path, data, sync)
    with monkeypatch.context() as m:
        m.setattr(rendering, 'write_whole', write)
        with pytest.raises(OSError, match='10 of 24 pictures are drawn and filed.*14 are missing and need about') as e:
            pictures.draw_pictures(tmp_path/'m', **small)
    assert e.value.errno == errno.ENOSPC
    assert audit(tmp_path/'m').ok
    assert pictures.draw_pictures(tmp_path/'m', **small).kept == 10
    check_whole(tmp_path/'m', 24)


def test_no_room_for_the_records_gives_pictures_back(tmp_path, monkeypatch):
    real, calls = rendering.save_sources, []
    def save(path, rows):
        calls.append(path)
        if len(calls) == 1: raise OSError(errno.ENOSPC, 'No space left on device')
        return real(path, rows)
    monkeypatch.setattr(rendering, 'save_sources', save)
    report = pictures.draw_pictures(tmp_path/'m', **small)
    assert report.drawn == 16
    check_whole(tmp_path/'m', 16)
    assert pictures.draw_pictures(tmp_path/'m', **small).drawn == 8
    check_whole(tmp_path/'m', 24)


@pytest.mark.parametrize('code', [errno.EACCES, errno.EROFS])
def test_no_permission_is_said_before_drawing(tmp_path, monkeypatch, code):
    def write(path, data, sync=False): raise OSError(code, os.strerror(code))
    monkeypatch.setattr(rendering, 'write_whole', write)
    monkeypatch.setattr(rendering, 'drawn_jpeg', lambda *a: pytest.fail('drew first'))
    with pytest.raises(PermissionError, match='cannot write into .*choose another folder'): pictures.draw_pictures(tmp_path/'m', **small)


def test_a_file_in_the_way(tmp_path):
    (tmp_path/'m').write_text('mine')
    with pytest.raises(NotADirectoryError, match='is a file'): pictures.draw_pictures(tmp_path/'m', **small)
    assert (tmp_path/'m').read_text() == 'mine'


def test_what_a_learner_made_is_never_overwritten(tmp_path):
    folder, kind = tmp_path/'m', KINDS[0]
    (folder/kind).mkdir(parents=True)
    own = folder/kind/f'{kind}_001.jpg'
    own.write_bytes(b'my notes, by chance under this name')
    report = pictures.draw_pictures(folder, **small)
    assert (report.drawn, report.changed) == (23, (f'{kind}/{kind}_001.jpg',))
    painted = folder/kind/f'{kind}_000.jpg'
    Image.new('RGB', (32, 32), 'pink').save(painted)
    before = painted.read_bytes()
    report = pictures.draw_pictures(folder, **small)
    assert report.changed == (f'{kind}/{kind}_000.jpg', f'{kind}/{kind}_001.jpg') and 'left alone' in str(report)
    assert own.read_bytes() == b'my notes, by chance under this name' and painted.read_bytes() == before
    assert audit(folder).changed == (f'{kind}/{kind}_000.jpg',) and audit(folder).unfiled == (f'{kind}/{kind}_001.jpg',)


def test_saved_again_with_the_same_pixels_is_kept(tmp_path):
    folder, kind = tmp_path/'m', KINDS[0]
    pictures.draw_pictures(folder, **small)
    path = folder/kind/f'{kind}_000.jpg'
    path.write_bytes(path.read_bytes() + b'a note')
    assert audit(folder).same_pixels == (f'{kind}/{kind}_000.jpg',)
    report = pictures.draw_pictures(folder, **small)
    assert (report.drawn, report.kept, report.changed) == (0, 24, ()) and path.read_bytes().endswith(b'a note')
    assert audit(folder).ok   # filed anew


def test_another_recipe_replaces_only_what_is_untouched(tmp_path):
    folder, kind = tmp_path/'m', KINDS[0]
    pictures.draw_pictures(folder, **small)
    rows = load_sources(tmp_path/'SOURCES.json')
    old = [rendering.replace(o, recipe={**o.recipe, 'hat': 'older'}) if o.label == kind else o for o in rows]
    rendering.save_sources(tmp_path/'SOURCES.json', old)
    report = pictures.draw_pictures(folder, **small)
    assert (report.drawn, report.kept) == (3, 21)
    assert load_sources(tmp_path/'SOURCES.json') == rows


def test_arguments_are_checked(tmp_path):
    draw = pictures.draw_pictures
    with pytest.raises(ValueError, match="no kind 'fly'.*fly_agaric"): draw(tmp_path/'m', kinds=['fly'])
    with pytest.raises(ValueError, match='per_class is 0'): draw(tmp_path/'m', per_class=0)
    with pytest.raises(ValueError, match='first_seed is -1'): draw(tmp_path/'m', first_seed=-1)
    draw(tmp_path/'m', **small)
    with pytest.raises(ValueError, match='pictures of 32 pixels, not 64'): draw(tmp_path/'m', **{**small, 'size': 64})
    check_whole(tmp_path/'m', 24)


def test_the_course_set_is_drawn_once_then_found_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pictures, 'checkout', lambda: None)
    settings = Settings(cache=str(tmp_path))
    folder = pictures.drawn_folder(settings)
    assert 'Drawing 400 pictures' in capsys.readouterr().out
    assert len(jpegs(folder)) == 400
    begin = time.process_time()
    assert pictures.drawn_folder(settings) == folder
    assert time.process_time() - begin < .5   # 0.03 s of the processor
    assert capsys.readouterr().out == ''
