"Answers survive: killed processes, two at once, damaged and foreign files, full disks, folders that can't be written. (The rules are tested in the notebooks.)"
import json, os, random, signal, sqlite3, subprocess, sys, threading, time, warnings
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fastlessons import diary, keeping, storing
from fastlessons.diary import get_answers, get_states
from fastlessons.memory import Memory
from fastlessons.scheduling import Answer, replay
from fastlessons.storing import connect, open_file

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='fork and SIGKILL are not there on Windows')


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    "On a slow disk any attempt to write again is slow, and the next one would come after the test."
    monkeypatch.setattr(keeping, '_PAUSE', 0)


def memory(file, seed=0, now=lambda: NOON): return Memory(file, now, random.Random(seed))


def child(work):
    """Runs `work(say)` in a process of its own; returns its number and a file of the lines it says, each only after what it speaks of is done.
    No memory may be open here meanwhile: what SQLite knows of its locks would be handed down."""
    read, write = os.pipe()
    pid = os.fork()
    if pid: os.close(write); return pid, os.fdopen(read, 'rb')
    try:
        os.close(read)
        warnings.simplefilter('ignore')
        work(lambda text: os.write(write, f'{text}\n'.encode()))
        os._exit(0)
    except BaseException as e: os.write(2, f'{e!r}\n'.encode())
    finally: os._exit(1)


def finish(*children):
    "What they said until they ended, whole lines only; fails where one of them did."
    said = [[line.decode().strip() for line in lines if line.endswith(b'\n')] for _, lines in children]
    for pid, lines in children:
        lines.close()
        assert os.waitpid(pid, 0)[1] == 0
    return said


def check(file):
    "Ids of the answers in a file; fails where the file is damaged, an answer is there twice, or a card does not stand where its answers put it."
    con = sqlite3.connect(file)
    assert con.execute('PRAGMA integrity_check').fetchall() == [('ok',)] and storing.examine(con) == ''
    answers, states = get_answers(con), get_states(con)
    con.close()
    ids = [a.id for a in answers]
    assert len(set(ids)) == len(ids)
    assert states == {card: replay(a for a in answers if a.card == card) for card in {a.card for a in answers}}
    return set(ids)


# -- killed ---------------------------------------------------------------------------------------------------------------------------

def answering(file, seed):
    "Answers for ever; says each id when it is kept. The journal is carried over very often, so that the kill meets this moment too."
    def work(say):
        m = memory(file, seed, lambda: datetime.now(timezone.utc))
        m._con.execute('PRAGMA wal_autocheckpoint = 4')
        for i in range(10**6):
            m.record(f'term:{i % 7}', 1 + i % 4)
            say(m._mine[-1].id)
    return work


@needs_fork
def test_killed_fifty_times_no_answer_is_lost_and_no_file_damaged(tmp_path):
    rng, kept, files, killed = random.Random(1), {}, [], 0
    for n in range(50):
        if n % 10 == 0: files.append(tmp_path/f'{n}'/'study.sqlite3'); kept[files[-1]] = set()   # a new file: the kill may meet its making
        pid, lines = child(answering(files[-1], n))
        early = [lines.readline() for _ in range(rng.randrange(10) if n % 5 else 0)]             # each fifth: while it opens the file
        time.sleep(rng.uniform(0, .02))
        os.kill(pid, signal.SIGKILL)
        said = [line.decode().strip() for line in [*early, *lines] if line.endswith(b'\n')]
        lines.close()
        killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        kept[files[-1]].update(said)
        if files[-1].exists(): open_file(files[-1]).close()                                    # as the next start does
        there = check(files[-1]) if files[-1].exists() else set()
        assert kept[files[-1]] <= there, f'lost after kill {n}: {kept[files[-1]] - there}'
    assert killed == 50 and sum(map(len, kept.values())) > 100, 'it was killed while answering'
    there = sum(len(check(file)) for file in files)
    assert there - sum(map(len, kept.values())) <= 50, 'at most the answer being kept is there without having been said'
    print(f'{killed} times killed, {sum(map(len, kept.values()))} answers acknowledged, {there} there, none lost')
    assert not [o for file in files for o in file.parent.iterdir() if not o.name.startswith('study.sqlite3')], 'nothing was set aside'


# -- two at once ----------------------------------------------------------------------------------------------------------------------

def answer_times(file, seed, times, ready, quiet=True):
    def work(say):
        while not ready.exists(): time.sleep(.001)
        real = diary.get_state
        diary.get_state = lambda *args: (real(*args), time.sleep(.001))[0]            # between reading and writing the other one's turn may come
        m = memory(file, seed)
        for i in range(times):
            m.record(f'term:{i % 3}', 1 + (i + seed) % 4, NOON + timedelta(minutes=i))
            say(m._mine[-1].id)
        assert m.saved and not (quiet and m.notes), m.notes
    return work


