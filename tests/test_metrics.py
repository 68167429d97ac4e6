"Metrics against fastai's, scikit-learn's and scipy's on random cases, and what they refuse."
import math, subprocess, sys, warnings
from fractions import Fraction

import fastai.vision.all as fastai
import numpy as np
import pytest
import sklearn.metrics as sklearn
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from fastlessons import metrics as m

some = settings(max_examples=100, deadline=None, derandomize=True, database=None)
warning = pytest.mark.filterwarnings('ignore::UserWarning')


@st.composite
def answers(draw, most_classes=6):
    "Number of classes, predictions, targets: unbalanced, of a single class, with classes that never occur, one item."
    c, n = draw(st.integers(2, most_classes)), draw(st.integers(1, 60))
    used = st.sampled_from(draw(st.lists(st.integers(0, c - 1), min_size=1, max_size=c)))     # a class listed twice comes twice as often
    one = st.lists(used if draw(st.booleans()) else st.integers(0, c - 1), min_size=n, max_size=n)
    return c, np.array(draw(one)), np.array(draw(one))


@st.composite
def scored(draw, ties=False):
    "Scores (n, c) and targets; without `ties` the scores of an item all differ."
    c, n = draw(st.integers(2, 7)), draw(st.integers(1, 40))
    row = st.lists(st.integers(0, 2), min_size=c, max_size=c) if ties else st.permutations(range(c))
    scores = np.array(draw(st.lists(row, min_size=n, max_size=n)), dtype='float32')/4 - .5
    return scores, np.array(draw(st.lists(st.integers(0, c - 1), min_size=n, max_size=n)))


def same(a, b): return a == pytest.approx(b, abs=1e-6, nan_ok=True)


# -- as others measure ------------------------------------------------------------------------------------------------------------

@some
@given(answers())
def test_error_rate_and_accuracy_of_class_numbers(case):
    _, p, t = case
    assert same(m.accuracy(p, t), sklearn.accuracy_score(t, p)) and same(m.error_rate(p, t), sklearn.zero_one_loss(t, p))
    assert Fraction(m.error_rate(p, t)).limit_denominator(60) == Fraction(int((p != t).sum()), len(t))


@some
@given(scored(ties=True))
def test_error_rate_and_accuracy_of_scores(case):
    s, t = case
    ts, tt = torch.tensor(s), torch.tensor(t)
    assert same(m.accuracy(s, t), fastai.accuracy(ts, tt).item()) and same(m.error_rate(s, t), fastai.error_rate(ts, tt).item())
    assert m.accuracy(s, t) == m.top_k_accuracy(s, t, 1) == m.accuracy(s.argmax(1), t)


@some
@given(answers())
@example((4, np.array([0, 0]), np.array([0, 0])))
def test_confusion_counts(case):
    c, p, t = case
    ours = m.confusion_counts(p, t, c)
    assert (ours == sklearn.confusion_matrix(t, p, labels=range(c))).all() and ours.shape == (c, c)
    assert (m.confusion_counts(np.eye(c)[p], t) == ours).all()
    top = max(p.max(), t.max()) + 1
    assert (m.confusion_counts(p, t) == ours[:top, :top]).all()


@some
@given(answers())
@example((3, np.array([0, 0]), np.array([0, 1])))          # 1: precision undefined; 2: all three
@example((2, np.array([1, 1]), np.array([0, 0])))          # 1: recall undefined
def test_every_class_has_scikit_learns_numbers(case):
    c, p, t = case
    theirs = sklearn.precision_recall_fscore_support(t, p, labels=range(c), average=None, zero_division=np.nan)
    rows = m.class_table(p, t, vocab=[f'c{i}' for i in range(c)])
    for i, (row, *numbers, n) in enumerate(zip(rows, *theirs)):
        assert (row.name, row.n) == (f'c{i}', n) and same([row.precision, row.recall, row.f1], [float(v) for v in numbers])
        for metric, value in zip((m.precision, m.recall, m.f1), numbers):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter('always')
                assert same(metric(p, t, positive=i), float(value))
            undefined = math.isnan(value)
            assert len(said) == undefined and all(issubclass(w.category, UserWarning) for w in said)
            if undefined: assert f'{metric.__name__} of class {i} is undefined (0/0): {m.UNDEFINED[metric.__name__]}' == str(said[0].message)
            assert undefined == (f'{metric.__name__}: ' in row.undefined)


