"""The runs that lesson 09 shows as recorded: from scratch, the head alone, and the whole network, in the same time, with few pictures and with more, and with 40 a class once more with more time. About half an hour on one core.

Run by `make experiments`; each run is written as soon as it is done. The clock decides how many epochs a run gets: it counts the seconds that this program computes on one core, so that other work on the machine
changes little. Each arm is trained at three rates; the lesson shows the one that is best on average over the seeds, for every arm alike."""
from fastlessons.experiments import record

SEEDS, PER_CLASS, ARMS, RATES, SECONDS, TEST = range(3), (5, 10, 20, 40), ('from scratch', 'head only', 'whole network'), (3e-3, 1e-2, 3e-2), 6, 50
LONGER = 20                # seconds, with 40 pictures a class


def recipe():
    "All that decides the figures, but for task and machine."
    from fastlessons.backbones import read_weights
    from fastlessons.drawing import VERSION
    from fastlessons.finetuning import WEIGHTS
    return {'lesson': '09', 'pictures': f'drawn, 90 a kind, seeds from 7,000,000; {TEST} a kind to test', 'drawing': VERSION, 'size': 64, 'bs': 16, 'seconds': f'{SECONDS} of one core', 'epochs': 'as many as come nearest to that time',
            'network': 'backbone ' + read_weights(WEIGHTS)[1]['sha256'][:12]}


def run(task):
    "One arm at one rate."
    import time
    import torch
    from fastlessons.arms import compare_arms
    from fastlessons.pictures import fresh_folder
    from fastlessons.settings import Settings
    torch.set_num_threads(1)
    row, = compare_arms(fresh_folder(90, 7_000_000), task['per_class'], task.get('budget', SECONDS), task['seed'], TEST, {task['arm']: task['lr']}, Settings(size=64, bs=16), time.process_time)
    return {'error': row.error, 'epochs': row.epochs, 'seconds': row.seconds}


def main():
    import warnings
    warnings.filterwarnings('ignore')
    record(__file__, recipe(), [dict(arm=arm, per_class=n, lr=lr, seed=seed) for seed in SEEDS for n in PER_CLASS for arm in ARMS for lr in RATES]
        + [dict(arm=arm, per_class=40, lr=lr, seed=seed, budget=LONGER) for seed in SEEDS for arm in ARMS for lr in RATES], run)


if __name__ == '__main__': main()
