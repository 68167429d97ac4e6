"Every question of the course: the right answer passes, each tempting wrong one is refused with its own hint."
import re,textwrap
from collections import Counter
import pytest
from fastlessons.judging import KINDS,judge,solution
from fastlessons.trying import try_code
from fastlessons.questions import all_questions,answer,load_questions,questions_text,read_questions

QUESTIONS = all_questions()
CODE = [q for q in QUESTIONS if q.kind == 'code']
ids = [q.id for q in QUESTIONS]


def typed(q, a):
    "An answer as somebody types it, in plain text."
    word = lambda a: f' {a[0] if isinstance(a, tuple) else a} '.upper()
    code = lambda a: '\n' + textwrap.indent(a, '    ') + '\n    # pasted with four spaces and a line of its own\n'
    return {'one':str, 'number':lambda n: f'{n:g}', 'word':word, 'code':code}.get(q.kind, ' '.join)(a)


@pytest.mark.parametrize('q', QUESTIONS, ids=ids)
def test_right_answer_passes(q):
    for a in (q.answer, typed(q, q.answer)):
        v = judge(q, a if q.kind != 'word' or isinstance(a, str) else a[0])
        assert v.right and q.why in v.message, (a, v)
        assert len(v.reasons) == len(q.options) + len(q.cases)
    if q.kind in ('one', 'several'): assert all(o.reason in '\n'.join(v.reasons) for o in q.options)


def otherwise(q, a):
    "The same answer in other ways of writing."
    if q.kind == 'number':
        yield from (f'{a:g}'.replace('-', '−').replace('.', ','), f' +{a:.10g} '.replace('+-', '-'), f'{a:.10g}/1', f'{100*a:.10g} %', f'{a:e}', f'{a/10:.10g}·10¹', f'{a:,.10g}')
        if q.unit.isalpha(): yield from (f'{a:.10g} {q.unit}', f'{a:.10g}{q.unit.upper()}')
    elif q.kind == 'word':
        for word in a: yield from (f'{word}.', f'The {word}', word.title() + 's'*(word[-1] != 's'), f'`{word}`', word.replace(' ', '-'), word.replace('e', 'é'))
    elif q.kind != 'code':
        keys = [a] if q.kind == 'one' else sorted(a) if q.kind == 'several' else a
        yield from (join.join(keys) for join in (', ', ' → ', ') ', '', ' and ', '\n'))
        yield ' '.join(f'({k.upper()})' for k in keys)


@pytest.mark.parametrize('q', [q for q in QUESTIONS if q.kind != 'code'], ids=lambda q: q.id)
def test_right_answer_passes_however_it_is_written(q):
    for given in otherwise(q, q.answer): assert judge(q, given).right, (given, judge(q, given).message)
    for t in q.tempting:
        for given in otherwise(q, (t.answer,) if q.kind == 'word' else t.answer): assert judge(q, given).hint == t.hint, (given, judge(q, given))


@pytest.mark.parametrize('q', QUESTIONS, ids=ids)
def test_nonsense_gets_a_short_message(q):
    for bad in (10**400, 'x'*10**6, float('nan'), '∞', '−', '1/0', '…', range(3), 3j, lambda x: x):
        if q.kind == 'code' and isinstance(bad, str): continue  # it is tried like any code
        v = judge(q, bad)
        assert not v.right and len(v.message) < 300, v


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
    if not (q.kind in ('word', 'code') and isinstance(other, str)): assert v.message.startswith('Not judged: ')


def test_orders_are_not_shown_solved():
    assert all([o.key for o in q.options] != list(q.answer) for q in QUESTIONS if q.kind == 'order')


ONES = [q for q in QUESTIONS if q.kind == 'one']


def by_length(q, which):
    "Is the right option the longest (`max`) or the shortest (`min`)?"
    return len(next(o.text for o in q.options if o.right)) == which(len(o.text) for o in q.options)


def test_the_right_option_does_not_give_itself_away():
    "Whoever always takes the longest, the shortest or the same letter does little better than chance."
    chance = sum(1/len(q.options) for q in ONES)/len(ONES)
    for which in (max, min): assert sum(by_length(q, which) for q in ONES)/len(ONES) < chance + .1, which
    letters = Counter(q.answer for q in ONES)
    assert all(abs(letters[k]/len(ONES) - .25) < .08 for k in 'abcd'), letters
    several = [(o.key, o.right) for q in QUESTIONS if q.kind == 'several' for o in q.options]
    for k in 'abcd': assert .35 < sum(right for key,right in several if key == k)/sum(key == k for key,_ in several) < .65, k
    lengths = {right: [len(o.text) for q in QUESTIONS if q.kind == 'several' for o in q.options if o.right == right] for right in (True, False)}
    assert .7 < sum(lengths[True])/len(lengths[True])/(sum(lengths[False])/len(lengths[False])) < 1.4


