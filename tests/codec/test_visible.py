"""A container that looks unlike its cover is told so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stegnet.codec import Place, hide_file
from stegnet.codec.visible import VISIBLE, visible
from stegnet.media import write_png


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

    def hide(self, cover, secret, shuffle):
        hidden = self.network.hide(cover, secret, shuffle)
        return replace(hidden, container=255 - cover, lean=np.ones(cover.shape, np.int8))


def test_only_what_one_sees():
    assert visible(VISIBLE) == ()
    (line,) = visible(12.34)
    assert "12.3 dB" in line


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("suffix", [".png", ".mkv"])
def test_a_cover_that_is_changed_much(exact, key, suffix):
    for network, notes in ((exact, 0), (Loud(exact), 1)):
        report = hide_file(
            lambda network=network: network,
            Path(f"cover{suffix}"),
            Path(f"secret{suffix}"),
            Place(Path(f"out{notes}{suffix}")),
            key,
        )
        assert sum("visibly differs" in note for note in report.notes) == notes
