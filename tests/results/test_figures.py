"""Figures of a hiding: what changed, and how easily it is found."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import stegnet
from stegnet.results import ChangeBound, Changes, HidingFigures
from tests.support.quality import psnr

SHIPPED = Path(__file__).parents[2] / "reports" / "shipped"


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


def test_changes_of_any_size_count_fully():
    """From one level to all 255, in each channel: a mean of squares by hand."""
    levels = np.arange(256, dtype=np.uint8)
    for channel in range(3):
        cover = np.zeros((16, 16, 3), np.uint8)
        container = cover.copy()
        container[..., channel] = levels.reshape(16, 16)
        mean = sum(level**2 for level in range(256)) / (3 * 256)
        for one, other in ((cover, container), (container, cover)):
            changes = Changes()
            changes.add(one, other)
            assert changes.psnr == pytest.approx(10 * np.log10(255**2 / mean))
            assert changes.pixels == 255


def test_the_bound_of_changes_is_never_exceeded():
    """By no byte: the bytes are the most of which all changes, with those of each record, are not more."""
    random = np.random.default_rng(0)
    for _ in range(200):
        most, record, byte = random.uniform(100, 9000), random.uniform(1, 300), random.uniform(0.5, 9)
        bound, times, records = ChangeBound(most, record, byte), random.uniform(1, 7), int(random.integers(1, 9))
        size = bound.bytes(times, records)
        assert records * record + size * byte <= times * most < records * record + (size + 1) * byte


def test_every_sample_of_a_cover_counts(picture, key, make_film, tmp_path):
    """Of all its channels and frames: by their number, the bytes that are hard to find grow."""
    colours = picture(64, 96)
    for name, image in (("colours.png", colours), ("grey.png", colours[..., 0])):
        Image.fromarray(image).save(tmp_path / name)
    make_film(tmp_path / "film.mkv", 3, 64, 96)
    for name, samples in (("colours.png", 3), ("grey.png", 1), ("film.mkv", 3 * 3)):
        report = stegnet.hide(tmp_path / name, b"a note", tmp_path / f"sent-{name}", key=key, method="sealed")
        assert report.hiding.secure.samples == pytest.approx(samples * 64 * 96, rel=0.05), name


def test_detection(picture, key):
    """The thresholds are of what was measured."""
    small = stegnet.hide(picture(256, 256), b"a note", key=key, method="sealed").hiding
    large = replace(small, cover_pixels=12_000_000, secure=replace(small.secure, samples=36_000_000))

    def found(rate: float, hiding: HidingFigures = small, **other: Any) -> str | None:
        """The same with so many bits for each sample."""
        return replace(hiding, hidden_bytes=int(rate * 3 * hiding.cover_pixels / 8), **other).detection

    hard, possible, easy = found(0.03), found(0.1), found(0.3)
    assert len({hard, possible, easy}) == 3
    assert (found(0.003, large), found(0.03, large)) == (hard, easy)
    assert found(0.001, cover_format="a JPEG") == found(0.001, secure=None) == easy
    assert (found(0.001, measured=False), found(0.3, measured=False)) == (None, easy)
    measured = pd.read_csv(SHIPPED / "steganalysis" / "steganalysis.csv")
    best = measured[measured["method"] == "sealed"].groupby("rate")["accuracy"].max()
    few = best[best.round(2) <= 0.55].index  # about 55 %, as the glossary says
    assert {rate: found(rate * 0.9) for rate in few} == dict.fromkeys((0.0125, 0.02, 0.05), hard)
    assert all(found(rate * 1.1) == easy for rate in best[best > 0.75].index)
    assert measured[measured["method"] == "network"]["accuracy"].min() > 0.9


def test_what_is_said_is_what_was_changed(picture, key):
    cover = picture(100, 120)
    report = stegnet.hide(cover, b"a note", key=key, method="sealed")
    changed = (cover != report.container).any(2).sum()
    assert report.notes[1].startswith(f"container {psnr(cover, report.container):.1f} dB, {changed} of 12,000 pixels")
    assert report.hiding.bits_per_sample == pytest.approx(8 * 6 / 36_000)
    assert 0 < report.hiding.capacity_used < 0.01


def test_an_empty_file_is_hard_to_find_only_where_what_goes_with_it_is(picture, key):
    """Lead, header and MAC change samples, too: 0 bytes are told and refused by the same bounds as any other number."""
    for size, found in (((30, 30), "easy"), ((48, 40), "easy"), ((80, 80), "possible"), ((256, 256), "hard")):
        cover = picture(*size)
        report = stegnet.hide(cover, b"", key=key)
        assert report.hiding.detection == found, size
        if found == "hard":
            assert stegnet.hide(cover, b"", key=key, at_most_safe=True).hiding.detection == found
        else:
            assert "are hard to find" not in report.notes[-1]
            with pytest.raises(stegnet.CapacityError, match="is empty, but not even that is hard to find"):
                stegnet.hide(cover, b"", key=key, at_most_safe=True)
