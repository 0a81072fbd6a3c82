"""What arrives through a channel, and how it is judged, on a few small photographs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import norm

from pipeline.evaluate.statistics import Scores
from stegnet.jpeg.coefficients import JpegPicture
from stegnet.keys import seeded
from stegnet.record import format_record
from study import channel_steganalysis, jpeg_steganalysis
from study.channel_steganalysis import (
    AGAIN,
    ARRIVES,
    CAME,
    ONCE,
    PREPARED,
    ChannelCase,
    Message,
    SavingChannel,
    Trial,
    Upload,
    auc_together,
    mosaic_of,
    nonzero_of,
    parts_of,
    pictures_of,
    png_of,
)
from study.jpeg_features import luma_of
from study.jpeg_steganalysis import LEAST_BITS

CHANNEL = SavingChannel(80)
MESSAGE = Message(0.2)


@pytest.fixture(scope="module")
def arrived(cat: np.ndarray) -> dict[str, JpegPicture]:
    cases = [*map(ChannelCase, (ONCE, AGAIN, PREPARED)), ChannelCase(ARRIVES, MESSAGE), ChannelCase(CAME, MESSAGE)]
    pictures = pictures_of(cat, CHANNEL, CHANNEL.learned([cat]), cases, 7)
    found = {case.kind: picture for case, picture in zip(cases, pictures, strict=True) if picture is not None}
    assert len(found) == len(cases)
    return found


@pytest.mark.parametrize(("kind", "before"), [(ARRIVES, PREPARED), (CAME, AGAIN)])
def test_what_arrives_differs_from_its_cover_by_the_steps_of_a_message(
    arrived: dict[str, JpegPicture], kind: str, before: str
) -> None:
    cover = arrived[before]
    changes = arrived[kind].planes[0].astype(int) - cover.planes[0]
    assert np.abs(changes).max() == 1 and not changes[..., 0].any()
    assert 0.02 < np.count_nonzero(changes) / nonzero_of(cover) < 0.15
    assert all(map(np.array_equal, arrived[kind].planes[1:], cover.planes[1:]))


def test_what_is_sent_once_is_what_the_encoder_makes_of_the_photograph(
    arrived: dict[str, JpegPicture], cat: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(cat).save(tmp_path / "a.jpg", quality=CHANNEL.quality)
    assert arrived[ONCE].file.data == (tmp_path / "a.jpg").read_bytes()


def test_a_message_takes_its_rate_or_its_bytes() -> None:
    assert 8 * MESSAGE.record_bytes(20_000) + LEAST_BITS == pytest.approx(4000, abs=8)
    assert MESSAGE.record_bytes(100) == MESSAGE.record_bytes(0) > 0
    record = MESSAGE.record(20_000, seeded(0))
    assert len(format_record(record, bytes(16))) == MESSAGE.record_bytes(20_000)
    assert Message(0, 1000).record_bytes(100) - Message(0, 400).record_bytes(100) == 600


def test_the_parts_of_a_mosaic_are_its_photographs(cat: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_steganalysis, "ROWS", 2)
    photographs = np.stack([cat[:64, 8 * start : 8 * start + 128] for start in range(6)])
    whole = luma_of(CHANNEL.arriving(png_of(mosaic_of(photographs))), CHANNEL.quality)
    for part, photograph in zip(parts_of(whole, len(photographs)), photographs, strict=True):
        alone = luma_of(CHANNEL.arriving(png_of(photograph)), CHANNEL.quality)
        np.testing.assert_array_equal(part.coefficients, alone.coefficients)


@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_photographs_that_are_judged_together_tell_more(shift: float) -> None:
    """Of normal votes, as many times more as the square root says."""
    random = np.random.default_rng(0)
    covers = random.normal(0, 1, 800).astype(np.float32)
    area, low, high = auc_together(Scores(covers, covers + np.float32(shift)), 16, 0)
    assert low < area < high
    assert area == pytest.approx(norm.cdf(shift * 4 / np.sqrt(2)), abs=0.02)


def test_the_table_has_all_comparisons_and_keeps_other_trials(
    cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = Trial(CHANNEL, False, MESSAGE), Trial(CHANNEL, True, MESSAGE), Upload(CHANNEL, MESSAGE)
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    for name, value in {"ROWS": 2, "COLUMNS": 2, "TRIALS": trials, "DIMENSIONS": 20}.items():
        monkeypatch.setattr(channel_steganalysis, name, value)
    monkeypatch.setattr(jpeg_steganalysis, "SIDE", 128)
    monkeypatch.setattr(jpeg_steganalysis, "LEAST", 150)
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(22):
        Image.fromarray(np.roll(cat, 11 * number, 1)[:160, :200]).save(photographs / f"{number:02}.png")

    out = tmp_path / "out.csv"
    for trial in reversed(trials):
        channel_steganalysis.main(photographs, out, trial.name)
    table = pd.read_csv(out)
    alone = table[(table["trial"] == trials[0].name) & (table["features"] == "DCTR") & (table["at_once"] == 1)]
    assert list(alone["after"]) == [AGAIN, PREPARED, ARRIVES, ARRIVES, CAME]
    assert set(alone["tested"]) <= set(range(15, 21))
    assert table["trial"].value_counts()[trials[1].name] == 5 * 2 * 3
    assert table["auc"].between(0, 1).all()
