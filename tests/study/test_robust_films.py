"""Films filled with random bytes and encoded again: counted with known results, and once with real encoders."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stegnet.core.card import SHIPPED_FILM_MODEM
from stegnet.core.errors import CapacityError, DataError
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION
from stegnet.evaluation.video import temporal_error
from stegnet.media import FilmWriter
from stegnet.methods.robust_film import GROUP, FilmModem
from study import robust_films
from study.film_trial import film_quality, measure_film, smaller, stage_qualities
from study.reencodings import REENCODINGS
from study.robust_films import (
    headline,
    list_films,
    promises,
    summarise,
    summarise_bits,
    summarise_encodings,
    tables,
)
from tests.support.films import still_film, still_frames

CRF, MODEM = 23, FilmModem.load(SHIPPED_FILM_MODEM)


def write_film(path: Path, frames: list[np.ndarray]) -> Path:
    with FilmWriter(path, frames[0].shape[1], frames[0].shape[0], Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))
    return path


def row(bits: float, refused: bool = False, **more: object) -> dict[str, object]:
    labels = {"size": "64×48", "frames": 50, "crf": CRF, "wanted": 38.0, "refused": refused}
    names = [f"{stage}_{name}" for stage in ("written", "received") for name in robust_films._QUALITY]
    names += [f"cover_{stage}_container_vmaf" for stage in ("written", "received")]
    measured = dict.fromkeys([*names, "larger", "larger_received", "hide_fps", "reveal_fps"], bits)
    return labels if refused else labels | measured | {"bits": bits} | more


def survival(name: str, promised: bool, groups: int, whole: int) -> dict[str, object]:
    counts = {"groups": groups, "groups_whole": whole, "whole": whole == groups}
    return {"encoding": name, "promised": promised, "psnr": 35.0} | counts


@pytest.fixture
def measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    first, second = REENCODINGS[0].name, REENCODINGS[-1].name
    return tables(
        [
            ("a", row(0.2), [survival(first, True, 4, 4), survival(second, False, 4, 0)]),
            ("b", row(0.4), [survival(first, True, 2, 1), survival(second, False, 2, 1)]),
            ("c", row(0, refused=True), []),
        ]
    )


def test_only_what_is_promised_counts_as_such(measured: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    (found,) = summarise(*measured).to_dict("records")
    assert (found["promise"], found["films"], found["refused"]) == (f"h264:{CRF}", 2, 1)
    assert found["bits"] == pytest.approx(0.3)
    assert (found["groups"], found["groups_whole"]) == (6, pytest.approx(5 / 6))
    assert found["groups_low"] < 5 / 6 < found["groups_high"]
    assert (found["messages"], found["whole"]) == (2, 0.5)
    figures = headline(summarise(*measured))
    assert figures[f"robust_films_h264_{CRF}_38db_64x48_groups_whole"] == round(5 / 6, 5)


def test_each_way_of_encoding_again_has_a_row(measured: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    table = summarise_encodings(measured[1]).set_index("encoding")
    assert list(table.index) == [REENCODINGS[0].name, REENCODINGS[-1].name]
    assert list(table["promised"]) == [True, False]
    assert list(table["groups_whole"]) == [pytest.approx(5 / 6), pytest.approx(1 / 6)]
    assert list(table["whole"]) == [0.5, 0]


def test_the_room_is_what_the_refusal_says() -> None:
    refusal = CapacityError("secret.bin: takes 1013 bytes, and there is room for 600", "")
    assert smaller(1000, refusal) == 587
    for hopeless in (CapacityError("a: takes 20 bytes, and there is room for 3", ""), CapacityError("lost", "")):
        with pytest.raises(CapacityError):
            smaller(7, hopeless)


def test_films_are_found_and_large_ones_measured_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no films"):
        list_films(tmp_path)
    (tmp_path / "note.txt").write_text("no film")
    write_film(tmp_path / "short.mkv", still_frames(3, 16, 16))
    small, large = (tmp_path / name for name in ("a.mkv", "b.mkv"))
    write_film(small, still_frames(GROUP, 16, 16))
    write_film(large, still_frames(GROUP, 32, 32))
    assert list_films(tmp_path) == [small, large]
    monkeypatch.setattr(robust_films, "LARGE", 32 * 32 - 1)
    found = [(film.stem, promise) for film, promise in promises([small, large])]
    assert [film for film, _ in found].count("a") == len(robust_films.PROMISES)
    assert [promise for film, promise in found if film == "b"] == list(robust_films.PROMISES_OF_LARGE)


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
    found, survived = measure_film(MODEM, cover, (CRF, 38.0), tmp_path, 3, 2)
    assert (found["refused"], found["groups"], found["size"]) == (False, 1, "160×128")
    assert found["bits"] == pytest.approx(8 * found["bytes"] / (160 * 128 * GROUP))
    assert [each["promised"] for each in survived] == [True, False]
    assert (survived[0]["groups_whole"], survived[0]["whole"]) == (1, True)
    assert survived[0]["psnr"] > survived[1]["psnr"]
    alone = stage_qualities(cover, None, CRF, tmp_path)
    assert found["written_container_psnr"] < alone["written_container_psnr"]
    assert found["written_bytes"] > alone["written_bytes"] > alone["received_bytes"]


@pytest.mark.slow
def test_curves_fall_with_the_crf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robust_films, "CRFS", (18, 30))
    cover = still_film(tmp_path / "cover.mkv", GROUP)
    rows = robust_films.curves({"modem": MODEM}, cover, "name", 0, "code", 2)
    means = summarise_bits(pd.DataFrame([{"film": "a"} | each for each in rows]))
    assert len(means) == 2 * len(MODEM.rungs)
    for _, group in means.groupby("rung"):
        carried = group.set_index("crf")[INFORMATION]
        assert carried[18] > carried[30] >= 0
        assert group[CONTAINER_PSNR].between(34, 46).all()