@warning
@some
@given(answers())
def test_counts_add_up_and_swapping_exchanges_misses_and_false_alarms(case):
    c, p, t = case
    for i in range(c):
        a, b = m.counts(p, t, i), m.counts(t, p, i)
        assert (a.tp, a.fp, a.fn, a.tn) == (b.tp, b.fn, b.fp, b.tn) and a.tp + a.fp + a.fn + a.tn == len(t)
        assert same(m.precision(p, t, i), m.recall(t, p, i)) and same(a.accuracy, m.accuracy(p == i, t == i))
        tn, fp, fn, tp = sklearn.confusion_matrix(t == i, p == i, labels=[False, True]).ravel()
        assert a == m.Counts(tp, fp, fn, tn)


@warning
@some
@given(answers(most_classes=2))
def test_fastais_own_metrics_get_the_same(case):
    _, p, t = case
    pairs = ((m.precision, fastai.Precision), (m.recall, fastai.Recall), (m.f1, fastai.F1Score))
    for ours, theirs in pairs:
        value = ours(p, t)
        if math.isnan(value): continue                     # fastai has scikit-learn's 0 there
        assert same(value, theirs()(torch.tensor(p), torch.tensor(t)))


@some
@given(scored(), st.data())
def test_top_k(case, data):
    s, t = case
    c = s.shape[1]
    k = data.draw(st.integers(1, c))
    ours = m.top_k_accuracy(s, t, k)
    assert same(ours, fastai.top_k_accuracy(torch.tensor(s), torch.tensor(t), k).item())
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')                    # scikit-learn: with k = c it is always 1
        if c > 2: assert same(ours, sklearn.top_k_accuracy_score(t, s, k=k, labels=range(c)))


@some
@given(scored(ties=True))
def test_top_k_with_ties_lies_between_the_strictest_and_the_kindest(case):
    s, t = case
    own = s[np.arange(len(t)), t][:, None]
    above, as_high = (s > own).sum(1), (s >= own).sum(1)
    values = [m.top_k_accuracy(s, t, k) for k in range(1, s.shape[1] + 1)]
    assert values == sorted(values) and values[-1] == 1
    for k, v in enumerate(values, 1): assert (as_high <= k).mean() <= v <= (above < k).mean()
    order = np.argsort(-s, axis=1, kind='stable')          # of equal scores the lower class first
    assert all(same(v, np.mean([y in row[:k] for row, y in zip(order, t)])) for k, v in enumerate(values, 1))


@some
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60), st.integers(0, 20))
def test_threshold(items, threshold):
    probs, targs = np.array([a for a, _ in items])/20, np.array([b for _, b in items])
    c = m.at_threshold(probs, targs, threshold/20)
    assert c == m.counts((probs >= threshold/20).astype(int), targs)
    higher = m.at_threshold(probs, targs, min(1, (threshold + 1)/20))
    assert higher.tp <= c.tp and higher.fp <= c.fp
    if targs.any() and not targs.all():
        precisions, recalls, cuts = sklearn.precision_recall_curve(targs, probs)
        for p, r, cut in zip(precisions, recalls, cuts):
            ours = m.at_threshold(probs, targs, float(cut))
            assert same([ours.precision, ours.recall], [p, r])