@needs_fork
def test_two_processes_answer_the_same_cards_at_once(tmp_path):
    file, ready = tmp_path/'new'/'study.sqlite3', tmp_path/'go'
    children = [child(answer_times(file, seed, 100, ready)) for seed in (1, 2)]
    ready.touch()
    said = finish(*children)
    assert check(file) == {*said[0], *said[1]} and len(said[0]) == len(said[1]) == 100
    con = sqlite3.connect(file)
    assert sum(s.answers for s in get_states(con).values()) == 200
    con.close()


def test_threads_of_one_notebook_share_a_memory(tmp_path):
    m = memory(tmp_path/'study.sqlite3')
    def work(n):
        for i in range(20): m.record(f'term:{i % 2}', 1 + (i + n) % 4); m.due(['term:0'])
    threads = [threading.Thread(target=work, args=[n]) for n in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert m.saved and not m.notes and len(m.answers()) == 80
    m.close()
    assert len(check(tmp_path/'study.sqlite3')) == 80


@needs_fork
def test_four_processes_find_the_same_damage(tmp_path):
    file, ready = tmp_path/'study.sqlite3', tmp_path/'go'
    file.write_bytes(b'no database' * 500)
    children = [child(answer_times(file, seed, 10, ready, quiet=False)) for seed in range(4)]
    ready.touch()
    said = finish(*children)
    assert check(file) == set().union(*said)
    aside = sorted(o.name for o in tmp_path.iterdir() if o.name.startswith('study.2026'))
    assert aside == ['study.2026-03-01-120000.sqlite3'] and (tmp_path/aside[0]).read_bytes() == b'no database' * 500


@needs_fork
def test_erased_while_another_answers(tmp_path):
    file, stop = tmp_path/'study.sqlite3', tmp_path/'stop'
    def work(say):
        m, i = memory(file, 1), 0
        while not stop.exists(): i += 1; m.record(f'term:{i % 3}', 1 + i % 4); time.sleep(.01)
        m.record('term:last', 3)                                                     # after the last erasing
        assert m.saved
        say(m._mine[-1].id)
    it, m = child(work), memory(file)
    for _ in range(6):
        time.sleep(.03)
        m.erase()
    m.close()
    stop.touch()
    assert finish(it)[0][0] in check(file)
    stop.unlink()
    memory(file).erase()
    assert not [*tmp_path.iterdir()]


@needs_fork
def test_erased_and_opened_anew_by_many_at_once(tmp_path):
    "Nobody keeps the file open: so it vanishes and comes back all the time, under everybody's hands."
    file = tmp_path/'study.sqlite3'
    def work(seed, erase):
        def steps(say):
            rng = random.Random(seed)
            for i in range(25):
                m = memory(file, seed*1000 + i)
                m.record('term:loss', 3)
                assert m.saved, m.notes
                if erase and rng.random() < .3: m.erase()
                m.close()
            say('done')
        return steps
    finish(*(child(work(seed, seed < 2)) for seed in range(3)))
    m = memory(file, 9)
    m.record('term:last', 3)
    last = m._mine[-1].id
    m.close()
    assert last in check(file) and {o.name for o in tmp_path.iterdir()} == {'study.sqlite3'}


# -- what may lie there instead -------------------------------------------------------------------------------------------------------

def test_a_foreign_database_is_set_aside_with_its_journal(tmp_path):
    file = tmp_path/'study.sqlite3'
    other = sqlite3.connect(file)
    other.execute('PRAGMA journal_mode = WAL')
    other.execute('CREATE TABLE recipes (soup TEXT)')
    other.execute("INSERT INTO recipes VALUES ('pumpkin')")
    other.commit()                                                                  # and stays open, so that its journal stays
    with pytest.warns(UserWarning, match='belongs to another program'): m = memory(file)
    m.record('term:loss', 3)
    m.close(); other.close()
    again = sqlite3.connect(tmp_path/'study.2026-03-01-120000.foreign.sqlite3')
    assert again.execute('SELECT soup FROM recipes').fetchall() == [('pumpkin',)]
    assert len(check(file)) == 1 and m.aside() == [], 'nor is it erased with the answers'


def test_a_file_damaged_while_it_is_open(tmp_path):
    file = tmp_path/'study.sqlite3'
    m = memory(file)
    for i in range(300): m.record(f'term:{i % 20}', 3)
    m._con.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    m._con.execute('PRAGMA cache_size = 1')
    size = file.stat().st_size
    code = f"f = open({str(file)!r}, 'r+b'); f.seek({size//4}); f.write(bytes(range(256))*{size//512}); f.close()"
    subprocess.run([sys.executable, '-c', code], check=True)                         # another process: our locks stay
    with pytest.warns(UserWarning, match='is damaged'):
        for i in range(20): m.record(f'term:{i}', 3)
    assert m.saved and m.notes[0].count('nothing of it was deleted') == 1 and len(m.notes) == 1
    m.close()
    assert len(check(file)) >= 20 and len(list(tmp_path.glob('study.2026*.sqlite3'))) == 1


@pytest.mark.parametrize('content', [b'', b'SQLite format 3\0', b'\0' * 5000, b'{"answers": []}' * 400], ids=['empty', 'head', 'zeros', 'text'])
def test_whatever_lies_there_answers_are_kept(tmp_path, content):
    file = tmp_path/'study.sqlite3'
    file.write_bytes(content)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        m = memory(file)
        m.record('term:loss', 3)
    m.close()
    assert len(check(file)) == 1 and len(said) == bool(content)
    assert [o.read_bytes() for o in tmp_path.glob('study.2026*')] == [content] * bool(content)


def test_a_newer_format_is_not_touched_not_even_its_journal(tmp_path):
    file = tmp_path/'study.sqlite3'
    con = connect(file)
    con.execute('PRAGMA user_version = 99')
    files = lambda: {o.name: o.read_bytes() for o in tmp_path.iterdir() if not o.name.endswith('-shm')}
    was = files()
    assert 'study.sqlite3-wal' in was
    with pytest.warns(UserWarning, match='newer version of fastlessons and is left as it is'): m = memory(file)
    m.record('term:loss', 3)
    assert not m.saved and len(m.answers()) == 1 and files() == was
    assert m.erase() == [] and files() == was
    con.close()


@needs_fork
def test_a_newer_format_left_by_a_killed_process_is_not_touched(tmp_path):
    file = tmp_path/'study.sqlite3'
    def work(say):
        m = memory(file)
        m.record('term:loss', 3)
        m._con.execute('PRAGMA user_version = 99')
    finish(child(work))                                                              # ends without closing: the journal stays, and nobody has it open
    files = lambda: {o.name: o.read_bytes() for o in tmp_path.iterdir() if not o.name.endswith('-shm')}
    was = files()
    assert was['study.sqlite3-wal']
    with pytest.warns(UserWarning, match='newer version'): m = memory(file)
    m.record('term:loss', 3)
    assert not m.saved and files() == was


def test_a_file_made_newer_while_it_is_open(tmp_path):
    m = memory(tmp_path/'study.sqlite3')
    m.record('term:loss', 3)
    newer = sqlite3.connect(tmp_path/'study.sqlite3')
    newer.execute('PRAGMA user_version = 99')
    with pytest.warns(UserWarning, match='newer version'): m.record('term:epoch', 3)
    assert not m.saved and newer.execute('SELECT count(*) FROM answer').fetchone() == (1,)
    newer.close()


WRONG = ["card SET due = 'soon'", 'card SET due = 1e300', 'card SET last = -1', "card SET stage = 'x'", 'card SET stability = 9e999', 'card SET stability = -1',
         'answer SET time = 1 << 60', 'answer SET time = 253402300799000', 'answer SET grade = 9', "answer SET card = CAST(x'ff' AS TEXT)", "answer SET id = ' '", 'answer SET card = char(9, 160)']


@pytest.mark.parametrize('wrong', WRONG)
def test_impossible_values(tmp_path, wrong):
    "SQLite itself finds nothing wrong with them, and each would make some call fail for ever."
    file = tmp_path/'study.sqlite3'
    m = memory(file)
    for i in range(3): m.record(f'term:{i}', 3)
    m.close()
    con = sqlite3.connect(file)
    con.execute(f"UPDATE {wrong} WHERE card = 'term:1'")
    con.commit(); con.close()
    with pytest.warns(UserWarning, match='is damaged'): m = memory(file, 1)
    assert m.saved and len(m.answers()) == (3 if 'card SET' == wrong[:8] else 2)
    m.record('term:1', 3); m.states(); m.due(['term:1']); m.forecast(['term:1']); m.export(tmp_path/'a.json')
    m.close()
    assert len(check(file)) == (4 if 'card SET' == wrong[:8] else 3) and len(m.aside()) == 1


@pytest.mark.parametrize('call', ['record', 'preview', 'states', 'answers'])
def test_impossible_values_while_the_file_is_open(tmp_path, call):
    file = tmp_path/'study.sqlite3'
    m = memory(file)
    for i in range(3): m.record(f'term:{i}', 3)
    con = sqlite3.connect(file)
    con.execute("UPDATE card SET due = 'soon' WHERE card = 'term:1'")
    con.execute("UPDATE answer SET time = 1 << 60 WHERE card = 'term:2'")
    con.commit(); con.close()
    with pytest.warns(UserWarning, match='is damaged'): getattr(m, call)(*{'record': ['term:1', 3], 'preview': ['term:1']}.get(call, []))
    with pytest.raises(ZeroDivisionError): m.read(lambda con: 1/0)                   # an error that is none of the file's stays one
    m.close()
    assert m.saved and len(m.notes) == 1 and len(check(file)) == 2 + (call == 'record')


@pytest.mark.parametrize('place', range(68, 72))
def test_one_wrong_byte_in_the_mark(tmp_path, place):
    "By its mark the file belongs to another program; its tables are ours."
    file, m = tmp_path/'study.sqlite3', memory(tmp_path/'study.sqlite3')
    for i in range(10): m.record(f'term:{i}', 3)
    m.close()
    data = bytearray(file.read_bytes())
    data[place] ^= 4
    file.write_bytes(data)
    with pytest.warns(UserWarning, match='is damaged.*10 answers'): m = memory(file, 1)
    m.close()
    assert len(check(file)) == 10 and len(m.aside()) == 1


def test_whatever_byte_is_wrong_study_goes_on(tmp_path):
    "Any byte of the file, most of them in its head and in the words that describe its tables."
    rng, file, saved, m = random.Random(4), tmp_path/'study.sqlite3', 0, memory(tmp_path/'study.sqlite3')
    for i in range(40): m.record(f'term:{i % 9}', 1 + i % 4)
    m.close()
    good = file.read_bytes()
    create = good.find(b'CREATE')
    for n in range(60):
        for o in tmp_path.iterdir(): o.unlink()
        bad = bytearray(good)
        places = [rng.randrange(100), create + rng.randrange(300), rng.randrange(len(bad)), rng.randrange(len(bad))]
        for _ in range(rng.randint(1, 3)): bad[places[n % 4] + rng.randrange(3)] = rng.choice([0, 39, 0x80, 0xff, rng.randrange(256)])
        file.write_bytes(bad[:rng.randrange(len(bad))] if n % 9 == 8 else bad)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            for seed in (n, n + 1000):
                m = memory(file, seed)
                m.record('term:1', 3); m.record('term:x', 3); m.states(); m.due(['term:1']); m.undo()
                assert 'term:1' in {a.card for a in m.answers()} and (m.saved or m.notes)
                saved += m.saved
                m.close()
    assert saved > 100, 'and nearly always on a file'


@needs_fork
def test_killed_while_mending(tmp_path):
    "A large file takes seconds to mend: whenever that is broken off, the next start finds all of it."
    file = tmp_path/'study.sqlite3'
    m = memory(file)
    m.write(lambda con: diary.add_answers(con, [Answer(f'{i}', f'term:{i % 50}', 3, NOON + timedelta(hours=i)) for i in range(300)]))
    m.close()
    con = sqlite3.connect(file)
    con.execute("UPDATE card SET due = 'soon' WHERE card = 'term:1'")
    con.commit(); con.close()
    def work(say):
        real, calls = diary.replay, []
        def slow(answers):
            calls.append(0)
            if len(calls) == 20: os.kill(os.getpid(), signal.SIGKILL)
            return real(answers)
        diary.replay = slow
        memory(file)
    for _ in range(2):
        pid, lines = child(work)
        lines.close()
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    with pytest.warns(UserWarning, match='300 answers that could still be read'): m = memory(file)
    m.close()
    assert len(check(file)) == 300 and len(m.aside()) == 1 and not list(tmp_path.glob('*.new*'))


@pytest.mark.skipif(os.name == 'nt', reason='Windows lets nobody replace an open file')
def test_replaced_while_two_have_it_open(tmp_path):
    "As in a folder that computers share: the journal beside it belongs to the old file."
    file, other = tmp_path/'study.sqlite3', tmp_path/'other.sqlite3'
    both = [memory(file, seed) for seed in (1, 2)]
    for i, m in enumerate(both): m.record(f'term:{i}', 3)
    elsewhere = memory(other, 3)
    for i in range(60): elsewhere.record(f'question:{i}', 3)
    elsewhere.close()
    os.replace(other, file)
    for i, m in enumerate(both): m.record(f'term:{i + 2}', 3)
    assert [len(m.answers()) for m in both] == [64, 64] and not [m.notes for m in both if m.notes]
    for m in both: m.close()
    assert len(check(file)) == 64 and [o.name for o in tmp_path.iterdir()] == ['study.sqlite3']


@pytest.mark.skipif(os.name == 'nt', reason='Windows lets nobody replace an open file')
@pytest.mark.parametrize('old', [5, 300])
def test_replaced_and_opened_by_a_fresh_notebook_first(tmp_path, old):
    "What the fresh one sees of the other file is not certain; what the open one has acknowledged must stay."
    file, other = tmp_path/'study.sqlite3', tmp_path/'other.sqlite3'
    elsewhere = memory(other, 3)
    for i in range(60): elsewhere.record(f'question:{i}', 3)
    elsewhere.close()
    m = memory(file, 1)
    for i in range(old): m.record(f'term:{i}', 3)
    os.replace(other, file)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        fresh = memory(file, 2)
        fresh.record('term:fresh', 3)
        fresh.close()
        m.record('term:last', 3)
    m.close()
    con = sqlite3.connect(file)
    assert {a.card for a in get_answers(con)} >= {'term:fresh', 'term:last', *(f'term:{i}' for i in range(old))}
    con.close()
    check(file)


@pytest.mark.skipif(os.name == 'nt', reason='Windows lets nobody replace an open file')
def test_broken_off_while_a_replaced_file_is_left(tmp_path, monkeypatch):
    file, other = tmp_path/'study.sqlite3', tmp_path/'other.sqlite3'
    elsewhere, m = memory(other, 3), memory(file, 1)
    elsewhere.record('term:there', 3)
    elsewhere.close()
    for i in range(30): m.record(f'term:{i}', 3)
    os.replace(other, file)
    def stopped(con, answers): raise KeyboardInterrupt
    with monkeypatch.context() as patched:
        patched.setattr(keeping, 'add_answers', stopped)
        with pytest.raises(KeyboardInterrupt): m.answers()
    assert len(m.answers()) == 31
    m.close()
    assert len(check(file)) == 31


# -- where nothing can be written -----------------------------------------------------------------------------------------------------

def test_a_full_disk_is_said_once_and_all_is_saved_when_there_is_room(tmp_path):
    file = tmp_path/'study.sqlite3'
    m = memory(file)
    m.record('term:loss', 3)
    m._con.execute(f"PRAGMA max_page_count = {m._con.execute('PRAGMA page_count').fetchone()[0]}")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        m._return = lambda: None                                                     # as long as the disk stays full
        for i in range(400): m.record(f'term:{i}', 3, NOON + timedelta(minutes=i))
    assert not m.saved and len(said) == 1 and 'full' in str(said[0].message) and len(m.answers()) == 401
    assert m.due(['term:1'], NOON + timedelta(days=9)) == ['term:1']
    del m._return
    with pytest.warns(UserWarning, match='can be written again'): m.record('term:last', 3)
    m.close()
    assert m.saved and len(check(file)) == 402


@needs_fork
def test_a_limit_on_the_size_of_files(tmp_path):
    file = tmp_path/'study.sqlite3'
    import resource
    def work(say):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        m = memory(file)
        m.record('term:first', 3)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        for i in range(60): m.record(f'term:{i}', 3)
        assert not m.saved and len(m.notes) == 1 and len(m.answers()) == 61, (m, m.notes)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for i in range(70): m.record('term:0', 3)
        assert m.saved and len(m.answers()) == 131 and len(m.notes) == 2, (m, m.notes)
        say('done')
    assert finish(child(work)) == [['done']]
    assert len(check(file)) == 131


@needs_fork
@pytest.mark.skipif(not hasattr(os, 'geteuid') or os.geteuid() != 0, reason='only root can become somebody who may not write')
@pytest.mark.parametrize('journal', ['there', 'gone'])
def test_a_folder_that_may_not_be_written_shows_what_is_in_it(tmp_path, journal):
    folder = tmp_path/'theirs'
    def begin(say):
        m = memory(folder/'study.sqlite3')
        m.record('term:loss', 3)
        if journal == 'gone': m.close()
    finish(child(begin))                                                             # ends without closing: the journal stays
    assert (folder/'study.sqlite3-wal').exists() == (journal == 'there')
    folder.chmod(0o755)
    for o in (tmp_path, *tmp_path.parents): assert o.stat().st_mode & 0o5 or not o.chmod(o.stat().st_mode | 0o5)
    def work(say):
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        them = memory(folder/'study.sqlite3', 1)
        say(them.saved)
        them.record('term:batch', 3)
        say([a.card for a in them.answers()])
        say(len(them.notes))
    assert finish(child(work)) == [['False', "['term:loss', 'term:batch']", '1']]
    assert len(check(folder/'study.sqlite3')) == 1


def test_where_another_holds_the_file_answers_wait(tmp_path):
    file = tmp_path/'study.sqlite3'
    m, holder = memory(file), sqlite3.connect(file, isolation_level=None)
    m.record('term:loss', 3)
    m._con.execute('PRAGMA busy_timeout = 50')
    holder.execute('BEGIN IMMEDIATE')
    with pytest.warns(UserWarning, match='locked'): m.record('term:loss', 3)
    assert not m.saved and len(m.answers()) == 2
    holder.execute('ROLLBACK'); holder.close()
    with pytest.warns(UserWarning, match='written again'): m.record('term:loss', 3)
    m.close()
    assert len(check(file)) == 3


def test_a_slow_attempt_is_not_made_at_each_answer(tmp_path, monkeypatch):
    "Each waits .2 s for whoever holds the file: the next one comes after a pause, so that studying does not halt."
    monkeypatch.setattr(keeping, '_PAUSE', 10**6)
    tried, opens = [], keeping.open_file
    monkeypatch.setattr(keeping, 'open_file', lambda file, **options: (tried.append(file), opens(file, **options))[1])
    file = tmp_path/'study.sqlite3'
    m, holder = memory(file), sqlite3.connect(file, isolation_level=None)
    m._con.execute('PRAGMA busy_timeout = 50')
    holder.execute('BEGIN IMMEDIATE')
    with pytest.warns(UserWarning, match='locked'): m.record('term:loss', 3)
    for i in range(20): m.record('term:loss', 3)
    assert len(tried) == 1 and not m.saved and len(m.answers()) == 21
    holder.execute('ROLLBACK'); holder.close()
    m.record('term:loss', 3)
    assert len(tried) == 1 and not m.saved, 'the pause is not over'
    m._again = 0                                                                     # now it is
    with pytest.warns(UserWarning, match='written again'): m.record('term:loss', 3)
    m.close()
    assert len(check(file)) == 23


@pytest.mark.parametrize('before', ['nothing there', 'the mount point'])
def test_a_drive_that_is_not_mounted(tmp_path, monkeypatch, before):
    "On Colab anybody may make the folder: the answers would look saved, and be thrown away with the machine."
    drive = tmp_path/'content'/'drive'
    if before == 'the mount point': drive.mkdir(parents=True)
    monkeypatch.setattr(storing, 'unmounted', lambda file, real=storing.unmounted: real(file, drive))
    was = sorted(tmp_path.rglob('*'))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        m = memory(drive/'MyDrive'/'course'/'study.sqlite3')
        m.record('term:loss', 3)
        m.due(['term:loss']); m.states()
    assert len(said) == 1 and "Mount the drive first" in m.notes[0] and m.notes[0].endswith("\nfrom google.colab import drive\ndrive.mount('/content/drive')")
    assert not m.saved and len(m.answers()) == 1 and sorted(tmp_path.rglob('*')) == was, 'nothing was made'
    (drive/'MyDrive').mkdir(parents=True)                                            # now it is mounted
    with pytest.warns(UserWarning, match='can be written again'): assert len(m.answers()) == 1
    m.close()
    assert m.saved and len(check(drive/'MyDrive'/'course'/'study.sqlite3')) == 1


def test_a_drive_that_goes_away(tmp_path, monkeypatch):
    drive = tmp_path/'drive'
    (drive/'MyDrive').mkdir(parents=True)
    monkeypatch.setattr(storing, 'unmounted', lambda file, real=storing.unmounted: real(file, drive))
    m = memory(drive/'MyDrive'/'study.sqlite3')
    m.record('term:loss', 3)
    os.rename(drive/'MyDrive', tmp_path/'gone')
    with pytest.warns(UserWarning, match='not mounted'): m.record('term:epoch', 3)
    assert not m.saved and not list(drive.iterdir())
    os.rename(tmp_path/'gone', drive/'MyDrive')
    with pytest.warns(UserWarning, match='written again'): m.record('term:batch', 3)
    assert m.saved and sorted(a.card for a in m.answers()) == ['term:batch', 'term:epoch', 'term:loss']


@pytest.mark.parametrize('wrong', ['damaged', 'newer'])
def test_a_drive_that_comes_late_with_a_file_that_is_no_good(tmp_path, monkeypatch, wrong):
    drive = tmp_path/'drive'
    file = drive/'MyDrive'/'study.sqlite3'
    monkeypatch.setattr(storing, 'unmounted', lambda file, real=storing.unmounted: real(file, drive))
    (drive/'MyDrive').mkdir(parents=True)
    m = memory(file)
    for i in range(10): m.record(f'term:{i}', 3)
    m.close()
    con = sqlite3.connect(file)
    con.execute("UPDATE card SET due = 'soon' WHERE card = 'term:1'" if wrong == 'damaged' else 'PRAGMA user_version = 99')
    con.commit(); con.close()
    os.rename(drive/'MyDrive', tmp_path/'away')
    with pytest.warns(UserWarning, match='not mounted'): m = memory(file, 1)
    m.record('term:a', 3)
    os.rename(tmp_path/'away', drive/'MyDrive')
    was = file.read_bytes()
    with pytest.warns(UserWarning, match='is damaged' if wrong == 'damaged' else 'newer version'): m.record('term:b', 3)
    if wrong == 'newer': assert not m.saved and len(m.answers()) == 2 and 'newer version' in m.notes[-1] and file.read_bytes() == was
    else: assert m.saved and len(m.answers()) == 12 == len(check(file)) and 'written again' in m.notes[-1]
    m.close()


def test_what_could_not_be_read_of_a_damaged_file_may_be_in_memory(tmp_path):
    file = tmp_path/'study.sqlite3'
    m = memory(file)
    for i in range(10): m.record(f'term:{i}', 3)
    full = sqlite3.OperationalError('database or disk is full')
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with pytest.warns(UserWarning, match='is full'): m._rescue(full)
    file.write_text('Dear diary')
    with pytest.warns(UserWarning, match='is damaged'): m.record('term:last', 3)
    m.close()
    assert m.saved and len(check(file)) == 11


@pytest.mark.skipif(os.name == 'nt', reason='Windows lets nobody remove an open file')
def test_removed_at_the_moment_when_it_can_be_written_again(tmp_path, monkeypatch):
    file = tmp_path/'study.sqlite3'
    m = memory(file)
    m.record('term:first', 3)
    full = sqlite3.OperationalError('database or disk is full')
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with pytest.warns(UserWarning, match='is full'): m._rescue(full)
    def removed(file, **options):
        con = open_file(file, **options)
        for ending in ('', '-wal', '-shm'): storing.beside(file, ending).unlink(missing_ok=True)
        return con
    with monkeypatch.context() as patched:
        patched.setattr(keeping, 'open_file', removed)
        m.record('term:second', 3)
    assert not m.saved
    with pytest.warns(UserWarning, match='written again'): m.record('term:third', 3)
    m.close()
    assert len(check(file)) == 2 and m.saved, 'those since the file failed'


def test_erasing_takes_what_a_killed_mending_left(tmp_path):
    m = memory(tmp_path/'study.sqlite3')
    m.record('term:loss', 3)
    for ending in ('.lock', '.new', '.new-journal'): storing.beside(m.file, ending).touch()
    m.erase()
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(os.name == 'nt', reason='unix-dotfile is a way of Unix')
def test_a_file_that_nobody_else_may_even_read_keeps_nobody_waiting(tmp_path, monkeypatch):
    file = tmp_path/'study.sqlite3'
    real = storing.connect
    monkeypatch.setattr(storing, 'connect', lambda file, journal='WAL', patience=5: real(file, 'DELETE', patience))
    m = memory(file)
    m.record('term:loss', 3)
    m._con.execute('PRAGMA busy_timeout = 50')
    holder = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    holder.execute('BEGIN EXCLUSIVE')
    free = threading.Timer(20, lambda: holder.execute('ROLLBACK'))                     # else it would wait for ever
    free.start()
    with pytest.warns(UserWarning, match='locked'): m.record('term:epoch', 3)
    assert free.is_alive() and not m.saved
    free.cancel()
    holder.execute('ROLLBACK'); holder.close()
    with pytest.warns(UserWarning, match='written again'): m.record('term:loss', 3)
    m.close()
    assert len(check(file)) == 3


def test_erased_while_nothing_can_be_written(tmp_path):
    "What is answered afterwards must not be lost when the file can be written again; the file is not erased, and that is said."
    file = tmp_path/'study.sqlite3'
    m, holder = memory(file), sqlite3.connect(file, isolation_level=None)
    for i in range(5): m.record(f'term:{i}', 3)
    m._con.execute('PRAGMA busy_timeout = 50')
    holder.execute('BEGIN IMMEDIATE')
    with pytest.warns(UserWarning, match='locked'): assert m.erase() == []
    m.record('term:after', 3)
    assert not m.saved and [a.card for a in m.answers()] == ['term:after']
    holder.execute('ROLLBACK'); holder.close()
    with pytest.warns(UserWarning, match='written again'): m.record('term:last', 3)
    assert m.saved and {a.card for a in m.answers()} >= {'term:after', 'term:last'}
    m.close()
    assert len(check(file)) == 7


def test_full_twice_the_last_note_says_how_it_is_now(tmp_path):
    m = memory(tmp_path/'study.sqlite3')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for _ in range(2):
            full = sqlite3.OperationalError('database or disk is full')
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            m._rescue(full)
            assert not m.saved and 'is full' in m.notes[-1]
            m.record('term:loss', 3)
            assert m.saved and 'written again' in m.notes[-1] and len(m.notes) == 2


def test_a_path_is_the_same_wherever_the_notebook_goes(tmp_path, monkeypatch):
    (tmp_path/'a').mkdir(); (tmp_path/'b c').mkdir()
    monkeypatch.chdir(tmp_path/'a')
    for name in ('study.sqlite3', ':memory:'):
        m = memory(Path(name))
        m.record('term:loss', 3)
        os.chdir(tmp_path/'b c')
        m.record('term:loss', 3)
        m.close()
        os.chdir(tmp_path/'a')
        assert len(check(tmp_path/'a'/name)) == 2 and not list((tmp_path/'b c').iterdir())


@pytest.mark.skipif(os.name == 'nt', reason='links need rights on Windows')
def test_a_link_stays_and_what_it_leads_to_is_erased(tmp_path):
    (tmp_path/'far').mkdir()
    (tmp_path/'study.sqlite3').symlink_to(tmp_path/'far'/'kept.sqlite3')
    m = memory(tmp_path/'study.sqlite3')
    m.record('term:loss', 3)
    assert m.erase() and not list((tmp_path/'far').iterdir()) and (tmp_path/'study.sqlite3').is_symlink()
    m.record('term:loss', 3)
    m.close()
    assert len(check(tmp_path/'far'/'kept.sqlite3')) == 1


def test_said_once_also_by_a_second_memory(tmp_path):
    (tmp_path/'file').write_text('')
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        both = [memory(tmp_path/'file'/'study.sqlite3') for _ in range(2)]
    assert len(said) == 1 and [len(m.notes) for m in both] == [1, 1]


# -- file systems without shared memory -----------------------------------------------------------------------------------------------

@contextmanager
def without_shared_memory(monkeypatch):
    "SQLite on a file system that has locks by a file only, as some mounted drives do."
    real = sqlite3.connect
    def there(file, **options): return real(f'{Path(file).absolute().as_uri()}?vfs=unix-dotfile' if file != ':memory:' and '://' not in str(file) else file, **options)
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, 'connect', there)
        yield


