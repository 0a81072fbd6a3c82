"""Features against sealwatch's own, and what simulators and classifiers do with them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sealwatch
from PIL import Image

from study.ensemble import Features, cross_validated, votes
from study.features import across_colours, colour_rich_model, spam, spatial_rich_model, spatial_rich_models
from study.jpeg_features import dctr, gfr, jrm, luma_of
from study.steganalysis import simulated_matching
from tests.support.jpegs import read_jpeg

SIDE = 40


@pytest.fixture
def colours(picture: Callable[..., np.ndarray]) -> np.ndarray:
    return picture(SIDE, SIDE)


def listed(features: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([part.reshape(-1) for part in features.values()])


def test_the_spatial_rich_model_is_sealwatchs(colours: np.ndarray) -> None:
    """In another order, since features have none."""
    found = spatial_rich_model(colours[..., 1].astype(np.float32))
    assert np.allclose(np.sort(found), np.sort(listed(sealwatch.srmq1.extract(colours[..., 1]))), atol=1e-6)
    together = spatial_rich_models(colours)
    assert together.shape == (12_753,)
    assert together.sum() == pytest.approx(3 * found.sum(), rel=1e-5)


def test_co_occurrences_across_colours_are_sealwatchs(colours: np.ndarray) -> None:
    """It counts with a threshold of 2; the paper's is 3, which gives its 5,404 features."""
    found = across_colours(colours.astype(np.float32), 2)
    assert np.allclose(np.sort(found), np.sort(listed(sealwatch.crm.extract(colours))), atol=1e-6)
    assert colour_rich_model(colours).shape == (5_404,)


def test_spam_is_that_of_each_channel(colours: np.ndarray) -> None:
    sealwatch.set_backend(sealwatch.BACKEND_PYTHON)
    expected = np.concatenate([listed(sealwatch.spam.extract(colours[..., channel])) for channel in range(3)])
    assert np.allclose(spam(colours), expected, atol=1e-6)


@pytest.mark.parametrize("quality", [75, 95])
def test_features_of_jpegs_are_sealwatchs(tmp_path: Path, picture: Callable[..., np.ndarray], quality: int) -> None:
    Image.fromarray(picture(72, 104)).save(tmp_path / "a.jpg", quality=quality)
    luma = luma_of(read_jpeg(tmp_path / "a.jpg"), quality)
    wanted = listed(sealwatch.dctr.extract_from_file(str(tmp_path / "a.jpg"), qf=quality))
    assert np.abs(dctr(luma) - wanted).mean() < 1e-3  # all but those where halves are rounded
    wanted = sealwatch.gfr.extract_from_file(str(tmp_path / "a.jpg"), qf=quality).reshape(-1)
    assert np.abs(gfr(luma) - wanted).mean() < 1e-3
    assert jrm(luma).shape == (11255,)


def test_matching_changes_half_of_the_samples_that_carry_a_bit(colours: np.ndarray) -> None:
    edge = np.where(np.arange(SIDE) % 2 == 0, 0, 255).astype(np.uint8)[:, None, None] + np.zeros_like(colours)
    for cover in (colours, edge):
        changes = simulated_matching(0.4)(cover, cover, 0).astype(int) - cover
        assert np.abs(changes).max() == 1
        assert np.mean(changes != 0) == pytest.approx(0.2, abs=0.03)


def drawn(shift: float, seed: int) -> Features:
    random = np.random.default_rng(seed)
    covers = random.normal(size=(120, 30)).astype(np.float32)
    containers = covers + random.normal(0, 0.3, covers.shape).astype(np.float32)
    containers[:, :5] += shift
    return Features(covers, containers)


def test_an_ensemble_finds_what_there_is_and_nothing_else() -> None:
    assert votes(drawn(1.5, 0), drawn(1.5, 1), 0).accuracy > 0.9
    random = np.random.default_rng(2)
    known, unseen = (Features(*random.normal(size=(2, 120, 30)).astype(np.float32)) for _ in range(2))
    assert abs(cross_validated(known, unseen, 0).accuracy - 0.5) < 0.1
