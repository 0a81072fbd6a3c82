"""Pixel aspect ratio, field order and HDR: lossless films have them as ffmpeg's own, and no copy loses them.

What they are compared with is written by the program ffmpeg from the same film, by the commands of docs/inputs.md.
"""

import struct
import subprocess
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stegnet.formats.boxes import HEADER, all_boxes, boxes
from stegnet.formats.ffmpeg_cli import bundled_ffmpeg
from stegnet.formats.matroska import CRC32, UIDS, spans
from stegnet.video import read_frames, scan
from stegnet.video.forms import MKV, MP4
from stegnet.video.remux import make_watchable, rewrap
from tests.support.films import write_film

pytestmark = pytest.mark.slow

X264, FIELDS = "-c:v libx264 -pix_fmt yuv420p", "-flags +ildct+ilme"
HEVC = "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none"
LIGHT = f"{HEVC}:max-cll=1000,400"
SCREEN = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
HDR = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
DV_PAL, DV_NTSC = "-s 720x576 -r 25 -pix_fmt yuv420p", "-s 720x480 -r 30000/1001 -pix_fmt yuv411p"
# File and filter of a test picture, options of the encoder, and options of a copy, before its input or after.
FILMS = {
    "wide.mp4": ("setsar=32/27", X264, "", ""),
    "narrow.mp4": ("setsar=8/9", X264, "", ""),
    "square.mp4": ("setsar=1", X264, "", ""),
    "unknown.mp4": ("setsar=0", X264, "", ""),
    "hardly.mp4": ("setsar=1001/1000:max=1001", X264, "", ""),
    "odd.mp4": ("setsar=123/217:max=1000", X264, "", ""),
    "portrait.mp4": ("transpose,setsar=4/3", X264, "", ""),
    "turned.mp4": ("setsar=32/27", X264, "-display_rotation 90", ""),
    "over.mp4": ("setsar=4/3", X264, "-display_rotation 180", ""),
    "mirrored.mp4": ("setsar=4/3", X264, "-display_rotation 270 -display_hflip", ""),
    "wide.ts": ("setsar=32/27", X264, "", ""),
    "wide.mkv": ("setsar=32/27", X264, "", ""),
    "wide.webm": ("setsar=32/27", "-c:v libvpx-vp9", "", ""),
    "container.mov": ("setsar=32/27", "-c:v mjpeg -pix_fmt yuvj420p", "", ""),
    "differ.mp4": ("setsar=32/27", X264, "", "-aspect 1:1"),
    "dv.avi": ("setsar=64/45", f"-c:v dvvideo {DV_PAL}", "", ""),
    "dv.mov": ("setsar=32/27", f"-c:v dvvideo {DV_NTSC}", "", ""),
    "raw.dv": ("setsar=32/27", f"-c:v dvvideo {DV_NTSC}", "", ""),
    "dvd.mpg": ("setdar=16/9", f"-c:v mpeg2video {DV_PAL} -aspect 16:9", "", ""),
    "top.mkv": ("setsar=4/3,setfield=tff", f"{X264} {FIELDS}", "", ""),
    "light.mp4": ("setsar=1", LIGHT, "", ""),
    "hdr.mp4": ("setsar=1", f"{LIGHT}:{SCREEN}:{HDR}", "", ""),
    "bottom.mkv": ("setsar=1,setfield=bff", f"{X264} {FIELDS} -x264-params bff=1", "", ""),
}
# Elements that hold others, and those that differ from one version of FFmpeg to the next, or are random: positions.
SEGMENT, SEEK_HEAD, SEEK, VOID = (bytes.fromhex(name) for name in ("18538067", "114d9b74", "4dbb", "ec"))
MASTERS = {bytes.fromhex(name) for name in ("1549a966", "1654ae6b", "ae", "e0", "55b0", "1f43b675")}
MASTERS |= {SEGMENT, SEEK_HEAD, SEEK}
LEFT_OUT = {CRC32, *UIDS, *(bytes.fromhex(name) for name in ("53ac", "4d80", "5741", "1254c367", "1c53bb6b", "ec"))}
FFV1 = "-c:v ffv1 -level 3 -g 1 -slicecrc 1 -slices 4 -pix_fmt bgr0"
LOSSLESS_X264 = "-c:v libx264rgb -preset veryfast -qp 0 -pix_fmt bgr0"
TEST = "testsrc2=s=72x48:d=0.16:r=25"


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([bundled_ffmpeg(), "-v", "error", "-y", *map(str, arguments)], check=True)


def made(folder: Path, name: str) -> Path:
    filters, options, before, after = FILMS[name]
    first = folder / f"first-{name}"
    ffmpeg("-f", "lavfi", "-i", f"{TEST},{filters}", *options.split(), first)
    if not before + after:
        return first
    ffmpeg(*before.split(), "-i", first, "-c", "copy", *after.split(), folder / name)
    return folder / name


def rewritten(source: Path, out: Path) -> tuple[str, ...]:
    info = scan(source)
    choices = {"rate": info.rate, "time_base": info.time_base, "form": out.suffix[1:], "keep": source}
    return write_film(out, read_frames(source, as_ffmpeg=True), info.times, **choices).notes


def elements(data: bytes, depth: int = 0) -> list[tuple[int, str, bytes]]:
    """All elements of a Matroska file but tags and index: each with its depth and identifier, and content."""
    found = []
    for span in spans(data, 0, len(data)):
        content = data[span.start : span.end]
        if span.element in MASTERS:
            found += [(depth, span.element.hex(), b""), *elements(content, depth + 1)]
        elif span.element not in LEFT_OUT:
            found.append((depth, span.element.hex(), content))
    return found


