"The recorded experiments: made by the recipe that stands there now, complete, and a run that is repeated comes out as it did."
import importlib.util, json, re

import pytest
from conftest import ROOT

SCRIPTS = sorted((ROOT/'experiments').glob('*.py'))


def load(name):
    spec = importlib.util.spec_from_file_location(f'experiment_{name}', ROOT/'experiments'/f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
