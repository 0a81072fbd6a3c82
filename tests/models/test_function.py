import pytest
import torch

from stegnet.core.errors import ConfigError
from stegnet.models.function import Context, Function

BACKBONES = ["test_convnext", "test_resnet", "test_efficientnet"]


def bands(height: int, width: int) -> torch.Tensor:
    return torch.rand(2, 12, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("backbone", ["none", *BACKBONES])
def test_at_first_it_is_zero(backbone):
    assert Function(12, 24, 8, backbone=backbone)(bands(12, 20)).abs().max() == 0


@pytest.mark.parametrize("backbone", ["none", *BACKBONES])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (12, 20), (33, 7)])
def test_any_size(backbone, height, width):
    assert Function(12, 5, 8, backbone=backbone)(bands(height, width)).shape == (2, 5, height, width)


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_its_depth_is_the_number_of_convolutions(depth):
    function = Function(12, 12, 8, depth)
    assert sum(isinstance(module, torch.nn.Conv2d) for module in function.modules()) == depth


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_backbone_sees_further_than_the_convolutions(backbone):
    torch.manual_seed(0)
    context = Context(12, 8, backbone, pretrained=False).eval()
    picture = bands(64, 64)
    changed = picture.clone()
    changed[..., :4, :4] += 1
    moved = (context(changed) - context(picture)).abs().amax((0, 1)) > 1e-6
    assert moved[:4, :4].all()
    assert moved[4:, 4:].any()


def test_what_is_brought_up_stays_in_its_place():
    torch.manual_seed(0)
    context = Context(12, 8, "test_convnext", pretrained=False).eval()
    picture = bands(64, 64)
    shifted = torch.roll(picture, 16, -1)
    inner = slice(28, 36)  # far from the borders, whose padding does not move
    one, other = context(picture)[..., inner, 20:24], context(shifted)[..., inner, 36:40]
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_an_unknown_backbone():
    with pytest.raises(ConfigError, match=r"model.backbone: timm has no 'resnet19'"):
        Function(12, 12, 8, backbone="resnet19")
