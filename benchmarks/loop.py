"""Seconds a training step takes beyond PyTorch's own work: our loop, fastai's `Learner.fit`, and a bare loop, on the same network and the same tensors.

The batches are tensors in memory, so nothing but the loop differs. All three in turn, in many short rounds; the figure is the median of the rounds' ratios to
bare, so that a slow moment of the machine decides nothing. Two networks: the digits' (steps of half a millisecond, where overhead shows most) and lesson
01's on 32×32 pictures. About a minute."""
import warnings
from statistics import median
from time import perf_counter

import torch
from torch.nn import functional as F

GOAL = .05
SIZES = {'digits, bs 32': (300, 2), "lesson 01's network, bs 32": (15, 1)}  # rounds, epochs of a round


def cases():
    "Name → a function that makes the network anew, and its batches."
    from fastlessons.digits import batches, digits, network
    from fastlessons.mushrooms import small_network
    g = torch.Generator().manual_seed(0)
    pictures = [(torch.randn(32, 3, 32, 32, generator=g), torch.randint(0, 8, (32,), generator=g)) for _ in range(10)]
    return {'digits, bs 32': (lambda: network(64, 100, 10), list(batches(digits().train, 32, seed=0))),
            "lesson 01's network, bs 32": (lambda: small_network(8), pictures)}


def bare(net, train, epochs):
    "What there is to do, and no more; one reads the loss, or one could not watch."
    opt = torch.optim.SGD(net.parameters(), .01)
    for _ in range(epochs):
        for xb, yb in train:
            loss = F.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            loss.item()


def ours(net, train, epochs):
    from fastlessons.training import Run
    Run(net, F.cross_entropy, torch.optim.SGD(net.parameters(), .01), train).fit(epochs)


def fastais(net, train, epochs):
    "The same optimizer; no bar, no table, no validation."
    from functools import partial
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper
    learn = Learner(DataLoaders(train, []), net, loss_func=F.cross_entropy, opt_func=partial(OptimWrapper, opt=torch.optim.SGD))
    with learn.no_bar(), learn.no_logging(): learn.fit(epochs, .01)


def quantile(values, share): return sorted(values)[round(share*(len(values) - 1))]


def seconds(loop, make, train, epochs):
    net = make().train()
    start = perf_counter()
    loop(net, train, epochs)
    return perf_counter() - start


def main():
    warnings.filterwarnings('ignore')
    worst = {}
    for name, (make, train) in cases().items():
        rounds, epochs = SIZES[name]
        loops = {'bare': bare, 'ours': ours, 'fastai': fastais}
        for loop in loops.values(): seconds(loop, make, train, 1)                      # warm
        took = {k: [] for k in loops}
        for n in range(rounds):
            for k in list(loops)[n % 3:] + list(loops)[:n % 3]: took[k].append(seconds(loops[k], make, train, epochs))
        steps = epochs*len(train)
        print(f'{name}: {rounds} rounds of {steps} steps')
        for k in loops:
            ratios = [t/b - 1 for t, b in zip(took[k], took['bare'])]
            worst.setdefault(k, []).append(median(ratios))
            print(f'  {k:7} {1000*median(took[k])/steps:8.3f} ms a step, over bare {median(ratios):+7.1%}  (middle half of the rounds {quantile(ratios, .25):+.1%} to {quantile(ratios, .75):+.1%})')
    print(f"loop: over bare {max(worst['ours']):.1%}, fastai {max(worst['fastai']):.1%} (goal at most {GOAL:.0%} and below fastai)")


if __name__ == '__main__': main()
