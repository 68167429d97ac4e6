"""Ways of fine-tuning the course's backbone on few pictures: which head, how many epochs with a frozen body, which rate. About an hour on one core.

The workshop's notebook on fine-tuning shows the runs. Each way learns from the same pictures: photographs of ten mushroom species, 16 of each, and scikit-learn's digits, 10 of each; two splits a seed.
Two of them had been chosen before, by other splits of these pictures and by pieces of street scenes, in runs that were not kept: five epochs frozen with one layer, the way of `benchmarks/long/transfer.py`, and all at one rate.
The photographs are not part of the project: FASTLESSONS_REAL is a folder with `mushroom_photos` in it, a sub-folder a class. Run by `make experiments` where it is set; each run is written as soon as it is done."""
from functools import lru_cache
from pathlib import Path

from fastlessons.experiments import load_script, record

SEEDS, SPLITS = range(3), 2
EPOCHS = {'mushroom_photos': 25, 'digits': 15}
#                                              head's layers, epochs with a frozen body, rate, lr_mult; None: from nothing, never frozen
WAYS = {"fastai's defaults": (2, 1, 2e-3, 100),
        'two layers, a high rate': (2, 1, 1e-2, 2),
        'one layer, a high rate': (1, 1, 1e-2, 2),
        'two layers, five epochs frozen': (2, 5, 3e-3, 2),
        'one layer, five epochs frozen': (1, 5, 3e-3, 2),
        'one layer, five epochs frozen, a high rate': (1, 5, 1e-2, 2),
        'one layer, one epoch frozen': (1, 1, 3e-3, 2),
        'one layer, all at one rate': (1, 1, 3e-3, 1),
        'from nothing, two layers': (2, None, 3e-3, 1),
        'from nothing, one layer': (1, None, 3e-3, 1)}


@lru_cache(1)
def measuring():
    "The benchmark of transfer: its pictures, splits and how they are tested."
    return load_script(Path(__file__).resolve().parents[1]/'benchmarks'/'long'/'transfer.py')


def recipe():
    "All that decides the figures, but for task and machine."
    from fastlessons.backbones import read_weights
    from fastlessons.finetuning import WEIGHTS
    transfer = measuring()
    return {'ways': WAYS, 'epochs': EPOCHS, 'splits': SPLITS, 'from nothing': 'as many epochs in all as five frozen ones and those of the set',
            'train, test, side, batch, augment': {name: [*transfer.SETS[name][:3], *transfer.SETS[name][4:6]] for name in EPOCHS},
            'network': 'backbone ' + read_weights(WEIGHTS)[1]['sha256'][:12]}


def run(task):
    "Errors on pictures not learned from, one a split."
    import tempfile
    import torch
    from fastlessons.arms import NoValidation
    from fastlessons.finetuning import learner
    transfer, which, seed = measuring(), task['set'], task['seed']
    (layers, frozen, lr, mult), epochs, out = WAYS[task['way']], EPOCHS[task['set']], []
    train, test, side, _, bs, augment, _ = transfer.SETS[which]

    def trained(dls):
        learn = learner(dls, pretrained=frozen is not None, lin_ftrs=[] if layers == 1 else None)
        with learn.no_bar(), learn.no_logging():
            if frozen is None: learn.fit_one_cycle(epochs + 5, lr, cbs=NoValidation())
            else: learn.fine_tune(epochs, lr, freeze_epochs=frozen, lr_mult=mult, cbs=NoValidation())
        return learn

    with tempfile.TemporaryDirectory() as folder:
        found = transfer.classes_of(which, Path(folder)/'pictures')
        for i in range(SPLITS):
            dls = transfer.data(transfer.split(found, train, test, 2000 + 100*seed + i, Path(folder)/f'split_{i}'), side, bs, augment)
            torch.manual_seed(1000*seed + i)
            out.append(transfer.rate(transfer.trained(dls, trained)[1]))
    return {'errors': out}


def main():
    import os, warnings
    import torch
    warnings.filterwarnings('ignore')
    if not os.environ.get('FASTLESSONS_REAL'): return print("tuning: it needs photographs that are not part of the project: set FASTLESSONS_REAL")
    torch.set_num_threads(1)
    record(__file__, recipe(), [dict(set=which, way=way, seed=seed) for seed in SEEDS for which in EPOCHS for way in WAYS], run)


if __name__ == '__main__': main()
