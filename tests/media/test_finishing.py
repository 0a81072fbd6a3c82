"""Films against those of ffmpeg's own command line: the same elements, in the same order, with the same values."""

import random
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import stegnet
from stegnet.formats import matroska
from stegnet.formats.matroska import draw_uids
from stegnet.video import scan
from stegnet.video.mp4 import use_milliseconds
from tests.support.films import ffmpeg, write_film

FFV1 = "-c:v ffv1 -level 3 -g 1 -slicecrc 1 -slices 4 -pix_fmt bgr0"
X264 = "-c:v libx264rgb -preset veryfast -qp 0 -threads 2"
HEIGHT, WIDTH, TICKS = 64, 96, 12_800
FRAMES = np.random.default_rng(0).integers(0, 256, (10, HEIGHT, WIDTH, 3), np.uint8)
# What depends on the release of FFmpeg, and places and lengths that follow from it.
RELEASE = re.compile(rb".?Lav([cf])\d+\.\d+\.\d+", re.DOTALL)
SEGMENT, INFO, TRACKS, TAGS = map(bytes.fromhex, ("18538067", "1549a966", "1654ae6b", "1254c367"))
TAG, SIMPLE_TAG, TAG_NAME, TAG_STRING = map(bytes.fromhex, ("7373", "67c8", "45a3", "4487"))
SEEK_HEAD, VOID = map(bytes.fromhex, ("114d9b74", "ec"))
MOVING = {SEEK_HEAD, VOID, matroska.CRC32}
BRANCHES = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"udta"}
SIZED = {b"mdat", b"stco", b"stsz", b"meta"}


@pytest.fixture(scope="module")
def source(tmp_path_factory, make_sounds) -> Path:
    """The frames in a lossless film, to be converted by ffmpeg's command line."""
    path = tmp_path_factory.mktemp("films") / "source.mkv"
    size = f"-f rawvideo -pix_fmt rgb24 -s {WIDTH}x{HEIGHT} -r 25 -i -"
    ffmpeg(size, path, "-c:v huffyuv -pix_fmt rgb24", FRAMES.tobytes())
    return path


def write(path: Path, form: str, keep: Path | None = None, start: Fraction = Fraction(0)) -> Path:
    times = [start + Fraction(index, 25) for index in range(len(FRAMES))]
    write_film(path, FRAMES, times, form=form, time_base=Fraction(1, TICKS), keep=keep)
    return path


def elements(path: Path) -> list[tuple[bytes, bytes]]:
    """Identifier and content of Matroska's elements before the first cluster, in order."""
    data, seen = path.read_bytes(), []
    *spans, _ = matroska.header_spans(data)
    for span in spans:
        holds_others = any(span.start <= other.start < other.parent_end <= span.end for other in spans)
        hidden = holds_others or span.element in matroska.UIDS
        if span.element not in MOVING:
            seen.append((span.element, b"" if hidden else RELEASE.sub(rb"Lav\1", data[span.start : span.end])))
    return seen


def parts(data: bytes) -> list[tuple[bytes, bytes]]:
    """Identifier and content of Matroska's elements at one level."""
    return [(span.element, data[span.start : span.end]) for span in matroska.spans(data, 0, len(data))]


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of MP4's boxes; only the name of those whose content depends on the release."""
    while content:
        size, name = int.from_bytes(content[:4], "big"), content[4:8]
        inner, content = content[8:size], content[size:]
        if name in BRANCHES:
            yield name, b""
            yield from boxes(inner)
        else:
            # The name of the encoder fills its field with zeros.
            yield name, b"" if name in SIZED else RELEASE.sub(rb"Lav\1", inner).replace(b"\0", b"")


def settings(path: Path) -> bytes:
    """The options that x264 writes into a film."""
    found = re.search(rb"options: ([ -~]+)", path.read_bytes())
    assert found
    return found[1]


