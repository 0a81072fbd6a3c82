"""Films filled with random bytes and encoded again: counted with known results, and once with real encoders."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.measures import CONTAINER_PSNR
from stegnet.evaluation.video import temporal_error
from stegnet.media import FilmWriter
from stegnet.methods.robust_film import GROUP
from study.film_trial import film_quality, measure_film, stage_qualities
from study.reencodings import REENCODINGS
from tests.support.films import still_film, still_frames

CRF = 23


def write_film(path: Path, frames: list[np.ndarray]) -> Path:
    with FilmWriter(path, frames[0].shape[1], frames[0].shape[0], Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))
    return path


def test_quality_of_a_film(tmp_path: Path) -> None:
    frames = still_frames(5, 32, 48)
    noisy = [np.clip(frame + np.int16(3 * (index % 2)), 0, 255).astype(np.uint8) for index, frame in enumerate(frames)]
    films = write_film(tmp_path / "a.mkv", frames), write_film(tmp_path / "b.mkv", noisy)
    found = film_quality(*films)
    assert found[CONTAINER_PSNR] == pytest.approx(10 * np.log10(255**2 / (9 * 2 / 5)), abs=1e-6)
    assert found["container_flicker"] == pytest.approx(np.mean([step for step, _ in temporal_error(frames, noisy)]))
    assert found["container_ssim"] == pytest.approx(1)


@pytest.mark.slow
def test_a_filled_film_comes_back_and_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [each for each in REENCODINGS if each.name in {"x264 fast, CRF −4", "x264 medium, CRF +5"}]
    monkeypatch.setattr("study.film_trial.REENCODINGS", some)
    cover = still_film(tmp_path / "cover.mkv", GROUP + 2)
    found, survived = measure_film(cover, (CRF, 38.0), tmp_path, 3, 2)
    assert (found["refused"], found["groups"], found["size"]) == (False, 1, "160×128")
    assert found["bits"] == pytest.approx(8 * found["bytes"] / (160 * 128 * GROUP))
    assert [each["promised"] for each in survived] == [True, False]
    assert (survived[0]["groups_whole"], survived[0]["whole"]) == (1, True)
    assert survived[0]["psnr"] > survived[1]["psnr"]
    alone = stage_qualities(cover, None, CRF, tmp_path)
    assert found["written_container_psnr"] < alone["written_container_psnr"]
    assert found["written_bytes"] > alone["written_bytes"] > alone["received_bytes"]
