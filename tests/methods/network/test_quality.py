"""A container that looks unlike its cover, or a secret that comes back poorly, is told so."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.errors import CapacityError
from stegnet.core.measures import psnr
from stegnet.files import hide_file, reveal_file
from stegnet.media import FilmWriter, read_frames, read_picture, write_png
from stegnet.methods.network import HideOptions
from stegnet.methods.network.quality import LEAST, POOR, VISIBLE, SecretErrors, SecretQuality, visibility_notes
from stegnet.results import OutputTarget


@pytest.fixture
def inputs(tmp_path, picture, make_film, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("cover", "secret")):
        write_png(Path(f"{name}.png"), picture(64, 96, number))
        make_film(Path(f"{name}.mkv"), 3, seed=9 * number)


class Loud:
    """A network whose containers are the negatives of their covers."""

    def __init__(self, network):
        self.network = network

    def __getattr__(self, name):
        return getattr(self.network, name)

    def hide(self, cover, secret, shuffle, base, step):
        hidden = self.network.hide(cover, secret, shuffle, base, step)
        return replace(hidden, container=255 - cover, rounding_error=np.ones(cover.shape, np.int8))


def test_without_a_key_only_public_facts():
    assert visibility_notes(VISIBLE) == ()
    (line,) = visibility_notes(12.34)
    assert "12.3 dB" in line


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_a_cover_that_is_changed_much(exact, key, suffix):
    for network, notes in ((exact, 0), (Loud(exact), 1)):
        report = hide_file(
            lambda network=network: network,
            Path(f"cover{suffix}"),
            Path(f"secret{suffix}"),
            OutputTarget(Path(f"out{notes}{suffix}")),
            key,
            HideOptions(force=True),
        )
        assert sum("visibly differs" in note for note in report.notes) == notes


def noise(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def write_film(path, frames):
    with FilmWriter(path, frames[0].shape[1], frames[0].shape[0], Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_the_figure_is_that_of_the_revealed_file(exact, key, suffix):
    """The five levels that this network keeps are about 23 dB: warned of, and hidden."""
    secret, out, back = (Path(f"{name}{suffix}") for name in ("secret", "out", "back"))
    report = hide_file(lambda: exact, Path(f"cover{suffix}"), secret, OutputTarget(out), key)
    reveal_file(lambda: exact, out, OutputTarget(back), key)
    if suffix == ".png":
        pairs = [(read_picture(secret), read_picture(back))]
    else:
        pairs = list(zip(read_frames(secret), read_frames(back), strict=True))
    assert report.secret_psnr == pytest.approx(psnr(*map(np.stack, zip(*pairs, strict=True))))
    assert LEAST < report.secret_psnr < POOR
    (line,) = report.warnings
    assert f"{report.secret_psnr:.1f} dB" in line
    assert "can't carry" in line


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_more_pixels_than_the_cover_has(exact, key, suffix):
    if suffix == ".png":
        write_png(Path("large.png"), noise(200, 300))
    else:
        write_film(Path("large.mkv"), [noise(200, 300)] * 2)
    files = Path(f"cover{suffix}"), Path(f"large{suffix}"), OutputTarget(Path(f"out{suffix}"))
    before = set(Path.cwd().iterdir())
    with pytest.raises(CapacityError, match="300×200 pixels, its cover only 96×64") as caught:
        hide_file(lambda: exact, *files, key)
    assert "a cover of 300×200 or more" in caught.value.hint
    assert "the method sealed; forcing" in caught.value.hint
    assert set(Path.cwd().iterdir()) == before
    report = hide_file(lambda: exact, *files, key, HideOptions(force=True))
    assert report.secret_psnr < LEAST
    assert "300×200 pixels" in report.warnings[0]


@pytest.mark.usefixtures("inputs")
def test_a_film_is_refused_as_soon_as_it_is_certain(exact, key):
    write_film(Path("large.mkv"), [noise(200, 300)] * 16)
    write_film(Path("long.mkv"), [noise(64, 96)] * 40)
    calls = []
    with pytest.raises(CapacityError, match="too poor"):
        hide_file(
            lambda: exact,
            Path("long.mkv"),
            Path("large.mkv"),
            OutputTarget(Path("out.mkv")),
            key,
            progress=lambda *call: calls.append(call),
        )
    assert len(calls) < 10


def test_measured_frames_of_a_film():
    for hidden, frames in ((1, {0}), (3, {0, 1, 2}), (8, set(range(8))), (80, set(range(5, 80, 10)))):
        assert SecretQuality(hidden, (8, 8), (8, 8), False).frames == frames


def test_one_bad_frame_of_many_is_no_bad_film():
    quality = SecretQuality(8, (8, 8), (8, 8), False)
    for errors in [SecretErrors(0.0, 0.0)] * 7 + [SecretErrors(8 * 255**2 / 10 ** (LEAST / 10) - 1, 0.0)]:
        quality.add(errors)
    assert LEAST < quality.psnr() < LEAST + 0.1
    with pytest.raises(CapacityError):
        quality.add(SecretErrors(9.0, 0.0))
