"""Trainings with known causes, for the module `history`: about eight minutes on one core.

Run by `make experiments`; what was interrupted goes on where it stopped. Each run is made again with other settings, and tested on items that
neither the run nor `diagnose` has seen, to find out whether its cause made a difference: that decides what the right verdict is, not the curves.
The runs of `tuning` were looked at while the rules of `diagnose` were written, those of `seen` were kept aside at first and looked at when the rules
were mended, those of `aside` (the same recipes with other seeds) were made when the rules were done."""
import math, os, warnings
from functools import partial
os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset
from fastlessons.digits import batches, digits, network
from fastlessons.epochs import EpochRow
from fastlessons.experiments import record
from fastlessons.training import evaluate, training_loop

CLEARLY = .05  # a difference counts from this share of the loss before training
DEFAULTS = dict(data='digits', items=None, spread=.1, noise=0., hidden=[100], dropout=0., jitter=0., opt='sgd', lr=.1, momentum=0., wd=0., bs=32,
                epochs=20, seed=0, leak=False, loop='ours')


def split(x, y, train, valid, seed):
    "Three parts by chance."
    order = np.random.default_rng(seed).permutation(len(y))
    x, y = torch.tensor(np.asarray(x), dtype=torch.float32), torch.tensor(np.asarray(y), dtype=torch.int64)
    return [TensorDataset(x[p], y[p]) for p in np.split(order, [train, train + valid])]


def raw(c):
    "The inputs and classes of a problem."
    from sklearn import datasets as sets
    if c['data'] in ('wine', 'cancer'):
        x, y = (sets.load_wine if c['data'] == 'wine' else sets.load_breast_cancer)(return_X_y=True)
        return (x - x.mean(0))/x.std(0), y
    n = c['items'] + 1000
    if c['data'] == 'moons': return sets.make_moons(n, noise=c['spread'], random_state=c['seed'])
    if c['data'] == 'circles': return sets.make_circles(n, noise=c['spread'], factor=.5, random_state=c['seed'])
    x = np.random.default_rng(c['seed']).normal(size=(n, 10))
    return x, (x[:, 0]*x[:, 1] > 0).astype(int)  # 'product': the sign of a product


def parts(c):
    "Training, validation and test items; some labels of the first are wrong, or some of the second are copies."
    if c['data'] == 'digits': d = digits(c['items'], seed=c['seed'], label_noise=c['noise']); train, valid, test = d.train, d.valid, d.test
    else:
        x, y = raw(c)
        n = c['items'] or len(y)//2
        train, valid, test = split(x, y, n, (len(y) - n)//2, c['seed'])
        rng, (x, y) = np.random.default_rng(c['seed'] + 1), train.tensors
        wrong = rng.permutation(n)[:round(c['noise']*n)]
        y[wrong] = torch.tensor(rng.integers(0, int(y.max()) + 1, len(wrong)))
    if c['leak']:
        (x, y), g = train.tensors, torch.Generator().manual_seed(c['seed'])
        k = torch.randint(len(y), (len(valid),), generator=g)
        valid = TensorDataset(x[k] + .02*torch.randn(x[k].shape, generator=g), y[k])
    return train, valid, test


class Jitter(nn.Module):
    "The simplest augmentation: a little noise on every input, while training."
    def __init__(self, by): super().__init__(); self.by = by
    def forward(self, x): return x + self.by*torch.randn_like(x) if self.training else x


def model_of(c, inputs, classes):
    "The network of a run."
    if c['hidden'] != 'convolutions': net = network(inputs, *c['hidden'], classes, seed=c['seed'], dropout=c['dropout'])
    else:
        torch.manual_seed(c['seed'])
        net = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, padding=1), nn.ReLU(), nn.Flatten(),
                            nn.Dropout(c['dropout']), nn.Linear(512, classes))
    return nn.Sequential(Jitter(c['jitter']), net) if c['jitter'] else net


