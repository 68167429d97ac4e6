"The losses against PyTorch's on random cases, and what they say about bad input."
import math
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from fastlessons.losses import LossRow, cross_entropy, loss_table, mse, nll, softmax
from fastlessons.tables import loss_table_html, score_editor

same_cases = settings(derandomize=True, deadline=None, max_examples=100)  # every run the same: a failure can be repeated
number = st.floats(-1e4, 1e4)
KINDS = {
    'lists':lambda a: a.tolist(),
    'arrays':np.asarray,
    'tensors':torch.tensor,
    'tensors that remember':lambda a: torch.tensor(a, requires_grad=a.dtype.kind == 'f'),
}


@st.composite
def items(draw, least=2):
    "Scores of n items and c classes, and a true class each."
    n,c = draw(st.integers(1, 8)),draw(st.integers(least, 12))
    rows = draw(st.lists(st.lists(number, min_size=c, max_size=c), min_size=n, max_size=n))
    return np.array(rows),np.array(draw(st.lists(st.integers(0, c-1), min_size=n, max_size=n)))


@pytest.mark.parametrize('kind', KINDS)
@same_cases
@given(case=items())
def test_cross_entropy_is_that_of_pytorch(kind, case):
    want = F.cross_entropy(torch.tensor(case[0]), torch.tensor(case[1])).item()
    got = cross_entropy(*(KINDS[kind](o) for o in case))
    assert type(got) is float and math.isclose(got, want, rel_tol=1e-12, abs_tol=1e-12)


@same_cases
@given(case=items())
def test_softmax_is_that_of_pytorch(case):
    scores = case[0]
    got,want = softmax(scores),torch.softmax(torch.tensor(scores), 1).numpy()
    assert got.shape == scores.shape
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(softmax(scores[0]), want[0], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize('kind', KINDS)
@same_cases
@given(pairs=st.lists(st.tuples(number, number), min_size=1, max_size=24), wide=st.booleans())
def test_mse_is_that_of_pytorch(kind, pairs, wide):
    preds,targs = np.array(pairs).T
    if wide: preds,targs = preds[:,None],targs[:,None]
    want = F.mse_loss(torch.tensor(preds), torch.tensor(targs)).item()
    got = mse(KINDS[kind](preds), KINDS[kind](targs))
    assert type(got) is float and math.isclose(got, want, rel_tol=1e-12, abs_tol=1e-12)


@same_cases
@given(case=items())
def test_the_mean_of_the_table_is_the_cross_entropy(case):
    rows = loss_table(*case)
    assert len(rows) == len(case[0]) and all(isinstance(r, LossRow) for r in rows)
    assert math.isclose(sum(r.loss for r in rows)/len(rows), cross_entropy(*case), rel_tol=1e-12, abs_tol=1e-12)
    for r,scores,targ in zip(rows, *case):
        assert (r.scores, r.targ, r.label, r.p) == (tuple(scores), targ, str(targ), r.probs[targ])
        assert r.loss >= 0 and len(r.exps) == len(r.probs) == len(scores)
        if r.p > 1e-300: assert math.isclose(r.loss, nll(r.probs, targ), rel_tol=1e-9, abs_tol=1e-12)


def test_half_precision_and_the_batches_of_fastai():
    scores,targs = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)),torch.tensor([0, 1, 2, 2, 1])
    want = F.cross_entropy(scores, targs).item()
    for kind in (torch.float16, torch.bfloat16): assert abs(cross_entropy(scores.to(kind), targs) - want) < .02
    from fastai.torch_core import TensorCategory, TensorImage
    assert abs(cross_entropy(scores.as_subclass(TensorImage), targs.as_subclass(TensorCategory)) - want) < 1e-6
    assert abs(mse(scores.as_subclass(TensorImage), scores*2) - F.mse_loss(scores, scores*2).item()) < 1e-6


def test_small_whole_numbers_do_not_wrap_around():
    "The difference of two bytes is no byte."
    assert mse(np.uint8([0, 3]), np.uint8([255, 1])) == (255**2 + 4)/2
    np.testing.assert_allclose(softmax(np.uint8([[0, 2]])), softmax([[0., 2.]]))
    assert cross_entropy(np.uint8([[0, 2]]), np.uint8([0])) == cross_entropy([[0., 2.]], [0])


def test_scores_too_large_for_exp():
    assert cross_entropy([[1000., 0.]], [0]) == 0 and math.copysign(1, cross_entropy([[1000., 0.]], [0])) == 1
    assert cross_entropy([[1000., 0.]], [1]) == 1000
    assert softmax([1000., 1000., -1000.]).tolist() == [.5, .5, 0]
    row, = loss_table([[1000., 0.]], [1])
    assert row.exps == (math.inf, 1) and row.p == 0 and row.loss == 1000
    shown = loss_table_html([row])
    assert 'too large' in shown and 'inf' not in shown and 'nan' not in shown


