"""Films in which random bytes are hidden, encoded again: counted with known results, and once with real encoders."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stegnet import DataError
from stegnet.core.measures import CONTAINER_PSNR
from stegnet.evaluation.video import temporal_error
from stegnet.media import FilmWriter
from stegnet.methods.robust_film import GROUP
from stegnet.methods.robust_film.channels import parse_film_channel
from stegnet.report.page import read_json
from study.film_trial import FILLED, film_quality, measure_film
from study.reencodings import WAYS, x264
from study.robust_films import write_tables
from tests.support.films import still_film, still_frames

CHANNEL = "h264:23"


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
def test_a_film_comes_back_and_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its beginning, in which there may be no room."""
    ways = (x264("medium", True), x264("medium, CRF +20", False, above=20))
    monkeypatch.setitem(WAYS, CHANNEL, (23, ways))
    cover = still_film(tmp_path / "still.mkv", GROUP + 2)
    found, survived = measure_film(cover, CHANNEL, None, tmp_path, 3, 2)
    assert (found["refused"], found["groups"], found["width"]) == (False, 1, 160)
    assert found["bits"] == pytest.approx(8 * found["bytes"] / (160 * 128 * GROUP))
    assert [(each["promised"], each["groups_whole"], each["whole"]) for each in survived] == [
        (True, 1, True), (False, 0, False),
    ]  # fmt: skip
    assert survived[0]["psnr"] > survived[1]["psnr"]
    assert found["larger"] > 1
    text, _ = measure_film(cover, CHANNEL, 43, tmp_path, 3, 2)
    assert 43 < text["bytes"] < found["bytes"]
    monkeypatch.setattr("study.film_trial.FRAMES", GROUP - 1)
    assert measure_film(cover, CHANNEL, None, tmp_path, 3, 2) == (
        {"channel": CHANNEL, "content": FILLED, "refused": True},
        [],
    )


def test_what_was_promised_is_summarised(tmp_path: Path) -> None:
    """A film without room is counted, and ways beyond the promise are not."""
    film = {"channel": CHANNEL, "content": FILLED, "refused": False, "bits": 0.01, "larger": 1.2, "larger_alike": 1.4}
    film |= {"container_psnr": 35.0, "container_vmaf": 93.0}
    films = [film, film | {"bits": 0.03}, {"channel": CHANNEL, "content": FILLED, "refused": True}]
    way = {"channel": CHANNEL, "content": FILLED, "encoding": "a", "promised": True, "groups": 2, "groups_whole": 2}
    ways = [way | {"whole": True}, way | {"whole": False, "groups_whole": 1}]
    ways.append(way | {"encoding": "b", "promised": False, "whole": False, "groups_whole": 0})
    write_tables(tmp_path, pd.DataFrame(films), pd.DataFrame(ways))
    (row,) = pd.read_csv(tmp_path / "promises.csv").to_dict("records")
    assert (row["films"], row["refused"], row["bits"], row["groups"], row["messages"]) == (2, 1, 0.02, 4, 2)
    assert (row["groups_whole"], row["whole"]) == (0.75, 0.5)
    assert pd.read_csv(tmp_path / "encodings.csv")["groups_whole"].tolist() == [0.75, 0]
    assert read_json(tmp_path / "metrics.json")["robust_films_h264_23_filled_bits"] == 0.02


def test_no_film_with_room(tmp_path: Path) -> None:
    refused = {"channel": CHANNEL, "content": FILLED, "refused": True}
    with pytest.raises(DataError, match="no film has room"):
        write_tables(tmp_path, pd.DataFrame([refused]), pd.DataFrame([]))


def test_all_ways_of_a_channel_have_names_of_their_own() -> None:
    for channel, (crf, ways) in WAYS.items():
        assert parse_film_channel(channel).name == channel
        assert str(crf) in channel or channel == "messenger"
        assert len({way.name for way in ways}) == len(ways)
        assert any(way.promised for way in ways)
