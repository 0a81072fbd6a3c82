"""Films against those of ffmpeg's own command line: the same elements, in the same order, with the same values.

Pixel aspect ratio, field order and HDR are among them, and no copy loses them.
"""

import random
import re
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import stegnet
from stegnet.core.parallel import no_count
from stegnet.formats import matroska
from stegnet.formats.matroska import CRC32, draw_uids, spans
from stegnet.video import read_frames, scan
from stegnet.video.forms import MKV, MP4
from stegnet.video.remux import make_watchable, rewrap
from tests.support.films import ffmpeg, write_film

pytestmark = pytest.mark.slow

TICKS = 12_800
FRAMES = np.random.default_rng(0).integers(0, 256, (10, 64, 96, 3), np.uint8)
X264, FIELDS = "-c:v libx264 -pix_fmt yuv420p", "-flags +ildct+ilme"
PLAIN = "-c:v ffv1 -level 3 -pix_fmt"
HEVC = "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none"
LIGHT = f"{HEVC}:max-cll=1000,400"
SCREEN = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
HDR = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
DV_PAL, DV_NTSC = "-s 720x576 -r 25 -pix_fmt yuv420p", "-s 720x480 -r 30000/1001 -pix_fmt yuv411p"
TAGGED = (
    "-metadata title=Sea -metadata creation_time=2020-01-02T03:04:05Z -metadata comment=calm -metadata date=2020 "
    "-metadata:s:v handler_name=Lens -metadata:s:v title=front -metadata:s:v language=deu"
)
SINE = "-f lavfi -i sine=d=0.8:r=48000"
TRACKS = (
    "-map 0 -map 1 -map 1 -c:a:0 flac -c:a:1 libopus "
    "-metadata:s:a:0 language=fra -metadata:s:a:0 title=Commentaire -disposition:a:0 0 "
    "-metadata:s:a:1 language=deu -metadata:s:a:1 title=Ton -disposition:a:1 default"
)
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
    "named.mp4": ("null", f"{X264} {TAGGED}", "", ""),
    "bt709.mkv": ("null", f"{PLAIN} yuv420p -colorspace bt709 -color_range tv", "", ""),
    "full-range.mkv": ("null", f"{PLAIN} yuv420p -colorspace bt709 -color_range pc", "", ""),
    "odd-width.mkv": ("scale=97:64", f"{PLAIN} yuv420p", "", ""),
    "odd-height.mkv": ("scale=96:61", f"{PLAIN} yuv420p", "", ""),
    "odd-422.mkv": ("scale=97:61", f"{PLAIN} yuv422p -colorspace smpte170m", "", ""),
    "odd-444.mkv": ("scale=97:61", f"{PLAIN} yuv444p", "", ""),
    "deep.mkv": ("noise=alls=40", f"{PLAIN} yuv420p10le -colorspace bt2020nc", "", ""),
    "fields.mkv": ("scale=97:61,setfield=tff", f"{PLAIN} yuv420p", "", ""),
    "hd.mkv": ("scale=1280:720", f"{PLAIN} yuv420p", "", ""),
    "flipped.mkv": ("scale=97:61", f"{PLAIN} yuv420p", "-display_vflip", ""),
    "sounds.mkv": ("null", f"{SINE} {TRACKS} {X264}", "", ""),
    "pq.mp4": ("setsar=1", f"{HEVC}:{HDR}", "", ""),
    "bottom.mkv": ("setsar=1,setfield=bff", f"{X264} {FIELDS} -x264-params bff=1", "", ""),
}
NO_MP4_OF_OURS = {"light.mp4", "hdr.mp4"}  # has their light
OTHER_TRACKS = {"dv.mov", "raw.dv"}  # get a track of time codes from ffmpeg
# What depends on the release of FFmpeg, and places and lengths that follow from it.
RELEASE = re.compile(rb".?Lav([cf])\d+\.\d+\.\d+", re.DOTALL)
# Elements that hold others, and those that are positions.
SEGMENT, SEEK_HEAD, SEEK, VOID = (bytes.fromhex(name) for name in ("18538067", "114d9b74", "4dbb", "ec"))
MASTERS = {bytes.fromhex(name) for name in ("1549a966", "1654ae6b", "ae", "e0", "55b0", "1f43b675")}
MASTERS |= {bytes.fromhex(name) for name in ("1254c367", "7373", "67c8", "63c0", "1941a469", "61a7")}
MASTERS |= {SEGMENT, SEEK_HEAD, SEEK, *(bytes.fromhex(name) for name in ("1043a770", "45b9", "b6", "80"))}
LEFT_OUT = {CRC32, VOID, *(bytes.fromhex(name) for name in ("53ac", "1c53bb6b"))}
BRANCHES = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"udta"}
SIZED = {b"mdat", b"stco", b"stsz", b"meta"}
OTHERS = "-map 0:v -map 0:a? -map 0:s? -map 0:t? -c copy"
FFV1 = f"{OTHERS} -c:v ffv1 -level 3 -g 1 -slicecrc 1 -slices 4 -pix_fmt bgr0"
LOSSLESS_X264 = f"{OTHERS} -c:v libx264rgb -preset veryfast -qp 0"
TEST = "testsrc2=s=72x48:d=0.16:r=25"


