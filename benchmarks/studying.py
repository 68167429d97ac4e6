"""How long a learner waits for the cards: opening the file, the next card, keeping an answer; with 5,000 cards and 50,000 answers.

Then the imports of what studying needs below the widgets. Some twenty seconds."""
import random, tempfile, time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median

from fastlessons.diary import add_answers
from fastlessons.ladder import RUNGS, import_seconds, package_files
from fastlessons.memory import Memory
from fastlessons.scheduling import Answer

CARDS, ANSWERS = 5_000, 50_000
GOALS = {'opening': .2, 'next card': .010, 'an answer': .020}   # seconds
IMPORT_GOAL = .3
STUDYING = 'judging', 'trying', 'questions', 'vocabulary', 'scheduling', 'storing', 'diary', 'keeping', 'cards', 'exporting', 'memory', 'counting'
START = datetime(2026, 1, 1, 8, tzinfo=timezone.utc)


def filled(file, now, rng):
    "A memory in which each card was answered ten times within half a year."
    memory = Memory(file, lambda: now, rng)
    days = [sorted(rng.sample(range(180), ANSWERS//CARDS)) for _ in range(CARDS)]
    rows = [Answer(f'{card} {n}', f'term:{card}', rng.choices((1, 2, 3, 4), (2, 1, 6, 1))[0], START + timedelta(days=day, minutes=card % 600))
            for card in range(CARDS) for n, day in enumerate(days[card])]
    memory.write(lambda con: add_answers(con, rows))
    memory.close()


def seconds(work, times):
    "How long each of many calls took."
    took = []
    for i in range(times):
        start = time.perf_counter()
        work(i)
        took.append(time.perf_counter() - start)
    return took


def measure(file):
    "Seconds of each call, by what was called."
    now, rng, ids = START + timedelta(days=181), random.Random(1), [f'term:{i}' for i in range(CARDS)]
    filled(file, now, rng)
    opened = []
    def opening(i):
        opened.append(Memory(file, lambda: now, rng))
        opened[-1].states(ids[:1])
    took = {'opening': seconds(opening, 20)}
    for memory in opened: memory.close()
    memory = Memory(file, lambda: now, rng)
    choices = ids, ids[:1] + ['term:new'], ids[:1]      # many are due; a new one is found behind all others; perhaps none
    took['next card'] = seconds(lambda i: memory.next(choices[i % 3], now + timedelta(minutes=i)), 150)
    took['an answer'] = seconds(lambda i: memory.record(ids[i*7 % CARDS], 1 + i % 4, now + timedelta(minutes=i)), 300)
    print(f'{len(memory.answers()):,} answers to {len(memory.states()):,} cards, a file of {file.stat().st_size/1e6:.1f} MB')
    memory.close()
    return took


def main():
    with tempfile.TemporaryDirectory() as folder: took = measure(Path(folder)/'study.sqlite3')
    print(f"{'':12} {'median':>9} {'slowest':>9} {'goal':>9}")
    for what, goal in GOALS.items(): print(f'{what:12} {median(took[what])*1e3:6.1f} ms {max(took[what])*1e3:6.1f} ms {goal*1e3:6.0f} ms')
    imports = {module: import_seconds(f'fastlessons.{module}') for module in STUDYING if module in package_files() and RUNGS[module] == 0}
    for module, took_s in imports.items(): print(f'import {module:12} {took_s:.3f} s (goal {IMPORT_GOAL} s)')
    share, what = max((median(took[what])/goal, what) for what, goal in GOALS.items())
    worst, at = max((max(took[what])/goal, what) for what, goal in GOALS.items())
    print(f'studying: {share:.2f} of the goal ({what}), at the slowest of many {worst:.2f} ({at}); slowest import {max(imports.values()):.3f} s (goal {IMPORT_GOAL} s)')


if __name__ == '__main__':
    main()
