"""MP4 files with other samples: every byte else stays, whatever lies where in the file."""

from pathlib import Path

import av
import numpy as np
import pytest

from stegnet import MediaError
from stegnet.video import scan
from stegnet.video.films import TRUNCATED
from stegnet.video.mp4 import read_mp4, write_mp4
from tests.support.films import encoded, ffmpeg, make_film, still_film

pytestmark = pytest.mark.slow

LAYOUTS = {
    "moov last": "",
    "moov first": "-movflags +faststart",
    "edit list": "-ss 0.2",
    "two tracks of sound": "-map 0:v -map 0:a -map 0:a",
    "two tracks of pictures": "-map 0:v -map 0:v -map 0:a -r:v:1 5",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return still_film(tmp_path_factory.mktemp("films") / "source.mkv", 30)


def packets(path: Path) -> list[list[bytes]]:
    """Of each track."""
    with av.open(str(path), container_options={"ignore_editlist": "1"}) as film:
        found: list[list[bytes]] = [[] for _ in film.streams]
        for packet in film.demux():
            if packet.size:
                found[packet.stream_index].append(bytes(packet))
        return found


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
def test_samples_are_replaced(source, tmp_path, options):
    cover = ffmpeg(f"-i {source}", tmp_path / "cover.mp4", f"-c:v libx264 -pix_fmt yuv420p -bf 2 -c:a aac {options}")
    film, before = read_mp4(cover), packets(cover)
    assert [len(packet) for packet in before[0]] == film.sizes.tolist()
    with av.open(str(cover)) as opened:
        assert opened.streams.video[0].codec_context.extradata == film.avcc
    new = {number: before[0][number] + b"\0\0\0\1\x0c" * (number % 4) for number in (0, 3, 7, len(before[0]) - 1)}
    new[5] = before[0][5][:-1]
    write_mp4(film, tmp_path / "out.mp4", new)
    grown = read_mp4(tmp_path / "out.mp4")
    for each in (film, grown):
        data = each.file.read_bytes()[each.rate.content :]
        means = {int(8 * each.sizes.sum() / seconds) for seconds in each.durations}
        assert int.from_bytes(data[8:12], "big") in {0, *means}
    assert film.rate.start != grown.rate.start or grown.sizes.sum() > film.sizes.sum()
    after = packets(tmp_path / "out.mp4")
    assert after[0] == [new.get(number, packet) for number, packet in enumerate(before[0])]
    assert after[1:] == before[1:]
    write_mp4(read_mp4(tmp_path / "out.mp4"), tmp_path / "back.mp4", {number: before[0][number] for number in new})
    assert (tmp_path / "back.mp4").read_bytes() == cover.read_bytes()


@pytest.mark.parametrize("change", [lambda data: data + b"\xff" * 99, lambda data: data.replace(b"ftyp", b"free", 1)])
def test_a_trailer_and_boxes_without_a_meaning(source, tmp_path, change):
    """As cameras write them."""
    cover = encoded(source, tmp_path / "cover.mov", *["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"])
    cover.write_bytes(change(cover.read_bytes()))
    first = packets(cover)[0][0]
    write_mp4(read_mp4(cover), tmp_path / "out.mov", {0: first})
    assert (tmp_path / "out.mov").read_bytes() == cover.read_bytes()
    assert TRUNCATED not in scan(cover).notes


def test_other_files_are_refused(source, tmp_path):
    options = "-c:v libx264 -pix_fmt yuv420p -movflags frag_keyframe+empty_moov"
    with pytest.raises(MediaError, match="in fragments"):
        read_mp4(ffmpeg(f"-i {source}", tmp_path / "fragments.mp4", options))
    for film in (source, make_film(tmp_path / "a.mkv", 2)):
        with pytest.raises(MediaError, match="is not an MP4 or MOV"):
            read_mp4(film)


def nested(kind: bytes, content: bytes, times: int = 1) -> bytes:
    """A box, in others of its kind."""
    for _ in range(times):
        content = (len(content) + 8).to_bytes(4, "big") + kind + content
    return content


def test_strange_boxes(source, tmp_path):
    cover = encoded(source, tmp_path / "cover.mp4", *["-c:v", "libx264", "-pix_fmt", "yuv420p", "-an"])
    data, path = cover.read_bytes(), tmp_path / "strange.mp4"
    strange = {
        data.replace(b"stco", b"free"): "tables of this MP4 file are damaged",
        data + nested(b"moov", b"", 3000): "tables of this MP4 file are damaged",
        data + nested(b"meta", bytes(4) + nested(b"iloc", bytes(8))): "an unsupported offset box",
    }
    for content, message in strange.items():
        path.write_bytes(content)
        with pytest.raises(MediaError, match=message):
            read_mp4(path)
    make_film(tmp_path / "one.mp4", 1, codec="libx264", pix_fmt="yuv420p")
    with pytest.raises(MediaError, match="one size for all pictures"):
        read_mp4(tmp_path / "one.mp4")


def test_damaged_tables(source, tmp_path):
    cover = encoded(source, tmp_path / "cover.mp4", *["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"])
    data, draw, refused = cover.read_bytes(), np.random.default_rng(0), 0
    start, path = data.index(b"moov"), tmp_path / "damaged.mp4"
    for _ in range(300):
        damaged = bytearray(data)
        for place in draw.integers(start, len(data), 3):
            damaged[place] ^= 1 << draw.integers(8)
        path.write_bytes(damaged[: len(data) - draw.integers(3)])
        try:
            film = read_mp4(path)
            write_mp4(film, tmp_path / "out.mp4", {0: b"new"} if len(film.sizes) else {})
        except MediaError:
            refused += 1
    assert refused