def ours(c, model, opt, train, valid, after_epoch):
    "The loop of lesson 02."
    rows = []
    try:
        for row in training_loop(model, F.cross_entropy, opt(model.parameters()), batches(train, c['bs'], seed=c['seed']), batches(valid, 1000), c['epochs']):
            if isinstance(row, EpochRow): rows.append(row); after_epoch()
    except FloatingPointError: rows.append(EpochRow(len(rows), math.nan, *evaluate(model, F.cross_entropy, batches(valid, 1000)))); after_epoch()
    return rows


def fastais(c, model, opt, train, valid, after_epoch):
    "A fastai `Learner` with the one-cycle schedule."
    import fastai.callback.schedule  # noqa: F401
    from fastai.data.core import DataLoader, DataLoaders
    from fastai.learner import Callback, Learner
    from fastai.metrics import accuracy, error_rate
    from fastai.optimizer import Adam, SGD
    from fastlessons.history import rows_of
    watch = Callback(after_epoch=lambda *_: after_epoch())
    loaders = DataLoaders(DataLoader(train, bs=c['bs'], shuffle=True), DataLoader(valid, bs=1000), device='cpu')
    loaders.train.rng.seed(c['seed'])
    made = partial(Adam, wd=c['wd']) if c['opt'] == 'adam' else partial(SGD, mom=c['momentum'], wd=c['wd'])
    learn = Learner(loaders, model, F.cross_entropy, opt_func=made, metrics=accuracy if c['seed'] % 2 else error_rate, cbs=watch)
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(c['epochs'], c['lr'])
    return rows_of(learn)


def train(c):
    "One training: its rows, the test loss after each epoch, the training loss before and after."
    torch.set_num_threads(1)
    train, valid, test = parts(c)
    model = model_of(c, train.tensors[0].shape[1], int(train.tensors[1].max()) + 1)
    def opt(parameters):
        if c['opt'] == 'adam': return torch.optim.AdamW(parameters, c['lr'], weight_decay=c['wd'])
        return torch.optim.SGD(parameters, c['lr'], momentum=c['momentum'], weight_decay=c['wd'])
    loss = lambda items: evaluate(model, F.cross_entropy, batches(items, 1000))[0]
    tests, before = [], loss(train)
    torch.manual_seed(c['seed'])
    rows = (ours if c['loop'] == 'ours' else fastais)(c, model, opt, train, valid, lambda: tests.append(loss(test)))
    return dict(rows=rows, tests=tests, before=before, after=loss(train))


def at_best(run):
    "Test loss after the epoch with the lowest validation loss."
    valid = [r.valid_loss if math.isfinite(r.valid_loss) else math.inf for r in run['rows']]
    return run['tests'][valid.index(min(valid))]


def truth(c, run):
    "What would have helped, tried one after the other: the verdict, and the losses that show it (as it was, as it would have been)."
    clearly, after, end = CLEARLY*run['before'], run['after'], run['tests'][-1]
    if not after <= 1.5*run['before']: return 'diverged', [run['before'], after]
    slower = min(x for k in (3, 10, 30) if math.isfinite(x := train({**c, 'lr': c['lr']/k})['after']))
    if after - slower > clearly: return 'rate too high', [after, slower]
    if end - at_best(run) > clearly: return 'overfitting', [end, at_best(run)]
    longer = at_best(train({**c, 'epochs': 3*c['epochs']}))
    if end - longer > clearly: return 'too early to tell', [end, longer]
    free = {**c, 'hidden': 'convolutions' if c['hidden'] == 'convolutions' else [128, 64], 'dropout': 0., 'wd': 0., 'jitter': 0.}
    able = [train(free), train({**free, 'opt': 'adam', 'lr': .003})]
    fits, tests = min(r['after'] for r in able), min(map(at_best, able))
    if after - fits > clearly and end - tests > clearly: return 'underfitting', [end, tests]
    return 'learning', [end, min(longer, tests)]


def short(x): return None if x is None or not math.isfinite(x) else float(f'{x:.4g}')

def run(task):
    "Trains a task, finds out what is true of it, and keeps its columns."
    c = {**DEFAULTS, **task}
    done = train(c)
    verdict, losses = truth(c, done)
    columns = {name: [short(getattr(row, name)) for row in done['rows']] for name in ('train_loss', 'valid_loss', 'error_rate')}
    return {'truth': verdict, 'was_would_be': [short(x) for x in losses], **columns}


