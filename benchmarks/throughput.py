"""Pictures a second of training, from files on disk to updated weights: our loader, fastai's, and a bare loop over tensors in memory; about eleven minutes.

The same backbone, batch size, augmentation and 400 drawn pictures (320 to train on), 10 epochs, the first with its opening of files included; no validation meanwhile. fastai:
`ImageDataLoaders.from_folder` with `Resize` and `aug_transforms` of the same kinds and strengths, at its best of 2 and 4 `num_workers`. The bare loop has its pictures as tensors, normalized, in memory before its clock
starts, changes nothing in them, and uses PyTorch's AdamW. Each in a fresh interpreter, in turn, several rounds; the figure is the median of the rounds' ratios. Two threads, no GPU."""
import json, os, subprocess, sys, time
from statistics import median

SIZES, WORKERS, ROUNDS, EPOCHS, BS = {64: (2., .85), 96: (1.6, .85)}, (2, 4), 3, 10, 32   # size → goals against fastai and the bare loop


def ours(size):
    from fastlessons.arms import NoValidation
    from fastlessons.finetuning import learner
    from fastlessons.mushrooms import mushroom_dls
    from fastlessons.pictures import drawn_folder
    folder = drawn_folder()
    start = time.perf_counter()
    dls = mushroom_dls(folder, size=size, bs=BS)
    learn = learner(dls)
    learn.unfreeze()
    with learn.no_bar(), learn.no_logging(): learn.fit(EPOCHS, 1e-3, cbs=NoValidation())
    return len(dls.train_ds), time.perf_counter() - start


def fastais(size, workers):
    from fastai.vision.all import CrossEntropyLossFlat, ImageDataLoaders, Learner, Normalize, Resize, aug_transforms, imagenet_stats
    from fastlessons.arms import NoValidation
    from fastlessons.finetuning import learner
    from fastlessons.mushrooms import mushroom_dls
    from fastlessons.pictures import drawn_folder
    folder = drawn_folder()
    model = learner(mushroom_dls(folder, size=size)).model                      # only its network
    start = time.perf_counter()
    changes = aug_transforms(max_rotate=30, max_zoom=1.2, max_warp=0, max_lighting=.2)
    dls = ImageDataLoaders.from_folder(folder, valid_pct=.2, seed=42, bs=BS, num_workers=workers, item_tfms=Resize(size),
        batch_tfms=[*changes, Normalize.from_stats(*imagenet_stats)])
    learn = Learner(dls, model, loss_func=CrossEntropyLossFlat())
    with learn.no_bar(), learn.no_logging(): learn.fit(EPOCHS, 1e-3, cbs=NoValidation())
    return len(dls.train_ds), time.perf_counter() - start


def bare(size):
    import torch
    import torch.nn.functional as F
    from fastlessons.finetuning import learner
    from fastlessons.mushrooms import mushroom_dls
    from fastlessons.pictures import drawn_folder
    dls = mushroom_dls(drawn_folder(), size=size, bs=BS, augment=False)
    model = learner(dls).model.to(memory_format=torch.channels_last).train()
    for p in model.parameters(): p.requires_grad_(True)
    x, y = (torch.cat([b[i].as_subclass(torch.Tensor) for b in dls.train]) for i in (0, 1))
    x, opt = x.contiguous(memory_format=torch.channels_last), torch.optim.AdamW(model.parameters(), 1e-3)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BS):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            loss.item()
    return len(x), time.perf_counter() - start


def child(who, *numbers):
    import torch
    torch.set_num_threads(2)
    pictures, seconds = {'ours': ours, 'fastai': fastais, 'bare': bare}[who](*map(int, numbers))
    print(json.dumps(pictures * EPOCHS / seconds))


def fresh(*arguments):
    "Pictures a second, measured in a fresh interpreter."
    done = subprocess.run([sys.executable, '-W', 'ignore', __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''})
    return json.loads(done.stdout.splitlines()[-1])


def main():
    said = []
    for size, (goal, bare_goal) in SIZES.items():
        rounds = []
        for _ in range(ROUNDS):
            row = {'ours': fresh('ours', size), **{f'fastai, {w} workers': fresh('fastai', size, w) for w in WORKERS}, 'bare loop': fresh('bare', size)}
            rounds.append(row)
            print(f"{size}×{size}: " + ' · '.join(f'{name} {rate:.0f}/s' for name, rate in row.items()), flush=True)
        against = median(r['ours'] / max(v for k, v in r.items() if k.startswith('fastai')) for r in rounds)
        of_bare = median(r['ours'] / r['bare loop'] for r in rounds)
        said.append(f"{size}×{size} {median(r['ours'] for r in rounds):.0f}/s, {against:.2f} × fastai (goal {goal}), {of_bare:.2f} of a bare loop (goal {bare_goal})")
    print('throughput: ' + '; '.join(said))


if __name__ == '__main__': child(*sys.argv[1:]) if len(sys.argv) > 1 else main()
