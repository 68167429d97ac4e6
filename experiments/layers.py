"""The runs that lesson 12 shows as recorded: what each layer likes before and after four trainings that differ in the rate of the early layers. About six minutes on one core.

Run by `make experiments`; each run is written as soon as it is done. Epochs and rates are those of the lesson's own training; nothing was chosen by these runs;
what the lesson asserts of them was read off them."""
from fastlessons.experiments import record

SEEDS, ARMS, EPOCHS, LR, SIDE = range(5), ('lr_mult 100', 'lr_mult 2', 'lr_mult 1', 'from nothing'), 4, 1e-2, 96
PLACES = ('0.0.2', '0.0', '0.1', '0.2', '0.3', '0.4', '0.5')   # first filters, stem, pooling and four blocks


def recipe():
    "All that decides the figures, but for task and machine."
    from fastlessons.backbones import read_weights
    from fastlessons.drawing import VERSION
    from fastlessons.finetuning import WEIGHTS
    return {'lesson': '12', 'pictures': 'the drawn mushrooms', 'drawing': VERSION, 'size': SIDE, 'bs': 16, 'epochs': EPOCHS, 'lr': LR, 'layers': list(PLACES), 'favourites': 9, 'roughness': 'within each colour',
            'network': 'backbone ' + read_weights(WEIGHTS)[1]['sha256'][:12]}


def chance_network(body, x):
    "Weights by chance at their best: no block adds nothing, and normalization has seen these pictures."
    import copy
    import torch
    from torch import nn
    body = copy.deepcopy(body).train()
    for layer in body.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
            layer.reset_running_stats()
            layer.momentum = None
    with torch.no_grad():
        for part in x.split(64): body(part)
    return body.eval()


def run(task):
    "Favourites before and after one training."
    import copy
    import numpy as np
    import torch
    from fastai.torch_core import set_seed
    from fastlessons.answers import guesses, wrong_rate
    from fastlessons.excitation import as_input, favourites, favourites_of, kept, purity, square
    from fastlessons.finetuning import learner
    from fastlessons.layers import filter_pictures, roughness
    from fastlessons.mushrooms import mushroom_dls
    torch.set_num_threads(1)
    seed, arm = task['seed'], task['arm']
    dls = mushroom_dls(seed=seed, size=SIDE, bs=16, device='cpu')
    files = sorted([*dls.train_ds.items, *dls.valid_ds.items])
    labels, pictures = [f.parent.name for f in files], [square(f, SIDE) for f in files]
    def liked(model): return favourites_of(model, PLACES, pictures, size=SIDE)
    set_seed(seed)
    learn = learner(dls, pretrained=arm != 'from nothing', seed=seed)
    first = copy.deepcopy(learn.model)
    before, out = liked(first), {'rough_before': float(np.median(roughness(filter_pictures(first))))}
    with learn.no_bar(), learn.no_logging():
        if arm == 'from nothing': learn.fit_one_cycle(EPOCHS + 1, LR)       # as many passes as fine_tune makes
        else: learn.fine_tune(EPOCHS, LR, lr_mult=int(arm.split()[1]))
    after = liked(learn.model)
    nothing = learner(dls, pretrained=False, seed=seed).model[0]
    chance = favourites(chance_network(nothing, as_input(pictures[::2], 3)), '5', pictures, size=SIDE)
    shuffled = list(np.random.default_rng(seed).permutation(labels))
    def pure(found, labels): return float(np.nanmean(purity(found, labels)))
    last = PLACES[-1]
    return {**out, 'rough_after': float(np.median(roughness(filter_pictures(learn.model)))), 'error': wrong_rate(guesses(learn)),
            'kept': [float(np.nanmean(kept(before[p], after[p]))) for p in PLACES],
            'pure_before': pure(before[last], labels), 'pure_after': pure(after[last], labels), 'pure_chance': pure(chance, labels), 'pure_shuffled': pure(after[last], shuffled)}


def main():
    import warnings
    warnings.filterwarnings('ignore')
    record(__file__, recipe(), [dict(arm=arm, seed=seed) for seed in SEEDS for arm in ARMS], run)


if __name__ == '__main__': main()