def picture_boxes(path: Path) -> dict[bytes, bytes]:
    """How an MP4's pictures are shown and described (ISO/IEC 14496-12, 8.3.2 and 12.1.3), but for bit rates."""
    data = path.read_bytes()
    shown, described = (next(each for each in all_boxes(data) if each.kind == kind) for kind in (b"tkhd", b"stsd"))
    inside = boxes(data, described.content + 8 + HEADER + 78, described.end)
    found = {each.kind: data[each.content : each.end] for each in inside if each.kind != b"btrt"}
    return found | {b"tkhd": data[shown.end - 44 : shown.end]}


@pytest.mark.parametrize("name", FILMS)
def test_a_lossless_film_has_the_elements_of_ffmpegs(tmp_path, name):
    source, ours, theirs = made(tmp_path, name), tmp_path / "ours.mkv", tmp_path / "theirs.mkv"
    ffmpeg("-i", source, *FFV1.split(), theirs)
    assert rewritten(source, ours) == ()
    assert elements(ours.read_bytes()) == elements(theirs.read_bytes())


@pytest.mark.parametrize("name", sorted(FILMS.keys() - {"light.mp4", "hdr.mp4"}))  # whose light no MP4 of ours has
def test_an_mp4_is_shown_as_ffmpegs(tmp_path, name):
    source, ours, theirs = made(tmp_path, name), tmp_path / "ours.mp4", tmp_path / "theirs.mp4"
    ffmpeg("-i", source, *LOSSLESS_X264.split(), theirs)
    rewritten(source, ours)
    assert picture_boxes(ours) == picture_boxes(theirs)
    assert scan(ours).aspect == scan(source).aspect


def top(data: bytes) -> dict[int, tuple[bytes, bytes]]:
    """The elements of a Matroska file's segment by their places in it: each with its identifier, and content."""
    segment = next(span for span in spans(data, 0, len(data)) if span.element == SEGMENT)
    found, at = {}, 0
    for span in spans(data, segment.start, segment.end):
        found[at], at = (span.element, data[span.start : span.end]), span.end - segment.start
    return found


def indexed(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The places and identifiers in the index of a Matroska file."""
    content = next(content for name, content in top(data).values() if name == SEEK_HEAD)
    for seek in spans(content, 0, len(content)):
        if seek.element == SEEK:
            name, place = (content[span.start : span.end] for span in spans(content, seek.start, seek.end))
            yield int.from_bytes(place, "big"), name


@pytest.mark.parametrize("aspect", ["0", "1", "32/27", "61/67"])
def test_the_index_of_a_film_with_all_that_there_can_be(tmp_path, aspect):
    """It leads to chapters, attached files and tags; checksums are right, and FFmpeg's room for it is as always."""
    (tmp_path / "chapters").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=99\ntitle=one\n")
    (tmp_path / "font.ttf").write_bytes(bytes(66_000))
    picture, sound = ("-f", "lavfi", "-i", f"{TEST},setsar={aspect}"), ("-f", "lavfi", "-i", "sine=d=0.16")
    attached = ("-attach", tmp_path / "font.ttf", "-metadata:s:t:0", "mimetype=font/ttf")
    titles = ("-metadata", "title=film", "-metadata:s:v:0", "title=main", "-metadata:s:v:0", "language=deu")
    named = ("-c:a", "aac", *titles, tmp_path / "a.mkv")
    ffmpeg(*picture, *sound, "-i", tmp_path / "chapters", *attached, *X264.split(), *named)
    assert rewritten(tmp_path / "a.mkv", tmp_path / "b.mkv") == ()
    data = (tmp_path / "b.mkv").read_bytes()
    found = top(data)
    assert len(list(indexed(data))) == 6
    assert all(found[place][0] == name for place, name in indexed(data))
    for _, content in found.values():
        if content.startswith(CRC32):
            assert zlib.crc32(content[6:]) == int.from_bytes(content[2:6], "little")
    places = list(found)
    assert [name for name, _ in found.values()].count(VOID) == 1
    assert places[2] == 161, "FFmpeg reserves as much for the index"
    with av.open(str(tmp_path / "b.mkv")) as film:
        assert (len(film.chapters()), len(film.streams.attachments), film.metadata["title"]) == (1, 1, "film")
        names = film.streams.video[0].metadata
        assert (names["title"], names["language"]) == ("main", "deu")
        film.seek(80_000)
        assert next(film.demux(video=0)).pts == 80


@pytest.mark.parametrize("name", ["turned.mp4", "container.mov", "differ.mp4", "wide.ts", "unknown.mp4"])
def test_a_film_that_is_put_into_another_format_keeps_its_pixels(tmp_path, name):
    before = scan(made(tmp_path, name)).aspect
    for number, put in enumerate((lambda path: rewrap(path, MKV), lambda path: rewrap(path, MP4), watchable)):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = made(folder, name)
        assert put(path)
        assert scan(path).aspect == before
    assert before != 1 or name == "unknown.mp4"


def watchable(path: Path) -> tuple[str, ...]:
    return make_watchable(path, lambda done, total: None)


def test_an_impossible_ratio_counts_as_none(tmp_path):
    source = tmp_path / "a.mov"
    ffmpeg("-f", "lavfi", "-i", f"{TEST},setsar=4/3", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", source)
    before = source.read_bytes()
    for wrong in ((257, 1), (1, 1 << 30)):
        source.write_bytes(before.replace(b"pasp" + struct.pack(">II", 4, 3), b"pasp" + struct.pack(">II", *wrong)))
        with av.open(str(source)) as film:
            assert film.streams.video[0].sample_aspect_ratio == Fraction(*wrong)
        for out in (tmp_path / "b.mkv", tmp_path / "b.mp4"):
            assert rewritten(source, out) == ()
            assert scan(out).aspect == scan(source).aspect == 1