def made(folder: Path, name: str) -> Path:
    filters, options, before, after = FILMS[name]
    first = ffmpeg(f"-f lavfi -i {TEST},{filters}", folder / f"first-{name}", options)
    return ffmpeg(f"{before} -i {first}", folder / name, f"-c copy {after}") if before + after else first


def rewritten(source: Path, out: Path) -> tuple[str, ...]:
    info = scan(source)
    choices = {"rate": info.rate, "time_base": info.coarsest_time_base, "form": out.suffix[1:], "keep": source}
    return write_film(out, read_frames(source, as_ffmpeg=True), info.times, **choices).notes


def write(path: Path, form: str, keep: Path | None = None, start: Fraction = Fraction(0)) -> Path:
    times = [start + Fraction(index, 25) for index in range(len(FRAMES))]
    write_film(path, FRAMES, times, form=form, time_base=Fraction(1, TICKS), keep=keep)
    return path


def elements(data: bytes, depth: int = 0) -> list[tuple[int, str, bytes]]:
    """All elements of a Matroska file but its index: each with its depth and identifier, and content."""
    found = []
    for span in spans(data, 0, len(data)):
        content = data[span.start : span.end]
        if span.element in MASTERS:
            found += [(depth, span.element.hex(), b""), *elements(content, depth + 1)]
        elif span.element not in LEFT_OUT:
            shown = b"" if span.element in matroska.UIDS else RELEASE.sub(rb"Lav\1", content)
            found.append((depth, span.element.hex(), shown))
    return found


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of MP4's boxes, but for bit rates; only the name of those that depend on the release."""
    while content:
        size, name = int.from_bytes(content[:4], "big"), content[4:8]
        inner, content = content[8:size], content[size:]
        if name in BRANCHES:
            yield name, b""
            yield from boxes(inner)
        else:
            # The name of the encoder fills its field with zeros.
            inner = RELEASE.sub(rb"Lav\1", inner.partition(b"btrt")[0]).replace(b"\0", b"")
            yield name, b"" if name in SIZED else inner


def settings(path: Path) -> bytes:
    """The options that x264 writes into a film, but for the threads of the machine."""
    found = re.search(rb"options: ([ -~]+)", path.read_bytes())
    assert found
    return re.sub(rb"threads=\d+", b"", found[1])


@pytest.mark.parametrize("name", FILMS)
def test_a_lossless_film_has_the_elements_of_ffmpegs(tmp_path, name):
    """Pictures are among them: or a container shows colours that no conversion by ffmpeg gives, or has other tags."""
    source, ours = made(tmp_path, name), tmp_path / "ours.mkv"
    theirs = ffmpeg(f"-i {source}", tmp_path / "theirs.mkv", FFV1)
    assert rewritten(source, ours) == ()
    assert elements(ours.read_bytes()) == elements(theirs.read_bytes())


@pytest.mark.parametrize("name", sorted(FILMS.keys() - NO_MP4_OF_OURS))
def test_an_mp4_has_the_boxes_of_ffmpegs(tmp_path, name):
    source, ours = made(tmp_path, name), tmp_path / "ours.mp4"
    theirs = ffmpeg(f"-i {source}", tmp_path / "theirs.mp4", LOSSLESS_X264)
    rewritten(source, ours)
    assert settings(ours) == settings(theirs)
    found, wanted = (list(boxes(path.read_bytes())) for path in (ours, theirs))
    if name in OTHER_TRACKS:
        found, wanted = ([next(each for each in some if each[0] == b"stsd")] for some in (found, wanted))
    assert found == wanted
    before, after = scan(source), scan(ours)
    assert (after.height, after.width, after.aspect) == (before.height, before.width, before.aspect)


