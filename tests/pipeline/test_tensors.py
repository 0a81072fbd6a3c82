"""8 bits, sealed bits, bases, shuffle and similarity of batches of tensors."""

import numpy as np
import piq
import pytest
import torch
from skimage.metrics import structural_similarity

from pipeline import tensors
from stegnet.core import keystream as single
from stegnet.core.keystream import draw
from tests.core.test_keystream import key
from tests.support.training import (
    SCALES,
    from_8_bits,
    ms_ssim,
    scales_of,
    seal_strength,
    ssim,
    through_8_bits,
    to_8_bits,
    with_sealed_bits,
)

pytestmark = pytest.mark.arithmetic

KEY = bytes(range(32))


def test_through_8_bits_matches_a_file():
    values = torch.empty(1000).uniform_(-0.2, 1.2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(through_8_bits(values), from_8_bits(to_8_bits(values)), rtol=0, atol=1e-7)
    assert to_8_bits(torch.tensor([0.5, 1.5], dtype=torch.bfloat16)).tolist() == [128, 255]


def test_rounding_has_a_gradient_and_clamping_has_none():
    values = torch.tensor([-0.5, 0.3, 0.7001, 1.5], requires_grad=True)
    (through_8_bits(values) * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert values.grad.tolist() == [0, 2, 3, 0]
    exact = torch.rand(1, 3, 4, 4, requires_grad=True)
    with_sealed_bits(through_8_bits(exact), exact, torch.rand(1, 3, 4, 4), seal_strength(1.0)).sum().backward()
    assert torch.equal(exact.grad, torch.ones_like(exact))  # sealed bits let it pass


def sealed_samples(bits: float, exact: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Exact and sealed samples in levels."""
    uniform = torch.rand(exact.shape, generator=torch.Generator().manual_seed(1))
    sealed = with_sealed_bits(through_8_bits(exact), exact, uniform, seal_strength(bits)) * 255
    np.testing.assert_allclose(sealed, sealed.round(), atol=1e-4)
    return exact.double().numpy() * 255, sealed.round().double().numpy()


def entropy(chances: np.ndarray) -> float:
    return float(-(chances * np.log2(chances)).sum())


@pytest.mark.parametrize("bits", [0.1, 1.4])
def test_sealed_samples_carry_their_bits_at_the_least_error(bits):
    """Measured: the entropy of the step for each rounding error, and the mean squared error, near that of a Gaussian
    variable of this entropy, 4^bits / 2πe, which no code can beat by much."""
    exact = torch.empty(1, 3, 400, 400).uniform_(0.1, 0.9, generator=torch.Generator().manual_seed(0))
    levels, sealed = sealed_samples(bits, exact)
    error = levels - np.rint(levels)
    step = (sealed - np.rint(levels)) * np.where(error < 0, -1, 1)
    found = []
    for low in np.arange(0, 0.5, 0.05):
        inside = (np.abs(error) >= low) & (np.abs(error) < low + 0.05)
        chances = np.array([np.mean(step[inside] == value) for value in (0, 1, -1)])
        found.append(entropy(chances[chances > 0]))
        assert chances[0] >= chances[1] - 0.01
        assert chances[1] >= chances[2] - 0.01
    assert np.mean(found) == pytest.approx(bits, abs=0.01)
    least = max(4**bits / (2 * np.pi * np.e), 1 / 12)
    assert least * 0.95 < np.mean((sealed - levels) ** 2) < least * 1.5


def test_sealed_bits_never_leave_the_range_and_no_bits_change_no_sample():
    for level in (0.0, 1.0, 128.0, 254.0, 255.0, -3.0, 260.0):
        exact = torch.full((1, 3, 30, 30), level / 255)
        _, sealed = sealed_samples(1.5, exact)
        around = np.clip(level, 0, 255)
        assert set(np.unique(sealed)) == {around - 1, around, around + 1} & set(range(256))
    levels, sealed = sealed_samples(0.0, torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)))
    np.testing.assert_array_equal(sealed, np.rint(levels))


def batch_of(shuffles: list[single.Shuffle], block: int) -> tensors.BatchShuffle:
    permutation, orientation, negative = (
        torch.from_numpy(np.stack([getattr(each, name) for each in shuffles]))
        for name in ("permutation", "orientation", "negative")
    )
    return tensors.batch_shuffle(permutation, orientation, negative, shuffles[0].cols, block)


@pytest.mark.parametrize("block", [1, 8])
def test_a_batch_matches_single_pictures(block):
    pictures = torch.rand(3, 3, 5 * block, 7 * block) - 0.5
    shuffles = [draw(key(n), 5, 7) for n in range(3)]
    for change in ("apply", "invert"):
        together = getattr(tensors, change)(pictures, batch_of(shuffles, block))
        for one, picture, shuffle in zip(together, pictures, shuffles, strict=True):
            alone = getattr(single, change)(picture.permute(1, 2, 0).numpy(), shuffle)
            np.testing.assert_array_equal(one.permute(1, 2, 0), alone)


def test_the_gradient_passes_the_shuffle():
    pictures = (torch.rand(1, 3, 16, 16) - 0.5).requires_grad_()
    shuffles = batch_of([draw(KEY, 2, 2)], 8)
    weight = torch.rand(1, 3, 16, 16)
    (tensors.invert(tensors.apply(pictures, shuffles) * 2, shuffles) * weight).sum().backward()
    assert torch.equal(pictures.grad, 2 * weight)


def alike(height: int, width: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures (3, height, width) of the same waves with different noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (9 + k)) + np.cos(y / (13 + k)) for k in range(3)]) / 4 + 0.5
    return waves + random.normal(0, noise / 2, waves.shape), waves + random.normal(0, noise, waves.shape)


def batches(*pictures: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(picture).float()[None] for picture in pictures]


def by_scikit_image(a: np.ndarray, b: np.ndarray) -> float:
    options = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(a, b, **options)


@pytest.mark.parametrize(("height", "width", "noise"), [(96, 96, 0.1), (11, 40, 1.0)])
def test_ssim_matches_scikit_image(height, width, noise):
    a, b = alike(height, width, noise)
    expected = [by_scikit_image(*channels) for channels in zip(a, b, strict=True)]
    np.testing.assert_allclose(ssim(*batches(a, b))[0], expected, atol=1e-4)


@pytest.mark.parametrize(("side", "scales"), [(16, 1), (104, 4), (184, 5)])
def test_ms_ssim_matches_piq(side, scales):
    """The paper's five weights, or the first of them, scaled to 1."""
    a, b = (picture.clamp(0, 1) for picture in batches(*alike(side, side)))
    weights = torch.tensor(SCALES[:scales]) / sum(SCALES[:scales])
    channels = (picture.transpose(0, 1) for picture in (a, b))
    expected = piq.multi_scale_ssim(*channels, scale_weights=weights, reduction="none")
    assert scales_of(side) == scales
    np.testing.assert_allclose(ms_ssim(a, b)[0], expected, atol=1e-4)


def test_a_scale_without_positive_contrast_does_not_stop_the_gradient():
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    board, wave = (x + y) % 2 * 0.4, (torch.sin(x / 10) + 1) / 4
    a = (wave + board).expand(1, 3, 96, 96).clone().requires_grad_()
    similarity = ms_ssim(a, (wave + 0.4 - board).expand(1, 3, 96, 96))
    similarity.mean().backward()
    assert 0 < similarity.min() < 1
    assert a.grad.isfinite().all()
    assert a.grad.abs().sum() > 0
    flat = torch.zeros(1, 3, 24, 24, requires_grad=True)
    for measure in (ssim, ms_ssim):
        measure(flat, torch.ones(1, 3, 24, 24)).mean().backward()
        assert flat.grad.isfinite().all()
