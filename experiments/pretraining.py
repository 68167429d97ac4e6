"""What is worth pretraining on? Ten recipes at the same small cost, and none; of each, the errors after fine-tuning and of a linear classifier on its features. About three hours on one core.

The workshop's notebook on recipes shows the runs. Every recipe takes 1,000 steps of 96 pictures (two views: 500 steps of 192), about four minutes on one core, from pools of 20,000 pictures that are drawn once. Photographs of mushrooms and scikit-learn's
digits are what the recipe is chosen by, so neither counts as a result: `benchmarks/long/transfer.py` measures others. The photographs are not part of the project: FASTLESSONS_REAL is a folder with `mushroom_photos`
in it, a sub-folder a class. Run by `make experiments` where it is set; each run is written as soon as it is done."""
from functools import lru_cache
from pathlib import Path

from fastlessons.experiments import load_script, record

SEEDS, SPLITS, PROBES, STEPS, BS = range(3), 2, 40, 1000, 96
BOTH, THINGS = dict(designs=1000, each=10, places=2000, crops=5), dict(designs=1000, each=20, places=0)
RECIPES = {
    'things and crops': BOTH,
    'things before photographs, and crops': {**BOTH, 'grounds': .7},
    'things': THINGS,
    'things before photographs': {**THINGS, 'grounds': .7},
    'a hundred things': dict(designs=100, each=200, places=0),
    'crops': dict(designs=0, places=2000, crops=10),
    'crops of two photographs': dict(designs=0, places=2000, crops=10, many=False),
    'classes and quarter turns': {**BOTH, 'learn': 'classes and turns'},    # the same pictures; also which of four turns it was
    'two views': {**BOTH, 'learn': 'views'},                                # the same pictures; which two of 192 show the same one? Nobody has to name anything (Chen et al. 2020)
    'two convolutions first': {**BOTH, 'first': 2},                         # after the filters of 7×7 pixels another layer of 3×3
    'nothing': None}
SETS = {'mushroom_photos': 25, 'digits': 15}                                # epochs of fine-tuning


@lru_cache(1)
def measuring():
    "The benchmark of transfer: its pictures, splits and rates."
    return load_script(Path(__file__).resolve().parents[1]/'benchmarks'/'long'/'transfer.py')


def recipe():
    "All that decides the figures, but for task and machine."
    transfer = measuring()
    return {'recipes': {name: plan and {'steps': STEPS, 'bs': BS, **plan} for name, plan in RECIPES.items()}, 'splits': SPLITS, 'sets': SETS, 'probes': PROBES,
            'train, test, side, batch, augment': {name: [*transfer.SETS[name][:3], *transfer.SETS[name][4:6]] for name in SETS}, 'rates': transfer.RATES,
            'network': 'first layer 7×7, then 32, 64, 128 and 320 channels', 'nothing': 'as many epochs, never frozen, at the best of three rates'}


def stem(convolutions):
    "The first layer: filters of 7×7 pixels on every second pixel, alone or with filters of 3×3 pixels after them."
    from torch import nn
    from fastlessons.backbones import WIDTHS, convolution
    more = [*convolution(WIDTHS[0], WIDTHS[0], 3), nn.ReLU(inplace=True)] if convolutions == 2 else []
    return nn.Sequential(*convolution(3, WIDTHS[0], 7, 2), nn.ReLU(inplace=True), *more)


def body(seed, first=1):
    import torch
    from fastlessons.backbones import small_body
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = small_body()
        net[0] = stem(first)
    return net


def view(x, chance):
    "Another piece of each picture, from 45 % of its side on, mirrored or not, in other colours or in none."
    import torch
    import torch.nn.functional as F
    def uniform(*shape): return torch.rand(len(x), *shape, generator=chance)
    part = .45 + .55 * uniform()
    at, none = (uniform(2) * 2 - 1) * (1 - part)[:, None], torch.zeros(len(x))
    flip = torch.where(uniform() < .5, -1., 1.)
    where = torch.stack([torch.stack([part * flip, none, at[:, 0]], 1), torch.stack([none, part, at[:, 1]], 1)], 1)
    x = F.grid_sample(x, F.affine_grid(where, list(x.shape), align_corners=False), align_corners=False)
    x = x * (.7 + .6 * uniform(3, 1, 1)) + .6 * uniform(3, 1, 1) - .3
    return torch.where(uniform(1, 1, 1) < .2, x.mean(1, keepdim=True), x)