def test_films_are_those_of_ffmpegs_command_line(tmp_path, source):
    """Their names, too."""
    theirs, ours = ffmpeg(f"-i {source}", tmp_path / "theirs.mkv", FFV1), write(tmp_path / "ours.mkv", "mkv")
    assert elements(ours) == elements(theirs)
    theirs_mp4, ours_mp4 = ffmpeg(f"-i {source}", tmp_path / "theirs.mp4", X264), write(tmp_path / "ours.mp4", "mp4")
    assert settings(ours_mp4) == settings(theirs_mp4)
    assert list(boxes(ours_mp4.read_bytes())) == list(boxes(theirs_mp4.read_bytes()))
    for film, encoder in ((ours, b"ffv1"), (ours_mp4, b"libx264rgb")):
        data = film.read_bytes()
        assert re.search(rb"Lavf\d+\.\d+\.\d+", data)
        assert re.search(rb"Lavc\d+\.\d+\.\d+ " + encoder, data)
        assert b"stegnet" not in data.lower() and b"pyav" not in data.lower()


def test_a_films_tags_are_those_that_ffmpeg_gives_it(tmp_path: Path, source: Path) -> None:
    """Whoever compares them with the tags of films that ffmpeg converted finds neither fewer nor others."""
    tags = "-metadata title=Sea -metadata creation_time=2020-01-02T03:04:05Z -metadata comment=calm -metadata date=2020"
    names = "-metadata:s:v handler_name=Lens -metadata:s:v title=front -metadata:s:v language=deu"
    cover = ffmpeg(f"-i {source}", tmp_path / "cover.mp4", f"-c:v libx264 -pix_fmt yuv420p {tags} {names}")
    theirs, ours = ffmpeg(f"-i {cover}", tmp_path / "theirs.mkv", FFV1), write(tmp_path / "ours.mkv", "mkv", cover)
    assert tags_of(ours) == tags_of(theirs)
    assert [name for name, _ in tags_of(ours)][:2] == [b"MAJOR_BRAND", b"MINOR_VERSION"]
    theirs_mp4, ours_mp4 = ffmpeg(f"-i {cover}", tmp_path / "theirs.mp4", X264), write(tmp_path / "o.mp4", "mp4", cover)
    handlers = [[part for part in boxes(path.read_bytes()) if part[0] == b"hdlr"] for path in (ours_mp4, theirs_mp4)]
    assert handlers[0] == handlers[1]
    assert b"Lens" in handlers[0][0][1]


def test_time_stamps_of_even_films_are_as_coarse_as_ffmpeg_makes_them(tmp_path: Path, source: Path) -> None:
    """A container of a film in ticks of 1/90,000 s has ffmpeg's 12,800 a second, where no time is lost by it."""
    options = "-c:v libx264 -pix_fmt yuv420p -video_track_timescale 90000"
    even = ffmpeg(f"-i {source}", tmp_path / "even.mp4", options)
    uneven = ffmpeg(
        f"-i {source}",
        tmp_path / "uneven.mp4",
        f"{options} -vf setpts=PTS+N*N/1000/TB -fps_mode vfr -enc_time_base 1:90000",
    )
    assert scan(even).coarsest_time_base == Fraction(1, 25)
    assert scan(uneven).coarsest_time_base == Fraction(1, 90_000)
    out = tmp_path / "out.mp4"
    with pytest.warns(UserWarning, match="film in YCbCr"):
        stegnet.hide(even, b"text", out, key=stegnet.Key(bytes(32)), method="sealed")
    theirs = ffmpeg(f"-i {even}", tmp_path / "theirs.mp4", X264)
    clocks = [[part for part in boxes(path.read_bytes()) if part[0] == b"mdhd"] for path in (out, theirs)]
    assert clocks[0] == clocks[1]


def tags_of(path: Path) -> list[tuple[bytes, bytes]]:
    """Names and texts of Matroska's tags in order, without those of the encoder's release."""
    data = path.read_bytes()
    found = [data[span.start : span.end] for span in simple_tags(data, 0, len(data))]
    return [(name, RELEASE.sub(rb"Lav\1", text)) for name, text in zip(found[::2], found[1::2], strict=True)]


def simple_tags(data: bytes, start: int, end: int) -> Iterator[matroska.Span]:
    for span in matroska.spans(data, start, end):
        if span.element in (TAG_NAME, TAG_STRING):
            yield span
        elif span.element in (SEGMENT, TAGS, TAG, SIMPLE_TAG):
            yield from simple_tags(data, span.start, span.end)


def uids(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[span.start : span.end] for span in matroska.header_spans(data) if span.element in matroska.UIDS]


