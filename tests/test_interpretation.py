"The rows of predictions beside fastai and scikit-learn, on the same answers; a pass that is interrupted, long, or given something that doesn't fit."
import weakref
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from fastlessons.interpretation import confusion_figure, confusion_matrix, most_confused, per_class, predictions, top_losses
from torch import nn


@pytest.fixture(scope='module')
def learn(tmp_path_factory):
    "A learner that has learned next to nothing, so that it makes every kind of mistake."
    from fastlessons.drawing import KINDS, draw, recipe
    from fastlessons.mushrooms import mushroom_dls, small_learner
    folder = tmp_path_factory.mktemp('pictures')
    for kind in KINDS[:3]:
        (folder/kind).mkdir()
        for seed in range(12): draw(recipe(kind, seed), 64).picture.save(folder/kind/f'{seed}.png')
    learn = small_learner(mushroom_dls(folder, size=32, bs=4, valid_pct=.5, device='cpu'))
    with learn.no_bar(), learn.no_logging(): learn.fit(1, 1e-3)
    return learn


def test_the_same_as_fastai(learn):
    from fastai.interpret import ClassificationInterpretation
    rows = predictions(learn)
    with learn.no_bar():
        interp = ClassificationInterpretation.from_learner(learn)
        assert (confusion_matrix(rows) == interp.confusion_matrix()).all()
        assert most_confused(rows) == [(a, p, int(n)) for a, p, n in interp.most_confused()]
        loss, error = learn.validate()
    for largest in (True, False):
        losses, idx = interp.top_losses(5, largest=largest)
        assert np.allclose([r.loss for r in top_losses(rows, 5, largest)], losses.tolist(), atol=1e-4)
        assert top_losses(rows, 1, largest)[0].file == learn.dls.valid.items[int(idx[0])]
    assert np.mean([r.loss for r in rows]) == pytest.approx(loss, abs=1e-4) and np.mean([not r.right for r in rows]) == pytest.approx(error, abs=1e-6)


def test_the_same_as_scikit_learn(learn):
    from sklearn.metrics import classification_report
    from sklearn.metrics import confusion_matrix as theirs
    rows = predictions(learn, learn.dls.train)
    actual, said, vocab = [r.actual for r in rows], [r.predicted for r in rows], list(rows[0].vocab)
    assert (confusion_matrix(rows) == theirs(actual, said, labels=vocab)).all()
    report = classification_report(actual, said, labels=vocab, output_dict=True, zero_division=np.nan)
    for r in per_class(rows): assert [r.precision, r.recall, r.f1, r.n] == pytest.approx([report[r.name][k] for k in ('precision', 'recall', 'f1-score', 'support')], nan_ok=True)


def stream(n, stop=None, alive=None, most=None):
    "Batches that note how many of them are in memory at the same time."
    for i in range(n):
        if i == stop: raise KeyboardInterrupt
        xb = torch.rand(4, 3, 64, 64)
        if alive is not None:
            alive.append(weakref.ref(xb))
            most[n] = max(most.get(n, 0), sum(r() is not None for r in alive))
        yield xb, torch.zeros(4, dtype=torch.long)


def test_ten_times_the_pictures_in_the_same_memory(learn):
    most = {}
    for n in (5, 50): assert len(predictions(learn, stream(n, alive=[], most=most), layer=True)) == 4*n
    assert most[5] == most[50] <= 2


def test_what_is_opened_for_a_pass_is_not_kept(learn):
    from fastlessons.answers import guesses
    from fastlessons.loading import Opener
    before = Opener.keeping
    guesses(learn, learn.dls.valid_ds.items[0].parent.parent)
    assert Opener.keeping is before is True


def test_interrupted_pass_keeps_its_rows(learn):
    with pytest.raises(KeyboardInterrupt, match='stopped after 12 pictures') as e: predictions(learn, stream(5, stop=3))
    assert len(e.value.rows) == 12 and e.value.rows[0].vocab == tuple(learn.dls.vocab)
    from fastlessons.loading import Opener
    assert Opener.keeping and learn.dls.train.dataset.split_idx == 0


def test_what_does_not_fit(learn):
    with pytest.raises(ValueError, match='no pictures'): predictions(learn, [])
    with pytest.raises(ValueError, match='3 scores and there are 2 class names'): predictions(learn.model, stream(1), vocab=['a', 'b'])
    with pytest.raises(ValueError, match=r'nearest names are 6\.convpath.*map_layers'): predictions(learn, layer='7.convpat')
    with pytest.raises(ValueError, match='no predictions'): confusion_matrix([])
    with pytest.raises(ValueError, match='2 different lists'): per_class(predictions(learn) + predictions(nn.Sequential(nn.Flatten(), nn.Linear(12288, 2)), stream(1)))


def test_two_classes_and_two_hundred():
    x, y = torch.rand(600, 1, 2, 2), torch.arange(600) % 2
    two = predictions(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), [(x, y)])
    assert [r.file for r in two] == list(range(600)) and confusion_figure(two).axes[0].get_ylabel() == 'actual'
    many = predictions(nn.Sequential(nn.Flatten(), nn.Linear(4, 200)), [(x, torch.arange(600) % 200)])
    assert 'too many to read' in confusion_figure(many).get_suptitle()


@pytest.mark.skipif(not find_spec('timm'), reason='timm is not installed')
def test_transformers_are_refused_or_read_as_they_are():
    import torchvision
    from fastlessons.heatmaps import grad_cam, last_maps
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.vision_transformer import VisionTransformer
    xb = torch.randn(2, 3, 64, 64)
    vit = VisionTransformer(img_size=64, embed_dim=24, depth=2, num_heads=2, num_classes=5)
    swin = SwinTransformer(img_size=64, window_size=4, embed_dim=24, depths=(1, 1), num_heads=(2, 2), num_classes=5)      # its channels come last
    for net in (vit, swin):
        with pytest.raises(ValueError, match='no late layer with maps'): grad_cam(net, xb)
    with pytest.raises(ValueError, match='pieces and no places'): grad_cam(vit, xb, 'blocks.1.attn.k_norm')
    with pytest.raises(ValueError, match='channels last'): grad_cam(swin, xb, 'norm')
    theirs = torchvision.models.SwinTransformer(patch_size=[4, 4], embed_dim=24, depths=[1, 1], num_heads=[2, 2], window_size=[4, 4], num_classes=5)
    assert last_maps(theirs, xb) == 'permute' and grad_cam(theirs, xb).shape == (2, 8, 8)
