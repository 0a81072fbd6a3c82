from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.train.losses import MEASURES, LossTerms, loss_terms, to_ycbcr
from tests.support.lab import LossConfig
from tests.support.training import PassResult, ssim

pytestmark = pytest.mark.arithmetic

NOTHING = LossConfig(0.0, 0.0, 0.0, 0.0, 0.0, "none", "rgb", 1.0)
SPACES = ["rgb", "ycbcr"]


@pytest.fixture
def arrived() -> PassResult:
    return PassResult(*torch.rand(5, 2, 3, 24, 32, generator=torch.Generator().manual_seed(0)))


def grey(arrived: PassResult) -> PassResult:
    return PassResult(*(picture[:, :1].expand(-1, 3, -1, -1) for picture in arrived[:5]))


def of(arrived: PassResult, **keys: Any) -> LossTerms:
    return loss_terms(arrived, replace(NOTHING, **keys))


def both(found: LossTerms) -> Tensor:
    return torch.stack([found.container, found.secret])


def test_measures_by_hand(arrived):
    found = of(arrived, mse=1.0)
    container = (arrived.container - arrived.cover).square().mean()
    secret = (arrived.revealed - arrived.secret).square().mean()
    assert (found.container, found.secret) == (found.container_mse, found.secret_figure) == (container, secret)
    expected = torch.stack([1 - ssim(*arrived[:2]).mean(), 1 - ssim(*arrived[2:4]).mean()])
    torch.testing.assert_close(both(of(arrived, ssim=1.0)), expected)
    flat = torch.zeros(1, 3, 16, 16)
    pictures = PassResult(cover=flat, container=flat + 0.5, secret=flat, revealed=flat - 0.003, base=flat)
    assert both(of(pictures, mse=1.0)).tolist() == pytest.approx([0.25, 9e-6])
    assert both(of(pictures, l1=1.0)).tolist() == pytest.approx([0.5, 0.003])
    expected = [(0.25 + 1e-6) ** 0.5 - 1e-3, (9e-6 + 1e-6) ** 0.5 - 1e-3]
    assert both(of(pictures, charbonnier=1.0)).tolist() == pytest.approx(expected, rel=1e-4)


def test_measures_add_up_by_their_weights(arrived):
    weights = {name: 0.5 + index for index, name in enumerate(MEASURES)}
    whole = of(arrived, **weights, space="ycbcr")
    parts = [weight * both(of(arrived, **{name: 1.0}, space="ycbcr")) for name, weight in weights.items()]
    torch.testing.assert_close(both(whole), sum(parts))


def test_ycbcr_is_that_of_opencv():
    picture = np.random.default_rng(0).random((64, 48, 3), dtype=np.float32)
    expected = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    found = to_ycbcr(torch.from_numpy(picture).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    np.testing.assert_allclose(found.numpy(), expected, atol=5e-4)  # its factors have three digits


def test_grey_pictures_have_the_same_loss_in_both_colour_spaces(arrived):
    for name in MEASURES:
        rgb, ycbcr = (both(of(grey(arrived), **{name: 1.0}, space=space, chroma=3.0)) for space in SPACES)
        torch.testing.assert_close(rgb, ycbcr, rtol=1e-4, atol=1e-6)


def test_without_chroma_only_luma_counts(arrived):
    blueness = torch.tensor([0.0, -0.114 * 1.772 / 0.587, 1.772])[:, None, None]
    coloured = arrived._replace(container=arrived.cover + 0.1 * blueness)
    assert of(coloured, l1=1.0, space="ycbcr", chroma=0.0).container < 1e-6
    assert of(coloured, l1=1.0, space="ycbcr", chroma=1.0).container == pytest.approx(0.1, rel=1e-4)
