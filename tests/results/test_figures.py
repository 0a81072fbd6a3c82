"""Figures of a hiding: what changed, and how easily it is found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stegnet.core.measures import psnr
from stegnet.files.files import hide_file
from stegnet.keys import Key
from stegnet.media import read_cover
from stegnet.methods.network.film import HideOptions
from stegnet.methods.sealed.embed import embed_file
from stegnet.results import OutputTarget
from stegnet.results.figures import BETRAYS, EASY, HARD, NETWORK, POSSIBLE, ROBUST, SEALED, Changes, Hiding
from tests.support.figures import SHIPPED

PICTURE = Hiding(SEALED, 1000, 256**2)


def with_rate(rate: float, hiding: Hiding = PICTURE) -> Hiding:
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


@pytest.mark.parametrize(
    ("hiding", "detection"),
    [
        (with_rate(0.03), HARD),
        (with_rate(0.1), POSSIBLE),
        (with_rate(0.3), EASY),
        (with_rate(0.03, replace(PICTURE, cover_pixels=4000 * 3000)), EASY),
        (with_rate(0.003, replace(PICTURE, cover_pixels=4000 * 3000)), HARD),
        (replace(with_rate(0.001), cover_format="a JPEG"), EASY),
        (with_rate(0.001, replace(PICTURE, film=True)), None),
        (with_rate(0.3, replace(PICTURE, film=True)), EASY),
        (replace(PICTURE, method=NETWORK), EASY),
        (replace(with_rate(0.001), method=ROBUST), EASY),
    ],
)
def test_detection(hiding, detection):
    assert hiding.detection == detection


def test_thresholds_are_of_the_measured_detection():
    measured = pd.read_csv(SHIPPED / "steganalysis" / "steganalysis.csv")
    best = measured[measured["method"] == "sealed"].groupby("rate")["accuracy"].max()
    assert {rate: with_rate(rate * 0.9).detection for rate in best[best < 0.55].index} == {0.05: HARD}
    assert all(with_rate(rate * 1.1).detection == EASY for rate in best[best > 0.75].index)
    assert measured[measured["method"] == "network"]["accuracy"].min() > 0.9


def test_what_is_said(tmp_path, picture):
    Image.fromarray(picture(100, 120)).save(tmp_path / "cover.png")
    (tmp_path / "a.txt").write_text("a note")
    out = tmp_path / "out.png"
    report = embed_file(tmp_path / "cover.png", tmp_path / "a.txt", OutputTarget(out), Key(bytes(32)))
    before, after = (read_cover(path)[0] for path in (tmp_path / "cover.png", out))
    changed = (before != after).any(2).sum()
    assert report.notes[0] == "hidden: a.txt, 6 bytes, byte for byte"
    assert report.notes[1].startswith(f"container {psnr(before, after):.1f} dB, {changed} of 12,000 pixels changed: ")
    assert (report.warnings, report.unchanged, report.hiding.method) == ((), True, SEALED)
    assert report.hiding.bits_per_sample == pytest.approx(8 * 6 / 36_000)
    assert 0 < report.hiding.room_used < 0.01


@pytest.mark.parametrize("method", [SEALED, NETWORK])
def test_a_jpeg_gives_its_container_away(tmp_path, picture, exact, method):
    """Its format says so: the same pixels as PNG are not warned of."""
    Image.fromarray(picture(100, 120)).save(tmp_path / "cover.jpg")
    Image.open(tmp_path / "cover.jpg").save(tmp_path / "cover.png")
    Image.fromarray(picture(20, 30)).save(tmp_path / "secret.png")

    def warned(cover: str) -> tuple[str, ...]:
        files = tmp_path / cover, tmp_path / "secret.png", OutputTarget(tmp_path / "out.png", force=True)
        if method == SEALED:
            return embed_file(*files, Key(bytes(32))).warnings
        return hide_file(lambda: exact, *files, Key(bytes(32)), HideOptions(force=True)).warnings

    line = f"the cover is a JPEG: {BETRAYS}"
    assert (line in warned("cover.jpg"), line in warned("cover.png")) == (True, False)


def test_a_film_gives_its_container_away(tmp_path, make_film):
    (tmp_path / "a.txt").write_text("a note")

    def hidden(cover: Path) -> Hiding:
        report = embed_file(cover, tmp_path / "a.txt", OutputTarget(tmp_path / "out.mkv", force=True), Key(bytes(32)))
        assert bool(report.warnings) == bool(report.hiding.cover_format)
        return report.hiding

    coded = hidden(make_film(tmp_path / "a.mp4", 3, codec="libx264", pix_fmt="yuv420p"))
    assert (coded.cover_format, coded.detection) == ("a film in YCbCr (h264)", EASY)
    plain = hidden(make_film(tmp_path / "a.mkv", 3))
    assert (plain.cover_format, plain.detection, plain.changed_pixels > 0) == (None, None, True)
    assert 55 < plain.container_psnr < 80
