"""Perceptual measures against textbook values and formulas."""

import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
import torchvision

from pipeline.evaluate import quality
from pipeline.evaluate.quality import ALEXNET, de2000, haarpsi, lpips, msssim, perceptual_measures


@pytest.fixture
def alike(picture) -> tuple[np.ndarray, np.ndarray]:
    """A picture, and a copy with some of another one in it; large enough for five scales."""
    a, b = picture(192, 208, 1), picture(192, 208, 2)
    return a, (0.9 * a + 0.1 * b).astype(np.uint8)


def test_colours_differ_as_those_of_srgb_do():
    """ΔE2000 of pairs of primaries; half of a picture counts half."""
    red, green, blue = np.eye(3, dtype=np.uint8).reshape(3, 1, 1, 3) * 255
    assert [de2000(*pair) for pair in ((red, green), (red, blue), (green, blue))] == pytest.approx(
        [86.608, 52.879, 83.186], abs=0.02
    )
    assert de2000(np.hstack([red, red]), np.hstack([red, blue])) == pytest.approx(52.879 / 2, abs=0.02)


def test_similarity_falls_with_what_is_added_and_has_no_value_for_small_pictures(alike):
    a, b = alike
    for measure, least in ((msssim, 11), (haarpsi, 16)):
        assert 0.3 < measure(a, b) < measure(a, ((a.astype(int) + b) // 2).astype(np.uint8)) < measure(a, a) == 1
        assert math.isnan(measure(a[: least - 1], b[: least - 1]))


# LPIPS: its formula on torchvision's AlexNet, with weights drawn at random instead of those to download.


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """torch.hub's cache with an untrained AlexNet in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(torchvision.models.alexnet().state_dict(), checkpoints / ALEXNET)
    quality._lpips_network.cache_clear()
    yield checkpoints / ALEXNET
    quality._lpips_network.cache_clear()


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.tensor(picture).permute(2, 0, 1)[None].double() / 255


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
