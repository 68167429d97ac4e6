"Every question of the course: the right answer passes, each tempting wrong one is refused with its own hint."
import pytest
from fastlessons.judging import KINDS,judge
from fastlessons.questions import all_questions,load_questions,questions_text

QUESTIONS = all_questions()
ids = [q.id for q in QUESTIONS]


def typed(q, a):
    "An answer as somebody types it, in plain text."
    word = lambda a: f' {a[0] if isinstance(a, tuple) else a} '.upper()
    return {'one':str, 'number':lambda n: f'{n:g}', 'word':word}.get(q.kind, ' '.join)(a)


@pytest.mark.parametrize('q', QUESTIONS, ids=ids)
def test_right_answer_passes(q):
    for a in (q.answer, typed(q, q.answer)):
        v = judge(q, a if q.kind != 'word' or isinstance(a, str) else a[0])
        assert v.right and q.why in v.message, (a, v)
        assert len(v.reasons) == len(q.options)
    if q.kind in ('one', 'several'): assert all(o.reason in '\n'.join(v.reasons) for o in q.options)


@pytest.mark.parametrize('q', QUESTIONS, ids=ids)
def test_each_tempting_answer_is_refused_with_its_own_hint(q):
    hints = [t.hint for t in q.tempting]
    assert len(set(hints)) == len(hints) and q.hint not in hints
    for t in q.tempting:
        v = judge(q, typed(q, t.answer))
        assert (v.right, v.hint, v.reasons) == (False, t.hint, ()), (t, v)


@pytest.mark.parametrize('q', [q for q in QUESTIONS if q.kind == 'one'], ids=lambda q: q.id)
def test_every_wrong_option_has_its_hint(q):
    assert {t.answer for t in q.tempting} == {o.key for o in q.options if not o.right}


@pytest.mark.parametrize('q', [q for q in QUESTIONS if q.kind in ('one', 'several')], ids=lambda q: q.id)
def test_exactly_the_options_of_the_answer_are_marked_right(q):
    assert {o.key for o in q.options if o.right} == ({q.answer} if q.kind == 'one' else set(q.answer))


@pytest.mark.parametrize('q', QUESTIONS, ids=ids)
@pytest.mark.parametrize('nothing', [None, '', '  ', [], ()], ids=repr)
def test_empty_answer_says_what_is_missing(q, nothing):
    v = judge(q, nothing)
    assert not v.right and 'nothing is answered yet' in v.message and not v.reasons


@pytest.mark.parametrize('q', QUESTIONS, ids=ids)
@pytest.mark.parametrize('other', [object(), {'a':1}, b'a', [1, 2], ['zz'], True, 'zz zz'], ids=repr)
def test_answer_of_another_kind_says_what_is_expected(q, other):
    v = judge(q, other)
    assert not v.right and not v.reasons
    if not (q.kind == 'word' and isinstance(other, str)): assert v.message.startswith('Not judged: ')


def test_orders_are_not_shown_solved():
    assert all([o.key for o in q.options] != list(q.answer) for q in QUESTIONS if q.kind == 'order')


def test_the_right_option_is_not_always_at_the_same_place():
    firsts = [q.answer for q in QUESTIONS if q.kind == 'one']
    assert len(set(firsts)) >= 3


def test_lesson_01_asks_in_several_ways():
    qs = load_questions(1)
    assert len(qs) >= 6 and {'one', 'several', 'number', 'order'} <= {q.kind for q in qs} <= set(KINDS)
    text = str(questions_text('1'))
    assert all(q.ask in text and f"answer('{q.id}'" in text for q in qs)
