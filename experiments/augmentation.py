"""The runs that lesson 06 shows as recorded: few mushrooms with and without augmentation, trained for a short and for a long time; digits that stand in the middle or not; arrows that are mirrored or not. A quarter of an hour on one core.

Run by `make experiments`; each run is kept as soon as it is done. Rate, sizes and strengths were chosen with other seeds (mushrooms: 1; digits and arrows: 1 to 3). Nothing was chosen by the pictures that are tested on here."""
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset
from fastlessons.digits import Changed, batches, digits, network
from fastlessons.experiments import record
from fastlessons.training import Run, evaluate

SEEDS = range(10, 18)
SIZE, BS, RATE, TEST_PER_CLASS, FIRST_TEST_SEED = 64, 16, .01, 125, 3_000_000
GENTLE = dict(max_rotate=0, max_zoom=1.15, max_warp=0, max_lighting=.2, p_affine=.5)
STRONG = dict(max_rotate=15, max_zoom=1.4, max_warp=.15, max_lighting=.3, p_affine=.9)


def recipe():
    "All that decides the figures, but for task and machine."
    from fastlessons.drawing import VERSION
    return {'lesson': '06', 'version': 1, 'mushrooms': f'drawn, 80 or 320 of the 400 of the course, {SIZE} pixels, small_network, one cycle', 'drawing': VERSION, 'bs': BS, 'rate': RATE,
            'gentle': GENTLE, 'strong': STRONG, 'test': f'{TEST_PER_CLASS} a kind, seeds from {FIRST_TEST_SEED:,}',
            'digits': "scikit-learn's, 2 empty pixels around, 360 to test; moved by up to 2 pixels each way; 144, 200, 10; AdamW, rate 0.003, bs 16",
            'arrows': 'drawn, 16 pixels, 400 to train on and 400 to test; 256, 50, 2; AdamW, rate 0.003, bs 40, 20 epochs'}


def mushroom_test(vocab, kept={}):
    "Pictures that no training has seen, ready for a network, and their classes; made once."
    if not kept:
        from fastai.vision.core import imagenet_stats
        from fastlessons.classes import good_pictures
        from fastlessons.loading import Opener
        from fastlessons.pictures import fresh_folder
        found, opened = good_pictures(fresh_folder(TEST_PER_CLASS, FIRST_TEST_SEED)), Opener(SIZE)
        mean, std = (torch.tensor(s)[:, None, None] for s in imagenet_stats)
        kept['x'] = (torch.stack([torch.from_numpy(np.array(opened(f))).permute(2, 0, 1) for f in found.files])/255 - mean)/std
        kept['labels'] = found.labels
    return TensorDataset(kept['x'], torch.tensor([vocab.index(label) for label in kept['labels']]))


def mushrooms(seed, n, change, epochs):
    "Trains from scratch on `n` pictures; nothing is measured until the end."
    from fastai.callback.core import Callback, CancelValidException
    from fastai.torch_core import set_seed
    from fastai.vision.augment import aug_transforms
    from fastlessons.mushrooms import mushroom_dls, small_learner
    from fastlessons.pictures import drawn_folder
    from fastlessons.settings import Settings

    class OnlyTrain(Callback):
        def before_validate(self): raise CancelValidException

    set_seed(seed)
    dls = mushroom_dls(drawn_folder(), settings=Settings(seed=seed, size=SIZE, bs=BS, valid_pct=1 - n/400, device='cpu'), augment=False)
    if change != 'none': dls.add_tfms(aug_transforms(**{'gentle': GENTLE, 'strong': STRONG}[change]), 'after_batch')
    learn = small_learner(dls, seed)
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(epochs, RATE, cbs=OnlyTrain())
    loss, error = evaluate(learn.model, F.cross_entropy, batches(mushroom_test(list(dls.vocab)), 100))
    return {'trained_on': len(dls.train_ds), 'train_loss': float(learn.recorder.smooth_loss.value), 'test_loss': loss, 'test_error': error}


def framed(dataset):
    "Digits with two empty pixels on each side, as pictures."
    x, y = dataset.tensors
    return TensorDataset(F.pad(x.view(-1, 1, 8, 8), (2, 2, 2, 2)), y)


