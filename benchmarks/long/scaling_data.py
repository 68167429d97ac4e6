"""Time and memory with 400, 4,000 and 20,000 drawn pictures: does a picture cost the same, whatever their number? About fifteen minutes, a third of them drawing.

For each number a fresh interpreter: the folder is looked through (every file opened once), then two epochs of training the backbone at 64×64, the first with its opening of files. Reported is the time for each
picture in each part, and the most memory the process has held. Two threads, no GPU."""
import json, os, subprocess, sys, tempfile, time
from pathlib import Path

NUMBERS, GOAL = (400, 4_000, 20_000), .2


def child(folder):
    import resource
    import torch
    torch.set_num_threads(2)
    from fastlessons.arms import NoValidation
    from fastlessons.finetuning import learner
    from fastlessons.mushrooms import mushroom_dls
    start, seconds = time.perf_counter(), {}
    def lap(name):
        nonlocal start
        seconds[name], start = time.perf_counter() - start, time.perf_counter()
    lap('import')
    dls = mushroom_dls(folder, size=64, bs=32, valid_pct=.05)
    lap('folder')
    learn = learner(dls)
    learn.unfreeze()
    lap('network')
    with learn.no_bar(), learn.no_logging():
        for name in ('first epoch', 'second epoch'):
            learn.fit(1, 1e-3, cbs=NoValidation())
            lap(name)
    n, peak = len(dls.train_ds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform != 'darwin' else 1e9)
    print(json.dumps({'folder': 1000 * seconds['folder'] / (n + len(dls.valid_ds)), **{k: 1000 * seconds[k] / n for k in ('first epoch', 'second epoch')}, 'peak': peak}))


def main():
    from fastlessons.pictures import draw_pictures
    rows = {}
    with tempfile.TemporaryDirectory() as top:
        for number in NUMBERS:
            folder = Path(top)/str(number)
            draw_pictures(folder, per_class=number // 8, first_seed=8_000_000, progress=False)
            done = subprocess.run([sys.executable, '-W', 'ignore', __file__, str(folder)], stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''})
            rows[number] = json.loads(done.stdout.splitlines()[-1])
            print(f"{number:6} pictures, ms each: " + ', '.join(f'{k} {v:.2f}' for k, v in rows[number].items() if k != 'peak') + f"; at most {rows[number]['peak']:.2f} GB", flush=True)
    whole = [sum(v for k, v in row.items() if k != 'peak') for row in rows.values()]
    spread, peaks = max(whole) / min(whole) - 1, [row['peak'] for row in rows.values()]
    print(f"scaling_data: time for a picture within {spread:.0%} from {NUMBERS[0]:,} to {NUMBERS[-1]:,} (goal {GOAL:.0%}), memory from {peaks[0]:.2f} to {peaks[-1]:.2f} GB")


if __name__ == '__main__': child(sys.argv[1]) if len(sys.argv) > 1 else main()
