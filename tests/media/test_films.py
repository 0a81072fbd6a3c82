import io
import os
import struct
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image

import stegnet
from stegnet import MediaError
from stegnet.formats.opened_file import OpenedFile
from stegnet.media.compress import compress_film
from stegnet.video import lost_by_encoding, read_frames, read_sound, scan
from stegnet.video.films import open_film
from tests.support.films import add_pictures, encode, ffmpeg
from tests.support.memory import memory_limited

pytestmark = pytest.mark.slow

FILM = {"codec": "libx264", "pix_fmt": "yuv420p"}


def off(frame, colour):
    """The largest difference from what is expected."""
    return np.abs(frame.astype(int) - colour).max()


def refused(path, message, *more):
    """Films are refused when they are scanned, and when their frames are read."""
    for read in (scan, lambda path: list(read_frames(path)), *more):
        with pytest.raises(MediaError, match=message) as caught:
            read(path)
    return caught.value


def test_lossless_rgb_is_exact_at_any_size(tmp_path, make_film, picture):
    for height, width in ((61, 97), (1, 1), (3, 1), (7, 1000)):
        path = make_film(tmp_path / "a.mov", 3, height, width, codec="png", pix_fmt="rgb24")
        info = scan(path)
        assert (info.width, info.height, len(info.pts), info.sound) == (width, height, 3, ())
        for index, frame in enumerate(read_frames(path)):
            assert frame.dtype == np.uint8
            np.testing.assert_array_equal(frame, picture(height, width, index))


def test_frames_are_in_presentation_order_and_times_exact(tmp_path, make_film, picture):
    path = make_film(tmp_path / "a.mp4", 20, codec="libx264", pix_fmt="yuv444p")
    assert [stamp * 25 for stamp in scan(path).times] == list(range(20))
    for index, frame in enumerate(read_frames(path)):
        assert np.abs(frame.astype(int) - picture(64, 96, index)).mean() < 8
    assert scan(ffmpeg(f"-r 12 -i {path}", tmp_path / "slow.mp4")).rate == 12
    stamps = [0, 1001, 1002, 5000, 90_001]
    path = make_film(tmp_path / "b.mp4", **FILM, stamps=stamps, time_base=Fraction(1, 90_000))
    assert list(scan(path).times) == [Fraction(stamp, 90_000) for stamp in stamps]
    raw = scan(make_film(tmp_path / "a.h264", **FILM))
    assert list(raw.times) == [Fraction(index, 25) for index in range(6)]
    assert raw.notes == ("it has no time stamps: its frames are spaced evenly",)


def test_a_picture_that_has_exif_is_a_frame_like_others(tmp_path):
    """As in the AVIs of cameras: PyAV has no name for EXIF among a frame's data, and its orientation counts."""
    exif, file, path = Image.Exif(), io.BytesIO(), tmp_path / "a.avi"
    exif[ExifTags.Base.Orientation] = 6  # shown turned clockwise
    still = np.zeros((32, 48, 3), np.uint8)
    still[:8, :8] = 255
    Image.fromarray(still).save(file, "JPEG", exif=exif, quality=95)
    with av.open(str(path), "w") as film:
        stream = film.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuvj420p"
        packet = av.Packet(file.getvalue())
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        film.mux(packet)
    assert off(next(read_frames(path)), np.rot90(still, -1)) < 60
    assert (scan(path).width, scan(path).height) == (32, 48)


def test_a_film_that_leads_out_of_its_file_is_damaged(tmp_path):
    """The size of an object of a WMV, 8 bytes behind its name of 16, is that of no file."""
    data = bytearray(ffmpeg("-f lavfi -i testsrc=s=64x48:d=0.2", tmp_path / "a.wmv").read_bytes())
    data[data.index(b"\x40\xa4\xd0\xd2") + 21] = 0x80
    (tmp_path / "a.wmv").write_bytes(data)
    with pytest.raises(MediaError, match="the WMV film is damaged"):
        stegnet.info(tmp_path / "a.wmv")


# Y′CbCr of pure red, from the matrices of ITU-R BT.601-7 and BT.709-6.
RED = {(6, 1): (81, 90, 240), (1, 1): (63, 102, 240), (6, 2): (76, 85, 255), (1, 2): (54, 99, 255)}


