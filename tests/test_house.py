"Is the house in order: nothing generated is stale, nothing saved is dirty, nothing private is written anywhere."
import json, re, sys, tomllib
from urllib.parse import unquote

import nbformat
import pytest
from conftest import ROOT, copy_project, program, project_files, run

NOTEBOOKS = sorted(file for file in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in file.parts)
LESSONS = [file for file in NOTEBOOKS if re.fullmatch(r'\d\d_\w+\.ipynb', file.name)]
PYPROJECT = tomllib.loads((ROOT/'pyproject.toml').read_text(encoding='utf-8'))
BINARY = {'.jpg', '.jpeg', '.png', '.webp', '.gif', '.ico', '.safetensors', '.npz'}
every_notebook = pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda file: file.stem)


def text(file): return file.read_text(encoding='utf-8')


def texts():
    "Every file of the project that is text, as (name, text)."
    return [(file.relative_to(ROOT).as_posix(), text(file)) for file in project_files() if file.suffix.lower() not in BINARY]


def cells(notebook, kind): return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == kind]


def outputs(notebook): return [output for cell in cells(notebook, 'code') for output in cell.outputs]


def htmls(notebook): return [''.join(output.get('data', {}).get('text/html', '')) for output in outputs(notebook)]


def prose(markdown):
    "Markdown without its code: what is written there is no link."
    return re.sub(r'```.*?```|`[^`\n]*`', '', markdown, flags=re.DOTALL)


# -- what is generated --------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp('project'))


def test_modules_are_exported_from_their_notebooks(copy):
    for file in (copy/'fastlessons').glob('*.py'):
        if file.name != '__init__.py': file.unlink()
    done = run(program('nbdev-export'), cwd=copy)
    assert done.returncode == 0, done.stdout
    made, here = ({file.name: text(file) for file in (folder/'fastlessons').glob('*.py')} for folder in (copy, ROOT))
    assert set(made) == set(here), 'a module without a notebook, or a notebook that was not exported: make export'
    stale = [name for name in here if here[name] != made[name]]
    assert not stale, f"{', '.join(stale)}: not what the notebook says. Edit the notebook, then: make export"


def test_readme_is_made_from_its_notebook():
    done = run(sys.executable, ROOT/'tools'/'readme.py', '--check')
    assert done.returncode == 0, done.stdout


def test_settings_file_is_the_packaged_one():
    from fastlessons.settings import settings_text
    assert text(ROOT/'settings.ini') == settings_text(), 'settings.ini and the defaults have drifted apart: write it with settings_text()'


@pytest.mark.parametrize('lesson', LESSONS, ids=lambda file: file.stem)
def test_first_cells_of_a_lesson(lesson):
    from fastlessons.stamping import stale
    assert not stale(lesson), f'the first cells of {lesson.name} are not those of the address in pyproject.toml, or its words not those of vocabulary.toml: stamping.stamp writes them'


def test_lessons_travel_in_the_wheel():
    included = PYPROJECT['tool']['hatch']['build']['targets']['wheel']['force-include']
    wanted = LESSONS + sorted((ROOT/'experiments').glob('*.json'))
    names = [file.relative_to(ROOT).as_posix() for file in wanted]
    assert {name: included.get(name) for name in names} == {name: f'fastlessons/course/{name}' for name in names}
    assert not [name for name in included if not (ROOT/name).is_file()], 'pyproject.toml includes a file that is not there'


# -- dependencies -------------------------------------------------------------------------------------------------------------------

def requirements():
    project = PYPROJECT['project']
    return [*project['dependencies'], *(line for lines in project['optional-dependencies'].values() for line in lines)]


def plain_name(requirement): return re.match(r'[A-Za-z0-9._-]+', requirement)[0].lower().replace('_', '-').replace('.', '-')


def test_every_dependency_has_its_reason():
    lines = {line.strip() for line in text(ROOT/'pyproject.toml').splitlines()}
    for requirement in requirements():
        if plain_name(requirement) == 'fastlessons': continue
        assert any(re.match(rf'"{re.escape(requirement)}",\s+# \S.{{8,}}', line) for line in lines), f'no reason beside {requirement}'


def test_constraints_are_names_and_versions():
    lines = text(ROOT/'constraints.txt').splitlines()
    assert not [line for line in lines if not re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][0-9A-Za-z.!]*', line)]
    pinned = {plain_name(line) for line in lines}
    assert len(pinned) == len(lines), 'a name twice'
    assert {plain_name(line) for line in requirements()} - pinned <= {'fastlessons'}, 'a direct dependency has no tested version'


def test_module_has_no_undefined_name():
    done = run(program('ruff'), 'check', '--no-cache', 'fastlessons', 'benchmarks', 'experiments', 'tests', 'tools')
    assert done.returncode == 0, done.stdout


# -- notebooks ----------------------------------------------------------------------------------------------------------------------

def test_notebooks_are_clean(copy):
    done = run(program('nbdev-clean'), cwd=copy)
    assert done.returncode == 0, done.stdout
    dirty = [file.name for file in NOTEBOOKS if json.loads(text(copy/file.relative_to(ROOT))) != json.loads(text(file))]
    assert not dirty, f"{', '.join(dirty)}: make clean-notebooks"


@every_notebook
def test_no_saved_error(notebook):
    wrong = [output for output in outputs(notebook) if output.output_type == 'error' or output.get('name') == 'stderr']
    assert not wrong, f'saved in {notebook.name}: {str(wrong[0])[:300]}'


