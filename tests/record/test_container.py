"""A container as its readers see it: opened once, decoded as often as is asked, closed at the end."""

from pathlib import Path

import numpy as np
import psutil
import pytest

import stegnet
from stegnet import Key
from stegnet.core.names import FILM, PICTURE
from stegnet.image import read_cover, write_png
from stegnet.record import open_container
from stegnet.video import read_frames

FRAMES = 6
KEY = Key(bytes(range(32)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, picture, make_film) -> Path:
    """A folder with a container of each kind, and what they are made of."""
    folder = tmp_path_factory.mktemp("containers")
    write_png(folder / "cover.png", picture(64, 96, 1))
    make_film(folder / "cover.mkv", FRAMES)
    for suffix in (".png", ".mkv"):
        stegnet.hide(folder / f"cover{suffix}", b"a note", folder / f"c{suffix}", key=KEY, method="sealed")
    return folder


@pytest.mark.parametrize("name", ["c.png", "c.mkv"])
def test_an_open_container(folder, name):
    """Kind, size and header; every pass gives all frames, also after one that ended early, until it is closed."""
    count = 1 if name == "c.png" else FRAMES
    with open_container(folder / name, KEY) as container:
        assert (container.kind, container.height, container.width) == (FILM if count > 1 else PICTURE, 64, 96)
        assert container.first.whole
        assert container.header() == container.first.record.header
        for passes in range(min(count, 3)):
            frames = container.frames()
            for _ in range(passes):
                next(frames)
            frames.close()
        one, other = list(container.frames()), list(container.readable_frames())
        assert not container.breaks_off
    expected = [read_cover(folder / name)[0]] if count == 1 else list(read_frames(folder / name))
    np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(other, expected)
    with pytest.raises(ValueError, match="the container is closed"):
        next(container.frames())
    with open_container(folder / name, KEY):
        assert count == 1 or str(folder / name) in {file.path for file in psutil.Process().open_files()}
    assert str(folder / name) not in {file.path for file in psutil.Process().open_files()}
