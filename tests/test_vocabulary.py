"The words of the course: each lesson uses its words, each word that a lesson makes bold is known, every card and link works."
import html, re
from pathlib import Path

import pytest
from conftest import ROOT
from fastlessons.lessons import lessons, read_notebook, source_of
from fastlessons.stamping import stale, words_text
from fastlessons.terms import all_terms, lesson_terms, plain, words_of
from fastlessons.vocabulary import find_term, lesson_link, term, vocabulary

LESSONS = {l.number: l for l in lessons()}
TERMS = all_terms()
lesson_cases = pytest.mark.parametrize('number', LESSONS)


def own_cells(number):
    "A lesson's cells without those that `stamp` makes."
    made = ('### Words of this lesson', '#@title Set-up')
    return [c for c in read_notebook(LESSONS[number].path)['cells'] if not source_of(c).startswith(made)]


def uses(text, t):
    "Does a text speak of a term? A plural or another ending is the same word."
    return any(re.search(rf'(?<!\w){re.escape(w)}(s|es|ed|d|ing)?(?!\w)', plain(text)) for w in map(plain, words_of(t)))


@pytest.mark.parametrize('t', [t for t in TERMS if t.lesson in LESSONS], ids=lambda t: t.name)
def test_the_lesson_of_a_term_uses_it(t):
    assert uses('\n'.join(map(source_of, own_cells(t.lesson))), t), f'lesson {t.lesson} never speaks of {t.name!r}: name another lesson, or a synonym it uses'


def test_that_check_can_fail():
    assert uses('Two *epochs* more', find_term('epoch')) and uses('with `learn.fine_tune(3)`', find_term('fine-tuning'))
    assert not uses('an epochal change', find_term('epoch')) and not uses('softmax', find_term('sigmoid'))


# What lessons make bold for its weight in the sentence. Another bold word or two is a key word, and so a term of the vocabulary.
EMPHASIS = {plain(w) for w in """It takes · It needs · best · one · you · or · true · see · every · other · where · there is · order · whole · said yes · said no · items · seconds · updates · updated · fastai
 · right labels · More data · surer · Forty epochs · Ten epochs · per batch · per picture · table · digits · shuffled · edges · first block · late blocks · Keep
 · exp · stops rising · steepest · minimum · valley · prior belief · Deletion · relabel · set aside · Roughness · purity""".split(' · ')}


def bold(number):
    "What a lesson makes bold: one or two words, no sentence, no number."
    text = '\n'.join(source_of(c) for c in own_cells(number) if c['cell_type'] == 'markdown')
    found = re.findall(r'(?<![\w*])\*\*([^*\n]+)\*\*(?![\w*])', text)
    return [b for b in found if len(b.split()) <= 2 and not re.search(r'[.:,+\d]', b) and len(b) > 1]


def known(word):
    try: return bool(find_term(word))
    except ValueError: return False


@lesson_cases
def test_every_key_word_of_a_lesson_is_in_the_vocabulary(number):
    unknown = [b for b in bold(number) if plain(b) not in EMPHASIS and not known(b)]
    assert not unknown, f'bold in lesson {number}, but no term of vocabulary.toml: {unknown}'


@lesson_cases
def test_every_lesson_shows_its_words(number):
    assert len(lesson_terms(number)) >= 3
    cells = [source_of(c) for c in read_notebook(LESSONS[number].path)['cells']]
    assert cells.count(words_text(number)) == 1 and not stale(LESSONS[number].path), 'stamping.stamp writes its words'


def test_words_and_names_of_lessons_are_what_the_house_says():
    "Meanings are one or two sentences, each text ends as a sentence does, and a mistake is not its own answer."
    for t in TERMS:
        assert len(re.findall(r'[.!?](?: |$)', t.meaning)) <= 3 and len(t.meaning) <= 300, t.name
        for text in filter(None, (t.meaning, t.mistake, t.instead)): assert text[-1] in '.?…)', (t.name, text)
        assert t.lesson <= '19' and (not t.mistake or t.mistake != t.instead)
    assert [t.lesson for t in TERMS] == sorted(t.lesson for t in TERMS), 'the terms of a lesson stand together, in learning order'


