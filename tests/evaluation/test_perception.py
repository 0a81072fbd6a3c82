"""Each measure against an implementation that shares nothing with it."""

import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
import torchvision
from scipy.ndimage import convolve1d
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from stegnet.evaluation import perception
from stegnet.evaluation.perception import ALEXNET, de2000, haarpsi, lpips, msssim, perceptual_measures


@pytest.fixture
def alike(picture) -> tuple[np.ndarray, np.ndarray]:
    """A picture, and a copy with some of another one in it; large enough for five scales."""
    a, b = picture(192, 208, 1), picture(192, 208, 2)
    return a, (0.9 * a + 0.1 * b).astype(np.uint8)


# ΔE2000: pairs of the table in Sharma, Wu & Dalal 2005, and sRGB by IEC 61966-2-1.


def lab(picture: np.ndarray) -> np.ndarray:
    """CIELAB under D65."""
    v = picture / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
                             [0.0193339, 0.119192, 0.9503041]]).T  # fmt: skip
    ratio = xyz / np.array([0.95047, 1.0, 1.08883])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def ciede2000(one: np.ndarray, two: np.ndarray) -> float:
    """One pair of colours in Lab; equations 2 to 22 of the paper, in degrees."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    c1, c2 = math.hypot((1 + g) * a1, b1), math.hypot((1 + g) * a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, (1 + g) * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    l, c = (l1 + l2) / 2, (c1 + c2) / 2  # noqa: E741
    h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    cosine = lambda scale, shift: math.cos(math.radians(scale * h - shift))  # noqa: E731
    t = 1 - 0.17 * cosine(1, 30) + 0.24 * cosine(2, 0) + 0.32 * cosine(3, -6) - 0.20 * cosine(4, 63)
    sl, sc, sh = 1 + 0.015 * (l - 50) ** 2 / math.sqrt(20 + (l - 50) ** 2), 1 + 0.045 * c, 1 + 0.015 * c * t
    rc = 2 * math.sqrt(c**7 / (c**7 + 25**7))
    rt = -math.sin(math.radians(60 * math.exp(-(((h - 275) / 25) ** 2)))) * rc
    return math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * (dc / sc) * (dh / sh))


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_reference_for_colours_is_the_papers(one, two, expected):
    assert ciede2000(one, two) == pytest.approx(expected, abs=1e-4)


def test_de2000_is_the_mean_of_the_papers_formula(picture):
    a, b = picture(12, 10, 3), picture(12, 10, 4)
    pairs = zip(lab(a).reshape(-1, 3), lab(b).reshape(-1, 3), strict=True)
    assert de2000(a, b) == pytest.approx(np.mean([ciede2000(*pair) for pair in pairs]), abs=2e-3)


# MS-SSIM: torchmetrics.


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.tensor(picture).permute(2, 0, 1)[None].double() / 255


def test_msssim_is_torchmetrics(alike):
    assert torchmetrics.__version__
    channels = [(a[None], b[None]) for a, b in zip(tensor(alike[0])[0], tensor(alike[1])[0], strict=True)]
    reference = [
        multiscale_structural_similarity_index_measure(a[None], b[None], data_range=1.0, normalize=None)
        for a, b in channels
    ]
    assert 0.5 < np.mean(reference) < 0.9999
    assert msssim(*alike) == pytest.approx(np.mean(reference), abs=2e-4)


# HaarPSI: equations 2, 3 and 7 to 13 of the paper.


def haar(plane: np.ndarray, scale: int, axis: int) -> np.ndarray:
    """Coefficients of one direction."""
    width = 2**scale
    step = np.repeat([1.0, -1.0], width // 2)
    smooth = convolve1d(plane, np.ones(width), 1 - axis, mode="constant")
    return convolve1d(smooth, step, axis, mode="constant") / width


def halved(plane: np.ndarray) -> np.ndarray:
    return plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).mean((1, 3))


def haarpsi_by_the_paper(a: np.ndarray, b: np.ndarray) -> float:
    yiq = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
    one, two = ([halved(plane) for plane in np.moveaxis(x.astype(float) @ yiq.T, -1, 0)] for x in (a, b))
    alike = lambda x, y: (2 * x * y + 30) / (x**2 + y**2 + 30)  # noqa: E731
    similarities, weights = [], []
    for axis in (0, 1):
        fine = [alike(np.abs(haar(one[0], scale, axis)), np.abs(haar(two[0], scale, axis))) for scale in (1, 2)]
        similarities.append(np.mean(fine, 0))
        weights.append(np.maximum(np.abs(haar(one[0], 3, axis)), np.abs(haar(two[0], 3, axis))))
    box = lambda plane: convolve1d(convolve1d(plane, [0.5, 0.5], 0, mode="constant"), [0.5, 0.5], 1, mode="constant")  # noqa: E731
    chroma = [alike(np.abs(box(one[k])), np.abs(box(two[k]))) for k in (1, 2)]
    similarities.append(np.mean(chroma, 0))
    weights.append(np.mean(weights, 0))
    logistic = 1 / (1 + np.exp(-4.2 * np.array(similarities)))
    pooled = np.sum(logistic * np.array(weights)) / np.sum(weights)
    return float((np.log(pooled / (1 - pooled)) / 4.2) ** 2)


def test_haarpsi_is_the_papers(alike):
    expected = haarpsi_by_the_paper(*alike)
    assert 0.3 < expected < 0.99
    assert haarpsi(*alike) == pytest.approx(expected, abs=1e-4)


# LPIPS: its formula on torchvision's AlexNet, with weights drawn at random instead of those to download.


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """torch.hub's cache with an untrained AlexNet in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(torchvision.models.alexnet().state_dict(), checkpoints / ALEXNET)
    perception._lpips_network.cache_clear()
    yield checkpoints / ALEXNET
    perception._lpips_network.cache_clear()


def lpips_by_hand(a: np.ndarray, b: np.ndarray, alexnet: Path) -> float:
    """Zhang et al. 2018, equation 1, with the scaling of its version 0.1."""
    network = torchvision.models.alexnet()
    network.load_state_dict(torch.load(alexnet))
    folder = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models"
    linear = list(torch.load(folder / "alex.pth", map_location="cpu").values())
    mean, deviation = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    values = [((tensor(x).float() * 2 - 1) - mean[:, None, None]) / deviation[:, None, None] for x in (a, b)]
    total = 0.0
    for index, layer in enumerate(network.features):
        values = [layer(value) for value in values]
        if isinstance(layer, torch.nn.ReLU):
            unit = [value / torch.sqrt((value**2).sum(1, keepdim=True) + 1e-10) for value in values]
            weight = linear[{1: 0, 4: 1, 7: 2, 9: 3, 11: 4}[index]]
            total += float(torch.nn.functional.conv2d((unit[0] - unit[1]) ** 2, weight).mean())
    return total


def test_lpips_is_its_formula(hub, alike):
    assert "lpips" in perceptual_measures()
    with torch.inference_mode():
        expected = lpips_by_hand(*alike, hub)
    assert expected > 1e-4
    assert lpips(*alike) == pytest.approx(expected, rel=1e-3)
    assert lpips(alike[0], alike[0]) == 0


def test_without_its_weights_lpips_is_skipped_with_a_message(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with caplog.at_level(logging.INFO):
        assert list(perceptual_measures()) == ["msssim", "haarpsi", "de2000"]
    assert len(caplog.records) == 1
    assert "torchvision.models.alexnet" in caplog.text
    assert not any(tmp_path.iterdir())