@pytest.mark.skipif(os.name == 'nt', reason='unix-dotfile is a way of Unix')
@pytest.mark.parametrize('before', [False, True], ids=['a new file', 'one with the newer journal'])
def test_a_mounted_drive_without_shared_memory(tmp_path, monkeypatch, before):
    file = tmp_path/'study.sqlite3'
    if before:
        m = memory(file); m.record('term:loss', 3); m.close()
    with without_shared_memory(monkeypatch), warnings.catch_warnings():
        warnings.simplefilter('error')
        one, two = memory(file, 1), memory(file, 2)
        one.record('term:loss', 3); two.record('term:loss', 3); one.record('term:seed', 1)
        assert one.saved and two.saved and one._con.execute('PRAGMA journal_mode').fetchone() == ('delete',)
        assert one.states() == two.states()
        one.close(); two.close()
    assert len(check(file)) == 3 + before


# -- clocks, and files from elsewhere -------------------------------------------------------------------------------------------------

def test_whatever_the_clock_does_every_card_comes_back(tmp_path):
    rng, clock = random.Random(1), [NOON]
    m = memory(tmp_path/'study.sqlite3', 1, lambda: clock[0])
    cards = [f'term:{i}' for i in range(5)]
    for _ in range(300):
        clock[0] = max(datetime(1990, 1, 1, tzinfo=timezone.utc), clock[0] + rng.choice([1, 1, 1, -1]) * timedelta(hours=10**rng.uniform(-3, 4.5)))
        state = m.record(rng.choice(cards), rng.randint(1, 4))
        assert state.due - state.last >= timedelta(minutes=10) and state.stability > 0
    for year in (1995, 2026, 2400):                                              # 2400: long after all that was answered
        now = datetime(year, 1, 1, tzinfo=timezone.utc)
        future = [s for s in m.states().values() if s.last > now + timedelta(days=1)]
        assert {s.card for s in future} <= set(m.due(cards, now))
    assert set(m.due(cards, now)) == set(cards)
    assert m.read(storing.examine) == '', 'no odd time or grade makes the file look damaged'
    m.close()


