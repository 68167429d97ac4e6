"""The runs that lesson 07 shows as recorded: three rates, training at what the range tests suggest and at ten times more and less, and which of four
hyper-parameters matters most. Six minutes on one core; with 'mushrooms' among the PROBLEMS a quarter of an hour more.

Run by `make experiments`; each run is kept as soon as it is done. Sizes, epochs and the grid of rates were chosen with seeds below 10, and so was the middle
around which the four hyper-parameters vary. The mushrooms have fewer seeds and no grid of rates, because they take longest."""
import os, warnings
os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset
from fastlessons.digits import batches, digits, network
from fastlessons.experiments import record
from fastlessons.training import Run, evaluate

PROBLEMS = 'digits', 'cancer'                              # add 'mushrooms', and only what is missing is run
SEEDS = {'digits': range(10, 16), 'cancer': range(10, 16), 'mushrooms': range(10, 13)}
EPOCHS = {'digits': 8, 'cancer': 8, 'mushrooms': 15}
GRID = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.]
FACTORS = .1, 1, 10
SMITH = {'digits': 2., 'cancer': 10.}
MIDDLE = {'learning rate': 3e-3, 'batch size': 32, 'hidden units': 64, 'weight decay': .01}
SHARES = 1/16, 1/4, 1, 4, 16
RECIPE = {'lesson': '07', 'digits': '1,077 to train on, 64-100-10', 'cancer': "scikit-learn's breast cancer table, 285 to train on, 30-50-2, bs 16", 'grid': GRID, 'smith': SMITH,
          'mushrooms': 'drawn, small_learner, test: 25 a kind', 'epochs': EPOCHS, 'schedule': "fastai's fit_one_cycle, Adam", 'version': 1,
          'middle': MIDDLE, 'important': '15 epochs at a fixed rate, AdamW', 'three': 'SGD, 15 epochs, bs 32'}


def cancer(seed):
    "569 rows of 30 measurements, 2 classes, in three parts; each measurement has mean 0 and deviation 1 in the first."
    from sklearn.datasets import load_breast_cancer
    x, y = load_breast_cancer(return_X_y=True)
    parts = np.split(np.random.default_rng(seed).permutation(len(y)), [285, 427])
    x = (x - x[parts[0]].mean(0))/x[parts[0]].std(0)
    return [TensorDataset(torch.tensor(x[p], dtype=torch.float32), torch.tensor(y[p])) for p in parts]


def parts(problem, seed):
    "Items to train on, for validation, to test; sizes of the network; batch size."
    if problem == 'cancer': return *cancer(seed), (30, 50, 2), 16
    d = digits(seed=seed)
    return d.train, d.valid, d.test, (64, 100, 10), 32


def small_one(problem, seed, **kw):
    "A learner that knows nothing, and how to measure it: loss and error rate on test items."
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    train, valid, test, sizes, bs = parts(problem, seed)
    dls = DataLoaders(batches(train, bs, seed=seed), batches(valid, 500))
    return Learner(dls, network(*sizes, seed=seed), loss_func=F.cross_entropy, **kw), lambda learn: evaluate(learn.model, F.cross_entropy, batches(test, 500))


def mushrooms(seed):
    "The same for the drawn mushrooms."
    from fastai.torch_core import set_seed
    from fastlessons.mushrooms import guesses, mushroom_dls, small_learner, wrong_rate
    from fastlessons.pictures import drawn_folder, fresh_folder
    from fastlessons.settings import Settings
    set_seed(seed)
    learn, test = small_learner(mushroom_dls(drawn_folder(), settings=Settings(seed=seed, size=64, bs=32)), seed), fresh_folder()
    def measured(learn):
        said = guesses(learn, test)
        return float(np.mean([g.loss for g in said])), wrong_rate(said)
    return learn, measured


