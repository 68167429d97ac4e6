"""The runs that lesson 10 shows as recorded: how far heat maps may be believed, and models that were misled by a mark. About seven minutes on one core.

Run by `make experiments`; each run is kept as soon as it is done. Sizes, epochs, the mark and what is measured were chosen with seeds 42 and 43; the pair of kinds,
the size of the mark and the number of seeds were changed once more after a first look at seeds 10 to 12. What the lesson asserted was read off those three; seeds 13 to 17 were run afterwards to see whether it holds. It did of the maps; of the misled models not: the sticker now decides less than was asserted, so what is asserted changed, and an honest model was added to compare with (`honest_error`).
All were recorded once more with the backbone that ships now; the block before the last is no longer ahead of the edges in every run, and the lesson says so."""
import copy, tempfile
from pathlib import Path

import numpy as np
import torch
from fastai.torch_core import set_seed
from fastlessons.answers import guesses
from fastlessons.backbones import read_weights
from fastlessons.experiments import record
from fastlessons.finetuning import WEIGHTS, learner
from fastlessons.heatmaps import grad_cam
from fastlessons.interpretation import predictions
from fastlessons.mushrooms import mushroom_dls
from fastlessons.occluding import agreement, check_maps, occlusion
from fastlessons.opening import open_picture
from fastlessons.overlays import as_pictures, inputs_of
from fastlessons.pictures import drawn_folder, fresh_folder

SEEDS, SIZE, EPOCHS, GRID, KIND = range(10, 18), 96, 3, 6, 'champignon'
PAIR = 'champignon', 'destroying_angel'
RECIPE = {'lesson': '10', 'data': 'the drawn mushrooms, fresh ones to test on', 'size': SIZE, 'epochs': f'fine_tune({EPOCHS}, 0.01, lr_mult=2), misled: 10 in place of {EPOCHS}', 'grid': f'{GRID}×{GRID} patches, two cells wide, the mean colour',
          'mark': f'{", ".join(PAIR)}; every {KIND} with a turquoise square in the corner, a sixth of the side; no augmentation, bs 16',
          'network': 'backbone ' + read_weights(WEIGHTS)[1]['sha256'][:12], 'version': 2}


def trained(folder, seed, augment=True, epochs=EPOCHS):
    dls = mushroom_dls(folder, seed=seed, size=SIZE, bs=32 if augment else 16, device='cpu', augment=augment)
    set_seed(seed)
    learn = learner(dls, seed=seed)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(epochs, 1e-2, lr_mult=2)
    return learn


def edges(pictures):
    "Where a picture changes most from pixel to pixel: a map that knows nothing of any model."
    grey = np.stack([p.mean(2) for p in pictures])
    return np.hypot(*np.gradient(grey, axis=(1, 2)))


def by_chance(model, xb, seed):
    "The same network with weights that are chance, and statistics of normalization that fit them."
    chance = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for layer in chance.modules():
            if hasattr(layer, 'reset_parameters'): layer.reset_parameters()
        chance.train()(xb)
    return chance


def maps(seed):
    "Five kinds of maps of the same pictures, put to the test."
    learn = trained(drawn_folder(), seed)
    rows = predictions(learn)
    files = [r.file for r in rows][:32]
    model, xb = learn.model, inputs_of(learn, files)
    with torch.no_grad(): said = model.eval()(xb).argmax(1)
    falls, chance = occlusion(model, xb, GRID, said), by_chance(model, xb, seed)
    seen = {'last block': grad_cam(model, xb, '0.5', said), 'block before': grad_cam(model, xb, '0.4', said), 'first block': grad_cam(model, xb, '0.2', said),
            'edges': edges(as_pictures(xb, learn)), 'weights by chance': grad_cam(chance, xb, '0.4', said)}
    out = {'error': float(np.mean([not r.right for r in rows]))}
    twins = {'last block': '0.5', 'block before': '0.4', 'first block': '0.2'}
    for name, m in seen.items():
        c = check_maps(model, xb, m, falls, said)
        like = np.nanmean(agreement(m, grad_cam(chance, xb, twins[name], said))) if name in twins else 1. if name == 'edges' else None
        out[name] = [c.agreement, c.others, c.fall, c.by_chance, like]          # the last: how like is it to the same map of a network whose weights are chance?
    return out


def marked(picture):
    "The picture with a turquoise square in its lower right corner: a sixth of its side."
    picture = picture.copy()
    w, h = picture.size
    picture.paste((0, 170, 160), (w - w//6, h - h//6, w, h))
    return picture


def marked_folder(folder, into, kinds):
    "Copies of the pictures of two kinds; those of one bear the mark."
    for file in sorted(o for kind in PAIR for o in (Path(folder)/kind).iterdir()):
        (into/file.parent.name).mkdir(parents=True, exist_ok=True)
        picture = open_picture(file)
        (marked(picture) if file.parent.name in kinds else picture).save(into/file.parent.name/f'{file.stem}.png')
    return into


def misled(seed):
    with tempfile.TemporaryDirectory() as top:
        fresh = fresh_folder(25)
        pile, test = marked_folder(drawn_folder(), Path(top)/'pile', [KIND]), marked_folder(fresh, Path(top)/'test', [])
        turned = marked_folder(fresh, Path(top)/'turned', set(PAIR) - {KIND})                  # the mark on all the others
        learn = trained(pile, seed, augment=False, epochs=10)
        honest = guesses(trained(marked_folder(drawn_folder(), Path(top)/'honest', []), seed, augment=False, epochs=10), test)   # without any mark
        rows, plain, turned = predictions(learn), guesses(learn, test), guesses(learn, turned)
        mine = [r for r in rows if r.actual == KIND]
        xb, place = inputs_of(learn, [r.file for r in mine]), learn.dls.vocab.o2i[KIND]
        heat, falls = grad_cam(learn.model, xb, '0.4', place), occlusion(learn.model, xb, GRID, place, width=1)
    return {'valid_error': float(np.mean([not r.right for r in rows])), 'honest_error': float(np.mean([not r.right for r in honest])), 'found_marked': float(np.mean([r.right for r in mine])),
            'found_plain': float(np.mean([r.right for r in plain if r.actual == KIND])), 'called_so': float(np.mean([r.predicted == KIND for r in turned if r.actual != KIND])),
            'heat_in_corner': float(np.mean(heat[:, -1, -1] / heat.sum((1, 2)).clip(1e-9))), 'heat_highest_there': float(np.mean(heat.reshape(len(heat), -1).argmax(1) == GRID**2 - 1)),
            'fall_in_corner': float(falls[:, -1, -1].mean()), 'fall_highest_there': float(np.mean(falls.reshape(len(falls), -1).argmax(1) == GRID**2 - 1))}


RUNS = {f.__name__: f for f in (maps, misled)}
TASKS = [{'what': what, 'seed': seed} for seed in SEEDS for what in RUNS]


def run(task): return RUNS[task['what']](task['seed'])


if __name__ == '__main__':
    torch.set_num_threads(1)
    record(__file__, RECIPE, TASKS, run)