def test_random_diaries_merge_to_the_same_in_any_order(tmp_path):
    rng = random.Random(2)
    rows = [dict(id=f'{i}', card=f'term:{rng.randrange(4)}', grade=rng.randint(1, 4), time=(NOON + timedelta(hours=rng.uniform(0, 900))).isoformat()) for i in range(200)]
    rows += [dict(row, id=f"u{row['id']}", grade=0, undoes=row['id']) for row in rng.sample(rows, 30)]
    def file(name, rows):
        (tmp_path/name).write_text(json.dumps(dict(kind='fastlessons answers', version=1, answers=rows)))
        return tmp_path/name
    states = []
    for n in range(3):
        m = memory(tmp_path/f'{n}.sqlite3')
        rng.shuffle(rows)
        new = [m.load(file('a.json', rows[:130])), m.load(file('b.json', rows[90:])), m.load(file('c.json', rows))]
        assert sum(new) == 230 and len(m.answers()) == 170
        states.append(m.states())
        m.close()
        check(tmp_path/f'{n}.sqlite3')
    assert states[0] == states[1] == states[2]


def test_a_damaged_import_changes_nothing(tmp_path):
    m, rng = memory(tmp_path/'study.sqlite3'), random.Random(3)
    for i in range(20): m.record(f'term:{i}', 1 + i % 4)
    m.export(tmp_path/'a.json')
    good, was, refused = (tmp_path/'a.json').read_bytes(), m.answers(), 0
    for _ in range(150):
        bad = bytearray(good)
        for _ in range(rng.randint(1, 4)): bad[rng.randrange(len(bad))] = rng.randrange(256)
        if rng.random() < .3: bad = bad[:rng.randrange(len(bad))]
        (tmp_path/'b.json').write_bytes(bad)
        try: m.load(tmp_path/'b.json')
        except ValueError as e: refused += 1; assert 'b.json' in str(e) and 'nothing was taken' in str(e) and m.answers() == was
        else: was = m.answers()                                                   # another id or card, as somebody might have written it
    assert refused > 50
    m.close()
