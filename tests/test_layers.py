"""Windows and favourites on networks that nobody here has made: what they see equals what is published or can be worked out by hand."""
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from fastlessons.excitation import favourites, favourites_of
from fastlessons.layers import filter_pictures, first_convolution, layer_names, layer_outputs, roughness
from fastlessons.windows import Probe, field, windows

timm = pytest.mark.skipif(not find_spec('timm'), reason='timm is not installed')


def made(name, **kw):
    import torchvision.models
    torch.manual_seed(0)
    return getattr(torchvision.models, name)(weights=None, **kw)


def made_by_timm(name):
    import timm
    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False)


@pytest.mark.parametrize('name, layer, size', [
    ('alexnet', 'features.12', 195), ('vgg16', 'features.30', 212),      # Araujo, Norris and Sim 2019, table 1
    ('resnet18', 'conv1', 7), ('resnet18', 'layer1', 43), ('resnet18', 'layer2', 99)])
def test_published_sizes(name, layer, size):
    net = made(name)
    probe = Probe(net, layer, 64)
    assert field(probe).size == field(probe, 1).size == size


@timm
@pytest.mark.parametrize('name, layer, size, jump', [
    ('mobilenetv3_small_050', 'blocks.0.0', 7, 4),                        # 3, a gate, and a depthwise 3 with stride: 3 + 2·2
    ('test_vit', 'patch_embed.proj', 16, 16), ('convnext_zepto_rms', 'stages.0.blocks.0', 28, 4)])   # 4 + 6·4
def test_other_families(name, layer, size, jump):
    net = made_by_timm(name)
    side = net.default_cfg['input_size'][1] if 'vit' in name else 64
    rule = field(Probe(net, layer, side))
    assert (rule.size, rule.jump) == (size, jump)


def test_a_pixel_outside_of_the_window_changes_nothing():
    "Seen from the other side: of the real network with its own weights, in float32."
    net, layer, side = made('resnet18'), 'layer2.0', 96
    rows, columns = windows(net, layer, side)
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    i, j = len(rows)//2, len(columns)//3
    (top, bottom), (left, right) = rows[i].clip(0, side), columns[j].clip(0, side)
    x[1] = x[0] + 10
    x[1, :, top:bottom, left:right] = x[0, :, top:bottom, left:right]
    out = layer_outputs(net, [layer], x)[layer][:, :, i, j]
    assert torch.allclose(out[0], out[1], atol=1e-5)
    x[1, :, bottom - 1, left:right] += 10
    out = layer_outputs(net, [layer], x)[layer][:, :, i, j]
    assert not torch.allclose(out[0], out[1], atol=1e-5)


def test_every_layer_of_a_network_by_its_name():
    net = made('resnet18')
    pictures = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), dtype='uint8')
    maps = [n for n in layer_names(net) if n.startswith('layer') or n in ('conv1', 'bn1', 'relu', 'maxpool')]
    shapes = layer_outputs(net, maps, torch.zeros(1, 3, 64, 64), lambda out: out.shape[1:])
    assert list(shapes) and set(shapes) == set(maps) and shapes['layer4'] == (512, 2, 2)
    found = favourites_of(net, ['conv1', 'maxpool', 'layer1.0.bn2'], pictures, k=2)
    assert [f.patches(0)[0].shape for f in found.values()] == [(7, 7, 3), (11, 11, 3), (27, 27, 3)]
    assert .9 < np.median(roughness(filter_pictures(net))) < 1.1


@timm
def test_patches_of_a_transformer():
    net = made_by_timm('test_vit')
    name, conv = first_convolution(net)
    side = net.default_cfg['input_size'][1]
    assert filter_pictures(net)[0].shape == (*conv.kernel_size, 3)
    with pytest.raises(ValueError, match='no maps'): favourites(net, 'blocks.0', torch.randn(2, 3, side, side))


def test_the_favourites_of_a_half_precision_network_and_of_one_in_training():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).to(torch.bfloat16).train()
    before = net[1].running_mean.clone()
    found = favourites(net, '1', np.zeros((3, 16, 16, 3), 'uint8'), size=16)
    assert found.values.dtype == np.float32 and net.training and (net[1].running_mean == before).all()


def test_photographs(real):
    "A whole folder by its name; each patch lies where it says."
    from fastlessons.finetuning import backbone
    from fastlessons.patches import crop, square
    found = favourites(backbone(), '0', real/'ants_bees'/'val', size=96, k=4)
    assert len(found.pictures) > 20 and found.values.shape == (4, 32)
    for i in (0, 3):
        assert (found.patches(5)[i] == crop(square(found.pictures[found.which[i, 5]], 96), *found.window(5, i))).all()
