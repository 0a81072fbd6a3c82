"""Figures of a hiding: what changed, and how easily it is found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stegnet.media import read_cover
from stegnet.methods import METHODS
from stegnet.methods.network import NETWORK, run_of
from stegnet.methods.sealed import SEALED
from stegnet.methods.sealed.cover import secure_payload
from stegnet.results import Changes, HidingFigures, OutputTarget, Report, betrayed_by
from stegnet.results.figures import BETRAYS, EASY, HARD, POSSIBLE
from tests.support.quality import psnr

SHIPPED = Path(__file__).parents[2] / "reports" / "shipped"
PICTURE = HidingFigures(SEALED, 1000, 256**2, secure=secure_payload(3 * 256**2))
LARGE = replace(PICTURE, cover_pixels=4000 * 3000, secure=secure_payload(3 * 4000 * 3000))


def with_rate(rate: float, hiding: HidingFigures = PICTURE) -> HidingFigures:
    """The same with so many bits for each sample."""
    return replace(hiding, hidden_bytes=int(rate * 3 * hiding.cover_pixels / 8))


def test_changes_of_frames(picture):
    covers = np.stack([picture(8, 10, seed) for seed in range(3)])
    containers = covers.copy()
    containers[0, 0, 0] = 255 - containers[0, 0, 0]
    containers[1, 2, :4, 1] ^= 1
    changes = Changes()
    for pair in zip(covers, containers, strict=True):
        changes.add(*pair)
    assert (changes.pixels, changes.psnr) == (5, pytest.approx(psnr(covers, containers)))
    assert (Changes().pixels, Changes().psnr) == (None, None)


def test_detection():
    """The thresholds are of what was measured."""
    film = replace(PICTURE, film=True)
    for hiding, detection in (
        (with_rate(0.03), HARD),
        (with_rate(0.1), POSSIBLE),
        (with_rate(0.3), EASY),
        (with_rate(0.03, LARGE), EASY),
        (with_rate(0.003, LARGE), HARD),
        (replace(with_rate(0.001), cover_format="a JPEG"), EASY),
        (with_rate(0.001, film), None),
        (with_rate(0.3, film), EASY),
        (replace(with_rate(0.001), secure=None), EASY),
    ):
        assert hiding.detection == detection
    measured = pd.read_csv(SHIPPED / "steganalysis" / "steganalysis.csv")
    best = measured[measured["method"] == "sealed"].groupby("rate")["accuracy"].max()
    assert {rate: with_rate(rate * 0.9).detection for rate in best[best < 0.55].index} == {0.05: HARD}
    assert all(with_rate(rate * 1.1).detection == EASY for rate in best[best > 0.75].index)
    assert measured[measured["method"] == "network"]["accuracy"].min() > 0.9


@pytest.fixture
def report_of(tmp_path, exact, key, picture):
    """The report of hiding in a cover, by the method sealed, or else a picture by the network."""
    Image.fromarray(picture(20, 30)).save(tmp_path / "secret.png")
    (tmp_path / "a.txt").write_text("a note")

    def hidden(cover: Path, method: str = SEALED) -> Report:
        out = OutputTarget(tmp_path / f"out{cover.suffix}".replace("jpg", "png").replace("mp4", "mkv"), force=True)
        secret, by = tmp_path / ("a.txt" if method == SEALED else "secret.png"), METHODS[method]
        return by.hide(cover, secret, out, key, by.options(), run_of(exact))

    return hidden


@pytest.mark.parametrize("method", [SEALED, NETWORK])
def test_what_is_said_of_pictures(tmp_path, picture, report_of, method):
    """A JPEG gives its container away."""
    Image.fromarray(picture(100, 120)).save(tmp_path / "cover.jpg")
    Image.fromarray(picture(100, 120)).save(tmp_path / "cover.png")
    assert betrayed_by("a JPEG") in report_of(tmp_path / "cover.jpg", method).warnings
    report = report_of(tmp_path / "cover.png", method)
    assert not any(BETRAYS in line for line in report.warnings)
    if method == SEALED:
        before, after = (read_cover(tmp_path / name)[0] for name in ("cover.png", "out.png"))
        changed = (before != after).any(2).sum()
        assert report.notes[0] == "hidden: a.txt, 6 bytes, byte for byte"
        start = f"container {psnr(before, after):.1f} dB, {changed} of 12,000 pixels changed: "
        assert report.notes[1].startswith(start)
        assert (report.warnings, report.unchanged, report.hiding.method) == ((), True, SEALED)
        assert report.hiding.bits_per_sample == pytest.approx(8 * 6 / 36_000)
        assert 0 < report.hiding.room_used < 0.01


def test_what_is_said_of_films(tmp_path, make_film, report_of):
    coded = report_of(make_film(tmp_path / "a.mp4", 3, codec="libx264", pix_fmt="yuv420p"))
    plain = report_of(make_film(tmp_path / "a.mkv", 3))
    assert coded.warnings and (coded.hiding.cover_format, coded.hiding.detection) == ("a film in YCbCr (h264)", EASY)
    assert not plain.warnings and (plain.hiding.cover_format, plain.hiding.detection) == (None, None)
    assert plain.hiding.changed_pixels > 0 and 55 < plain.hiding.container_psnr < 80


def test_a_betrayed_cover_has_the_way_out_that_its_kind_has():
    copy = betrayed_by("a copy of one that was saved with loss")
    assert ("let it stay one" in betrayed_by("a JPEG"), "let it stay one" in copy) == (True, False)
    assert "reduce it first" in copy
    assert betrayed_by("a film in YCbCr (h264)").endswith(BETRAYS)
