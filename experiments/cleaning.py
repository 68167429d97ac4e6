"""The runs that lesson 11 shows as recorded: planted faults and how many are found, copies, and the error before and after cleaning in several ways. About ten minutes on one core.

Run by `make experiments`; each run is written as soon as it is done. Thresholds (`likeness.MOST`, `likeness.LEAST`) and the number of folds were chosen with other drawings (those of
`fresh_folder(60, 4_000_000)`) than those recorded here. The person who decides is played by what is known of the planted faults: of the suspects, and only of them, each wrong label is put right, each copy and each
file that shows nothing is set aside, and everything else is kept."""
import tempfile
from functools import lru_cache
from pathlib import Path

from fastlessons.experiments import record

SEEDS = range(5)
SHARES = {'found': dict(wrong=.05, copies=.03, broken=.02, empty=.01), 'copies': dict(wrong=0., copies=.4, broken=0., empty=0.)}
WAYS = ('as it is', 'every suspect looked at', 'what the model gets wrong thrown away', 'everything put right')
FOLDS, SHARE, SIZE, EPOCHS, RATE = 5, .1, 64, 6, 1e-2


def recipe():
    "All that decides the figures, but for task and machine."
    from fastlessons.backbones import read_weights
    from fastlessons.drawing import VERSION
    from fastlessons.finetuning import WEIGHTS
    from fastlessons.likeness import LEAST, MOST
    return {'lesson': '11', 'pictures': 'drawn, 50 of 125 a kind, seeds from 1,000,000; 125 a kind from 3,000,000 to test', 'drawing': VERSION, 'planted': SHARES, 'folds': FOLDS,
            'share': SHARE, 'most': MOST, 'least': LEAST, 'training': f'{SIZE} pixels, fine_tune({EPOCHS}, {RATE}, lr_mult=2)', 'network': 'backbone ' + read_weights(WEIGHTS)[1]['sha256'][:12], 'version': 3}


def planted(seed, shares, folder):
    from fastlessons.pictures import fresh_folder
    from fastlessons.planted import planted_folder
    return planted_folder(folder, fresh_folder(125, 1_000_000), seed, 50, **shares)


def copies(seed):
    "How many pairs of copies there are, are found, and are right."
    from fastlessons.likeness import near_copies
    from fastlessons.looking import looks
    with tempfile.TemporaryDirectory() as tmp:
        p = planted(seed, SHARES['copies'], Path(tmp)/'set')
        names = sorted(p.truth)
        rows = looks([p.folder/n for n in names])
        found = {frozenset((names[o.first], names[o.second])) for o in near_copies(rows)}
    there = {frozenset(o) for o in p.copies.items()}
    return {'pictures': len(names), 'there': len(there), 'found': len(found), 'right': len(found & there)}


@lru_cache(1)
def surveyed(seed):
    "A planted set and what the search found in it; the folder stays until the next one is asked for."
    from fastlessons.cleaning import survey
    tmp = tempfile.TemporaryDirectory()
    p = planted(seed, SHARES['found'], Path(tmp.name)/'set')
    return p, survey(p.folder, share=SHARE, folds=FOLDS), tmp


def found(seed):
    "Share of the planted faults that are found, and where."
    p, s, _ = surveyed(seed)
    def name(o): return Path(o.file).relative_to(p.folder).as_posix()
    order = [name(o) for o in sorted(s.answers, key=lambda o: -o.loss)]
    labels_wrong = {f for f, c in p.truth.items() if f.split('/')[0] != c}
    n = round(SHARE*len(order))
    ranks = sorted(order.index(f) for f in p.wrong if f in order)
    listed = {why: {name(o) for o in s.suspects if o.why == why} for why in {o.why for o in s.suspects}}
    pairs = {frozenset((name(s.rows[o.first]), name(s.rows[o.second]))) for o in s.pairs}
    there = {frozenset(o) for o in p.copies.items()}
    wrong = [o for o in s.answers if o.predicted != o.actual]
    hard = [o for o in wrong if name(o) not in labels_wrong]
    return {'pictures': len(order), 'planted_wrong': len(p.wrong), 'share': sum(r < n for r in ranks)/len(ranks), 'ranks': ranks,
            'on_list': sum(name_ in {x for some in listed.values() for x in some} for name_ in p.wrong)/len(p.wrong),
            'looked_at': len(s.suspects), 'right_among_first': sum(f not in labels_wrong for f in order[:n]), 'broken': len(listed.get('unreadable', set()) & set(p.broken))/len(p.broken),
            'empty': len(listed.get('shows nothing', set()) & set(p.empty))/len(p.empty), 'copies': len(pairs & there)/len(there), 'false_copies': len(pairs - there),
            'model_wrong': len(wrong), 'of_these_right': len(hard), 'error_of_folds': len(wrong)/len(order)}


