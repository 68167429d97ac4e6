"""How much the backbone helps: error after fine-tuning ÷ error from scratch in the same seconds, on four sets of pictures; about fifty minutes on one core.

Ten stratified splits of all pictures of a set. From scratch is the same network, normalized, never frozen, trained at each of three rates;
the rate that is best on average over the very splits that are reported counts. It gets as many epochs as take the seconds of fine-tuning (`as_long`; seconds of
the processor, and the least of three, since other work on the machine changes even these). The interval of the ratio is a bootstrap over pictures (95 %): splits share pictures, so the pictures are what chance has chosen.
Training is not seeded, and its chance is not in the interval: two runs of ten splits of ants and bees gave .84 and .98 (thirty: .93). Photographs need FASTLESSONS_REAL; without it drawn mushrooms and digits are measured.
The recipe of the backbone and the way of fine-tuning were chosen by `mushroom_photos` and digits, so these two flatter it (`experiments/pretraining.py`, `experiments/tuning.py`; the 25 epochs for photographs in runs that were not kept:
twelve of 64 or 96 pixels erred more, fifty not less). Both arms have a head of one linear layer, which errs less on digits in both (`experiments/tuning.py`). `python transfer.py ants_bees 3` measures one set on three splits."""
import os, sys, tempfile, time, warnings
from pathlib import Path

import numpy as np

SPLITS, RATES = 10, (1e-3, 3e-3, 1e-2)
HEAD, FROZEN = {'lin_ftrs': []}, 5        # one linear layer; epochs in which only it learns, before those of the table
#        pictures a class to train on, to test, side, epochs of fine-tuning, batch, augment, goal
SETS = {'drawn': (10, 50, 64, 15, 16, True, .5),
        'ants_bees': (60, 30, 96, 25, 16, True, .75),
        'mushroom_photos': (16, 4, 96, 25, 16, True, .93),
        'digits': (10, 100, 64, 15, 16, False, .7)}
CHOSEN_BY = 'mushroom_photos', 'digits'


def classes_of(name, folder):
    "Files of each class of a set: class → paths."
    if name == 'drawn':
        from fastlessons.pictures import draw_pictures
        draw_pictures(folder/'drawn', per_class=60, first_seed=6_000_000, progress=False)
        tops = [folder/'drawn']
    elif name == 'digits':
        from PIL import Image
        from sklearn.datasets import load_digits
        x, y = load_digits(return_X_y=True)
        for i, (row, digit) in enumerate(zip(x, y)):
            file = folder/f'digits/{digit}/{i:04}.png'
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((255 - row.reshape(8, 8) * 255 / 16).astype(np.uint8)).resize((64, 64), Image.Resampling.BILINEAR).save(file)
        tops = [folder/'digits']
    else:
        top = Path(os.environ['FASTLESSONS_REAL'])/name
        tops = [top/part for part in ('train', 'val')] if (top/'train').is_dir() else [top]
    found = {}
    for top in tops:
        for file in sorted(top.glob('*/*')):
            if file.suffix.lower() in ('.jpg', '.jpeg', '.png'): found.setdefault(file.parent.name, []).append(file)
    return found


def split(found, train, test, seed, folder):
    "A folder with `train` and `valid` inside, a link to each picture."
    rng = np.random.default_rng(seed)
    for name, files in found.items():
        order = rng.permutation(len(files))
        for part, rows in (('train', order[:train]), ('valid', order[train:train + test])):
            (folder/part/name).mkdir(parents=True)
            for i in rows: (folder/part/name/f'{i}{files[i].suffix}').symlink_to(files[i])
    return folder


def data(folder, side, bs, augment):
    from fastlessons.mushrooms import mushroom_dls
    return mushroom_dls(folder, size=side, bs=bs, augment=augment)


def trained(dls, train):
    "Seconds of the processor in training, and for each validation picture (class and number) whether it is named wrong."
    from fastlessons.mushrooms import guesses
    start = time.process_time()
    learn = train(dls)
    seconds = time.process_time() - start
    return seconds, {(Path(g.picture).parent.name, Path(g.picture).stem): not g.right for g in guesses(learn)}


def rate(wrong): return sum(wrong.values()) / len(wrong)


