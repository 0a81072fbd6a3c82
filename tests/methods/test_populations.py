"""Nothing that a reader of files sees tells containers from the covers that real programs write."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import stegnet
from tests.support.films import picture
from tests.support.real_channels import AT_LANDING, CHANNELS, Channel

SIZES = ((240, 320), (321, 240), (333, 417))
PROGRAMS = [name if name in AT_LANDING else pytest.param(name, marks=pytest.mark.night) for name in CHANNELS]
MARKERS = re.compile(rb"\xff[\xc0-\xcf\xda-\xef\xfe]|\xff\xdb(?=\0)")  # a table's length begins with 0


def read(path: Path) -> tuple[Any, ...]:
    """Return what Pillow says of a JPEG, its quantisation tables, and its markers in their order."""
    data = path.read_bytes()
    with Image.open(path) as opened:
        opened.load()
        tables = opened.quantization  # type: ignore[attr-defined]  # of JPEGs
        return opened.mode, opened.size, opened.info, tables, MARKERS.findall(data), data[-2:]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:the cover is")  # smooth pictures count as saved before
@pytest.mark.parametrize("name", PROGRAMS)
def test_jpegs_of_real_programs(name: str, real_channels: dict[str, Channel], key: stegnet.Key, tmp_path: Path) -> None:
    note, source = tmp_path / "note.txt", tmp_path / "source.png"
    cover, container = tmp_path / "cover.jpg", tmp_path / "container.jpg"
    note.write_text("noon")
    cover_bytes = container_bytes = 0
    for seed, (height, width) in enumerate(SIZES):
        Image.fromarray(picture(height, width, seed)).save(source)
        real_channels[name](source, cover, None)
        stegnet.hide(cover, note, to=container, key=key, overwrite=True)
        assert read(container) == read(cover)
        cover_bytes += cover.stat().st_size
        container_bytes += container.stat().st_size
    assert container_bytes == pytest.approx(cover_bytes, rel=0.01)
