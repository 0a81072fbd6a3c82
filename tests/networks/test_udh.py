"""Universal deep hiding."""

import pytest
import torch

from pipeline.train.complexity import size_of
from stegnet.networks import Pair, build

# Of the authors' U-Net (github.com/ChaoningZhang/Universal-Deep-Hiding, models/HidingUNet.py): channels of each 4×4
# convolution at stride 2, and of each transposed one, with the pixels of the picture for each position of the smaller
# side; of their revealing network (models/RevealNet.py): channels of each 3×3 convolution.
DOWN = ((3, 64, 4), (64, 128, 16), (128, 256, 64), (256, 512, 256), (512, 512, 1024))
UP = ((512, 512, 1024), (1024, 256, 256), (512, 128, 64), (256, 64, 16), (128, 3, 4))
REVEALING = ((3, 64), (64, 128), (128, 256), (256, 128), (128, 64), (64, 3))


@pytest.fixture
def pair() -> Pair:
    torch.manual_seed(0)
    return build("udh", width=4).eval()


def test_sizes_are_those_of_the_authors_code():
    size = size_of(build("udh"))
    weights = sum(16 * inward * outward for inward, outward, _ in DOWN + UP)
    weights += sum(9 * inward * outward for inward, outward in REVEALING)
    assert weights == 17_396_096
    assert weights < size["parameters"] < 1.001 * weights  # biases and batch norms
    macs = sum(16 * inward * outward / pixels for inward, outward, pixels in DOWN + UP)
    assert size["hide_macs_per_pixel"] == macs == 84_224
    assert size["reveal_macs_per_pixel"] == sum(9 * inward * outward for inward, outward in REVEALING) == 740_736


def test_the_change_does_not_depend_on_the_cover(pair):
    first, second, secret = torch.rand(3, 2, 3, 40, 56, generator=torch.Generator().manual_seed(1))
    change = pair.hide(first, secret - 0.5) - first
    torch.testing.assert_close(pair.hide(second, secret - 0.5) - second, change, rtol=0, atol=1e-6)
    assert change.std() > 1e-4


def test_output_ranges(pair):
    """A sample changes by 10 levels at most, however large the weights are; a secret is in [0, 1]."""
    for parameter in pair.parameters():
        parameter.data *= 100
    cover, secret = torch.rand(2, 2, 3, 40, 56, generator=torch.Generator().manual_seed(1))
    container = pair.hide(cover, secret - 0.5)
    assert 255 * (container - cover).abs().max().item() == pytest.approx(10, abs=1e-3)
    revealed = pair.reveal(container) + 128 / 255
    assert revealed.min().item() == pytest.approx(0, abs=1e-6)
    assert revealed.max().item() == pytest.approx(1, abs=1e-6)
