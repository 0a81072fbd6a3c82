"""Headers of an app's JPEGs: a picture that is written behind them is the file that the app writes, byte for byte."""

import io
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stegnet import MediaError
from stegnet.channels import learn_channel, read_channel
from stegnet.channels.jpeg_form import jpeg_of
from stegnet.channels.jpeg_headers import learned_headers, stated_density, written_behind
from stegnet.jpeg.coefficients import JpegPicture
from stegnet.jpeg.markers import joined_segments, segments_of
from tests.support.apps import SRGB, App, saved, scene, swapped_profile

COMMENT, EXIF, PROFILE = 0xFE, 0xE1, 0xE2  # markers


def jpeg(size: tuple[int, int] = (96, 72), grey: bool = False, seed: int = 1, **how: Any) -> JpegPicture:
    file = io.BytesIO()
    scene(*size, grey, seed).save(file, "JPEG", **{"quality": 80} | how)
    return jpeg_of(file.getvalue(), "a JPEG")


def with_segments(data: bytes, *added: tuple[int, bytes], behind: Sequence[int] = (0xE0,)) -> bytes:
    """A JPEG with segments behind the last of the first ones of some markers."""
    at = 2
    while data[at + 1] in behind:
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return data[:at] + joined_segments(added)[2:-2] + data[at:]


def without_jfif(data: bytes) -> bytes:
    return data[:2] + data[4 + struct.unpack_from(">H", data, 4)[0] :]


def exif_with_size(width: int, height: int, order: str) -> bytes:
    """EXIF as libvips adds it: the size of the picture in its inner directory."""
    outer = struct.pack(f"{order}HHHIII", 1, 0x8769, 4, 1, 26, 0)
    inner = struct.pack(f"{order}HHHIIHHIHHI", 2, 0xA002, 4, 1, width, 0xA003, 3, 1, height, 0, 0)
    return b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8) + outer + inner