def test_uids_follow_from_the_randomness_alone(tmp_path, make_sounds):
    """Not from the film: whoever can compute them from it knows that this program wrote it."""
    cover = make_sounds(tmp_path / "cover.mkv", "aac")
    one, other = (write(tmp_path / name, "mkv", keep=cover) for name in ("one", "other"))
    assert set(uids(other)).isdisjoint(uids(one))
    for film in (one, other):
        draw_uids(film, random.Random(1).randbytes)
    assert one.read_bytes() == other.read_bytes()
    segment, pictures, sound, *tags = uids(one)
    assert (len(segment), len(pictures), len(sound)) == (16, 8, 8)
    assert len({segment[:8], pictures, sound}) == 3
    assert set(tags) == {pictures, sound}


def test_uids_are_those_that_ffmpeg_draws_from_a_seed(tmp_path, make_sounds):
    """Computed by ffmpeg 5.1.9, whose av_get_random_seed was replaced by one that returns 12345.

    They are of a film with one sound track and one attached file.
    """
    cover = make_sounds(tmp_path / "a.mkv", "aac")
    with av.open(str(cover)) as source, av.open(str(tmp_path / "b.mkv"), "w") as film:
        tracks = {stream.index: film.add_stream_from_template(stream) for stream in source.streams}
        film.add_attachment("a.txt", "text/plain", b"a")
        for packet in source.demux():
            if packet.size:
                packet.stream = tracks[packet.stream.index]
                film.mux(packet)
    draw_uids(tmp_path / "b.mkv", lambda size: (12345).to_bytes(size, "little"))
    drawn = [uid.hex() for uid in uids(tmp_path / "b.mkv")]
    assert drawn[:3] == ["5fab3f417acf80726804d5b645693623", "447b93a18a5afe9b", "97e2516274691f4f"]
    assert drawn[3] == "dabf17f2ed3a8e3f"


def test_the_form_of_elements():
    """RFC 8794, 4: sizes up to 126 take a byte, since 127 (all ones) is one that is not known."""
    for size, head in {0: "ae80", 5: "ae85", 126: "aefe", 127: "ae407f", 300: "ae412c", 16_383: "ae203fff"}.items():
        data = matroska.element(b"\xae", bytes(size))
        assert data[: len(head) // 2].hex() == head
        assert parts(data + b"\x63\xa2\x81\1") == [(b"\xae", bytes(size)), (b"\x63\xa2", b"\1")]
    for head in (b"\xae\xff", b"\xae\x01\xff\xff\xff\xff\xff\xff\xff"):
        assert parts(head + b"\1\2\3") == [(b"\xae", b"\1\2\3")]
    for data in (b"\0", b"\xae", b"\xae\0"):
        with pytest.raises(ValueError, match="not Matroska"):
            parts(data)


def movie_header(path: Path) -> bytes:
    data = path.read_bytes()
    start = data.index(b"mvhd") + 4
    return data[start : start + int.from_bytes(data[start - 8 : start - 4], "big") - 8]


@pytest.mark.parametrize(("start", "ticks"), [(Fraction(0), 1000), (Fraction(1, 8), 1000), (Fraction(1, TICKS), TICKS)])
def test_mp4_counts_milliseconds_where_they_are_exact(tmp_path, start, ticks):
    film = write(tmp_path / "film.mp4", "mp4", start=start)
    before = film.read_bytes()
    assert int.from_bytes(movie_header(film)[12:16], "big") == ticks
    assert list(scan(film).times) == [start + Fraction(index, 25) for index in range(len(FRAMES))]
    use_milliseconds(film)
    assert film.read_bytes() == before, "finished twice"


def test_a_long_mp4_needs_no_64_bits(tmp_path):
    """At 1,000 ticks per second, 32 bits hold 49 days; at the 10 million of this film, 7 minutes."""
    film = tmp_path / "film.mp4"
    times = [Fraction(index * 60) for index in range(len(FRAMES))]
    write_film(film, FRAMES, times, form="mp4", time_base=Fraction(1, 10**7))
    header = movie_header(film)
    assert (len(header), header[0], int.from_bytes(header[16:20], "big")) == (100, 0, 9 * 60 * 1000 + 40)
    assert list(scan(film).times) == times
