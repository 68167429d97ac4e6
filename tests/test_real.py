"""The lesson's model on photographs that nobody on this project made, by one argument. Set FASTLESSONS_REAL to their folder."""
from fastlessons.finetuning import learner
from fastlessons.mushrooms import guesses, mushroom_dls, wrong_rate
from fastlessons.settings import Settings


def error_after_training(folder, seed, size=64):
    "Share of wrong answers on the validation set after the lesson's training."
    from fastai.torch_core import set_seed
    settings = Settings(seed=seed, size=size)
    set_seed(seed)
    learn = learner(mushroom_dls(folder, settings=settings), lin_ftrs=[], seed=seed)
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(settings.epochs, settings.lr, lr_mult=1, pct_start=.15)
    return wrong_rate(guesses(learn))


def test_ants_and_bees_keep_the_split_they_come_with(real):
    folder = real/'ants_bees'
    dls = mushroom_dls(folder)
    assert list(dls.vocab) == ['ants', 'bees']
    assert {f.relative_to(folder).parts[0] for f in dls.train_ds.items} == {'train'}
    assert {f.relative_to(folder).parts[0] for f in dls.valid_ds.items} == {'val'}


def test_ten_species_are_learned_better_than_by_guessing(real):
    assert error_after_training(real/'mushroom_photos', 0) < .85          # guessing among ten: .90


def test_the_loop_of_lesson_02_trains_on_photographs(real):
    "One epoch with fastai's batches; what the loop says is what metrics and diagnose make of the same answers."
    import torch
    from torch.nn import functional as F
    from fastlessons.history import diagnose
    from fastlessons.metrics import error_rate
    from fastlessons.mushrooms import small_network
    from fastlessons.training import Run
    dls = mushroom_dls(real/'mushroom_photos', size=32)
    net = small_network(len(dls.vocab))
    run = Run(net, F.cross_entropy, torch.optim.Adam(net.parameters(), 3e-3), dls.train, dls.valid)
    row = run.fit(1)[0]
    with torch.no_grad(): answers = [(net.eval()(xb.as_subclass(torch.Tensor)), yb.as_subclass(torch.Tensor)) for xb, yb in dls.valid]
    assert abs(error_rate(torch.cat([p for p, _ in answers]), torch.cat([t for _, t in answers])) - row.error_rate) < 1e-6
    assert diagnose(run.epochs).verdict == 'too early to tell'
