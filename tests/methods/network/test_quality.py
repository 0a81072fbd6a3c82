"""A container that looks unlike its cover, or a secret that comes back poorly, is told so."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from stegnet import CapacityError
from stegnet.files import reveal_file
from stegnet.media import read_frames, read_picture, write_png
from stegnet.methods import METHODS, Run
from stegnet.methods.network import NetworkOptions, run_of
from stegnet.methods.network.quality import VISIBLE, SecretErrors, SecretQuality, visibility_notes
from stegnet.results import LEAST, POOR, OutputTarget
from tests.methods.network.films import written
from tests.support.quality import psnr


@pytest.fixture(autouse=True)
def inputs(tmp_path, picture, make_film, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("cover", "secret")):
        write_png(Path(f"{name}.png"), picture(64, 96, number))
        make_film(Path(f"{name}.mkv"), 3, seed=9 * number)


@pytest.fixture
def hide(exact, key):
    def run(cover: str, secret: str, network=exact, progress=lambda *_: None, **options: bool):
        out = OutputTarget(Path("out").with_suffix(Path(cover).suffix), force=True)
        own = run_of(network, Run(progress=progress))
        return METHODS["network"].hide(Path(cover), Path(secret), out, key, NetworkOptions(**options), own)

    return run


class Loud:
    """A network whose containers are the negatives of their covers."""

    def __init__(self, network):
        self.network = network

    def __getattr__(self, name):
        return getattr(self.network, name)

    def hide(self, cover, secret, shuffle, base, step):
        hidden = self.network.hide(cover, secret, shuffle, base, step)
        return replace(hidden, container=255 - cover, rounding_error=np.ones(cover.shape, np.int8))


def noise(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_a_cover_that_is_changed_much(hide, exact, suffix):
    assert visibility_notes(VISIBLE) == ()
    assert "12.3 dB" in visibility_notes(12.34)[0]
    for network, notes in ((exact, 0), (Loud(exact), 1)):
        report = hide(f"cover{suffix}", f"secret{suffix}", network, any_quality=True)
        assert sum("visibly differs" in note for note in report.notes) == notes


@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_the_figure_is_that_of_the_revealed_file(hide, exact, key, suffix):
    """The five levels that this network keeps are about 23 dB: warned of, and hidden."""
    report, back = hide(f"cover{suffix}", f"secret{suffix}"), Path(f"back{suffix}")
    reveal_file(Path(f"out{suffix}"), OutputTarget(back), key, run=run_of(exact))
    read = (lambda path: [read_picture(path)]) if suffix == ".png" else read_frames
    pairs = zip(read(Path(f"secret{suffix}")), read(back), strict=True)
    assert report.secret_psnr == pytest.approx(psnr(*map(np.stack, zip(*pairs, strict=True))))
    assert LEAST < report.secret_psnr < POOR
    (line,) = report.warnings
    assert f"{report.secret_psnr:.1f} dB" in line
    assert "can't carry" in line


@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_more_pixels_than_the_cover_has(hide, suffix):
    if suffix == ".png":
        write_png(Path("large.png"), noise(200, 300))
    else:
        written(Path("large.mkv"), [noise(200, 300)] * 16)
        written(Path("cover.mkv"), [noise(64, 96)] * 40)
    before, calls = set(Path.cwd().iterdir()), []
    with pytest.raises(CapacityError, match="300×200 pixels, its cover only 96×64") as caught:
        hide(f"cover{suffix}", f"large{suffix}", progress=lambda *call: calls.append(call))
    assert "a cover of 300×200 or more" in caught.value.hint
    assert "the method sealed; with any_quality" in caught.value.hint
    assert set(Path.cwd().iterdir()) == before
    assert len(calls) < 10, "as soon as it is certain"
    report = hide(f"cover{suffix}", f"large{suffix}", any_quality=True)
    assert report.secret_psnr < LEAST
    assert "300×200 pixels" in report.warnings[0]


def test_measured_frames_of_a_film():
    """One bad frame of many makes no bad film; what is measured may come in any order."""
    for hidden, frames in ((1, {0}), (3, {0, 1, 2}), (8, set(range(8))), (80, set(range(5, 80, 10)))):
        assert SecretQuality(hidden, (8, 8), (8, 8), False).frames == frames
    quality = SecretQuality(8, (8, 8), (8, 8), False)
    for index in range(1, 8):
        quality.add(index, SecretErrors(0.0, 0.0))
    quality.add(0, SecretErrors(8 * 255**2 / 10 ** (LEAST / 10) - 1, 0.0))
    assert LEAST < quality.psnr() < LEAST + 0.1
    with pytest.raises(CapacityError):
        quality.add(1, SecretErrors(9.0, 0.0))


def test_what_is_said_of_a_poor_film_does_not_hang_on_the_order_of_its_frames():
    errors = {0: SecretErrors(10.0, 0.0), 1: SecretErrors(1e5, 0.0), 2: SecretErrors(2e5, 0.0)}
    said = set()
    for order in permutations(errors):
        quality = SecretQuality(3, (8, 8), (8, 8), False)
        with pytest.raises(CapacityError) as caught:
            for index in order:
                quality.add(index, errors[index])
        said.add(str(caught.value))
    assert len(said) == 1
