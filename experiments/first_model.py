"""Lesson 01's model, trained with ten seeds and tested on 1,000 pictures drawn afresh: about five minutes on two cores.

Run by `make experiments`. Each run is written as soon as it is done, so a run that is interrupted goes on where it stopped; a changed
recipe begins anew. Network, rate, augmentation and epochs were chosen by the error on drawings with seeds from 1,000,000; the test pictures here are
others, first looked at when all that was settled."""
import warnings
from dataclasses import asdict

SEEDS, TEST_PER_CLASS, FIRST_TEST_SEED = range(10), 125, 3_000_000


def recipe():
    "All that decides the figures, but for the seed and the machine."
    from fastlessons.backbones import read_weights
    from fastlessons.drawing import VERSION
    from fastlessons.finetuning import WEIGHTS
    from fastlessons.settings import Settings
    s = asdict(Settings())
    used = {k: s[k] for k in ('size', 'bs', 'valid_pct', 'epochs', 'lr')}
    return {'lesson': '01', 'pictures': 'drawn, 50 a kind', 'steps': 'each of the lesson: a batch and the untrained network looked at before the training', 'drawing': VERSION, 'network': 'backbone ' + read_weights(WEIGHTS)[1]['sha256'][:12] + ", a head of one layer, dropout .2, all at one rate that rises for .15 of the way", **used,
            'test': f'{TEST_PER_CLASS} a kind, seeds from {FIRST_TEST_SEED:,}'}


def run(task):
    "One training as lesson 01 does it, and the share of wrong answers on the test pictures."
    from fastai.torch_core import set_seed
    from fastlessons.finetuning import learner
    from fastlessons.mushrooms import guesses, mushroom_dls, wrong_rate
    from fastlessons.pictures import drawn_folder, fresh_folder
    from fastlessons.settings import Settings
    s = Settings(seed=task['seed'])
    set_seed(s.seed)
    dls = mushroom_dls(drawn_folder(), settings=s)
    dls.one_batch()                                     # each step of the lesson that takes random numbers, so that the same seed gives the same run
    learn = learner(dls, lin_ftrs=[], seed=s.seed)
    guesses(learn)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(s.epochs, s.lr, lr_mult=1, pct_start=.15)
    return {'valid_error': wrong_rate(guesses(learn)), 'test_error': wrong_rate(guesses(learn, fresh_folder(TEST_PER_CLASS, FIRST_TEST_SEED)))}


def main():
    from fastlessons.experiments import record
    warnings.filterwarnings('ignore', category=FutureWarning)
    record(__file__, recipe(), [{'seed': seed} for seed in SEEDS], run)


if __name__ == '__main__': main()