APPS = {
    "baseline": App(),
    "optimised": App({"optimize": True}),
    "progressive": App({"progressive": True}),
    "density": App({"dpi": (72, 72)}),
    "without JFIF": App(change=without_jfif),
    "intervals of rows": App({"restart_marker_rows": 1}),
    "progressive, intervals of rows": App({"restart_marker_rows": 2, "progressive": True}),
    "intervals of MCUs": App({"restart_marker_blocks": 7}),
    "4:4:4": App({"subsampling": "4:4:4", "optimize": True}),
    "comment": App({"comment": b"made by an app"}),
    "profile": App({"icc_profile": SRGB}),
    "its own EXIF": App(change=lambda data: with_segments(data, (EXIF, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"))),
    "Adobe's marker": App(change=lambda data: with_segments(data, (0xEE, b"Adobe\0d\0\0\0\0\1"))),
    "old JFIF": App(change=lambda data: data[:11] + b"\1\0\0\0\1\0\1" + data[18:]),
}


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("name", APPS)
def test_a_picture_becomes_the_file_that_the_app_writes(tmp_path: Path, name: str, grey: bool) -> None:
    """By the headers that are kept in the channel's file."""
    app, sent = APPS[name], saved(scene(96, 72, grey), tmp_path / "sent.jpg", quality=95)
    received = app(sent, tmp_path / "received.jpg")
    known = learn_channel([(sent, received), (received, app(received, tmp_path / "again.jpg"))])
    (tmp_path / "a.channel").write_text(known.text(), encoding="utf-8")
    assert read_channel(tmp_path / "a.channel") == known
    assert len(known.headers) < 5000
    for size in ((96, 72), (40, 200), (17, 9)):
        plain = jpeg(size, grey, seed=3, subsampling=app.how.get("subsampling", "4:2:0"))
        by_app = app.change(jpeg(size, grey, seed=3, **app.how).file.data)
        assert written_behind(known.headers, plain) == by_app, size


@pytest.mark.parametrize("order", "<>")
def test_exif_that_says_the_size(order: str) -> None:
    def by_app(size: tuple[int, int]) -> bytes:
        return with_segments(jpeg(size).file.data, (EXIF, exif_with_size(*size, order)))

    arrived = [jpeg_of(by_app(size), "arrived") for size in ((96, 72), (72, 96))]
    assert written_behind(learned_headers(arrived, [jpeg(), None]), jpeg((40, 50))) == by_app((40, 50))


def test_metadata_that_most_have_alike() -> None:
    """As the resolution in EXIF that libvips adds, which is that of the photograph if it says one."""

    def by_app(content: bytes) -> JpegPicture:
        return jpeg_of(with_segments(jpeg().file.data, (EXIF, b"Exif\0\0" + content)), "arrived")

    usual, other = by_app(b"usual"), by_app(b"other")
    headers = learned_headers([other, usual, usual, other], [jpeg(dpi=(72, 72)), jpeg(), jpeg(), other])
    assert b"usual" in headers and b"other" not in headers


@pytest.mark.parametrize("profile", [swapped_profile(), b"broken"])
def test_a_profile_that_changes_colours_is_left_out(profile: bytes) -> None:
    """The app might convert what is sent with it."""
    arrived = jpeg(icc_profile=profile)
    assert b"ICC_PROFILE" not in learned_headers([arrived, arrived], [jpeg(), arrived])


PRIVATE: dict[str, tuple[int, bytes]] = {
    "EXIF": (EXIF, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
    "XMP": (EXIF, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
    "IPTC": (0xED, b"Photoshop 3.0\0" + bytes(20)),
    "profile": (PROFILE, b"ICC_PROFILE\0\1\1" + SRGB),
    "comment": (COMMENT, b"at home"),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_what_comes_with_a_photograph_is_left_out(name: str) -> None:
    """Whether the app keeps it, or writes it anew; and what only one picture shows."""
    marker, content = PRIVATE[name]

    def with_content(content: bytes) -> JpegPicture:
        return jpeg_of(with_segments(jpeg().file.data, (marker, content)), "a JPEG")

    photograph, anew = with_content(content), with_content(content + b"anew")
    for received in (photograph, anew):
        assert content not in learned_headers([received, received], [photograph, received])
    assert content not in learned_headers([photograph], [jpeg()])
    assert content not in learned_headers([photograph, anew], [jpeg(), None])
    assert content not in learned_headers([photograph, photograph], [None, None])
    assert content in learned_headers([photograph, photograph], [jpeg(), photograph]), "the app adds it"


def test_a_thumbnail_is_left_out() -> None:
    data = jpeg().file.data
    with_thumbnail = jpeg_of(data[:4] + struct.pack(">H", 19) + data[6:18] + b"\1\1RGB" + data[20:], "thumbnail")
    assert written_behind(learned_headers([with_thumbnail], [None]), jpeg()) == data


@pytest.mark.parametrize("sent, arrived, keeps", [
    ([None], [(72, 72)], None),
    ([(300, 300)], [(300, 300)], True),
    ([(300, 300)], [(72, 72)], False),
    ([(300, 300), (96, 96)], [(300, 300), (72, 72)], False),
    ([None, (300, 300)], [(72, 72), (300, 300)], True),
])  # fmt: skip
def test_density_that_an_app_keeps(
    tmp_path: Path, sent: list[tuple[int, int] | None], arrived: list[tuple[int, int]], keeps: bool | None
) -> None:
    """A picture that had arrived before it was sent again does not tell."""
    pairs = []
    for number, (before, after) in enumerate(zip(sent, arrived, strict=True)):
        picture = saved(scene(96, 72), tmp_path / f"s{number}.jpg", quality=95, dpi=before or (0, 0))
        pairs.append((picture, App({"dpi": after})(picture, tmp_path / f"r{number}.jpg")))
    received = pairs[0][1]
    again = App({"dpi": arrived[0]})(received, tmp_path / "again.jpg")
    known = learn_channel([*pairs, (received, again)])
    assert known.keeps_density is keeps
    density = stated_density(jpeg(dpi=(96, 96)).file.data)
    assert written_behind(known.headers, jpeg(seed=3), density) == jpeg(seed=3, dpi=(96, 96)).file.data


@pytest.mark.parametrize("usual", [(0, 0), (72, 72)])
def test_density_of_a_picture_that_says_none(usual: tuple[int, int]) -> None:
    """It is the app's own, though the first example kept another."""
    first, second = jpeg(dpi=(300, 300)), jpeg(dpi=usual, seed=2)
    headers = learned_headers([first, second], [first, jpeg()])
    assert written_behind(headers, jpeg(seed=3)) == jpeg(seed=3, dpi=usual).file.data


def damaged() -> dict[str, bytes]:
    headers = learned_headers([jpeg(progressive=True)], [None])
    segments = segments_of(headers, "headers")
    frame = next(number for number, (marker, _) in enumerate(segments) if marker == 0xC2)
    scans = [number for number, (marker, _) in enumerate(segments) if marker == 0xDA]
    return {
        "nothing": b"\xff\xd8\xff\xd9",
        "cut": headers[:300],
        "no tables": joined_segments(part for part in segments if part[0] != 0xC4),
        "no steps": joined_segments(part for part in segments if part[0] != 0xDB),
        "other steps": learned_headers([jpeg(quality=81)], [None]),
        "grey": learned_headers([jpeg(grey=True)], [None]),
        "4:4:4": learned_headers([jpeg(subsampling="4:4:4")], [None]),
        "no chroma": joined_segments(part for n, part in enumerate(segments) if n not in scans[2:4]),
        "a scan twice": joined_segments([*segments, segments[scans[1]]]),
        "no frame": joined_segments(part for n, part in enumerate(segments) if n != frame),
        "an odd interval": joined_segments([*segments[:frame], (0xDD, b"\1"), *segments[frame:]]),
        "many scans": joined_segments([*segments, *[segments[scans[-1]]] * 40]),
        "more than fits": joined_segments([(COMMENT, bytes(20_000)), *segments]),
    }


@pytest.mark.parametrize("name", damaged())
def test_a_file_with_damaged_headers_is_refused(tmp_path: Path, name: str) -> None:
    sent = saved(scene(96, 72), tmp_path / "sent.jpg", quality=95)
    known = learn_channel([(sent, App()(sent, tmp_path / "received.jpg"))])
    (tmp_path / "a.channel").write_text(replace(known, headers=damaged()[name]).text(), encoding="utf-8")
    with pytest.raises(MediaError, match="headers are not those of its JPEGs"):
        read_channel(tmp_path / "a.channel")