def test_colours_follow_the_tags_or_the_size(tmp_path):
    """Grey has full range whatever its tag. test_finishing.py compares what ffmpeg's command line shows."""
    films = [
        *((RED[tags], pix_fmt, 64, tags) for tags in RED for pix_fmt in ("yuv420p", "yuv444p")),
        *((RED[matrix, 1], "yuv420p", height, (2, 0)) for height, matrix in ((64, 6), (720, 1))),
        *(((16,), "gray", 64, (2, levels)) for levels in range(3)),
    ]
    for planes, pix_fmt, height, (matrix, levels) in films:
        path = flat_film(tmp_path / "a.mkv", planes, pix_fmt, height, colorspace=matrix, color_range=levels)
        shown = next(read_frames(path))
        assert off(shown, 16) == 0 if pix_fmt == "gray" else off(shown, [255, 0, 0]) <= 2
        notes = [note.partition(":")[0] for note in scan(path).notes]
        assert notes == (["its colour matrix is not tagged"] if height > 64 else [])


def flat_film(path, colour, pix_fmt, height=64, **fields):
    """One frame of one colour, given by a level for each plane; two bytes per sample above 8 bits."""
    frame = av.VideoFrame(64, height, pix_fmt)
    width = 1 if frame.format.components[0].bits == 8 else 2
    for plane, level in zip(frame.planes, colour, strict=True):
        plane.update(level.to_bytes(width, "little") * (plane.buffer_size // width))
    frame.colorspace, frame.color_range = fields["colorspace"], fields["color_range"]

    def tag(film, stream):
        for name, value in fields.items():
            setattr(stream.codec_context, name, value)

    return encode(path, [frame], "ffv1", pix_fmt, tag)


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_animations_have_exact_times(tmp_path, picture, suffix):
    first, *others = [Image.fromarray(picture(32, 48, seed)) for seed in range(4)]
    path = tmp_path / f"a.{suffix}"
    first.save(path, save_all=True, append_images=others, duration=[100, 200, 50, 300])
    info, frames = scan(path), list(read_frames(path))
    assert ([round(time * 1000) for time in info.times], len(frames)) == ([0, 100, 300, 350], 4)
    with Image.open(path) as image:
        for index, frame in enumerate(frames):
            image.seek(index)
            np.testing.assert_array_equal(frame, image.convert("RGB"))


def test_frames_of_avi_are_evenly_spaced_although_it_stores_no_times(tmp_path, picture):
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"bf": "3", "b_strategy": "0"})
        add_pictures(film, stream, [picture(64, 96, seed) for seed in range(12)], "yuv420p")
    info = scan(path)
    assert list(info.pts) == [info.pts[0] + index for index in range(12)]
    assert info.time_base == Fraction(1, 25)


def test_an_unsupported_colour_matrix(tmp_path):
    """YCgCo, and BT.2020 with constant luminance; `scan` succeeds, since it does not convert pixels."""
    for matrix in (8, 10):
        path = flat_film(tmp_path / "a.mkv", [126, 128, 128], "yuv444p", colorspace=matrix, color_range=1)
        assert len(scan(path).pts) == 1
        with pytest.raises(MediaError, match=rf"a\.mkv: its colour matrix \({matrix}\) is not supported"):
            next(read_frames(path))


ALPHA = {"libvpx-vp9.webm": "yuva420p", "prores_ks.mov": "yuva444p10le", "ffv1.mkv": "bgra"}


def see_through():
    """Blue, transparent at the top, half transparent in the middle."""
    layer = np.full((48, 32, 4), (30, 60, 200, 255), np.uint8)
    layer[:16, :, 3], layer[16:32, :, 3] = 0, 128
    return layer


