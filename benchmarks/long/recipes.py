"""What is worth pretraining on? Six recipes at the same small cost, each fine-tuned on photographs of mushrooms and on digits. About two hours of one core, ten minutes of them drawing.

Every recipe takes 600 steps of 96 pictures, about three minutes of one core, from pools of 20,000 pictures that are drawn once; three seeds, two splits of each set. Each run is kept as soon as it is done
(`search/recipes.json` in the cache folder), and the command goes on where it was. Both sets are used to choose, so neither counts as a result: `transfer.py` measures others. The photographs are not part of
the project: FASTLESSONS_REAL is a folder with `mushroom_photos` in it, a sub-folder a class. `python recipes.py 0 1` does the runs of these seeds only."""
import sys

from fastlessons.experiments import record

SEEDS, SPLITS, STEPS, BS = range(3), 2, 600, 96
BOTH = dict(designs=1000, each=10, places=2000, crops=5)
RECIPES = {
    'things and crops': BOTH,
    'things': dict(designs=1000, each=20, places=0),
    'a hundred things': dict(designs=100, each=200, places=0),
    'crops': dict(designs=0, places=2000, crops=10),
    'crops of two photographs': dict(designs=0, places=2000, crops=10, many=False),
    'quarter turns': BOTH,                                    # the same pictures; which of four turns it was, and no class: nobody has to name anything
    'nothing': None}
SETS = ('mushroom_photos', 'digits')


def recipe():
    "All that decides the figures; changed, the search begins anew."
    return {'recipes': {name: plan and {'steps': STEPS, 'bs': BS, **plan} for name, plan in RECIPES.items()}, 'splits': SPLITS, 'sets': list(SETS), 'fine-tuning': 'as in benchmarks/long/transfer.py',
            'nothing': 'as many epochs from scratch, at the best of three rates'}


def turned(x, chance):
    "Pictures turned by quarters, and by how many each."
    import torch
    turns = torch.randint(0, 4, (len(x),), generator=chance)
    return torch.stack([picture.rot90(int(t), (1, 2)) for picture, t in zip(x, turns)]).contiguous(memory_format=torch.channels_last), turns


def pool(name, jobs=1):
    "Its pictures: drawn once, the same for all seeds."
    from fastlessons.pictures import cache_folder
    from fastlessons.pools import Plan, Pool
    from fastlessons.settings import load_settings
    drawn = Plan(**{'bs': BS, **RECIPES[name], 'steps': 1})
    return Pool(drawn, cache_folder(load_settings())/'search'/drawn.pictures, jobs, progress=False)


def trial(name, seed, folder):
    "A pretraining of a few minutes: of the seed depend first weights, order and changes, not the pool of pictures."
    import torch
    import torch.nn.functional as F
    from torch import nn
    from fastlessons.backbones import WIDTHS
    from fastlessons.pools import Plan
    from fastlessons.pretraining import Pretraining

    class Trial(Pretraining):
        def __init__(self, plan):
            self.plan, self.folder, self.progress, self.pool = plan, folder, False, pool(name)
            self.begin()
        def save(self): pass                                  # minutes need no checkpoint

    class Turns(Trial):
        def update(self):
            "One step: which turn was it?"
            import math
            done, (xb, _) = self.step / self.plan.steps, self.batch()
            xb, turns = turned(xb, torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step))
            for group in self.opt.param_groups: group['lr'] = self.plan.lr * (done / .1 if done < .1 else .5 + .5 * math.cos(math.pi * (done - .1) / .9))
            scores = self.net.train()(xb)
            loss = F.cross_entropy(scores, turns, label_smoothing=.1)
            self.opt.zero_grad(); loss.backward(); self.opt.step()
            self.step += 1
            return loss.item(), (scores.argmax(1) == turns).float().mean().item()
        def begin(self):
            super().begin()
            torch.manual_seed(seed)
            self.net[1][2] = nn.Linear(WIDTHS[-1], 4)
            self.opt.add_param_group({'params': self.net[1][2].parameters()})

    training = (Turns if 'turns' in name else Trial)(Plan(**{'steps': STEPS, 'bs': BS, **RECIPES[name], 'seed': seed}))
    rows = training.run()
    return training.body, rows[-1]['right']


def run(task):
    "One recipe, once: errors on both sets after fine-tuning on it."
    import tempfile, time
    from pathlib import Path
    import numpy as np
    import torch
    from fastlessons.backbones import save_weights
    from fastlessons.finetuning import learner
    import transfer
    torch.set_num_threads(1)
    name, seed, out = task['recipe'], task['seed'], {}
    with tempfile.TemporaryDirectory() as folder:
        folder, weights = Path(folder), None
        if RECIPES[name]:
            start = time.process_time()
            body, out['right'] = trial(name, seed, folder)
            out['seconds'], weights = time.process_time() - start, folder/'weights.safetensors'
            save_weights(body, weights)

        def tuned(epochs):
            def train(dls):
                learn = learner(dls, pretrained=weights)
                with learn.no_bar(), learn.no_logging(): learn.fine_tune(epochs, 1e-2, lr_mult=2)
                return learn
            return train

        for which in SETS:
            train, test, side, epochs, bs, augment, _ = transfer.SETS[which]
            found, errors = transfer.classes_of(which, folder/'pictures'), {}
            for i in range(SPLITS):
                dls = transfer.data(transfer.split(found, train, test, 1000 + 100 * seed + i, folder/f'{which}_{i}'), side, bs, augment)
                for lr in (None,) if weights else transfer.RATES:
                    how = tuned(epochs) if weights else transfer.scratch(epochs + 1, lr)
                    errors.setdefault(lr, []).append(transfer.rate(transfer.trained(dls, how)[1]))
            out[which] = min(errors.values(), key=np.mean)
    return out


def table(runs):
    "A line a recipe: mean error and range over the seeds."
    import numpy as np
    for name in RECIPES:
        errors = {which: [np.mean(r[which]) for r in runs if r['recipe'] == name] for which in SETS}
        if errors[SETS[0]]: print(f'{name:26}' + ' · '.join(f'{which} {np.mean(e):.3f} ({min(e):.3f}–{max(e):.3f})' for which, e in errors.items()), flush=True)


def main(seeds=SEEDS):
    import os, warnings
    from fastlessons.pictures import cache_folder
    from fastlessons.settings import load_settings
    warnings.filterwarnings('ignore')
    if not os.environ.get('FASTLESSONS_REAL'): return print("recipes: not measured, it needs photographs that are not part of the project: set FASTLESSONS_REAL")
    kept = cache_folder(load_settings())/'search'
    kept.mkdir(parents=True, exist_ok=True)
    table(record(kept/'recipes.py', recipe(), [dict(recipe=name, seed=seed) for seed in seeds for name in RECIPES], run))


if __name__ == '__main__': main([int(s) for s in sys.argv[1:]] or SEEDS)