def tuned(epochs):
    def train(dls):
        from fastlessons.arms import NoValidation
        from fastlessons.finetuning import learner
        learn = learner(dls, **HEAD)
        with learn.no_bar(), learn.no_logging(): learn.fine_tune(epochs, 3e-3, freeze_epochs=FROZEN, lr_mult=2, cbs=NoValidation())
        return learn
    return train


def scratch(epochs, lr):
    def train(dls):
        from fastlessons.arms import NoValidation
        from fastlessons.finetuning import learner
        learn = learner(dls, pretrained=False, **HEAD)
        with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(epochs, lr, cbs=NoValidation())
        return learn
    return train


def as_long(dls, epochs, times=3):
    "Epochs from scratch that take the seconds of fine-tuning: short trainings of both, in turn, the least counts; an epoch of fine-tuning in which everything learns costs what one from scratch does."
    short = [(trained(dls, tuned(1))[0], trained(dls, scratch(4, 1e-3))[0]/4) for _ in range(times)]
    both, one = (min(seconds) for seconds in zip(*short))
    return max(1, round((both + (epochs - 1)*one) / one))


def measure(name, splits, folder):
    train, test, side, epochs, bs, augment, goal = SETS[name]
    found, rows, many = classes_of(name, folder), [], None
    for seed in range(splits):
        dls = data(split(found, train, test, seed, folder/f'{name}_{seed}'), side, bs, augment)
        dls.train.one_batch(), trained(dls, scratch(1, 1e-3))                    # pictures opened and kept, arithmetic warmed up: for neither's account
        many = many or as_long(dls, epochs)
        seconds, error = trained(dls, tuned(epochs))
        others = {lr: trained(dls, scratch(many, lr)) for lr in RATES}
        rows.append((error, seconds, others))
        print(f"{name:16} split {seed}: fine-tuned {rate(error):.3f} ({seconds:.1f} s), from scratch, {many} epochs, "
              + ', '.join(f"lr {lr:g}: {rate(e):.3f} ({s:.1f} s)" for lr, (s, e) in others.items()), flush=True)
    return report(name, rows, goal)


def report(name, rows, goal):
    "The ratio of the mean errors, and how far it would move with other pictures."
    best = min(RATES, key=lambda lr: np.mean([rate(others[lr][1]) for *_, others in rows]))
    pictures = sorted({picture for wrong, *_ in rows for picture in wrong})
    place, sums = {picture: i for i, picture in enumerate(pictures)}, np.zeros((2, len(pictures)))
    for wrong, _, others in rows:
        for k, answers in enumerate((wrong, others[best][1])):
            for picture, is_wrong in answers.items(): sums[k, place[picture]] += is_wrong
    times = np.random.default_rng(0).multinomial(len(pictures), np.full(len(pictures), 1 / len(pictures)), size=10_000)
    ours, theirs = times @ sums[0], np.maximum(times @ sums[1], 1)
    low, high = np.percentile(ours / theirs, (2.5, 97.5))
    tuned, scratched = (np.mean([rate(e) for e in errors]) for errors in ([w for w, *_ in rows], [o[best][1] for *_, o in rows]))
    said = f"{name} {tuned / max(scratched, 1e-9):.2f} ({low:.2f}–{high:.2f}; error {tuned:.3f} against {scratched:.3f}, goal {goal})"
    seconds = np.mean([s for _, s, _ in rows])
    print(f"{said}: {len(rows)} splits, {seconds:.1f} s each, from scratch at lr {best:g}" + (", chosen by" if name in CHOSEN_BY else ''), flush=True)
    return said


def main(names=None, splits=SPLITS):
    warnings.filterwarnings('ignore')
    real = os.environ.get('FASTLESSONS_REAL')
    names = names or [name for name in SETS if real or name in ('drawn', 'digits')]
    with tempfile.TemporaryDirectory() as folder: said = [measure(name, splits, Path(folder)) for name in names]
    print('transfer, error fine-tuned ÷ from scratch: ' + '; '.join(said))


if __name__ == '__main__': main(sys.argv[1:2] or None, int(sys.argv[2]) if len(sys.argv) > 2 else SPLITS)