@some
@given(st.integers(1, 5000), st.data(), st.floats(.01, .9999))
@example(1, None, .95)
def test_interval_is_scipys(n, data, level):
    for wrong in {0, n, n//2} | ({data.draw(st.integers(0, n))} if data else set()):
        ours = m.error_interval(wrong, n, level)
        theirs = binomtest(wrong, n).proportion_ci(level, method='wilson')
        assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)
        assert 0 <= ours[0] <= wrong/n <= ours[1] <= 1 and ours[0] < ours[1]
        assert (ours[0] == 0) == (wrong == 0) and (ours[1] == 1) == (wrong == n)
        right = m.error_interval(n - wrong, n, level)
        assert ours == pytest.approx((1 - right[1], 1 - right[0]), abs=1e-12)


def test_interval_by_hand():
    low, high = m.error_interval(0, 60)
    z = 1.959963984540054
    assert low == 0 and high == pytest.approx(z*z/(60 + z*z))
    assert m.error_interval(np.int64(3), torch.tensor(60)) == pytest.approx(m.error_interval(3., 60.))
    assert type(m.error_interval(np.int64(3), 60)[0]) is float


# -- whatever it comes in -----------------------------------------------------------------------------------------------------------

P, T = [[.7, .2, .1], [.1, .3, .6], [.2, .5, .3]], [0, 2, 2]


@pytest.mark.parametrize('kind', [list, tuple, np.array, torch.tensor, lambda v: torch.tensor(v, requires_grad=isinstance(v[0], list)),
    lambda v: fastai.TensorImage(torch.tensor(v)), lambda v: torch.tensor(v).to(torch.bfloat16), lambda v: [torch.tensor(o) for o in v],
    lambda v: np.array(v, dtype='float16')], ids='list tuple array tensor grad fastai bfloat16 tensors float16'.split())
def test_lists_arrays_and_tensors(kind):
    assert same(m.accuracy(kind(P), kind(T)), 2/3) and same(m.top_k_accuracy(kind(P), kind(T), 2), 1)
    assert m.confusion_counts(kind(P), kind(T)).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert m.at_threshold(kind([.9, .1, .5]), kind([1, 0, 0])) == m.Counts(1, 1, 0, 1)
    assert m.precision(kind([1, 1, 0]), kind([1, 0, 0])) == .5


def test_the_module_needs_no_torch():
    code = "import fastlessons.metrics as m, sys; m.accuracy([1], [1]); print({'torch', 'fastai', 'scipy', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.strip() == 'set()', done.stderr


def test_numbers_come_back_as_pythons_own():
    values = [m.accuracy(P, T), m.error_rate(P, T), m.top_k_accuracy(P, T, 2), m.precision([1], [1]), m.counts([1], [1]).tp, m.class_table(P, T)[0].n]
    assert [type(v) for v in values] == [float]*4 + [int]*2


# -- what is refused ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('metric', [m.error_rate, m.accuracy, m.confusion_counts, m.counts, m.precision, m.recall, m.f1, m.class_table])
@pytest.mark.parametrize('preds, targs, words', [
    ([], [], 'preds is empty, shape (0,): at least one item is needed'),
    (np.zeros((0, 3)), [], 'preds is empty, shape (0, 3): at least one item'),
    ([1, 0], [1], "preds of shape (2,) and targs of shape (1,) don't match"),
    ([[1., 0]], [1, 0], "preds of shape (1, 2) and targs of shape (2,) don't match"),
    (np.zeros((2, 3, 4)), [1, 0], "preds of shape (2, 3, 4) and targs of shape (2,) don't match"),
    ([[1], [0]], [1, 0], 'preds of shape (2, 1): one column is no choice'),
    ([[1], [0]], [[1], [0]], "preds of shape (2, 1) and targs of shape (2, 1) don't match"),
    ([1, 0], [1, -1], 'targs[1] is -1, no class number (1 such of 2): class numbers are whole, from 0 upwards'),
    ([[.1, .9], [.4, .6]], [1, 2], 'targs[1] is 2, no class number (1 such of 2): class numbers are whole, from 0 to 1'),
    ([.2, .9], [0, 1], 'preds[0] is 0.2, no class number (2 such of 2)'), ([1.5, 2.5], [0, 1], 'preds[0] is 1.5'),
    ([[.1, math.nan], [math.nan, 1]], [0, 1], '2 of the 4 numbers in preds are NaN or infinite, the first (nan) in row 0, column 1'),
    ([[.1, .9], [-math.inf, 1]], [0, 1], 'the first (-inf) in row 1, column 0'),
    ([0, 1], [0, math.nan], '1 of the 2 numbers in targs are NaN'), ([[.1, .9], [1]], [0, 1], 'preds has rows of different lengths')])