def advice(seed, problem):
    "What is suggested, and the test loss and error rate of trainings at it, at ten times more and less, and on a grid."
    from fastlessons.rates import range_test, suggestions, twin
    learn, measured = mushrooms(seed) if problem == 'mushrooms' else small_one(problem, seed)
    def trained(lr, fit='fit_one_cycle'):
        with twin(learn) as other:
            getattr(other, fit)(EPOCHS[problem], lr)
            return lr, *measured(other)
    test = range_test(learn)
    suggested = suggestions(test)
    out = {'suggested': suggested, 'lrs': test.lrs, 'losses': test.losses,
           'at': {name: [trained(lr*f) for f in FACTORS] for name, lr in suggested.items()}, 'slide': slide(test)}
    if problem != 'mushrooms': out |= {'grid': [trained(lr) for lr in GRID], 'fixed': [trained(lr, 'fit') for lr in GRID]}
    return out


def smith(seed, problem):
    "The two bounds of Smith's test, and trainings with plain gradient descent at them, between them, and far from them."
    from fastai.callback.schedule import ParamScheduler
    from fastai.optimizer import SGD
    from fastlessons.rates import smith_bounds, smith_test, twin
    learn, measured = small_one(problem, seed, opt_func=SGD)
    rows = smith_test(learn, end_lr=SMITH[problem], times=30)
    low, high = smith_bounds(rows)
    def cycle(pct): return low + (high - low)*(1 - abs(2*(4*pct % 1) - 1))       # up and down on straight lines, four times
    def trained(lr):
        with twin(learn) as other:
            if callable(lr): other.fit(EPOCHS[problem], cbs=ParamScheduler({'lr': lr}))
            else: other.fit(EPOCHS[problem], lr)
            return measured(other)
    rates = {'low bound': low, 'high bound': high, 'up and down between them': cycle, 'high bound / 10': high/10, 'high bound × 10': high*10}
    return {'rows': rows, 'low': low, 'high': high, 'at': {name: trained(lr) for name, lr in rates.items()}}


def slide(test):
    "What fastai's fourth rule says of the same curve."
    from fastai.callback.schedule import slide
    lrs, losses = test.judged
    return slide(torch.tensor(lrs), torch.tensor(losses), test.num_it)[0]


def important(seed, problem, which, share):
    "Test loss and error rate with one of the four hyper-parameters smaller or larger, the others as in the middle."
    h = {**MIDDLE, which: MIDDLE[which]*share} if which else MIDDLE
    train, valid, test, sizes, _ = parts(problem, seed)
    model = network(sizes[0], round(h['hidden units']), sizes[2], seed=seed)
    opt = torch.optim.AdamW(model.parameters(), h['learning rate'], weight_decay=h['weight decay'])
    Run(model, F.cross_entropy, opt, batches(train, round(h['batch size']), seed=seed)).fit(15)
    loss, error = evaluate(model, F.cross_entropy, batches(test, 500))
    return {'value': h.get(which), 'test_loss': loss, 'test_error': error}


def three(seed, lr):
    "Losses after each epoch; hidden units that answer to no training picture at the end."
    d, model = digits(seed=seed), network(64, 100, 10, seed=seed)
    rows = Run(model, F.cross_entropy, torch.optim.SGD(model.parameters(), lr), batches(d.train, 32, seed=seed), batches(d.valid, 360)).fit(15)
    with torch.no_grad(): dead = (model[:2](d.train[:][0]) == 0).all(0).sum().item()
    return {'valid_loss': [r.valid_loss for r in rows], 'error_rate': rows[-1].error_rate, 'dead': dead}


RUNS = {f.__name__: f for f in (three, smith, advice, important)}
TASKS = ([{'what': 'three', 'lr': lr, 'seed': s} for lr in (.003, .3, 3.) for s in SEEDS['digits']]
    + [{'what': 'smith', 'problem': p, 'seed': s} for p in SMITH for s in SEEDS[p]]
    + [{'what': 'important', 'problem': p, 'which': w, 'share': x, 'seed': s} for p in ('digits', 'cancer')
       for w, x in [('', 1), *((w, x) for w in MIDDLE for x in SHARES if x != 1)] for s in list(SEEDS[p])[:5]]
    + [{'what': 'advice', 'problem': p, 'seed': s} for p in PROBLEMS for s in SEEDS[p]])


def run(task): return RUNS[task['what']](**{k: v for k, v in task.items() if k != 'what'})


if __name__ == '__main__':
    warnings.filterwarnings('ignore', category=FutureWarning)
    torch.set_num_threads(1)
    record(__file__, RECIPE, TASKS, run)
