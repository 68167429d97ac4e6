"The recorded experiments: made by the recipe that stands there now, complete, and a run that is repeated comes out as it did."
import json, re

import pytest
from conftest import ROOT
from fastlessons.experiments import load_script

SCRIPTS = sorted((ROOT/'experiments').glob('*.py'))


def load(name): return load_script(ROOT/'experiments'/f'{name}.py')


def made(name): return json.loads((ROOT/'experiments'/f'{name}.json').read_text(encoding='utf-8'))


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda file: file.stem)
def test_recorded_by_the_recipe_of_today(script):
    module = load(script.stem)
    recipe = module.recipe() if hasattr(module, 'recipe') else module.RECIPE
    assert made(script.stem)['recipe'] == json.loads(json.dumps(recipe)), f'recorded by another recipe: python experiments/{script.name}'
    assert not script.with_suffix('.part').exists(), 'a half-written record'


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda file: file.stem)
def test_several_seeds(script):
    runs = made(script.stem)['runs']
    assert len({r['seed'] for r in runs if 'seed' in r}) >= 3, 'a range needs several seeds'
    assert script.stat().st_size < 20_000 and script.with_suffix('.json').stat().st_size < 250_000


def test_a_lesson_shows_every_experiment():
    "What nobody shows need not be recorded."
    shown = ' '.join(file.read_text(encoding='utf-8') for file in (ROOT/'nbs').rglob('*.ipynb'))
    assert not [s.stem for s in SCRIPTS if not re.search(rf"recorded\('{s.stem}'\)|{s.stem}\.json", shown)]


def test_batch_size_again():
    module, runs = load('batch_size'), made('batch_size')['runs']
    then = next(r for r in runs if r['bs'] == 128 and r['seed'] == 1)
    now = module.run({'bs': 128, 'seed': 1})
    assert now['updates'] == then['updates'] and now['items'] == then['items']
    assert max(abs(a - b) for a, b in zip(now['valid_loss'], then['valid_loss'])) < .02


def test_first_model_again():
    module, runs = load('first_model'), made('first_model')['runs']
    now = module.run({'seed': 0})
    errors = [r['test_error'] for r in runs]
    assert min(errors) - .03 < now['test_error'] < max(errors) + .03


def test_augmentation_again():
    module, runs = load('augmentation'), made('augmentation')['runs']
    for task in ({'what': 'arrows', 'change': 'none', 'seed': 10}, {'what': 'digits', 'n': 80, 'change': 'moved', 'epochs': 50, 'seed': 10}):
        then = next(r for r in runs if all(r.get(k) == v for k, v in task.items()))
        now = module.run(task)
        assert max(abs(now[k] - then[k]) for k in now if k != 'train_loss') < .06


def test_convolutions_again():
    module, runs = load('convolutions'), made('convolutions')['runs']
    for task in ({'what': 'race', 'model': 'CNN', 'pixels': 'shuffled', 'n': 200, 'seed': 10}, {'what': 'fit', 'width': 2, 'steps': 3000, 'seed': 10}):
        then = next(r for r in runs if all(r.get(k) == v for k, v in task.items()))
        now = module.run(task)
        assert all(abs(now[k] - then[k]) < .05*max(1, then[k]) for k in now if k not in ('seconds', 'test_loss'))


def test_interpretation_again():
    module, runs = load('interpretation'), made('interpretation')['runs']
    then, now = (r for r in (next(r for r in runs if r['what'] == 'maps' and r['seed'] == 10), module.run({'what': 'maps', 'seed': 10})))
    names = [k for k, v in then.items() if isinstance(v, list)]
    reach = {k: [r[k][0] for r in runs if r['what'] == 'maps'] for k in names}
    assert len(names) == 5 and all(min(reach[k]) - .08 < now[k][0] < max(reach[k]) + .08 for k in names)
    assert abs(now['edges'][1] - then['edges'][1]) < .1 and now['edges'][4] == 1


def test_cleaning_again():
    module, runs = load('cleaning'), made('cleaning')['runs']
    assert {'what': 'copies', 'seed': 1, **module.run({'what': 'copies', 'seed': 1})} == next(r for r in runs if r['what'] == 'copies' and r['seed'] == 1)


def test_layers_again():
    module, runs = load('layers'), [r for r in made('layers')['runs'] if r['arm'] == 'lr_mult 2']
    now = module.run({'arm': 'lr_mult 2', 'seed': 0})
    for k in ('rough_before', 'pure_before', 'pure_chance'): assert abs(now[k] - runs[0][k]) < .02                    # nothing is trained here
    for i, kept in enumerate(now['kept']): assert min(r['kept'][i] for r in runs) - .1 < kept < max(r['kept'][i] for r in runs) + .1
    assert min(r['pure_after'] for r in runs) - .1 < now['pure_after'] < max(r['pure_after'] for r in runs) + .1
