import io

import numpy as np
import pytest
from PIL import Image

from stegnet.core.measures import psnr
from study.tradeoff import compressed
from study.tradeoff.compressed import FULL, matched, sealed


@pytest.fixture
def pictures(cat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cover and secret, 128²."""
    return np.ascontiguousarray(cat[:128, :128]), np.ascontiguousarray(cat[128:, 128:])


def test_sealed_secrets_keep_within_their_bits(pictures, monkeypatch) -> None:
    monkeypatch.setattr(compressed, "SEALED_RATES", (0.5, 1.0))
    low, high, full = sealed(*pictures, seed=0)
    assert [way.setting for way in (low, high, full)] == ["0.5", "1.0", FULL]
    assert low.bits <= 0.5 < high.bits <= 1 < full.bits <= 1.5
    sides = [(psnr(pictures[0], way.container), psnr(pictures[1], way.revealed)) for way in (low, high, full)]
    containers, secrets = zip(*sides, strict=True)
    assert containers[0] > containers[1] > containers[2] > 54
    assert 25 < secrets[0] < secrets[1] < secrets[2]


def test_matching_fills_all_samples(pictures, monkeypatch) -> None:
    monkeypatch.setattr(compressed, "FULL_RATES", (3.0,))
    (way,) = matched(*pictures, seed=0)
    assert 2 < way.bits <= 3
    expected = 10 * np.log10(255**2 / (way.bits / 3 / 2))  # half of the samples that carry bits step by one level
    assert psnr(pictures[0], way.container) == pytest.approx(expected, abs=0.1)


def test_what_is_revealed_is_the_compressed_picture(pictures, monkeypatch) -> None:
    """Against Pillow alone: the same quality is reached with the same bytes."""
    monkeypatch.setattr(compressed, "FULL_RATES", (2.0,))
    (way,) = matched(*pictures, seed=0)
    sizes = {}
    for quality in range(101):
        file = io.BytesIO()
        options = {"subsampling": "4:4:4", "codec": "aom", "advanced": {"tune": "psnr"}}
        Image.fromarray(pictures[1]).save(file, "AVIF", quality=quality, **options)
        sizes[len(file.getvalue())] = np.asarray(Image.open(file).convert("RGB"))
        if len(file.getvalue()) > 2 * 128 * 128 / 8:
            break
    assert np.array_equal(sizes[int(way.bits * 128 * 128 / 8)], way.revealed)