MOONS = dict(data='moons', items=300, hidden=[32], lr=.3, epochs=30)
HARD = dict(data='moons', spread=.35, hidden=[256, 256], opt='adam', lr=.003, bs=10, epochs=60)
TUNING = {
    'learning': [
        ('good', {}), ('good', dict(opt='adam', lr=.002, epochs=12)), ('good', dict(momentum=.9, lr=.03, epochs=15)), ('good', {**MOONS, 'opt': 'adam', 'lr': .02}),
        ('dropout', dict(dropout=.4, epochs=25, opt='adam', lr=.002)), ('dropout', dict(dropout=.5, hidden=[200], epochs=40)),
        ('augmentation', dict(jitter=.3, opt='adam', lr=.003, epochs=25)), ('linear is enough', dict(hidden=[], epochs=40, lr=.5)),
        ('inputs do not tell', {**MOONS, 'spread': .35, 'opt': 'adam', 'lr': .01}), ('inputs do not tell', {**MOONS, 'spread': .25, 'items': 600, 'lr': .5})],
    'overfitting': [
        ('shuffled labels', dict(items=300, noise=1., hidden=[256], epochs=60, lr=.3)), ('shuffled labels', dict(items=200, noise=1., opt='adam', lr=.002, hidden=[200], epochs=25)),
        ('wrong labels', dict(items=400, noise=.4, hidden=[256], opt='adam', lr=.004, epochs=40)), ('wrong labels', dict(noise=.3, hidden=[256], lr=.2, epochs=60)),
        ('wrong labels', {**MOONS, 'items': 100, 'noise': .4, 'hidden': [128, 128], 'opt': 'adam', 'lr': .005, 'epochs': 60}),
        ('few items', {**HARD, 'items': 30}), ('few items', {**HARD, 'items': 40, 'lr': .01, 'hidden': [128, 128], 'epochs': 40}),
        ('few items', dict(items=40, hidden=[512, 512], opt='adam', lr=.003, epochs=60, bs=10))],
    'underfitting': [
        ('linear network', {**MOONS, 'hidden': []}), ('linear network', {**MOONS, 'hidden': [], 'opt': 'adam', 'lr': .03, 'spread': .05}),
        ('linear network', dict(data='product', items=600, hidden=[], opt='adam', lr=.01, epochs=30)),
        ('tiny network', dict(hidden=[2], opt='adam', lr=.01, epochs=40)), ('tiny network', dict(hidden=[1], opt='adam', lr=.02, epochs=30)), ('tiny network', dict(hidden=[3], lr=.3, epochs=60)),
        ('weight decay', dict(wd=.1)), ('weight decay', dict(wd=.03, epochs=25, lr=.2)), ('weight decay', {**MOONS, 'wd': .03}), ('dropout', dict(dropout=.97, opt='adam', lr=.01, epochs=40))],
    'rate too high': [
        ('rate', dict(lr=1.5)), ('rate', dict(lr=3., epochs=15)), ('rate', dict(opt='adam', lr=.1)), ('rate', dict(opt='adam', lr=.3, epochs=12)), ('rate', dict(momentum=.9, lr=.5)),
        ('rate', {**MOONS, 'opt': 'adam', 'lr': .8}), ('rate', {**MOONS, 'lr': 8.}), ('rate', dict(opt='adam', lr=.05, hidden=[100, 100], bs=16))],
    'diverged': [
        ('rate', dict(lr=20., hidden=[100, 100], epochs=10)), ('rate', dict(lr=100., epochs=10)), ('rate', dict(momentum=.95, lr=3., hidden=[64])), ('rate', {**MOONS, 'lr': 1000.}),
        ('rate', dict(opt='adam', lr=30.)), ('rate', dict(lr=50., hidden=[64, 64, 64])), ('rate', dict(momentum=.99, lr=1., hidden=[50]))],
    'too early to tell': [
        ('few epochs', dict(epochs=2)), ('few epochs', dict(epochs=3, lr=.05)), ('few epochs', dict(opt='adam', lr=.001, epochs=2)), ('few epochs', dict(epochs=1, lr=.2)),
        ('few epochs', {**MOONS, 'epochs': 4, 'lr': .1}), ('few epochs', {**MOONS, 'epochs': 5, 'opt': 'adam', 'lr': .005}),
        ('low rate', dict(lr=.003, epochs=10)), ('low rate', {**MOONS, 'lr': .02, 'epochs': 20}), ('low rate', dict(opt='adam', lr=.0001))],
    'no verdict: a leak': [('near-copies', dict(items=100, noise=.3, leak=True, hidden=[256], opt='adam', lr=.003, epochs=30))]}