def test_refused_by_every_metric(metric, preds, targs, words):
    with pytest.raises(ValueError) as e: metric(preds, targs)
    assert words in str(e.value)


@pytest.mark.parametrize('call, error, words', [
    (lambda: m.accuracy(['a'], ['a']), TypeError, "preds holds 'a', which is no number"),
    (lambda: m.accuracy(None, [1]), TypeError, 'preds holds None'),
    (lambda: m.accuracy((i for i in [1]), [1]), TypeError, 'which is no number'),
    (lambda: m.precision(P, T, positive=3), ValueError, 'positive[0] is 3, no class number'),
    (lambda: m.precision([1], [1], positive=-1), ValueError, 'positive[0] is -1'),
    (lambda: m.confusion_counts([1, 4], [1, 0], classes=3), ValueError, 'preds[1] is 4, no class number (1 such of 2): class numbers are whole, from 0 to 2'),
    (lambda: m.confusion_counts(P, T, classes=4), ValueError, 'classes is 4, but preds have 3 columns'),
    (lambda: m.confusion_counts([10**9], [0]), ValueError, 'class number 1000000000 asks for a table of'),
    (lambda: m.confusion_counts([1], [0], classes=0), ValueError, 'classes is 0: it must be a whole number from 1'),
    (lambda: m.confusion_counts([1], [0], classes=2.5), ValueError, 'classes is 2.5'), (lambda: m.class_table([0, 1], [0, 1], []), ValueError, 'classes is 0'),
    (lambda: m.accuracy([1e300], [0]), ValueError, 'preds[0] is 1e+300, no class number'),
    (lambda: m.accuracy(np.array([2**63], dtype='uint64'), [0]), ValueError, 'preds[0] is 9223372036854775808, no class number'),
    (lambda: m.class_table([0, 2], [0, 1], ['a', 'b']), ValueError, 'preds[1] is 2'),
    (lambda: m.class_table(P, T, ['a', 'b']), ValueError, 'classes is 2, but preds have 3 columns'),
    (lambda: m.top_k_accuracy(P, T, 0), ValueError, 'k is 0: with 3 classes it must be a whole number from 1 to 3'),
    (lambda: m.top_k_accuracy(P, T), ValueError, 'k is 5'), (lambda: m.top_k_accuracy(P, T, 1.5), ValueError, 'k is 1.5'),
    (lambda: m.top_k_accuracy([1, 0], [1, 0], 1), ValueError, "scores of shape (2,) and targs of shape (2,) don't match"),
    (lambda: m.at_threshold([.1], [1], 1.01), ValueError, 'threshold is 1.01'), (lambda: m.at_threshold([.1], [1], math.nan), ValueError, 'threshold is nan'),
    (lambda: m.at_threshold([.1], [1], -.1), ValueError, 'threshold is -0.1'),
    (lambda: m.at_threshold([.1, 3.2], [1, 0]), ValueError, 'probs[1] is 3.2, no probability (1 such)'),
    (lambda: m.at_threshold([-.1], [1]), ValueError, 'probs[0] is -0.1'), (lambda: m.at_threshold([.1], [2]), ValueError, 'targs[0] is 2'),
    (lambda: m.at_threshold([[.1]], [1]), ValueError, 'probs of shape (1, 1) and targs of shape (1,)'),
    (lambda: m.at_threshold([], []), ValueError, 'probs is empty'),
    (lambda: m.error_interval(0, 0), ValueError, 'n is 0: an error rate needs at least one item'), (lambda: m.error_interval(7, 6), ValueError, '7 wrong of 6'),
    (lambda: m.error_interval(-1, 6), ValueError, '-1 wrong of 6'), (lambda: m.error_interval(.05, 60), ValueError, '0.05 wrong of 60'),
    (lambda: m.error_interval(1, -6), ValueError, '1 wrong of -6'), (lambda: m.error_interval(math.nan, 6), ValueError, 'nan wrong of 6'),
    (lambda: m.error_interval(1, math.inf), ValueError, '1 wrong of inf'),
    (lambda: m.error_interval(1, 6, 95), ValueError, 'level is 95'), (lambda: m.error_interval(1, 6, 0), ValueError, 'level is 0'),
    (lambda: m.error_interval(1, 6, 1), ValueError, 'level is 1'), (lambda: m.error_interval(1, 6, math.nan), ValueError, 'level is nan')])
