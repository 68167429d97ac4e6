"""The runs that lesson 05 shows as recorded: memorizing, telltales, copies, choosing, curves to read, and remedies. Three to four minutes on one core.

Run by `make experiments`; each run is kept as soon as it is done. Sizes, rates and strengths were chosen with seeds below 10. Two things were not blind: the five cases of
`reading` were exchanged for clearer ones after a first look at the seeds recorded here, and "smudged pictures" joined the remedies after a first look at the others. What the
lesson asserts was read off these runs; other seeds may differ (with seed 2024 two remedies do not lower the loss)."""
import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset
from fastlessons.digits import Changed, batches, digits, network
from fastlessons.experiments import record
from fastlessons.training import Run, evaluate

SEEDS = range(10, 18)
RECIPE = {'lesson': '05', 'data': "scikit-learn's digits, 360 for validation, 360 to test", 'network': '64, 200, 200, 10 unless said', 'optimizer': 'AdamW, rate 0.003',
          'bs': 32, 'version': 1}
CASES = ('0 against 1', '150 digits, three labels in ten by chance', 'far too much weight decay', 'dropout', 'smudged pictures')
REMEDIES = ('none', 'four times the data', 'shifted pictures', 'smudged pictures', '10 hidden units', 'dropout', 'weight decay', 'fewer epochs')


def start(train, valid, seed, sizes=(64, 200, 200, 10), dropout=0., decay=0.):
    "A new network and a run that trains it; `train` is a data set, or batches that are ready."
    torch.manual_seed(seed)
    model = network(*sizes, seed=seed, dropout=dropout)
    train = batches(train, 32, seed) if isinstance(train, TensorDataset) else train
    return model, Run(model, F.cross_entropy, torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=decay), train, batches(valid, 500))


def measured(model, dataset): return evaluate(model, F.cross_entropy, batches(dataset, 500))


def shifted(xb, order):
    "Each picture moved by at most a pixel, up or down and left or right."
    wide, moves = F.pad(xb.view(-1, 8, 8), (1, 1, 1, 1)), torch.randint(0, 3, (len(xb), 2), generator=order).tolist()
    return torch.stack([p[r:r+8, c:c+8] for p, (r, c) in zip(wide, moves)]).flatten(1)


def smudged(xb, order, amount=.4):
    "Every grey value a little off."
    return xb + amount*torch.randn(xb.shape, generator=order)


def labels(seed, labels):
    d = digits(200, seed=seed)
    x, y = d.train.tensors
    train = d.train if labels == 'true' else TensorDataset(x, y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))])
    model, run = start(train, d.valid, seed)
    last, (train_loss, train_error) = run.fit(60)[-1], measured(model, train)
    return {'train_loss': train_loss, 'train_error': train_error, 'valid_loss': last.valid_loss, 'valid_error': last.error_rate}


def pair(dataset, first, second, lighter=()):
    "Only two of the digits, as 0 and 1; the ground of those in `lighter` is raised."
    x, y = dataset.tensors
    keep = (y == first) | (y == second)
    x, y = x[keep], (y[keep] == second).long()
    light = torch.tensor([c in lighter for c in y.tolist()])[:, None]
    return TensorDataset(torch.where(light, .3 + .7*x, x), y)


def telltale(seed, ground):
    d, lighter = digits(seed=seed), {'tells': (1,), 'plain': ()}[ground]
    model, run = start(pair(d.train, 3, 8, lighter), pair(d.valid, 3, 8, lighter), seed, (64, 50, 2))
    last = run.fit(20)[-1]
    tests = {name: measured(model, pair(d.test, 3, 8, l))[1] for name, l in {'same': lighter, 'dark': (), 'swapped': (0,)}.items()}
    return {'train_loss': last.train_loss, 'valid_loss': last.valid_loss, 'valid_error': last.error_rate, **{f'error_{k}': v for k, v in tests.items()}}


def parts(model, dataset):
    "The mean loss as the share of right and of wrong answers, and how sure the wrong ones are."
    x, y = dataset.tensors
    with torch.no_grad(): logp = model.eval()(x).log_softmax(1)
    loss, (top, said) = F.nll_loss(logp, y, reduction='none'), logp.exp().max(1)
    wrong = said != y
    return {'right': loss[~wrong].sum().item()/len(y), 'wrong': loss[wrong].sum().item()/len(y), 'sure': top[wrong].mean().item()}


def surer(seed):
    d = digits(200, seed=seed)
    (model, run), seen = start(d.train, d.valid, seed), []
    for _ in range(100):
        run.fit(1)
        seen.append(parts(model, d.valid))
    best = int(np.argmin([r.valid_loss for r in run.epochs]))
    return {'lowest': best, **{f'{name}_{k}': v for name, e in (('at', best), ('end', -1)) for k, v in
            {'valid_loss': run.epochs[e].valid_loss, 'error': run.epochs[e].error_rate, **seen[e]}.items()}}


def copied(dataset, order, times=5):
    "Every picture several times, each with other small smudges."
    x, y = dataset.tensors
    x, y = x.repeat(times, 1), y.repeat(times)
    return TensorDataset((x + .05*torch.randn(x.shape, generator=order)).clamp(0, 1), y)