def trial(name, seed):
    "A pretraining of a few minutes: body and share of right answers. Of the seed depend first weights, order and changes, not the pool of pictures."
    from dataclasses import replace
    import torch
    import torch.nn.functional as F
    from torch import nn
    from fastlessons.backbones import WIDTHS
    from fastlessons.pictures import cache_folder
    from fastlessons.pools import Plan, Pool
    from fastlessons.pretraining import Pretraining
    from fastlessons.settings import load_settings
    options = {'bs': BS, **RECIPES[name]}
    learn, first = options.pop('learn', 'classes'), options.pop('first', 1)
    plan = Plan(**options, steps=STEPS if learn != 'views' else STEPS // 2)
    pool = Pool(plan, cache_folder(load_settings())/'recipes'/plan.pictures, 1, progress=False)

    class Trial(Pretraining):
        def __init__(self):
            self.plan, self.folder, self.progress, self.pool = replace(plan, seed=seed), Path('no such folder'), False, pool
            self.begin()
            self.chance = torch.Generator().manual_seed(seed)
        def begin(self):
            super().begin()
            self.body = self.net[0] = body(seed, first)
            outputs = {'classes': plan.classes, 'classes and turns': plan.classes + 4, 'views': 128}[learn]
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.net[1][2] = nn.Linear(WIDTHS[-1], outputs) if learn != 'views' else nn.Sequential(nn.Linear(WIDTHS[-1], 256), nn.ReLU(), nn.Linear(256, outputs))
            self.net.to(memory_format=torch.channels_last)
            self.opt = torch.optim.AdamW(self.net.parameters(), plan.lr, weight_decay=plan.wd)
        def save(self): pass                                  # minutes need no checkpoint

        def judged(self, xb, yb):
            if learn == 'views':
                two = torch.cat([view(xb, self.chance), view(xb, self.chance)]).contiguous(memory_format=torch.channels_last)
                z = F.normalize(self.net(two), dim=1)
                alike = (z @ z.T / .2).fill_diagonal_(-float('inf'))
                other = torch.arange(len(z)).roll(len(xb))
                return F.cross_entropy(alike, other), alike.argmax(1) == other
            if learn == 'classes': return super().judged(xb, yb)
            turns = torch.randint(0, 4, (len(xb),), generator=self.chance)
            scores = self.net(torch.stack([x.rot90(int(t), (1, 2)) for x, t in zip(xb, turns)]).contiguous(memory_format=torch.channels_last))
            named = scores[:, :-4]
            return F.cross_entropy(named, yb, label_smoothing=.1) + .5 * F.cross_entropy(scores[:, -4:], turns), named.argmax(1) == yb

    training = Trial()
    rows = training.run()
    return training.body, rows[-1]['right']


def probed(net, found, train, test, side):
    "Error of a linear classifier on the features as they are, mean over many splits."
    import numpy as np
    import torch
    from PIL import ImageOps
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from fastlessons.opening import open_picture
    from fastlessons.pools import MEAN, STD
    labels = np.array([name for name, files in found.items() for _ in files])
    opened = np.stack([np.asarray(ImageOps.fit(open_picture(file).convert('RGB'), (side, side))) for files in found.values() for file in files])
    x = (torch.from_numpy(opened).permute(0, 3, 1, 2) / 255 - MEAN) / STD
    with torch.inference_mode(): features = torch.cat([net.eval()(part).mean((2, 3)) for part in x.split(100)]).numpy()
    errors = []
    for i in range(PROBES):
        rng = np.random.default_rng([7, i])
        orders = [rng.permutation(np.flatnonzero(labels == name)) for name in found]
        fit, rest = np.concatenate([o[:train] for o in orders]), np.concatenate([o[train:train + test] for o in orders])
        errors.append(1 - make_pipeline(StandardScaler(), LogisticRegression(C=.01, max_iter=300)).fit(features[fit], labels[fit]).score(features[rest], labels[rest]))
    return float(np.mean(errors))


def run(task):
    "One recipe, once: errors on both sets."
    import copy, tempfile
    import numpy as np
    import torch
    from torch import nn
    transfer = measuring()
    from fastlessons.arms import NoValidation
    from fastlessons.finetuning import DROPOUT, learner, small_split
    torch.set_num_threads(1)
    name, seed, out = task['recipe'], task['seed'], {}
    if RECIPES[name]: made, out['right'] = trial(name, seed)
    else: made = body(seed)

    def trained(epochs, lr=None):
        def train(dls):
            def build(pretrained=False): return nn.Sequential(*copy.deepcopy(made), nn.AdaptiveAvgPool2d(1), nn.Flatten())
            learn = learner(dls, build, pretrained=lr is None, cut=-2, splitter=small_split, ps=DROPOUT)
            with learn.no_bar(), learn.no_logging():
                if lr is None: learn.fine_tune(epochs, 1e-2, lr_mult=2, cbs=NoValidation())
                else: learn.fit_one_cycle(epochs + 1, lr, cbs=NoValidation())
            return learn
        return train

    with tempfile.TemporaryDirectory() as folder:
        for which, epochs in SETS.items():
            train, test, side, _, bs, augment, _ = transfer.SETS[which]
            found, errors = transfer.classes_of(which, Path(folder)/'pictures'), {}
            out[f'{which} linear'] = probed(copy.deepcopy(made), found, train, test, side)
            for i in range(SPLITS):
                dls = transfer.data(transfer.split(found, train, test, 1000 + 100 * seed + i, Path(folder)/f'{which}_{i}'), side, bs, augment)
                for lr in (None,) if RECIPES[name] else transfer.RATES:
                    torch.manual_seed(1000 * seed + i)
                    errors.setdefault(lr, []).append(transfer.rate(transfer.trained(dls, trained(epochs, lr))[1]))
            out[which] = min(errors.values(), key=np.mean)
    return out


def main():
    import os, warnings
    warnings.filterwarnings('ignore')
    if not os.environ.get('FASTLESSONS_REAL'): return print("pretraining: it needs photographs that are not part of the project: set FASTLESSONS_REAL")
    record(__file__, recipe(), [dict(recipe=name, seed=seed) for seed in SEEDS for name in RECIPES], run)


if __name__ == '__main__': main()