def as_it_is(p): return {f: f.split('/')[0] for f in sorted([*p.truth, *p.empty])}


def cleaned(p, s, way):
    "File → label, as the set is after cleaning in one way."
    def name(o): return Path(o.file).relative_to(p.folder).as_posix()
    if way == 'as it is': return as_it_is(p)
    if way == 'what the model gets wrong thrown away': return {name(o): o.actual for o in s.answers if o.predicted == o.actual}
    if way == 'everything put right': return {f: c for f, c in p.truth.items() if f not in p.copies}
    looked = {name(o): o for o in s.suspects}
    doubled = {f for f, o in looked.items() if o.twin is not None and (f in p.copies or f in p.copies.values())}
    return {f: p.truth[f] if f in looked else c for f, c in as_it_is(p).items() if f not in doubled and not (f in looked and f in p.empty)}


def gained(seed, way):
    "Error after training on a set cleaned in one way: on its own validation part, on those of it that are left with the labels they had and have, and on pictures that are right."
    import torch
    from fastai.torch_core import set_seed
    from fastlessons.answers import guesses, predict_all, wrong_rate
    from fastlessons.finetuning import learner
    from fastlessons.mushrooms import picture_dls
    from fastlessons.pictures import fresh_folder
    from fastlessons.settings import Settings
    from fastlessons.splitting import validation_part
    torch.set_num_threads(1)
    p, s, _ = surveyed(seed)
    kept = cleaned(p, s, way)
    before = as_it_is(p)
    part = {list(before)[i] for i in validation_part(list(before.values()), .2, seed)}             # the same files for every way
    names = sorted(kept)
    held = [i for i, f in enumerate(names) if f in part]
    set_seed(seed)
    learn = learner(picture_dls([p.folder/f for f in names], [kept[f] for f in names], held, Settings(size=SIZE, bs=16, seed=seed)), seed=seed)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(EPOCHS, RATE, lr_mult=2)
    valid, vocab = wrong_rate(guesses(learn)), list(learn.dls.vocab)
    both = sorted(part & set(kept))                                                            # the same pictures, with the labels they had and have
    said = [vocab[k] for k in predict_all(learn, [p.folder/f for f in both]).argmax(1).tolist()]
    uncleaned, is_cleaned = (sum(o != labels[f] for o, f in zip(said, both))/len(both) for labels in (before, kept))
    test = guesses(learn, fresh_folder(125, 3_000_000))
    return {'pictures_left': len(kept), 'wrong_left': sum(p.truth.get(f, '') != c for f, c in kept.items()), 'held': len(held), 'valid_error': valid, 'both': len(both), 'uncleaned_error': uncleaned, 'cleaned_error': is_cleaned,
            'test_error': wrong_rate(test), 'tested': len(test)}


RUNS = {f.__name__: f for f in (found, copies, gained)}
TASKS = [{'what': what, 'seed': s} for what in ('found', 'copies') for s in SEEDS] + [{'what': 'gained', 'way': way, 'seed': s} for s in SEEDS for way in WAYS]


def run(task): return RUNS[task['what']](**{k: v for k, v in task.items() if k != 'what'})


def main():
    import warnings
    warnings.filterwarnings('ignore')
    record(__file__, recipe(), TASKS, run)


if __name__ == '__main__': main()