def moved(xb, order):
    "Each picture moved by up to two pixels, up or down and left or right: nothing of an 8×8 digit is lost."
    wide, moves = F.pad(xb, (2, 2, 2, 2)), torch.randint(0, 5, (len(xb), 2), generator=order).tolist()
    return torch.stack([p[:, r:r+12, c:c+12] for p, (r, c) in zip(wide, moves)])


def moving(seed, n, change, epochs):
    "Trains on `n` digits in the middle; tests on digits in the middle, and on the same ones moved."
    d = digits(n, seed=seed)
    x, y = framed(d.test).tensors
    tests = {'middle': TensorDataset(x, y), 'moved': TensorDataset(moved(x, torch.Generator().manual_seed(seed)), y)}
    model = torch.nn.Sequential(torch.nn.Flatten(), network(144, 200, 10, seed=seed))
    train = batches(framed(d.train), BS, seed)
    Run(model, F.cross_entropy, torch.optim.AdamW(model.parameters(), 3e-3), Changed(train, moved, seed) if change == 'moved' else train).fit(epochs)
    return {f'error_{name}': evaluate(model, F.cross_entropy, batches(test, 500))[1] for name, test in tests.items()}


def arrows(n, seed, side=16):
    "Arrows to the left (0) and to the right (1), each another one."
    rng, (r, c) = np.random.default_rng(seed), np.mgrid[:side, :side]
    right, x = rng.integers(0, 2, n), np.zeros((n, side, side), np.float32)
    for i in range(n):
        row, tip, length, head = rng.uniform((5, 10, 7, 2.5), (11, 14, 10, 4.5))
        shaft = (abs(r - row) < .9) & (tip - length < c) & (c < tip)
        barbs = (abs(abs(r - row) - (tip - c)) < 1) & (tip - head < c) & (c <= tip + .5)
        x[i] = (shaft | barbs)[:, ::1 if right[i] else -1]
    return TensorDataset(torch.tensor(.9*x + .1*rng.random(x.shape, dtype=np.float32)), torch.tensor(right))


def mirrored(xb, order):
    "Every second picture mirrored, by chance."
    return torch.where(torch.rand((len(xb), 1, 1), generator=order) < .5, xb.flip(2), xb)


def pointing(seed, change):
    model = torch.nn.Sequential(torch.nn.Flatten(), network(256, 50, 2, seed=seed))
    train = batches(arrows(400, seed), 40, seed)
    last = Run(model, F.cross_entropy, torch.optim.AdamW(model.parameters(), 3e-3), Changed(train, mirrored, seed) if change == 'mirrored' else train).fit(20)[-1]
    return {'train_loss': last.train_loss, 'test_error': evaluate(model, F.cross_entropy, batches(arrows(400, 1_000_000 + seed), 400))[1]}


RUNS = {'mushrooms': mushrooms, 'digits': moving, 'arrows': pointing}
TASKS = ([{'what': 'arrows', 'change': change, 'seed': seed} for change in ('none', 'mirrored') for seed in SEEDS]
    + [{'what': 'digits', 'n': n, 'change': change, 'epochs': epochs, 'seed': seed}
          for n, change, epochs in ((80, 'none', 50), (80, 'none', 200), (80, 'moved', 50), (80, 'moved', 200), (320, 'none', 50), (320, 'none', 200), (320, 'moved', 200)) for seed in SEEDS]
    + [{'what': 'mushrooms', 'n': n, 'change': change, 'epochs': epochs, 'seed': seed} for seed in SEEDS
       for n, change, epochs in ((80, 'none', 10), (80, 'gentle', 10), (80, 'strong', 10), (80, 'none', 40), (80, 'gentle', 40), (80, 'strong', 40), (320, 'none', 10))])


def run(task): return RUNS[task['what']](**{k: v for k, v in task.items() if k != 'what'})


def main():
    warnings.filterwarnings('ignore', category=FutureWarning)
    torch.set_num_threads(1)
    record(__file__, recipe(), TASKS, run)


if __name__ == '__main__': main()