@pytest.mark.parametrize("name", [*ALPHA, "png"])
def test_what_can_be_transparent_is_composited_over_white(tmp_path, name):
    """Films, and animations."""
    codec, path = name.split(".")[0], tmp_path / f"a.{name.split('.')[-1]}"

    def set_alpha(film, stream):
        if "vpx" in codec:
            stream.metadata["alpha_mode"] = "1"
            stream.bit_rate = 4_000_000

    if name in ALPHA:
        options = {"auto-alt-ref": "0"} if "vpx" in codec else {}
        encode(path, [see_through()] * 3, codec, ALPHA[name], set_alpha, **options)
    else:
        stills = [Image.fromarray(np.roll(see_through(), shift, 1)) for shift in range(3)]
        stills[0].putpixel((0, 47), (1, 2, 3, 255))  # the encoder drops equal frames
        stills[1].putpixel((1, 47), (1, 2, 3, 255))
        stills[0].save(path, save_all=True, append_images=stills[1:], duration=100)
    frames, info = list(read_frames(path)), scan(path)
    assert (len(frames), len(info.pts), info.width, info.height, info.sound) == (3, 3, 32, 48, ())
    tolerance = 8 if "vpx" in codec else 3
    for frame, (row, shown) in product(frames, ((5, (255, 255, 255)), (24, (142, 157, 227)), (42, (30, 60, 200)))):
        assert off(frame[row, 10], shown) <= tolerance
    animation = {"it is an animation: treated as a film"} if name not in ALPHA else set()
    assert set(info.notes) == {"it can be transparent: composited over white"} | animation | (
        {"it has 12 bits per sample: reduced to 8"} if "prores" in codec else set()
    )


