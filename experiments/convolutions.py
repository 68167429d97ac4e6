"""The runs that lesson 08 shows as recorded: a CNN against a fully connected network of as many weights on digits, with their pixels in place and shuffled; and one hidden layer that is
to fit a curve. Some minutes on one core.

Run by `make experiments`; each run is kept as soon as it is done. Every kind of network has its own learning rate in `RATES`: of 0.003, 0.01 and 0.03 the one with the fewest validation errors
with seeds 0 to 2, which are not among those recorded (`python experiments/convolutions.py rates` shows them). With the same seeds the CNN was chosen: one of as many weights that halved
its pictures by strides, and not by pooling, was hardly better than the fully connected network. `seconds` are those of one core of the machine that recorded them: compare
them with one another. What the lesson asserts of the races was read off these runs."""
import sys, time

import torch
import torch.nn.functional as F
from fastlessons.convolutions import as_pictures, curve, fully_connected, inside_and_outside, small_cnn
from fastlessons.digits import batches, digits, network
from fastlessons.experiments import record
from fastlessons.training import Run, evaluate

SEEDS = range(10, 18)
RATES = {'CNN': 1e-2, 'fully connected': 1e-2}
EPOCHS, LONGER = 20, 3
MODELS = {'CNN': small_cnn, 'fully connected': fully_connected}
RECIPE = {'lesson': '08', 'data': "scikit-learn's digits, 360 to test", 'bs': 32, 'optimizer': 'Adam', 'rates': RATES, 'epochs': EPOCHS, 'longer': LONGER,
          'curve': 'Adam, rate 0.01, 200 points at once', 'version': 1}


def race(seed, model, pixels, n, epochs=EPOCHS, rate=None):
    "Error rate on the test set, and the seconds of the training."
    d, net = digits(n, seed=seed), MODELS[model](seed=seed)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(seed)) if pixels == 'shuffled' else None
    run = Run(net, F.cross_entropy, torch.optim.Adam(net.parameters(), rate or RATES[model]), batches(as_pictures(d.train, order), 32, seed))
    start = time.process_time()
    run.fit(epochs)
    spent = time.process_time() - start
    (_, valid), (loss, error) = (evaluate(net, F.cross_entropy, batches(as_pictures(part, order), 500)) for part in (d.valid, d.test))
    return {'seconds': spent, 'valid_error': valid, 'test_loss': loss, 'test_error': error}


def fit(seed, width, steps):
    "How far a trained network is from the curve, inside of the region where it was trained and outside."
    net, x = network(1, width, 1, seed=seed), torch.linspace(-3, 3, 200)[:, None]
    opt = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(steps):
        loss = F.mse_loss(net(x), curve(x))
        opt.zero_grad()
        loss.backward()
        opt.step()
    return dict(zip(('inside', 'outside'), inside_and_outside(net)))


RUNS = {f.__name__: f for f in (race, fit)}
TASKS = ([{'what': 'race', 'model': m, 'pixels': p, 'n': n, 'seed': s} for n in (1077, 200) for m in MODELS for p in ('in place', 'shuffled') for s in SEEDS]
    + [{'what': 'race', 'model': 'fully connected', 'pixels': 'in place', 'n': n, 'epochs': LONGER*EPOCHS, 'seed': s} for n in (1077, 200) for s in SEEDS]
    + [{'what': 'fit', 'width': w, 'steps': 3000, 'seed': s} for w in (2, 8, 64) for s in SEEDS]
    + [{'what': 'fit', 'width': 64, 'steps': 300, 'seed': s} for s in SEEDS])


def run(task): return RUNS[task['what']](**{k: v for k, v in task.items() if k != 'what'})


def rates():
    "How the learning rates were chosen: mean validation error of seeds 0 to 2."
    for model in MODELS:
        for rate in (3e-3, 1e-2, 3e-2):
            errors = [race(s, model, 'in place', n, rate=rate)['valid_error'] for n in (1077, 200) for s in range(3)]
            print(f'{model:16} {rate:<6} {sum(errors)/len(errors):.4f}', flush=True)


if __name__ == '__main__':
    torch.set_num_threads(1)
    rates() if sys.argv[1:] == ['rates'] else record(__file__, RECIPE, TASKS, run)
