"""Which pictures, and which loss, make a good backbone? Every recipe gets fifteen minutes of one core: about five hours in all, two runs at a time.

Run by `make experiments`; needs FASTLESSONS_REAL (photographs to choose by: `mushroom_photos`) and scikit-image. Each run is written as soon as
it is done, so a run that is interrupted goes on where it stopped. The clock is the process's own, so that a busy machine changes nothing but
the waiting; how far a recipe gets in its minutes still depends on the machine. The pictures that are reported elsewhere (ants and bees, drawn mushrooms) play no part here.

A recipe is written `pictures/loss`. Pictures: `things` (1,000 designs × 80), `cluttered` (the same designs, smaller and among more clutter), `two` and `dozen` (crops of two
photographs, 1,000 places × 40, or of thirteen, 2,000 × 30), `fractals` (1,000 iterated function systems × 12), and sums of these. Losses: `ce`, cross-entropy over the classes; `supcon`,
supervised contrastive (Khosla et al. 2020); `simclr`, contrastive between two changed versions of a picture, without any classes (Chen et al. 2020)."""
import math, os, time, warnings
from pathlib import Path

import numpy as np

MINUTES, SEEDS, SPLITS = 15, (0, 1), 8
RECIPES = ('cluttered+two/ce', 'dozen/ce', 'cluttered/ce', 'two/ce', 'things+dozen/ce', 'things/supcon', 'things/simclr', 'things/ce', 'fractals/ce')
CLASSES = {'things': (1000, 80), 'cluttered': (1000, 80), 'two': (1000, 40), 'dozen': (2000, 30), 'fractals': (1000, 12)}
PARTS = {'things': 40, 'cluttered': 20, 'two': 20, 'dozen': 20, 'fractals': 20}


def recipe():
    "All that decides the figures, but for the task and the speed of a core."
    return {'minutes': MINUTES, 'network': 'fastlessons-small-1', 'bs': 96, 'lr': 2e-3, 'wd': .05, 'sides': [48, 64], 'enlarge': .7, 'classes': CLASSES,
            'chosen by': f'mushroom_photos (16 a species to train on, 4 to test) and digits (10 and 50), {SPLITS} splits, 20 epochs at 64 pixels'}


# Pictures

def fractals(labels, rng, side=72, points=4000, steps=24):
    "A cloud of points that follow the maps of their class (FractalDB, Kataoka et al. 2020), in two colours."
    from fastlessons.designs import palette
    maps, cumulated = systems()
    colours = np.stack([palette(rng, 2) for _ in range(512)])
    out = np.empty((len(labels), 3, side, side), np.uint8)
    for i, c in enumerate(labels):
        rng.normal(size=maps[c].shape)
        m, xy, kept = maps[c] * (1 + .15 * rng.uniform(-1, 1, (8, 1, 1))).astype(np.float32), np.zeros((points, 2), np.float32), []
        for step in range(steps):
            chosen = m[np.minimum(np.searchsorted(cumulated[c], rng.random(points)), 7)]
            xy = np.clip((chosen[:, :, :2] @ xy[:, :, None])[:, :, 0] + chosen[:, :, 2], -50, 50)
            if step >= steps - 6: kept.append(xy)
        a = rng.normal() * .3
        xy = np.concatenate(kept) @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]], np.float32)
        low, high = np.percentile(xy, 2, 0), np.percentile(xy, 98, 0)
        z = (xy - low) / max((high - low).max(), 1e-6) * rng.uniform(.6, 1) + rng.uniform(0, .2, 2)
        at = (z[((z >= 0) & (z < 1)).all(1)] * side).astype(int)
        n = np.bincount(at[:, 1] * side + at[:, 0], minlength=side * side).reshape(side, side)
        n = np.clip(n / max(np.percentile(n[n > 0], 80) if (n > 0).any() else 1, 1), 0, 1)[..., None]
        front, back = colours[rng.integers(512)]
        out[i] = ((back + (front - back) * n) * 255).transpose(2, 0, 1)
    return out


