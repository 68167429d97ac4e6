"""The lesson's model on photographs that nobody on this project made, by one argument. Set FASTLESSONS_REAL to their folder."""
from fastlessons.mushrooms import guesses, mushroom_dls, small_learner, wrong_rate
from fastlessons.settings import Settings


def error_after_training(folder, seed, size=64):
    "Share of wrong answers on the validation set after the lesson's training."
    from fastai.torch_core import set_seed
    settings = Settings(seed=seed, size=size)
    set_seed(seed)
    learn = small_learner(mushroom_dls(folder, settings=settings), seed)
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(settings.epochs, settings.lr)
    return wrong_rate(guesses(learn))


def test_ants_and_bees_keep_the_split_they_come_with(real):
    folder = real/'ants_bees'
    dls = mushroom_dls(folder)
    assert list(dls.vocab) == ['ants', 'bees']
    assert {f.relative_to(folder).parts[0] for f in dls.train_ds.items} == {'train'}
    assert {f.relative_to(folder).parts[0] for f in dls.valid_ds.items} == {'val'}


def test_ten_species_are_learned_better_than_by_guessing(real):
    assert error_after_training(real/'mushroom_photos', 0) < .85          # guessing among ten: .90