def test_there_is_enough_to_ask():
    "150 questions and more, of every kind, some for each lesson of the course, also those to come; ten and more ask for code."
    assert len(QUESTIONS) >= 150 and {q.kind for q in QUESTIONS} == set(KINDS)
    number = Counter(q.lesson for q in QUESTIONS)
    assert all(number[f'{i:02}'] >= (8 if i <= 12 else 4) for i in range(20)) and len(CODE) >= 10
    assert all(len({q.kind for q in load_questions(i)}) >= 3 for i in range(20))
    assert len({q.ask for q in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize('q', CODE, ids=lambda q: q.id)
def test_code_as_it_was_given_is_refused(q):
    v = judge(q, q.start)
    assert not v.right and ('should give' in v.message or 'stopped with' in v.message), v
    assert f'`{q.function}(' in v.message and v.hint


@pytest.mark.parametrize('q', CODE, ids=lambda q: q.id)
def test_code_is_recognized_by_what_it_does(q):
    "The same faults in other letters get the same hints; a solution shows its code."
    for t in q.tempting: assert judge(q, re.sub(r'\bi\b', 'number', t.answer) + '\n# somebody else\n').hint == t.hint
    v = solution(q)
    assert v.code == q.answer and judge(q, v.code).right and len(v.reasons) == len(q.cases)


def update(ws, slopes, lr):
    slopes.reverse()
    return [w - lr*s for w,s in zip(ws, reversed(slopes))]


def test_code_may_be_a_function_and_must_leave_its_arguments_alone():
    v = answer('02-code-update', update)
    assert not v.right and 'but changes `[0.5, -4.0]`' in v.message
    assert "answer('02-code-update', update)" in questions_text('02') and 'return [w + s for' in questions_text('02')


WHOLE = """format = 1
[[question]]
id = "02-x"
lesson = "02"
kind = "code"
ask = "Change it."
start = "def f(x): return x"
function = "f"
imports = ["math"]
answer = "def f(x): return math.sqrt(x)"
hint = "Think."
why = "So."
[[question.case]]
call = "f(4.0)"
expected = 2.0
[[question.tempting]]
answer = "def f(x): return x/2 + 9"
hint = "No."
"""


def read(tmp_path, text):
    (tmp_path/'mine.toml').write_text(text, encoding='utf-8')
    return read_questions(tmp_path/'mine.toml')


def test_code_may_use_what_the_question_imports(tmp_path):
    q, = read(tmp_path, WHOLE)
    assert judge(q, q.answer).right and not judge(q, q.start).right
    q, = read(tmp_path, WHOLE.replace('"math"', '"no_such_module_here"'))
    assert judge(q, q.answer).message.startswith("Not judged: what the code needs can't be imported")


@pytest.mark.parametrize('old,new,words', [
    ('start = "def f(x): return x"\n', '', 'start is missing'),
    ('start = "def f(x): return x"', 'start = 3', 'start is 3'),
    ('start = "def f(x): return x"', 'start = "def f(x) return x"', 'start is no Python'),
    ('function = "f"', 'function = "g"', "start defines no function 'g'"),
    ('function = "f"', 'function = ["f"]', 'function is'),
    ('answer = "def f(x): return math', 'answer = "def g(x): return math', "answer defines no function 'f'"),
    ('answer = "def f(x): return math', 'answer = 4 # "', 'answer is no Python'),
    ('imports = ["math"]', 'imports = ["math; import os"]', "imports has 'math; import os'"),
    ('imports = ["math"]', 'imports = [3]', 'imports has 3'),
    ('call = "f(4.0)"\n', '', 'case 1 has no call'),
    ('expected = 2.0\n', '', 'case 1 has no expected'),
    ('expected = 2.0', 'expected = 2026-11-21', 'case 1 expects'),
    ('call = "f(4.0)"', 'call = "f(4.0"', 'case 1: call is no Python'),
    ('call = "f(4.0)"', 'call = 4', 'case 1: call is no Python'),
    ('call = "f(4.0)"', 'call = "g(4.0)"', "case 1 calls no 'f'"),
    ('call = "f(4.0)"', 'cal = "f(4.0)"', '[[question.case]] with call, expected'),
    ('[[question.case]]\ncall = "f(4.0)"\nexpected = 2.0\n', '', 'case is missing'),
    ('answer = "def f(x): return x/2 + 9"', 'answer = "def h(x): return x"', "tempting defines no function 'f'"),
    ('answer = "def f(x): return x/2 + 9"', 'answer = "def f(x):  return math.sqrt(x)"', 'is the right one'),
    ('kind = "code"', 'kind = "number"', "start is not for kind 'number'"),
    ('hint = "No."', 'hint = ""', 'has no hint'),
], ids=lambda o: o[:30] if isinstance(o, str) else '')
def test_malformed_code_question_is_named(tmp_path, old, new, words):
    assert len(read(tmp_path, WHOLE)) == 1 and old in WHOLE
    with pytest.raises(ValueError, match='mine.toml: question 02-x: .*' + re.escape(words)): read(tmp_path, WHOLE.replace(old, new, 1))


def test_lesson_01_asks_in_several_ways():
    qs = load_questions(1)
    assert len(qs) >= 6 and {'one', 'several', 'number', 'order'} <= {q.kind for q in qs} <= set(KINDS)
    text = str(questions_text('1'))
    assert all(q.ask in text and f"answer('{q.id}'" in text for q in qs)


CHEATS = {'equal to anything': ('class E(float):\n    def __eq__(self, o): return True\n    def __sub__(self, o): return 0.\n', 'return [E(7) for w in ws]', 'gives `[7.0, 7.0]`'),
          'a copy of the process': ('import os\n', 'os.fork()\n    return [w - lr*s for w, s in zip(ws, slopes)]', 'os.fork starts or ends a program'),
          'another program': ('import os\n', 'os.system("true")', 'os.system starts or ends a program'),
          'asking': ('', 'return input()', 'nobody is there to type'),
          'not installed': ('import no_such_module\n', 'return ws', 'not installed here'),
          'no list yet': ('', 'return (w - lr*s for w, s in zip(ws, slopes))', 'put `list(…)` around it'),
          'a list without end': ('', 'ws.append(ws)\n    return ws', 'has itself in it'),
          'a bracket left open': ('', 'return [w - lr*s', "can't be read by Python, line 2: '[' was never closed: `return [w - lr*s`")}


@pytest.mark.parametrize('name', CHEATS)
def test_bad_code_is_explained(name):
    before, body, words = CHEATS[name]
    v = answer('02-code-update', f'{before}def update(ws, slopes, lr):\n    {body}\n')
    assert not v.right and words in v.message and not v.message.startswith('Not judged')


STYLES = {'fractions': 'from fractions import Fraction as F\ndef update(ws, slopes, lr): return [F(w) - F(lr)*F(s) for w, s in zip(ws, slopes)]',
          'numpy': 'import numpy as np\ndef update(ws, slopes, lr): return np.array(ws) - lr*np.array(slopes)',
          'single precision': 'import numpy as np\ndef update(ws, slopes, lr): return np.float32(ws) - np.float32(lr)*np.float32(slopes)',
          'a lambda': 'update = lambda ws, slopes, lr: tuple(w - lr*s for w, s in zip(ws, slopes))'}


def test_right_code_passes_in_pytorch():
    "Its import is no part of the time and the memory that an answer has; a tensor of another shape is refused by its shape."
    code = 'import torch\nfrom torch.nn import functional as F\ndef cross_entropy(scores, targ): return F.cross_entropy(torch.tensor(scores), torch.tensor(targ))'
    assert answer('03-code-large', code).right
    v = answer('03-code-large', code + '[None]')
    assert not v.right and 'Expected is a number, not a list of 1' in v.message


@pytest.mark.parametrize('name', STYLES)
def test_right_code_passes_whatever_its_style(name):
    assert answer('02-code-update', STYLES[name]).right


step = lambda ws, slopes, lr: [w - lr*s for w, s in zip(ws, slopes)]
from math import exp as power, log as ln  # noqa: E402


def cross_entropy(scores, targ):
    top = max(scores)
    return ln(sum(power(s - top) for s in scores)) - (scores[targ] - top)


def test_a_lambda_with_a_name_and_names_from_modules_are_taken_along():
    assert answer('02-code-update', step).right and answer('03-code-large', cross_entropy).right


@pytest.mark.parametrize('id,wrong', [
    ('03-code-large', "def cross_entropy(scores, targ):\n    import math\n    top = scores[0]\n    return top + math.log(sum(math.exp(s - top) for s in scores)) - scores[targ]"),
    ('08-code-size', "def size(n, kernel, stride, padding): return (n - kernel)//stride + 1 + padding"),
    ('10-code-confused', "def most_confused(m, names):\n    n, i, j = max((m[i][j], i, j) for i in range(len(m)) for j in range(len(m)) if m[i][j] != max(m[i]))\n    return [names[i], names[j], n]"),
    ('11-code-folds', "def learns_from(i, n, folds): return [j for j in range(n) if abs(j-i) != folds and j != i]")])
def test_code_that_is_right_by_chance_only(id, wrong):
    assert not answer(id, wrong).right


def test_right_values_from_a_changed_argument_get_no_other_hint():
    said = answer('02-code-update', "def update(ws, slopes, lr):\n    for i in range(len(ws)): ws[i] -= lr*slopes[i]\n    return ws")
    assert 'changes' in said.message and not said.hint


def test_code_may_import_what_can_be_imported_here(tmp_path, monkeypatch):
    (tmp_path/'of_my_own.py').write_text('def twice(x): return 2*x')
    monkeypatch.syspath_prepend(str(tmp_path))
    row, = try_code('from of_my_own import twice\ndef f(x): return twice(x)', 'f', [('f(3)', 6)])
    assert not row.wrong, row