RINGS, WINE, CANCER = dict(data='circles', items=300, hidden=[32], lr=.3, epochs=30), dict(data='wine', hidden=[32], bs=16), dict(data='cancer', hidden=[32])
CNN, CYCLE = dict(hidden='convolutions', items=600), dict(loop='fastai', opt='adam', lr=.005, epochs=10)
ASIDE = {
    'learning': [
        ('good', {**RINGS, 'opt': 'adam', 'lr': .02}), ('good', {**WINE, 'epochs': 30}), ('good', {**CANCER, 'epochs': 15}), ('good', {**CNN, 'opt': 'adam', 'lr': .002, 'epochs': 15}),
        ('dropout', {**CNN, 'opt': 'adam', 'lr': .002, 'dropout': .5}), ('dropout', {**CANCER, 'dropout': .5, 'opt': 'adam', 'lr': .005}), ('augmentation', {**WINE, 'jitter': .7, 'epochs': 40}),
        ('one cycle', CYCLE), ('one cycle', {**CYCLE, **CNN}), ('inputs do not tell', {**RINGS, 'spread': .2, 'opt': 'adam', 'lr': .01})],
    'overfitting': [
        ('shuffled labels', {**CNN, 'items': 200, 'noise': 1., 'opt': 'adam', 'lr': .003, 'epochs': 30}), ('shuffled labels', {**WINE, 'noise': 1., 'hidden': [256], 'opt': 'adam', 'lr': .003, 'epochs': 40}),
        ('wrong labels', {**CANCER, 'noise': .5, 'hidden': [256], 'opt': 'adam', 'lr': .003, 'epochs': 40}), ('wrong labels', {**WINE, 'noise': .5, 'hidden': [128, 128], 'lr': .1, 'epochs': 80}),
        ('wrong labels', {**CNN, 'items': 300, 'noise': .4, 'opt': 'adam', 'lr': .003, 'epochs': 40}), ('few items', {**HARD, 'data': 'circles', 'items': 40, 'spread': .25}),
        ('few items', {**RINGS, 'items': 30, 'spread': .2, 'hidden': [256, 256], 'opt': 'adam', 'lr': .005, 'epochs': 60, 'bs': 10}),
        ('few items', dict(data='product', items=60, hidden=[128, 128], opt='adam', lr=.002, epochs=40)), ('wrong labels, one cycle', {**CYCLE, 'items': 400, 'noise': .5, 'hidden': [300], 'epochs': 40, 'lr': .01})],
    'underfitting': [
        ('linear network', {**RINGS, 'hidden': []}), ('linear network', {**RINGS, 'hidden': [], 'opt': 'adam', 'lr': .03, 'spread': .05}), ('tiny network', {**RINGS, 'hidden': [2], 'opt': 'adam', 'lr': .03, 'epochs': 50}),
        ('tiny network', dict(hidden=[3], opt='adam', lr=.02, epochs=50)), ('weight decay', {**CNN, 'wd': .1, 'epochs': 25}), ('weight decay', {**WINE, 'wd': .2, 'epochs': 30}),
        ('weight decay', {**CANCER, 'wd': .3, 'epochs': 25}), ('dropout', {**RINGS, 'dropout': .9, 'opt': 'adam', 'lr': .01, 'epochs': 40}), ('tiny network, one cycle', {**CYCLE, 'hidden': [2], 'epochs': 25, 'lr': .02})],
    'rate too high': [
        ('rate', {**CNN, 'lr': .7}), ('rate', {**CNN, 'opt': 'adam', 'lr': .05}), ('rate', {**WINE, 'lr': 10.}), ('rate', {**CANCER, 'opt': 'adam', 'lr': 1.}), ('rate', {**CANCER, 'lr': 20.}),
        ('rate', {**RINGS, 'opt': 'adam', 'lr': .8}), ('rate', {**RINGS, 'lr': 8.}), ('rate', {**CNN, 'momentum': .9, 'lr': .2}), ('rate', dict(hidden=[64, 64, 64], opt='adam', lr=.08)),
        ('rate, one cycle', {**CYCLE, 'lr': 1.5, 'epochs': 12})],
    'diverged': [
        ('rate', {**CNN, 'lr': 50., 'epochs': 10}), ('rate', {**CNN, 'opt': 'adam', 'lr': 10., 'epochs': 12}), ('rate', {**WINE, 'lr': 1000.}), ('rate', {**WINE, 'opt': 'adam', 'lr': 100., 'hidden': [32, 32]}),
        ('rate', {**CANCER, 'lr': 500., 'hidden': [32, 32]}), ('rate', {**RINGS, 'lr': 300., 'hidden': [64, 64]}), ('rate', {**CANCER, 'momentum': .99, 'lr': 30.}), ('rate, one cycle', {**CYCLE, 'opt': 'sgd', 'lr': 300., 'hidden': [100, 100]})],
    'too early to tell': [
        ('few epochs', {**CNN, 'epochs': 2}), ('few epochs', {**WINE, 'epochs': 3, 'lr': .03}), ('few epochs', {**CANCER, 'epochs': 2, 'lr': .02}), ('few epochs', {**RINGS, 'epochs': 6, 'opt': 'adam', 'lr': .01}),
        ('low rate', {**RINGS, 'lr': .03, 'epochs': 25}), ('low rate', {**WINE, 'lr': .003}), ('low rate', {**CNN, 'opt': 'adam', 'lr': .0001, 'epochs': 15}), ('one cycle, few epochs', {**CYCLE, 'epochs': 2, 'lr': .001})],
    'no verdict: a leak': [('near-copies', {**CANCER, 'items': 60, 'noise': .4, 'leak': True, 'hidden': [128], 'opt': 'adam', 'lr': .003, 'epochs': 40})]}


