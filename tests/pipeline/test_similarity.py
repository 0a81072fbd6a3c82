import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from tests.support.training import SCALES, ms_ssim, scales_of, ssim

pytestmark = pytest.mark.arithmetic


def alike(height: int, width: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures (3, height, width) of the same waves with different noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (9 + k)) + np.cos(y / (13 + k)) for k in range(3)]) / 4 + 0.5
    return waves + random.normal(0, noise / 2, waves.shape), waves + random.normal(0, noise, waves.shape)


def tensors(*pictures: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(picture).float()[None] for picture in pictures]


def by_scikit_image(a: np.ndarray, b: np.ndarray) -> float:
    options = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(a, b, **options)


def contrast_by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    """Contrast times structure, equations 6 to 10 of the 2004 paper with its C3 = C2 / 2."""

    def mean(picture: np.ndarray) -> np.ndarray:
        return gaussian_filter(picture, 1.5, radius=5)[5:-5, 5:-5]

    deviations = np.sqrt(mean(a**2) - mean(a) ** 2), np.sqrt(mean(b**2) - mean(b) ** 2)
    covariance, c2 = mean(a * b) - mean(a) * mean(b), 0.03**2
    contrast = (2 * deviations[0] * deviations[1] + c2) / (deviations[0] ** 2 + deviations[1] ** 2 + c2)
    return float((contrast * (covariance + c2 / 2) / (deviations[0] * deviations[1] + c2 / 2)).mean())


def halved(picture: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in picture.shape)
    return picture[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))


@pytest.mark.parametrize(("height", "width", "noise"), [(96, 96, 0.1), (11, 40, 1.0)])
def test_ssim_matches_scikit_image(height, width, noise):
    a, b = alike(height, width, noise)
    expected = [by_scikit_image(*channels) for channels in zip(a, b, strict=True)]
    np.testing.assert_allclose(ssim(*tensors(a, b))[0], expected, atol=1e-4)


def by_the_paper(a: np.ndarray, b: np.ndarray, weights: tuple[float, ...]) -> float:
    """MS-SSIM of one channel, equation 7 of the 2003 paper."""
    if len(weights) == 1:
        return by_scikit_image(a, b) ** weights[0]
    return contrast_by_scipy(a, b) ** weights[0] * by_the_paper(halved(a), halved(b), weights[1:])


@pytest.mark.parametrize(("side", "scales"), [(16, 1), (104, 4), (184, 5)])
def test_ms_ssim_matches_the_paper(side, scales):
    a, b = alike(side, side)
    weights = tuple(weight / sum(SCALES[:scales]) for weight in SCALES[:scales])
    expected = [by_the_paper(*channels, weights) for channels in zip(a, b, strict=True)]
    assert scales_of(side) == scales
    np.testing.assert_allclose(ms_ssim(*tensors(a, b))[0], expected, atol=1e-4)


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
