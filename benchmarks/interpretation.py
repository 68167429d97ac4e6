"""What went wrong, and where did it look? 2,000 pictures: predictions, confusion matrix, top losses, and a Grad-CAM map of each. About a minute and a half.

Ours: `predictions(learn, layer=...)`, one pass that does all of it. Beside it what fastai and captum offer: `ClassificationInterpretation` (`from_learner`, `confusion_matrix`, `top_losses`: two passes), then captum's
`LayerGradCam` picture by picture, on batches from one more pass, for the class the model chooses. The same backbone with the same weights, the same layer, 2,000 drawn pictures at 96×96 (nine tenths of those drawn, the validation set). Theirs at its best of 0 and 2
`num_workers`. Each in a fresh interpreter, in turn, several rounds; the figure is the median of the rounds' ratios. Memory: the highest that the process (on its own, without its workers) has held above what it held
before the pass, when everything was imported and the network was there. Two threads, no GPU. `--pictures 64` tries it out."""
import json, os, subprocess, sys, tempfile, time
from pathlib import Path
from statistics import median

PICTURES, SIZE, ROUNDS, WORKERS, LAYER, TIMES, MEMORY = 2_000, 96, 3, (0, 2), '0.5', 3., .5    # the last three: layer of the map, goals for time and memory


def held(peak=False):
    "Memory of this process in bytes, now or the highest since `forget_peak`."
    try: return next(int(line.split()[1])*1024 for line in open('/proc/self/status') if line.startswith('VmHWM' if peak else 'VmRSS'))
    except FileNotFoundError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def forget_peak():
    try: Path('/proc/self/clear_refs').write_text('5')
    except OSError: pass                                   # not on this system: the highest of all times then


def ours(folder, workers):
    from fastlessons.finetuning import learner
    from fastlessons.interpretation import confusion_matrix, predictions, top_losses
    from fastlessons.mushrooms import mushroom_dls
    learn = learner(mushroom_dls(folder, size=SIZE, valid_pct=.9))
    yield
    rows = predictions(learn, layer=LAYER)
    confusion_matrix(rows), top_losses(rows, 9)
    yield len(rows), rows[0].heat.shape


def theirs(folder, workers):
    import torch
    from captum.attr import LayerGradCam
    from fastai.vision.all import ClassificationInterpretation, CrossEntropyLossFlat, ImageDataLoaders, Learner, Normalize, Resize, imagenet_stats
    from fastlessons.finetuning import learner
    from fastlessons.mushrooms import mushroom_dls
    model = learner(mushroom_dls(folder, size=SIZE, valid_pct=.9)).model               # only its network
    dls = ImageDataLoaders.from_folder(folder, valid_pct=.9, seed=42, num_workers=workers, item_tfms=Resize(SIZE), batch_tfms=Normalize.from_stats(*imagenet_stats))
    learn = Learner(dls, model, loss_func=CrossEntropyLossFlat())
    yield
    with learn.no_bar(), learn.no_logging():
        interp = ClassificationInterpretation.from_learner(learn)
        interp.confusion_matrix(), interp.top_losses(9)
    cam, maps = LayerGradCam(model.eval(), model.get_submodule(LAYER)), []
    for xb, _ in dls.valid:
        for x in xb.as_subclass(torch.Tensor):
            with torch.no_grad(): best = int(model(x[None]).argmax())
            maps.append(cam.attribute(x[None], target=best, relu_attributions=True)[0, 0].detach().numpy())
    yield len(maps), maps[0].shape


def child(who, folder, workers):
    import torch
    torch.set_num_threads(2)
    side = {'ours': ours, 'theirs': theirs}[who](folder, int(workers))
    next(side)
    forget_peak()
    before, start = held(), time.perf_counter()
    n, shape = next(side)
    seconds = time.perf_counter() - start
    print(json.dumps({'n': n, 'map': shape, 'seconds': seconds, 'above': (held(peak=True) - before)/1e6, 'whole': held(peak=True)/1e6}))


def fresh(*arguments):
    "One side, measured in a fresh interpreter."
    done = subprocess.run([sys.executable, '-W', 'ignore', __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''})
    return json.loads(done.stdout.splitlines()[-1])


def main(pictures=PICTURES, rounds=ROUNDS):
    from fastlessons.pictures import draw_pictures
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)/'pictures'
        draw_pictures(folder, per_class=-(-pictures*10 // 72), first_seed=8_500_000, progress=False)
        found = []
        for _ in range(rounds):
            row = {'ours': fresh('ours', folder, 0), **{f'fastai and captum, {w} workers': fresh('theirs', folder, w) for w in WORKERS}}
            found.append(row)
            print(' · '.join(f"{name}: {r['n']} pictures in {r['seconds']:.1f} s, {r['above']:.0f} MB above what was there ({r['whole']:.0f} in all), maps {r['map'][0]}×{r['map'][1]}" for name, r in row.items()), flush=True)
    best = [min((r for k, r in row.items() if k != 'ours'), key=lambda r: r['seconds']) for row in found]
    times = median(b['seconds']/row['ours']['seconds'] for row, b in zip(found, best))
    memory = median(row['ours']['above']/max(1, min(r['above'] for k, r in row.items() if k != 'ours')) for row in found)
    print(f"interpretation: {times:.1f} times quicker than fastai and captum (goal {TIMES:g}), with {memory:.2f} of their memory above what was there (goal at most {MEMORY})")


if __name__ == '__main__':
    if sys.argv[1:2] == ['--pictures']: main(int(sys.argv[2]), 1)
    elif len(sys.argv) > 1: child(*sys.argv[1:])
    else: main()