LATER = {  # added after a first look at those above, with the rules as they were: most that had diverged there were NaN at once, which is no test
    'diverged': [
        ('rate', {**RINGS, 'lr': 60., 'hidden': [64, 64]}), ('rate', {**CANCER, 'lr': 100.}), ('rate', {**WINE, 'lr': 60., 'hidden': [32, 32]}), ('rate', {**CNN, 'lr': 10.}), ('rate', {**CNN, 'momentum': .95, 'lr': 2.}),
        ('rate', dict(hidden=[64, 64, 64], opt='adam', lr=3.)), ('rate', dict(hidden=[200], lr=40., epochs=12)), ('rate, one cycle', {**CYCLE, 'opt': 'sgd', 'lr': 30., 'epochs': 12})],
    'rate too high': [
        ('rate', {**WINE, 'lr': 3., 'epochs': 30}), ('rate', {**CANCER, 'lr': 4.}), ('rate', {**RINGS, 'lr': 4., 'items': 400}), ('rate', {**WINE, 'opt': 'adam', 'lr': .5}), ('rate', {**CNN, 'lr': 1.2})]}


def tasks():
    "Every run to make, with a seed of its own."
    for half, first, groups in (('tuning', 0, TUNING), ('seen', 100, ASIDE), ('seen', 200, LATER), ('aside', 400, ASIDE), ('aside', 500, LATER)):
        for i, (meant, cause, settings) in enumerate((meant, *one) for meant, some in groups.items() for one in some):
            yield {'half': half, 'meant': meant, 'cause': cause, **settings, 'seed': first + i}


def recipe():
    "All that decides the figures, but for task and machine."
    return {'lesson': '05', 'clearly': CLEARLY, 'defaults': DEFAULTS, 'version': 1}


if __name__ == '__main__':
    warnings.filterwarnings('ignore', category=FutureWarning)
    record(__file__, recipe(), list(tasks()), run, digits=12)
