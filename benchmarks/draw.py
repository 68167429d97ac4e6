"Pictures drawn a second, with JPEG, fingerprints and filing: on all cores, and in one process beside it."
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')   # one thread a process, on both sides
import statistics, tempfile, time
from pathlib import Path
from joblib import cpu_count
from fastlessons.drawing import KINDS
from fastlessons.rendering import draw_pictures

GOAL, PER_CLASS, ROUNDS = 100, 40, 3

def rate(folder, jobs, first_seed):
    "Pictures a second of one call."
    begin = time.perf_counter()
    report = draw_pictures(folder, PER_CLASS, first_seed, jobs=jobs, progress=False)
    if report.drawn != PER_CLASS*len(KINDS): raise RuntimeError(f'drew {report.drawn} pictures instead of {PER_CLASS*len(KINDS)}')
    return report.drawn/(time.perf_counter() - begin)

def main():
    rates = {-1: [], 1: []}
    with tempfile.TemporaryDirectory() as tmp:
        rate(Path(tmp)/'warm'/'up', -1, 0)   # starts the workers, fills the caches
        for i in range(ROUNDS):              # in turn, so that a busy minute hits both
            for jobs in rates: rates[jobs].append(rate(Path(tmp)/f'{i}_{jobs}'/'m', jobs, PER_CLASS*(i + 1)))
    print(f'{PER_CLASS*len(KINDS)} pictures of 160×160 a call, {ROUNDS} calls each, after a warm-up')
    print(f"{'':24}{'pictures/s':>12}{'lowest':>9}{'highest':>9}")
    for jobs,name in [(-1, f'all cores ({cpu_count()})'), (1, 'one process')]:
        print(f'{name:24}{statistics.median(rates[jobs]):12.0f}{min(rates[jobs]):9.0f}{max(rates[jobs]):9.0f}')
    print(f'draw: {statistics.median(rates[-1]):.0f} pictures/s (goal >= {GOAL})')

if __name__ == '__main__': main()
