"""Does a pass over 10,000 pictures need more memory than one over 2,000? Predictions and a heat map of each, of drawn pictures at 96×96. About five minutes, half of them drawing.

For each number a fresh interpreter; reported is the highest memory of the process above what it held before the pass (imports, network and the list of files). What has to grow are the rows, not the pictures. Two threads, no GPU."""
import json, os, subprocess, sys, tempfile, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interpretation import forget_peak, held

NUMBERS, SIZE, GOAL = (2_000, 10_000), 96, 1.2


def child(folder):
    import torch
    torch.set_num_threads(2)
    from fastlessons.finetuning import learner
    from fastlessons.interpretation import predictions
    from fastlessons.mushrooms import mushroom_dls
    learn = learner(mushroom_dls(folder, size=SIZE, valid_pct=.9))
    forget_peak()
    before, start = held(), time.perf_counter()
    rows = predictions(learn, layer=True)
    print(json.dumps({'n': len(rows), 'seconds': time.perf_counter() - start, 'above': (held(peak=True) - before)/1e6, 'whole': held(peak=True)/1e6}))


def main(numbers=NUMBERS):
    from fastlessons.pictures import draw_pictures
    found = []
    with tempfile.TemporaryDirectory() as top:
        for number in numbers:
            folder = Path(top)/str(number)
            draw_pictures(folder, per_class=-(-number*10 // 72), first_seed=8_600_000, progress=False)
            done = subprocess.run([sys.executable, '-W', 'ignore', __file__, str(folder)], stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''})
            found.append(json.loads(done.stdout.splitlines()[-1]))
            print("{n} pictures in {seconds:.0f} s: {above:.0f} MB above what was there, {whole:.0f} MB in all".format(**found[-1]), flush=True)
    first, last = found[0], found[-1]
    print(f"interpretation_memory: {first['n']:,} pictures {first['whole']:.0f} MB, {last['n']:,} pictures {last['whole']:.0f} MB, {last['whole']/first['whole']:.2f} times as much (goal at most {GOAL}); above what was there {first['above']:.0f} and {last['above']:.0f} MB")


if __name__ == '__main__':
    if sys.argv[1:2] == ['--pictures']: main([int(n) for n in sys.argv[2:]])
    else: child(sys.argv[1]) if len(sys.argv) > 1 else main()