def systems(classes=1000, seed=1):
    "Two to six affine maps a class that shrink, and how often each is used."
    rng, maps, often = np.random.default_rng([seed, 5]), np.zeros((classes, 8, 2, 3), np.float32), np.zeros((classes, 8), np.float32)
    for c in range(classes):
        for j in range(rng.integers(2, 7)):
            u, _, v = np.linalg.svd(rng.normal(size=(2, 2)))
            s = np.sort(rng.uniform(.2, .95, 2))
            maps[c, j, :, :2], maps[c, j, :, 2], often[c, j] = u @ np.diag(s) @ v, rng.uniform(-1, 1, 2), abs(np.prod(s)) + .02
        often[c] /= often[c].sum()
    return maps, often.cumsum(1)


def draw_part(kind, part, seed=1):
    "Every so-manieth picture of a kind."
    import torch
    from fastlessons.crops import Crops, photographs
    from fastlessons.designs import designs
    from fastlessons.painter import CLUTTERED, Painter, View
    torch.set_num_threads(1)
    (classes, each), parts = CLASSES[kind], PARTS[kind]
    labels = np.tile(np.arange(classes), each)[part::parts]
    if kind == 'fractals': return fractals(labels, np.random.default_rng([seed, 98, part])), labels
    if kind in ('two', 'dozen'): return Crops(photographs(kind == 'dozen'), classes, seed)(labels, np.random.default_rng([seed, 97, part])).numpy(), labels
    painter, rng = Painter(view=CLUTTERED if kind == 'cluttered' else View()), np.random.default_rng([seed, 99, part])
    made = designs(classes, seed, painter.shapes, painter.stuffs)
    with torch.inference_mode():
        return np.concatenate([painter(made[some], rng).numpy() for some in np.array_split(labels, max(1, len(labels) // 32))]), labels


def pool(kind, folder):
    "Pictures and classes of a kind, drawn once."
    import torch
    from joblib import Parallel, delayed
    file = folder/f'{kind}.npz'
    if not file.exists():
        print(f'drawing {kind} ...', flush=True)
        parts = Parallel(-1)(delayed(draw_part)(kind, i) for i in range(PARTS[kind]))
        np.savez(folder/'part.npz', x=np.concatenate([x for x, _ in parts]), y=np.concatenate([y for _, y in parts]))
        os.replace(folder/'part.npz', file)
    with np.load(file) as kept: return torch.from_numpy(kept['x']), torch.from_numpy(kept['y'])


# Learning

def two_views(x, side, rng):
    "A piece of each picture, 15 % of it or more, squeezed, mirrored, in another light."
    import torch, torch.nn.functional as F
    n, x = len(x), x.float() / 255
    def uniform(*shape): return torch.rand(n, *shape, generator=rng)
    s, flip, squeeze = torch.sqrt(uniform() * .85 + .15), torch.where(uniform() < .5, -1., 1.), torch.exp((uniform() - .5) * .5)
    shift, zero = (2 * uniform(2) - 1) * (1 - s)[:, None], torch.zeros(n)
    theta = torch.stack([torch.stack([s * flip * squeeze, zero, shift[:, 0]], -1), torch.stack([zero, s / squeeze, shift[:, 1]], -1)], 1)
    x = F.grid_sample(x, F.affine_grid(theta, (n, 3, side, side), align_corners=False), padding_mode='reflection', align_corners=False)
    x = x * (1 + .5 * (2 * uniform(1, 1, 1) - 1)) * (1 + .25 * (2 * uniform(3, 1, 1) - 1))
    grey = x.mean((2, 3), keepdim=True)
    x = grey + (x - grey) * (1 + .5 * (2 * uniform(1, 1, 1) - 1))
    x = torch.where(uniform(1, 1, 1) < .2, x.mean(1, keepdim=True), x)
    from fastlessons.pretraining import MEAN, STD
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def contrastive(z, targs, temperature):
    "Pulls pictures of a class together, pushes all others apart; z has length 1 (Khosla et al. 2020, eq. 2)."
    same = (targs[:, None] == targs[None]).float().fill_diagonal_(0)
    logp, n = (z @ z.T / temperature).fill_diagonal_(-1e9).log_softmax(1), same.sum(1)
    return -((logp * same).sum(1) / n.clamp(min=1))[n > 0].mean()


def learn(name, seed, folder, bs=96, lr=2e-3):
    "A body after fifteen minutes of one core, and how many pictures it saw."
    import torch, torch.nn.functional as F
    from torch import nn
    from fastlessons.backbones import WIDTHS, small_body
    from fastlessons.pretraining import changed
    pictures, loss_name = name.split('/')
    pools = [pool(kind, folder) for kind in pictures.split('+')]
    first = np.cumsum([0] + [len(y) for _, y in pools])
    targs = torch.cat([y + sum(int(v.max()) + 1 for _, v in pools[:k]) for k, (_, y) in enumerate(pools)])
    classes, chance = int(targs.max()) + 1, torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    d = WIDTHS[-1]
    body = small_body()
    head = nn.Linear(d, classes) if loss_name == 'ce' else nn.Sequential(nn.Linear(d, d), nn.BatchNorm1d(d), nn.ReLU(), nn.Linear(d, 128))
    net = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).to(memory_format=torch.channels_last)
    opt, order, steps = torch.optim.AdamW(net.parameters(), lr, weight_decay=.05), torch.empty(0, dtype=torch.long), 0
    members = [torch.nonzero(targs == c)[:, 0] for c in range(classes)] if loss_name == 'supcon' else None
    start = time.process_time()
    while (done := (time.process_time() - start) / (60 * MINUTES)) < 1:
        for group in opt.param_groups: group['lr'] = lr * (done / .1 if done < .1 else .5 + .5 * math.cos(math.pi * (done - .1) / .9))
        n, side = bs // 2 if loss_name == 'simclr' else bs, 48 if done < .7 else 64
        if members:
            rows = torch.cat([members[c][torch.randint(len(members[c]), (4,), generator=chance)] for c in torch.randint(classes, (bs // 4,), generator=chance).tolist()])
        else:
            if len(order) < n: order = torch.randperm(len(targs), generator=chance)
            rows, order = order[:n], order[n:]
        rows = rows.sort()[0]
        x = torch.cat([x[rows[(rows >= first[k]) & (rows < first[k + 1])] - int(first[k])] for k, (x, _) in enumerate(pools)])
        yb = torch.arange(n).repeat(2) if loss_name == 'simclr' else targs[rows]
        xb = torch.cat([two_views(x, side, chance) for _ in 'ab']) if loss_name == 'simclr' else two_views(x, side, chance) if members else changed(x, side, chance)
        out = net(xb)
        loss = F.cross_entropy(out, yb, label_smoothing=.1) if loss_name == 'ce' else contrastive(F.normalize(out, dim=1), yb, .1 if members else .2)
        opt.zero_grad()
        loss.backward()
        opt.step()
        steps += 1
    return body, steps * bs


# Judging

def squares(folder, size):
    "The middle of each photograph with an eighth to spare, and its class."
    import torch
    from PIL import Image
    from fastlessons.classes import good_pictures
    found, side, out = good_pictures(folder), size * 9 // 8, []
    for file in found.files:
        picture = Image.open(file).convert('RGB')
        scale = side / min(picture.size)
        w, h = (max(side, round(length * scale)) for length in picture.size)
        left, top = (w - side) // 2, (h - side) // 2
        out.append(np.asarray(picture.resize((w, h), Image.Resampling.BILINEAR).crop((left, top, left + side, top + side))))
    return torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2), np.unique(found.labels, return_inverse=True)[1]


def digit_squares(size):
    "scikit-learn's digits, dark on light, enlarged."
    import torch, torch.nn.functional as F
    from sklearn.datasets import load_digits
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(255 - x.reshape(-1, 1, 8, 8) * 255 / 16, dtype=torch.float32)
    return F.interpolate(x, (size * 9 // 8,) * 2, mode='bilinear').expand(-1, 3, -1, -1).to(torch.uint8).contiguous(), y


def split(targs, train, test, seed):
    "So many of each class to train on and to test."
    rng, parts = np.random.default_rng(seed), ([], [])
    for c in np.unique(targs):
        order = rng.permutation(np.flatnonzero(targs == c))
        parts[0].extend(order[:train])
        parts[1].extend(order[train:train + test])
    return parts


def seen(x, size, rng=None, flip=True):
    "A piece of each picture, normalized: the middle one, or one by chance."
    import torch
    from fastlessons.pretraining import MEAN, STD
    n, spare = len(x), x.shape[-1] - size
    if rng is None: x = x[:, :, spare // 2:spare // 2 + size, spare // 2:spare // 2 + size].float() / 255
    else:
        x = torch.stack([a[:, i:i + size, j:j + size] for a, (i, j) in zip(x, torch.randint(0, spare + 1, (n, 2), generator=rng).tolist())]).float() / 255
        if flip: x = torch.where((torch.rand(n, generator=rng) < .5)[:, None, None, None], x.flip(3), x)
        x = x * (1 + .2 * (2 * torch.rand(n, 1, 1, 1, generator=rng) - 1))
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def tuned_error(body, x, targs, train, test, seed, flip, size=64, epochs=20, bs=32, lr=3e-3, body_lr=1e-3):
    "Error after fine-tuning the whole network."
    import copy, torch, torch.nn.functional as F
    from torch import nn
    from fastlessons.backbones import WIDTHS
    torch.manual_seed(seed)
    chance, targs, train = torch.Generator().manual_seed(seed), torch.as_tensor(targs), torch.tensor(train)
    pooled = nn.Sequential(copy.deepcopy(body), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = nn.Sequential(pooled, nn.Dropout(.2), nn.Linear(WIDTHS[-1], int(targs.max()) + 1)).to(memory_format=torch.channels_last)
    opt = torch.optim.AdamW([dict(params=net[0].parameters(), lr=body_lr), dict(params=net[2].parameters(), lr=lr)], weight_decay=.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, [body_lr, lr], total_steps=epochs * math.ceil(len(train) / bs))
    for _ in range(epochs):
        for rows in train[torch.randperm(len(train), generator=chance)].split(bs):
            loss = F.cross_entropy(net(seen(x[rows], size, chance, flip)), targs[rows], label_smoothing=.05)
            opt.zero_grad()
            loss.backward()
            opt.step()
            schedule.step()
    net.eval()
    with torch.no_grad(): named = torch.cat([net(seen(x[list(rows)], size)).argmax(1) for rows in np.array_split(test, math.ceil(len(test) / 128))])
    return (named != targs[test]).float().mean().item()


def probe_error(body, x, targs, splits, size=64):
    "Error of logistic regression on the features of a body that is left as it is."
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    body.eval()
    with torch.no_grad(): f = torch.cat([body(seen(part, size)).mean((2, 3)) for part in x.split(128)]).numpy()
    errors = []
    for train, test in splits:
        scale = StandardScaler().fit(f[train])
        errors.append(1 - LogisticRegression(C=.01, max_iter=500).fit(scale.transform(f[train]), targs[train]).score(scale.transform(f[test]), targs[test]))
    return float(np.mean(errors))


def run(task):
    "Fifteen minutes of learning, and what fine-tuning makes of it; `nothing` is fine-tuned from weights by chance, at the rate of the head."
    import torch
    from fastlessons.backbones import small_body
    torch.set_num_threads(1)
    torch.manual_seed(task['seed'])
    folder, nothing = Path(os.environ.get('FASTLESSONS_POOLS', 'pools')), task['recipe'] == 'nothing'
    folder.mkdir(parents=True, exist_ok=True)
    body, images = (small_body(), 0) if nothing else learn(task['recipe'], task['seed'], folder)
    out = {'images': images}
    for name, (x, targs), train, test, flip in (('photos', squares(Path(os.environ['FASTLESSONS_REAL'])/'mushroom_photos', 64), 16, 4, True),
                                                ('digits', digit_squares(64), 10, 50, False)):
        out[f'{name}_probe'] = probe_error(body, x, targs, [split(targs, train, test, r) for r in range(12)])
        out[name] = [tuned_error(body, x, targs, *split(targs, train, test, r), r, flip, body_lr=3e-3 if nothing else 1e-3) for r in range(SPLITS)]
    return out


def main():
    from fastlessons.experiments import record
    warnings.filterwarnings('ignore')
    if not os.environ.get('FASTLESSONS_REAL'): return print("pretraining: not run (set FASTLESSONS_REAL to a folder with mushroom_photos)")
    record(__file__, recipe(), [{'recipe': name, 'seed': seed} for seed in SEEDS for name in ('nothing', *RECIPES)], run)


if __name__ == '__main__': main()