@every_notebook
def test_every_figure_has_a_text(notebook):
    for output, html in zip(outputs(notebook), htmls(notebook)):
        raw = [kind for kind in output.get('data', {}) if kind.startswith('image/')]
        assert not raw or output.metadata.get('alt'), f'a figure without alternative text in {notebook.name}: show it with figures.show'
        without = [tag[:80] for tag in re.findall(r'<img\b[^>]*>', html) if not re.search(r'\balt="[^"]{10,}', tag)]
        assert not without, f'{notebook.name}: {without}'
    for cell in cells(notebook, 'markdown'):
        assert not re.search(r'!\[\s*\]\(', prose(cell.source)), f'a picture without a text in {notebook.name}'


@every_notebook
def test_nothing_is_fetched(notebook):
    "A lesson shows nothing from an outside address: it must work without a network, and tell nobody that it was opened."
    fetched = r'<(?:img|script|link|iframe|video|audio|source)\b[^>]*(?:src|href)=["\']?(?:https?:)?//|!\[[^\]]*\]\((?:https?:)?//|@import|url\(["\']?(?:https?:)?//'
    for place in [*(prose(cell.source) for cell in cells(notebook, 'markdown')), *htmls(notebook)]:
        found = re.search(fetched, place)
        assert not found, f'{notebook.name} fetches {place[found.start():found.start() + 120]}'


@every_notebook
def test_notebook_is_small(notebook):
    assert notebook.stat().st_size < 500_000


@every_notebook
def test_local_links_exist(notebook):
    for cell in cells(notebook, 'markdown'): links_exist(prose(cell.source), notebook.parent, notebook.name)


@pytest.mark.parametrize('name', ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'])
def test_local_links_of_pages_exist(name): links_exist(prose(text(ROOT/name)), ROOT, name)


def links_exist(markdown, folder, name):
    targets = re.findall(r'\]\(([^)\s]+)\)', markdown) + re.findall(r'(?:src|href)="([^"]+)"', markdown)
    local = [unquote(target.split('#')[0]) for target in targets if not re.match(r'[a-z][a-z0-9+.-]*:|#', target)]
    assert not [target for target in local if not (folder/target).exists()], f'{name} links to what is not there'


# -- the whole ----------------------------------------------------------------------------------------------------------------------

MACHINE = re.compile(r'(?<![\w.~/:-])/(?:root|tmp|work|home|Users|mnt|opt)/[\w.-]+|[A-Z]:\\Users\\')
REGISTRY = re.compile('|'.join(r'\.'.join(name.split()) for name in (
    'pypi org', 'files pythonhosted org', 'anaconda org', 'download pytorch org', 'registry npmjs')))


def test_no_path_of_a_machine():
    for name, content in texts():
        found = MACHINE.search(content)
        assert not found, f'{name} names a folder of some machine: {content[max(0, found.start() - 40):found.end() + 20]!r}'


def test_no_package_registry():
    for name, content in texts():
        found = REGISTRY.search(content)
        assert not found, f'{name} names a package registry: {content[max(0, found.start() - 40):found.end() + 20]!r}'


def test_repository_is_small():
    sizes = {file.relative_to(ROOT).as_posix(): file.stat().st_size for file in project_files()}
    largest = sorted(sizes, key=sizes.get)[-5:]
    assert sum(sizes.values()) <= 25e6, f'{sum(sizes.values())/1e6:.1f} MB; the largest: {largest}'


def test_changelog_knows_the_version():
    version = re.search(r'__version__ = "(.+)"', text(ROOT/'fastlessons'/'__init__.py'))[1]
    assert re.search(rf'^## {re.escape(version)}\b', text(ROOT/'CHANGELOG.md'), re.MULTILINE), f'CHANGELOG.md says nothing of {version}'


def test_questions_belong_to_lessons():
    "Every lesson has questions; those of a lesson that is still to come, up to 19, wait for it in the same file, in the order of the lessons."
    rows = tomllib.loads(text(ROOT/'fastlessons'/'questions.toml'))['question']
    asked = [row['lesson'] for row in rows]
    without = {file.name[:2] for file in LESSONS} - set(asked)
    assert not without, f'no question for lessons {sorted(without)}'
    assert asked == sorted(asked) and set(asked) == {f'{i:02}' for i in range(20)}
    assert all(row['id'].startswith(row['lesson'] + '-') for row in rows), "a question's id begins with its lesson's number"


def test_model_card_names_its_weights():
    from fastlessons.backbones import read_weights
    from fastlessons.finetuning import WEIGHTS
    assert f"`{read_weights(WEIGHTS)[1]['sha256'][:12]}`" in text(WEIGHTS.with_suffix('.md')), "the card speaks of other weights"


def test_make_lists_its_commands():
    "Every command of the Makefile is explained by `make help`, and so are those the README names."
    listed = set(re.findall(r'^([a-z-]+):.*##', text(ROOT/'Makefile'), re.MULTILINE))
    phony = set(re.search(r'^\.PHONY: (.*)$', text(ROOT/'Makefile'), re.MULTILINE)[1].split()) - {'lab', 'dev'}
    assert phony == listed
    assert set(re.findall(r'`make ([a-z-]+)`', text(ROOT/'README.md') + text(ROOT/'CONTRIBUTING.md'))) <= listed


def test_the_checks_above_can_fail():
    "The patterns find what they look for, and nothing else."
    assert MACHINE.search('saved in ' + '/'.join(['', 'home', 'ann', 'x.jpg'])) and MACHINE.search("'" + '/'.join(['', 'tmp', 'x']) + "'")
    assert not MACHINE.search('https://example.com/home/page') and not MACHINE.search('nbs/work/x') and not MACHINE.search('~/work/x')
    assert REGISTRY.search('pypi' + '.org')
    with pytest.raises(AssertionError): links_exist('[a](no_such_file.md)', ROOT, 'x')