OUTPUT = 'epoch train_loss valid_loss error_rate accuracy time'
OLD = dict(ImageDataBunch='DataLoaders', cnn_learner='vision_learner', create_cnn='vision_learner', get_transforms='augmentation', max_lr='learning rate')
BOOK = """label, architecture, model, parameter, hyperparameter, independent variable, dependent variable, fit, pretrained model, fine-tune, transfer learning, epoch, batch,
mini-batch, loss, metric, validation set, training set, test set, overfitting, CNN, head, body, backbone, transform, item transform, batch transform, augmentation, learning rate,
accuracy, error rate, seed, freeze, segmentation, tensor, rank, broadcasting, gradient, backpropagation, SGD, momentum, Adam, weight decay, activation, ReLU, softmax, sigmoid, logits,
cross-entropy, one-hot, multi-label, regression, DataBlock, DataLoaders, Learner, callback, presizing, discriminative learning rates, mixed precision, confusion matrix, top losses,
Grad-CAM, receptive field, kernel, stride, padding, channel, feature map, batch norm, dropout, pooling, state dict, safetensors, pickle, calibration, prior, posterior"""


def test_the_words_of_the_table_of_the_book_and_of_older_notes_are_there():
    words = {plain(w) for t in TERMS for w in words_of(t)}
    wanted = [*OUTPUT.split(), *OLD, *re.split(r',\s+', BOOK)]
    assert not [w for w in wanted if plain(w) not in words]
    assert {w: find_term(w).name for w in OLD} == OLD


@pytest.mark.parametrize('folder, place', [('nbs', ''), ('nbs/workshop', '../')])
def test_links_lead_to_the_lesson(folder, place, monkeypatch):
    monkeypatch.chdir(ROOT/folder)
    for t in TERMS:
        said, address = lesson_link(t.lesson)
        if t.lesson in LESSONS: assert address.startswith(place) and (Path.cwd()/address).is_file() and f'href="{address}"' in term(t.name)._repr_html_()
        else: assert not address and 'still to come' in repr(term(t.name))


def test_links_of_a_working_copy_and_of_a_folder_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert 'href="https://colab.research.google.com/' in term('epoch')._repr_html_() and 'on Colab' in repr(term('epoch'))
    (tmp_path/LESSONS['02'].path.name).touch()
    assert f'href="{LESSONS["02"].path.name}"' in term('epoch')._repr_html_()


def slips(word):
    "A word with one letter left out, doubled, or exchanged with the next."
    for i in range(1, len(word) - 1, 3):
        yield word[:i] + word[i+1:]
        yield word[:i] + word[i] + word[i:]
        yield word[:i] + word[i+1] + word[i] + word[i+2:]


def test_slips_of_the_keyboard_are_forgiven():
    "Of every name of seven letters or more, each single slip leads to the term or to another word that is spelt so."
    spelt = {plain(w) for t in TERMS for w in words_of(t)}
    for t in TERMS:
        if len(t.name) < 7: continue
        for slip in slips(t.name):
            if plain(slip) not in spelt: assert find_term(slip) is t, (t.name, slip)


@pytest.mark.parametrize('word', ['', '  ', 'zebra', 'xyz', 'x'*10_000, '<b>', 'ключ', '😀😀😀😀😀', None, 7], ids=lambda w: repr(w)[:12])
def test_a_word_that_is_none_gets_no_absurd_neighbours(word):
    with pytest.raises(ValueError, match="no term|no word is given") as e: term(word)
    assert len(str(e.value)) < 200 and 'the nearest' not in str(e.value)
    shown = vocabulary(f'{word} zebra')
    assert not len(shown) and 'no word looks like it' in repr(shown) and len(repr(shown)) < 300
    assert html.escape(repr(shown)) in shown._repr_html_()


def test_words_are_found_in_the_plural_and_with_hyphens_or_blanks():
    "Whatever way a word of the course is written, it leads to its term."
    for t in TERMS:
        for word in words_of(t):
            for other in (word.upper(), word.replace('-', ' '), word.replace(' ', '-'), f' {word}. ', word.replace('-', '‑'), word if word[-1] == 's' else word + 's'):
                spelt = [o for o in TERMS if plain(other) in map(plain, words_of(o))]
                assert find_term(other) is (spelt[0] if spelt else t), (t.name, other)


def test_a_word_that_is_covered_is_not_called_a_synonym():
    shown = repr(term('memorizing'))
    assert 'Also: generalization, generalize\n' in shown and 'With it: memorizing' in shown and 'something else than *generalizing*' in shown
    assert not any(set(t.covers) & {*t.synonyms, t.name} for t in TERMS)