@pytest.mark.filterwarnings('error')
def test_losses_too_large_for_a_number():
    assert cross_entropy([[1e308, -1e308]], [1]) == loss_table([[1e308, -1e308]], [1])[0].loss == math.inf
    assert cross_entropy([[1e308, -1e308]], [0]) == 0 and softmax([1e308, -1e308]).tolist() == [1, 0]
    assert cross_entropy([[1.7e308, 0.]]*2, [1, 1]) == mse([1e200], [0]) == math.inf
    assert 'too large' in loss_table_html(loss_table([[1e308, -1e308]], [1]))


def test_the_editor_takes_names_from_anywhere():
    assert score_editor([[1, 2]], [0], iter('ab')).still == score_editor([[1, 2]], [0], ['a', 'b']).still


NAN,INF = float('nan'),float('inf')
BAD = [
    (lambda: cross_entropy([[1, 2, 3]], [0, 1]), ValueError, r'\(1, 3\).*\(2,\)'),
    (lambda: cross_entropy([1, 2, 3], [0]), ValueError, r'\(3,\).*\(1,\)'),
    (lambda: cross_entropy(np.ones((2, 3, 4)), [0, 1]), ValueError, r'\(2, 3, 4\)'),
    (lambda: cross_entropy([[1, 2], [3, 4]], [[0], [1]]), ValueError, r'\(2, 2\).*\(2, 1\)'),
    (lambda: cross_entropy([], []), ValueError, 'is empty'),
    (lambda: cross_entropy(np.empty((0, 3)), np.empty(0, int)), ValueError, r'is empty, shape \(0, 3\)'),
    (lambda: mse([], []), ValueError, 'is empty'),
    (lambda: softmax([]), ValueError, 'scores is empty'),
    (lambda: cross_entropy([[1, 2, 3]]*3, [0, 3, 1]), ValueError, r'targs\[1\] is 3.*from 0 to 2'),
    (lambda: cross_entropy([[1, 2, 3]]*3, [0, 2, -100]), ValueError, r'targs\[2\] is -100.*from 0 to 2'),
    (lambda: cross_entropy([[1, 2, 3]], [.5]), ValueError, r'targs\[0\] is 0.5'),
    (lambda: cross_entropy([[1, 2]], ['porcini']), TypeError, 'porcini'),
    (lambda: cross_entropy([[1, NAN], [INF, 2]], [0, 0]), ValueError, r'2 of the 4 .*NaN or infinite.*row 0, column 1'),
    (lambda: softmax([[1, 2], [-INF, 2]]), ValueError, r'1 of the 4 .*scores.*row 1, column 0'),
    (lambda: softmax(3.), ValueError, r'\(\)'),
    (lambda: softmax([[1, 2], [3]]), ValueError, 'different lengths'),
    (lambda: mse([1, 2], [[1], [2]]), ValueError, r'\(2,\).*\(2, 1\)'),
    (lambda: mse([1, NAN], [1, 2]), ValueError, r'1 of the 2 .*preds'),
    (lambda: mse([1, 2], [1, INF]), ValueError, r'1 of the 2 .*targs'),
    (lambda: nll([.3, .3, .3], 0), ValueError, 'sum to 0.9'),
    (lambda: nll([1.5, -.5], 0), ValueError, 'smallest is -0.5'),
    (lambda: nll([2., 1., .1], 0), ValueError, 'sum to 3.1'),
    (lambda: nll([[.5, .5]], 0), ValueError, r'\(1, 2\)'),
    (lambda: nll([.5, .5], 2), IndexError, 'targ is 2.*0 to 1'),
    (lambda: nll([.5, .5], -1), IndexError, 'targ is -1.*0 to 1'),
    (lambda: nll([.5, .5], .5), TypeError, 'integer'),
    (lambda: nll([NAN, .5], 0), ValueError, 'NaN'),
    (lambda: loss_table([[1, 2]], [0], ['a']), ValueError, '1 names and 2 scores'),
    (lambda: loss_table([[1, 2]], [2], ['a', 'b']), ValueError, 'from 0 to 1'),
    (lambda: score_editor([[1, 2], [3, NAN]], [0, 0]), ValueError, 'row 1, column 1'),
    (lambda: score_editor(np.zeros((1, 1000)), [0]), ValueError, '1,000 classes.*20 at most'),
]


@pytest.mark.parametrize('call,kind,words', BAD, ids=range(len(BAD)))
def test_bad_input_is_named(call, kind, words):
    with pytest.raises(kind, match=words): call()


@same_cases
@given(case=items(), seed=st.integers(0, 10**6))
def test_the_editor_shows_what_the_table_says(case, seed):
    scores,targs = case
    panel = score_editor(scores, targs)
    (item,true,*sliders),out = panel.children[0].children,panel.children[1]
    rng,(n,c) = np.random.default_rng(seed),scores.shape
    for _ in range(3):
        i,j,k = rng.integers(n),rng.integers(c),rng.integers(c)
        item.value,true.value,sliders[k].value = int(i),int(j),float(rng.integers(-10, 10))
        scores[i,k],targs[i] = sliders[k].value,j
        assert out.value == loss_table_html(loss_table(scores, targs))
        assert true.index == targs[i]  # it is the index that the page shows