def test_of_several_tracks_that_with_the_most_frames_is_read(tmp_path, picture):
    """Even if another lasts longer."""
    with av.open(str(tmp_path / "a.mp4"), "w") as film:
        streams = [film.add_stream("libx264", rate=rate) for rate in (1, 25)]
        for stream, width in zip(streams, (16, 80), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, 16, "yuv420p"
        film.start_encoding()
        for stream, count in zip(streams, (2, 5), strict=True):
            add_pictures(film, stream, [picture(16, stream.width)] * count, None)
    info = scan(tmp_path / "a.mp4")
    assert (info.width, len(info.pts)) == (80, 5)
    assert info.notes == ("it has 2 video tracks: the one with the most frames is used",)


def test_an_error_gives_the_number_of_good_frames(tmp_path, make_film):
    path = make_film(tmp_path / "a.mov", 10, codec="png", pix_fmt="rgb24")
    with av.open(str(path)) as film:
        packets = [bytes(packet) for packet in film.demux(video=0) if packet.size]
    damaged = packets[6][:100] + bytes(len(packets[6]) - 100)
    path.write_bytes(path.read_bytes().replace(packets[6], damaged))
    assert "encode it again" in refused(path, r"a\.mov: the film is damaged after 6 frames").hint


def claim_of(path, width, height):
    """Patches the size in the index of a MOV (ISO/IEC 14496-12, 8.5.2)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"stsd") + 44
    data[start : start + 4] = struct.pack(">HH", width, height)
    path.write_bytes(data)


def claim_inside(path, width, height):
    """Patches the size in the sequence headers of MPEG-2 (ISO/IEC 13818-2, 6.2.2): 12 bits each, and 2 more."""
    data, at = bytearray(path.read_bytes()), 0
    while (at := data.find(b"\0\0\1\xb3", at) + 4) >= 4:
        data[at : at + 3] = ((width & 4095) << 12 | height & 4095).to_bytes(3, "big")
        more = data.index(b"\0\0\1\xb5", at) + 4
        rest = int.from_bytes(data[more : more + 4], "big") & ~(15 << 13)
        data[more : more + 4] = (rest | (width >> 12) << 15 | (height >> 12) << 13).to_bytes(4, "big")
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "coding", "claim", "message"),
    [
        ("a.mov", ("qtrle", "rgb24"), claim_of, "no picture of the film can be decoded"),
        ("a.m2v", ("mpeg2video", "yuv420p"), claim_inside, "no picture of the film can be decoded"),
        ("a.mpg", ("mpeg2video", "yuv420p"), claim_inside, "its pictures are too large to read, 15200×15200 pixels"),
    ],
)
def test_huge_frames_take_no_memory(tmp_path, make_film, name, coding, claim, message):
    path = make_film(tmp_path / name, 3, 64, 64, codec=coding[0], pix_fmt=coding[1])
    claim(path, 15_200, 15_200)
    with memory_limited(100 << 20):
        assert "178956970" in refused(path, message).hint


def test_a_truncated_film_is_noted(tmp_path, make_film):
    """Decoders don't report it. Of a live stream, no size is known."""
    note, films = "the file is truncated: its end is missing", []
    for suffix in ("mkv", "avi", "mp4"):
        films.append(make_film(tmp_path / f"a.{suffix}", 10, codec="mpeg4", pix_fmt="yuv420p"))
    films[-1] = ffmpeg(f"-i {films[-1]}", tmp_path / "b.mp4", "-c copy -movflags faststart")  # with its index in front
    live = ffmpeg(f"-i {films[0]}", tmp_path / "live.mkv", "-c copy -live 1")
    assert b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" in live.read_bytes()
    for path in (*films, live):
        assert note not in scan(path).notes
    for path in films:
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
        info = scan(path)
        assert 0 < len(info.pts) < 10
        assert note in info.notes


def test_a_truncated_film_is_read_as_far_as_its_packets_are_whole(tmp_path, make_film):
    """A decoder that is given a part of one reports damage after some later packet, by its number of threads."""
    made = make_film(tmp_path / "a.mp4", 12, codec="libx264", pix_fmt="yuv420p", sound="aac")
    path = ffmpeg(f"-i {made}", tmp_path / "b.mp4", "-c copy -movflags faststart")
    with av.open(str(path)) as film:
        ends = sorted((packet.pos + packet.size, packet.stream.type) for packet in film.demux() if packet.size)
    for count in range(len(ends) - 1, 0, -3):  # packets that are whole; all but a few bytes of the next one are there
        whole = [kind for _, kind in ends[:count]]
        os.truncate(path, ends[count][0] - 3)
        if "video" in whole:
            assert len(scan(path).pts) == whole.count("video")
            assert len(list(read_sound(path))) == whole.count("audio")


NOTED = {
    "its colours are BT.2020: treated as sRGB": {"color_primaries": 9},
    "its colours are HDR (PQ): reduced to 8 bits, not tone-mapped": {"color_trc": 16},
    "its colours are HDR (HLG): reduced to 8 bits, not tone-mapped": {"color_trc": 18, "color_primaries": 9},
    "its colours are linear: treated as sRGB": {"color_trc": 8},
    "it is interlaced: each frame keeps both fields": {"field_order": 2},
    None: {"field_order": 1},
}


def test_peculiarities_are_noted(tmp_path):
    for note, fields in NOTED.items():
        path = flat_film(tmp_path / "a.mkv", [126, 128, 128], "yuv420p", colorspace=6, color_range=1, **fields)
        assert scan(path).notes == (() if note is None else (note,))
        colours = "color_trc" in fields or "color_primaries" in fields
        assert bool(lost_by_encoding(path)) is colours  # of which a secret is hidden as it is
        assert off(next(read_frames(path))[5, 5], 128) <= 2


def test_the_profile_of_an_animation_is_noted(tmp_path, picture, swapped_profile, srgb_profile):
    frames = [Image.fromarray(picture(48, 64, seed)) for seed in range(3)]
    for profile, line in ((swapped_profile, ["its colours have a profile: treated as sRGB"]), (srgb_profile, [])):
        path = tmp_path / "a.png"
        frames[0].save(path, save_all=True, append_images=frames[1:], icc_profile=profile)
        assert [note for note in scan(path).notes if "colours" in note] == line


def with_dolby_vision(film: Path, name: bytes, profile: int, compatibility: int) -> Path:
    """An MP4 of HEVC, with a record of Dolby Vision in its sample description."""
    record = bytes([1, 0, profile << 1, 0x25, compatibility << 4]) + bytes(19)
    data = bytearray(film.read_bytes())
    end = data.index(b"hvcC") - 4
    end += int.from_bytes(data[end : end + 4], "big")
    for holder in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        start = data.index(holder) - 4
        data[start : start + 4] = (int.from_bytes(data[start : start + 4], "big") + 32).to_bytes(4, "big")
    data[end:end] = (32).to_bytes(4, "big") + name + record
    marked = film.with_name("marked.mp4")
    marked.write_bytes(data)
    return marked


@pytest.mark.parametrize(
    ("record", "transfer", "alone"),
    [
        ((b"dvcC", 5, 0), "undef", True),
        ((b"dvvC", 10, 0), "undef", True),
        ((b"dvcC", 5, 0), "smpte2084", False),  # mislabelled: its stream says that it is HDR10
        ((b"dvvC", 8, 1), "undef", False),
        ((b"dvvC", 8, 4), "undef", False),
        ((b"dvcC", 7, 6), "undef", False),
        ((b"dvcC", 7, 0), "undef", False),  # compatible, which older files don't say
    ],
)
def test_dolby_vision_without_a_layer_for_other_players_is_refused(tmp_path, make_film, record, transfer, alone):
    coding = f"-c:v libx265 -tag:v hvc1 -x265-params transfer={transfer}:log-level=none"
    plain = ffmpeg(f"-i {make_film(tmp_path / 'a.mkv', 3)}", tmp_path / "plain.mp4", coding)
    marked = with_dolby_vision(plain, *record)
    for film in (marked, ffmpeg(f"-i {marked}", tmp_path / "marked.mkv", "-c copy -strict unofficial")):
        assert ("Dolby" in lost_by_encoding(film)) is alone  # as a secret, it is hidden as it is
        if alone:
            with pytest.raises(MediaError, match="is in the colours of Dolby Vision, and has no layer"):
                scan(film)
        else:
            assert len(scan(film).pts) == 3


def test_ffmpeg_reads_without_python_code(tmp_path, make_film):
    """Ctrl-C in a function that FFmpeg calls would be lost, and the film end there."""
    path = make_film(tmp_path / "a.mov", 12, codec="png", pix_fmt="rgb24")
    assert path.stat().st_size > 2**17  # FFmpeg reads 32 kB at a time
    called = set()
    with OpenedFile(path) as file, open_film(file) as film:
        packets = film.demux(film.streams.video)
        sys.setprofile(lambda frame, event, _: called.add(frame.f_globals["__name__"]))
        try:
            size = sum(packet.size for packet in packets)
        finally:
            sys.setprofile(None)
    assert size > 2**17
    assert __name__ in called
    assert not any(name.startswith("stegnet") for name in called)


def test_frames_that_are_days_apart_have_a_rate(tmp_path, make_film):
    film = make_film(tmp_path / "a.mkv", 2, stamps=[0, 400_000_000], time_base=Fraction(1, 1000))
    assert 0 < scan(film).mean_rate < Fraction(1, 50_000)
    assert stegnet.info(film)["seconds"] > 400_000


LAVFI = "-f lavfi -i testsrc2=size=192x144:rate=25:duration=2"
FILLER = 38 << 1  # first byte of a NAL unit of HEVC that decoders skip


def test_pictures_that_are_not_decoded_are_counted(tmp_path):
    """Their packets are there, and nothing in them is a picture any more."""
    film = ffmpeg(LAVFI, tmp_path / "a.mp4", "-c:v libx265 -g 1")
    assert (scan(film).lost, len(scan(film).pts)) == (0, 50)
    moving = ffmpeg(LAVFI, tmp_path / "b.mp4", "-c:v libx265 -bf 3")
    cut = ffmpeg(f"-ss 1.03 -i {moving}", tmp_path / "cut.mp4", "-c copy")
    assert scan(cut).lost == 0 and len(scan(cut).pts) < 50, "an edit list hides the first ones"
    with av.open(str(film)) as opened:
        (packets,) = [[bytes(packet) for packet in opened.demux(video=0) if packet.size]]
    data = bytearray(film.read_bytes())
    for number in (11, 23, 42):
        start = data.index(packets[number])
        at = start
        while at < start + len(packets[number]):
            data[at + 4] = FILLER
            at += 4 + int.from_bytes(data[at : at + 4], "big")
    film.write_bytes(data)
    info = scan(film)
    assert (info.lost, len(info.pts)) == (3, 47)
    assert "3 of its 50 pictures can't be decoded: left out" in info.notes
    with pytest.raises(MediaError, match="3 of its 50 pictures can't be decoded") as caught:
        compress_film(film, tmp_path, 1 << 20)
    assert "ffmpeg" in caught.value.hint