def test_refused(call, error, words):
    with pytest.raises(error) as e: call()
    assert words in str(e.value)


def test_numbers_in_tensors_will_do_for_arguments():
    assert m.at_threshold([.5, .2], [1, 0], torch.tensor(.5)) == m.at_threshold([.5, .2], [1, 0], .5)
    assert m.top_k_accuracy(P, T, torch.tensor(2)) == m.top_k_accuracy(P, T, 2.) == m.top_k_accuracy(P, T, 2)
    assert (m.confusion_counts([1], [0], classes=2.) == m.confusion_counts([1], [0], classes=2)).all()


@pytest.mark.parametrize('kind', [np.float32, np.float64, torch.tensor, lambda v: [torch.tensor(o) for o in v],
    lambda v: torch.tensor(v).double(), list], ids='float32 float64 tensor tensors double list'.split())
def test_a_probability_at_the_threshold_in_any_container(kind):
    "All is compared in 64 bits: what was stored as 0.7 in 32 bits is a little less, in an array as in a tensor; an own value is always reached."
    probs = kind([.7, .2])
    assert m.at_threshold(probs, [1, 0], .7).tp == (float(probs[0]) >= .7)
    assert m.at_threshold(probs, [1, 0], float(probs[0])).tp == 1


def test_a_class_that_never_occurs():
    assert m.counts([0, 1], [0, 1], positive=7) == m.Counts(0, 0, 0, 2)                 # class numbers don't tell how many classes there are
    with pytest.raises(ValueError, match='positive'): m.counts(P, T, positive=7)       # scores do


def test_a_level_next_to_one():
    low, high = m.error_interval(1, 10, 1 - 1e-16)
    assert 0 < low < .01 and .8 < high < 1


def test_probabilities_a_hair_above_one_are_rounding():
    assert m.at_threshold(np.float32([1.0000001, 0]), [1, 0]) == m.Counts(1, 0, 0, 1)


# -- the widget of lesson 04 --------------------------------------------------------------------------------------------------------

def test_moving_the_slider_moves_all_four_metrics():
    "Each step shows the numbers of `at_threshold`, and a threshold where nothing is said yes says why precision has none."
    from fastlessons.sliders import flipbook
    from fastlessons.thresholds import threshold_figure
    rng = np.random.default_rng(3)
    targs = rng.random(300) < .2
    probs = np.clip(np.where(targs, rng.normal(.6, .2, 300), rng.normal(.3, .2, 300)), 0, .99)
    panel = flipbook(lambda v: threshold_figure(probs, targs, v, what='an 8'), [(f'{v:.2f}', v) for v in (0., .3, .5, 1.)], 'Threshold', start=.5)
    slider, page = panel.children
    pages = {}
    for i, v in enumerate((0., .3, .5, 1.)):
        slider.index = i
        pages[v], c = page.value, m.at_threshold(probs, targs, v)
        assert f'{c.tp} found, {c.fn} missed, {c.fp} false alarms, {c.tn} rightly left alone; accuracy {c.accuracy:.2f}, precision ' in pages[v]
        assert f'recall {c.recall:.2f}, F1 {c.f1:.2f}.' in pages[v]
    assert len(set(pages.values())) == 4 and 'precision undefined' in pages[1.] and 'precision undefined' not in pages[.5]