def split(dataset, order, share=.2):
    "Two parts by chance: the larger one, and `share` of all."
    parts = torch.randperm(len(dataset), generator=order).split([len(dataset) - round(share*len(dataset)), round(share*len(dataset))])
    return [TensorDataset(*(t[p] for t in dataset.tensors)) for p in parts]


def copies(seed, first):
    order, d = torch.Generator().manual_seed(seed), digits(200, seed=seed)
    train, valid = split(copied(d.train, order), order) if first == 'copied' else (copied(p, order) for p in split(d.train, order))
    model, run = start(train, valid, seed)
    return {'valid_error': run.fit(20)[-1].error_rate, 'test_error': measured(model, d.test)[1]}


def choosing(seed):
    "Mean error of the model chosen: on the pictures it was chosen by, and on others."
    d, rng, wrong = digits(100, seed=seed), np.random.default_rng(seed), []
    x, y = (torch.cat(t) for t in zip(d.valid.tensors, d.test.tensors))
    for k in range(30):
        model = network(64, (20, 50, 100)[k % 3], 10, seed=100*seed + k)
        Run(model, F.cross_entropy, torch.optim.Adam(model.parameters(), (1e-3, 3e-3, 1e-2)[k//3 % 3]), batches(d.train, 32, seed=k)).fit(15)
        with torch.no_grad(): wrong.append((model(x).argmax(1) != y).numpy())
    wrong, out = np.array(wrong), {}
    for n in (1, 3, 10, 30):
        seen = []
        for _ in range(500):
            some, order = rng.choice(30, n, replace=False), rng.permutation(len(y))
            valid = wrong[some][:, order[:40]].mean(1)
            seen.append((valid.min(), wrong[some[valid.argmin()], order[40:]].mean()))
        out[f'valid_{n}'], out[f'test_{n}'] = np.mean(seen, axis=0).tolist()
    return out


def reading(seed, case):
    d = digits(seed=seed)
    train, valid, sizes, dropout, decay = d.train, d.valid, (64, 200, 10), 0., 0.
    if case == '0 against 1': train, valid, sizes = pair(d.train, 0, 1), pair(d.valid, 0, 1), (64, 50, 2)
    elif case == 'far too much weight decay': decay = 20.
    elif case == 'dropout': dropout = .85
    elif case.startswith('150'): train, sizes = digits(150, seed=seed, label_noise=.3).train, (64, 200, 200, 10)
    shown = Changed(batches(train, 32, seed), smudged, seed) if case == 'smudged pictures' else train
    model, run = start(shown, valid, seed, sizes, dropout, decay)
    rows = run.fit(40)
    return {'train_as_valid': measured(model, train)[0], **{c: [round(getattr(r, c), 3) for r in rows] for c in ('train_loss', 'valid_loss', 'error_rate')}}


def remedied(seed, remedy, wrong_labels):
    d = digits(800 if remedy == 'four times the data' else 200, seed=seed, label_noise=wrong_labels)
    train = batches(d.train, 32, seed)
    if remedy in CHANGES: train = Changed(train, CHANGES[remedy], seed)
    sizes = (64, 10, 10) if remedy == '10 hidden units' else (64, 200, 200, 10)
    model, run = start(train, d.valid, seed, sizes, dropout=.5*(remedy == 'dropout'), decay=1.*(remedy == 'weight decay'))
    best = (float('inf'), 0, None)
    for epoch in range(60):
        row = run.fit(1)[-1]
        if row.valid_loss < best[0]: best = (row.valid_loss, epoch, copy.deepcopy(model.state_dict()))
    if remedy == 'fewer epochs': model.load_state_dict(best[2])
    (valid_loss, valid_error), (test_loss, test_error) = measured(model, d.valid), measured(model, d.test)
    return {'lowest': best[1], 'valid_loss': valid_loss, 'valid_error': valid_error, 'test_loss': test_loss, 'test_error': test_error}


CHANGES = {'shifted pictures': shifted, 'smudged pictures': smudged}
RUNS = {f.__name__: f for f in (labels, telltale, surer, copies, choosing, reading, remedied)}
TASKS = ([{'what': 'labels', 'labels': l, 'seed': s} for l in ('true', 'shuffled') for s in SEEDS]
    + [{'what': 'telltale', 'ground': g, 'seed': s} for g in ('tells', 'plain') for s in SEEDS]
    + [{'what': 'surer', 'seed': s} for s in SEEDS]
    + [{'what': 'copies', 'first': f, 'seed': s} for f in ('copied', 'split') for s in SEEDS]
    + [{'what': 'choosing', 'seed': s} for s in SEEDS]
    + [{'what': 'reading', 'case': c, 'seed': s} for c in CASES for s in SEEDS[:5]]
    + [{'what': 'remedied', 'wrong_labels': w, 'remedy': r, 'seed': s} for w in (.2, 0.) for r in REMEDIES for s in SEEDS])


def run(task): return RUNS[task['what']](**{k: v for k, v in task.items() if k != 'what'})


if __name__ == '__main__':
    torch.set_num_threads(1)
    record(__file__, RECIPE, TASKS, run)