def test_time_stamps_of_even_films_are_as_coarse_as_ffmpeg_makes_them(tmp_path: Path) -> None:
    """A container of a film in ticks of 1/90,000 s has ffmpeg's 12,800 a second, where no time is lost by it."""
    source, options = f"-f lavfi -i {TEST}", f"{X264} -video_track_timescale 90000"
    even = ffmpeg(source, tmp_path / "even.mp4", options)
    fine = f"{options} -vf settb=1/90000,setpts=PTS+N*N/1000/TB -fps_mode vfr -enc_time_base 1:90000"
    uneven = ffmpeg(source, tmp_path / "uneven.mp4", fine)
    assert scan(even).coarsest_time_base == Fraction(1, 25)
    assert scan(uneven).coarsest_time_base == Fraction(1, 90_000)
    out = tmp_path / "out.mp4"
    with pytest.warns(UserWarning, match="film in YCbCr"):
        stegnet.hide(even, b"text", out, key=stegnet.Key(bytes(32)), method="sealed")
    theirs = ffmpeg(f"-i {even}", tmp_path / "theirs.mp4", LOSSLESS_X264)
    assert list(boxes(out.read_bytes())) == list(boxes(theirs.read_bytes()))


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
    (tmp_path / "said.srt").write_text("1\n00:00:00,010 --> 00:00:00,100\nGuten <i>Tag</i>\n")
    inputs = f"-f lavfi -i {TEST},setsar={aspect} {SINE} -i {tmp_path / 'said.srt'} -i {tmp_path / 'chapters'}"
    attached = f"-attach {tmp_path / 'font.ttf'} -metadata:s:t:0 mimetype=font/ttf"
    source = ffmpeg(inputs, tmp_path / "a.mkv", f"{TRACKS} -map 2 {attached} {X264} {TAGGED}")
    theirs = ffmpeg(f"-i {source}", tmp_path / "theirs.mkv", FFV1)
    assert rewritten(source, tmp_path / "b.mkv") == ()
    data = (tmp_path / "b.mkv").read_bytes()
    assert elements(data) == elements(theirs.read_bytes())
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
        film.seek(80_000)
        assert next(film.demux(video=0)).pts == 80


@pytest.mark.parametrize("name", ["turned.mp4", "container.mov", "differ.mp4", "wide.ts", "unknown.mp4"])
def test_a_film_that_is_put_into_another_format_keeps_its_pixels(tmp_path, name):
    before = scan(made(tmp_path, name)).aspect
    for put in (
        lambda path: rewrap(path, MKV),
        lambda path: rewrap(path, MP4),
        lambda path: make_watchable(path, no_count),
    ):
        path = made(tmp_path, name)
        assert put(path)
        assert scan(path).aspect == before
    assert before != 1 or name == "unknown.mp4"


def test_an_impossible_ratio_counts_as_none(tmp_path):
    options = "-c:v mjpeg -pix_fmt yuvj420p"
    source = ffmpeg(f"-f lavfi -i {TEST},setsar=4/3", tmp_path / "a.mov", options)
    before = source.read_bytes()
    for wrong in ((257, 1), (1, 1 << 30)):
        source.write_bytes(before.replace(b"pasp" + struct.pack(">II", 4, 3), b"pasp" + struct.pack(">II", *wrong)))
        with av.open(str(source)) as film:
            assert film.streams.video[0].sample_aspect_ratio == Fraction(*wrong)
        for out in (tmp_path / "b.mkv", tmp_path / "b.mp4"):
            assert rewritten(source, out) == ()
            assert scan(out).aspect == scan(source).aspect == 1


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


def parts(data: bytes) -> list[tuple[bytes, bytes]]:
    """Identifier and content of Matroska's elements at one level."""
    return [(span.element, data[span.start : span.end]) for span in spans(data, 0, len(data))]


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
    assert int.from_bytes(movie_header(film)[12:16], "big") == ticks
    assert list(scan(film).times) == [start + Fraction(index, 25) for index in range(len(FRAMES))]


def test_a_long_mp4_needs_no_64_bits(tmp_path):
    """At 1,000 ticks per second, 32 bits hold 49 days; at the 10 million of this film, 7 minutes."""
    film = tmp_path / "film.mp4"
    times = [Fraction(index * 60) for index in range(len(FRAMES))]
    write_film(film, FRAMES, times, form="mp4", time_base=Fraction(1, 10**7))
    header = movie_header(film)
    assert (len(header), header[0], int.from_bytes(header[16:20], "big")) == (100, 0, 9 * 60 * 1000 + 40)
    assert list(scan(film).times) == times
