"""What a cover says of its maker stays out of its container on request; how it is shown and heard stays."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import ExifTags, Image, PngImagePlugin

import stegnet
from stegnet.cli import main
from stegnet.formats.boxes import box
from stegnet.image import read_picture
from stegnet.keys import make_key_file
from stegnet.sound.flac import COMMENTS, metadata_blocks, written_blocks
from tests.support.films import ffmpeg
from tests.support.memory import memory_limited
from tests.support.sounds import chunk, noise

pytestmark = pytest.mark.filterwarnings("ignore:the container keeps the cover's GPS position")
KEY = stegnet.Key(bytes(range(32)))
SECRETS = (b"Jane Doe", b"Secret Camera", b"<x:xmpmeta", b"Photoshop 3.0", b"behind")
ADOBE = {ExifTags.Base.ColorSpace: 65535}


@pytest.fixture(params=["a.jpg", "a.png"])
def cover(request: pytest.FixtureRequest, picture: Callable[..., np.ndarray], tmp_path: Path) -> Path:
    """A photograph, turned and in Adobe RGB, that says who took it, where and with what, in each place for that."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Jane Doe"
    exif.get_ifd(ExifTags.IFD.Exif).update(ADOBE | {ExifTags.Base.CameraOwnerName: "Secret Camera"})
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {ExifTags.Interop.InteropIndex: "R03"}
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 8, 0)})
    path = tmp_path / request.param
    xmp = b"<x:xmpmeta>Jane Doe</x:xmpmeta>"
    if path.suffix == ".jpg":
        Image.fromarray(picture(240, 320, 1)).save(path, quality=90, exif=exif, xmp=xmp, comment=b"Jane Doe")
    else:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", "Jane Doe")
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
        Image.fromarray(picture(240, 320, 1)).save(path, exif=exif, pnginfo=texts)
    path.write_bytes(path.read_bytes() + b"data behind the picture")
    return path


def sent(cover: Path, suffix: str = "", **how: Any) -> Iterator[tuple[bool, Path, stegnet.Report]]:
    """Containers of a note, which open: first with what the cover says of its maker, then without."""
    for strips in (False, True):
        out = cover.with_name(f"sent{strips}{suffix or cover.suffix}")
        report = stegnet.hide(cover, b"a note", to=out, key=KEY, strip_metadata=strips, **how)
        assert (b"Jane" in out.read_bytes()) is not strips
        assert stegnet.reveal(out, key=KEY, strict=True).data == b"a note"
        yield strips, out, report


def warned(report: stegnet.Report) -> bool:
    """Return whether a warning names a position, with the way out."""
    told = [line for line in report.warnings if "GPS position, for anyone to read" in line]
    assert all("`strip_metadata=True`" in line for line in told)
    return bool(told)


def test_nothing_of_its_maker_is_in_the_container(cover: Path) -> None:
    """What stays without that is listed, and warned of."""
    before = cover.read_bytes()
    for strips, out, report in sent(cover):
        info = stegnet.info(out)
        assert warned(report) is not strips
        assert all(line.startswith("as PNG: ") for line in info["notes"]), "a PNG keeps what it says"
        assert info["metadata"] == [] if strips else {"GPS position", "EXIF"} <= set(info["metadata"])
    assert cover.read_bytes() == before and not [word for word in SECRETS if word in out.read_bytes()]
    with Image.open(out) as image:
        image.load()
        exif = image.getexif()
    assert set(exif) == {ExifTags.Base.Orientation, ExifTags.IFD.Exif} and exif[ExifTags.Base.Orientation] == 6
    assert set(exif.get_ifd(ExifTags.IFD.Exif)) == {ExifTags.Base.ColorSpace, ExifTags.IFD.Interop}
    assert not report.warnings and not exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert np.abs(read_picture(out).astype(int) - read_picture(cover)).max() < 40, "it is turned and coloured as before"


@pytest.mark.parametrize(
    ("name", "mode", "said"), [("a.jpg", "CMYK", "since it is CMYK"), ("a.avif", "RGB", "an AVIF")]
)
def test_a_jpeg_made_anew_has_none(
    name: str, mode: str, said: str, picture: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Jane Doe"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 8, 0)})
    Image.fromarray(picture(240, 320, 1)).convert(mode).save(tmp_path / name, exif=exif)
    with pytest.warns(UserWarning, match=said):
        assert len(list(sent(tmp_path / name, ".jpg"))) == 2


MADE_BY = "-metadata title=Jane -metadata artist=Jane -metadata location=+48.1351+011.5820/"
FONT = "-attach Jane.ttf -metadata:s:1 mimetype=font/ttf"
FILMED = "-c:v libx264 -bf 3 -g 24 -pix_fmt yuv420p -threads 1 -metadata creation_time=2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", f"{FILMED} {MADE_BY} -metadata:s:v handler_name=Jane"),
        ("a.mov", f"{FILMED} {MADE_BY} -metadata:s:v encoder=Jane"),
        (
            "a.mkv",
            f"-c:v ffv1 -pix_fmt bgr0 {MADE_BY} -metadata:s:v title=Jane {FONT}",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:the cover is a film")
def test_a_film_loses_what_says_something_of_its_maker(
    name: str, options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As FFmpeg reads it, and in its bytes; what is hidden and shown stays."""
    monkeypatch.chdir(tmp_path)
    Path("Jane.ttf").write_bytes(b"Jane")
    cover = ffmpeg("-f lavfi -i testsrc2=size=192x144:duration=3", tmp_path / name, options)
    method: dict[str, Any] = {} if name == "a.mkv" else {"method": "h264"}
    for strips, out, report in sent(cover, **method):
        assert warned(report) is not strips
        listed = stegnet.info(out)["metadata"]
        assert listed == [] if strips else "GPS position" in listed
        with av.open(str(out)) as film:
            tags = film.metadata | film.streams.video[0].metadata
            times = [tag for tag in tags if "creation" in tag.lower()]
            assert len(list(film.decode(video=0))) == 75 and not (strips and times)


def with_timed_data(folder: Path) -> Path:
    """A film with a camera's positions in a track of their own, here made of subtitles."""
    (folder / "a.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nJane at 48.1351\n")
    films = f"-f lavfi -i testsrc2=size=192x144:duration=3 -i {folder / 'a.srt'}"
    film = ffmpeg(films, folder / "a.mp4", f"{FILMED} -c:s mov_text")
    film.write_bytes(film.read_bytes().replace(b"sbtl", b"meta"))
    return film


def test_timed_data_of_a_camera_become_zeros(tmp_path: Path) -> None:
    cover = with_timed_data(tmp_path)
    assert "timed data" in stegnet.info(cover)["metadata"]
    assert len(list(sent(cover))) == 2


@pytest.mark.parametrize("size", [1 << 24, (1 << 32) - 1])
def test_timed_data_that_end_behind_the_film_take_no_memory(tmp_path: Path, size: int) -> None:
    cover = with_timed_data(tmp_path)
    data = bytearray(cover.read_bytes())
    first = data.rindex(b"stsz") + 16
    data[first : first + 4] = size.to_bytes(4, "big")
    cover.write_bytes(data)
    with memory_limited(1 << 30), pytest.raises(stegnet.MediaError, match="a part of it is damaged"):
        stegnet.hide(cover, b"a note", tmp_path / "out.mp4", key=KEY, strip_metadata=True)
    assert not (tmp_path / "out.mp4").exists()


ODD_BOXES: dict[str, tuple[bytes, bytes, bool]] = {  # instead of some bytes in moov's end; whether all is found
    "empty track": (b"", box(b"trak"), True),
    "unknown box": (b"", box(b"abcd", b"Jane"), True),
    "track of no kind": (b"hdlr", b"hdlX", False),
    "box of no size": (b"", b"\0\0\0\4trak", False),
    "short header": (b"", box(b"trak", box(b"tkhd", b"Jane")), False),
}


@pytest.mark.parametrize("odd", ODD_BOXES)
def test_an_mp4_with_an_odd_box_loses_all_or_is_refused(odd: str, tmp_path: Path) -> None:
    old, new, is_read = ODD_BOXES[odd]
    cover = ffmpeg("-f lavfi -i testsrc2=size=192x144:duration=3", tmp_path / "a.mp4", f"{FILMED} {MADE_BY}")
    data = cover.read_bytes()
    moov = data.rindex(b"moov") - 4
    movie = data[moov + 8 :].replace(old, new, 1) if old else data[moov + 8 :] + new
    cover.write_bytes(data[:moov] + box(b"moov", movie))
    assert stegnet.info(cover)["metadata"]
    out = tmp_path / "out.mp4"
    hide = partial(stegnet.hide, cover, b"note", out, key=KEY, method="h264", strip_metadata=True)
    if is_read:
        hide()
        assert b"Jane" not in out.read_bytes()
        assert stegnet.info(out)["metadata"] == []
    else:
        with pytest.raises(stegnet.MediaError, match="not all of its metadata can be found") as caught:
            hide()
        assert "ffmpeg" in caught.value.hint
        assert set(tmp_path.iterdir()) == {cover}


@pytest.mark.parametrize(
    "comments", [b"", bytes(4) + b"\xff\xff\xff\x7fJane", b"\xff\xff\xff\0Jane"], ids=["none", "many", "long"]
)
def test_a_flac_with_damaged_comments_is_refused(comments: bytes, tmp_path: Path) -> None:
    cover = tmp_path / "a.flac"
    soundfile.write(cover, noise(60_000).astype(np.int16), 44100, "PCM_16")
    data = cover.read_bytes()
    blocks, frames = metadata_blocks(data)
    kept = [(kind, content) for kind, content in blocks if kind != COMMENTS]
    cover.write_bytes(b"fLaC" + written_blocks([kept[0], (COMMENTS, comments), *kept[1:]]) + data[frames:])
    with pytest.raises(stegnet.MediaError, match="not all of its metadata can be found"):
        stegnet.hide(cover, b"note", tmp_path / "out.flac", key=KEY, strip_metadata=True)
    assert set(tmp_path.iterdir()) == {cover}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_sound_loses_what_says_something_of_its_maker(suffix: str, tmp_path: Path) -> None:
    cover = tmp_path / f"a{suffix}"
    with soundfile.SoundFile(cover, "w", 44100, 2, "PCM_16") as file:
        file.title = file.artist = "Jane"
        file.write(noise(60_000).astype(np.int16))
    if suffix == ".wav":
        data = cover.read_bytes() + chunk(b"bext", b"Jane".ljust(602, b"\0")) + chunk(b"iXML", b"<Jane/>")
        cover.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    for strips, out, _ in sent(cover):
        assert bool(stegnet.info(out)["metadata"]) is not strips
        before, after = (soundfile.read(path, dtype="int16")[0].astype(int) for path in (cover, out))
        assert np.abs(before - after).max() <= 1


def test_the_place_is_named_before_anything_is_written(cover: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once: of one file, of a folder and of an album; with the option that leaves it out, nothing is said."""
    folder = cover.parent / "covers"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}{cover.suffix}").write_bytes(cover.read_bytes())
    Image.open(cover).convert("RGB").save(folder / f"none{cover.suffix}")
    (cover.parent / "note").write_text("a note")
    make_key_file(cover.parent / "k")
    place = "the container keeps the cover's GPS position, for anyone to read: `--strip-metadata` leaves it out"
    out = cover.parent / "out"
    names = f"one{cover.suffix}, two{cover.suffix}: "
    for given, to, about in (
        (cover, f"{out}{cover.suffix}", ""),
        (folder, f"{out}1/", names),
        (folder, f"{out}2/", names),
    ):
        spread = ["--spread"] if to.endswith("2/") else []
        line = ["hide", str(given), f"{cover.parent}/note", "--key-file", f"{cover.parent}/k", "-o", to, *spread]
        assert main([*line, "--strip-metadata", "-v"]) == 0
        assert "position, for" not in "".join(capsys.readouterr())
        assert main([*line, "--force", "--json"]) == 0
        told = capsys.readouterr()
        assert told.err.splitlines()[0] == f"warning: {about}{place}"
        assert told.err.count("for anyone to read") == 1


@pytest.mark.parametrize("place", ["tag", "XMP"])
def test_the_place_of_a_film_is_named_first_unless_it_is_left_out(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tag = "-metadata location=+48.2000+016.4000/" if place == "tag" else ""
    cover = ffmpeg("-f lavfi -i testsrc2=size=192x144:duration=3", tmp_path / "a.mp4", f"{FILMED} {tag}")
    if place == "XMP":
        adobe = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
        xmp = b'<x:xmpmeta><rdf:Description exif:GPSLatitude="48,12N"/></x:xmpmeta>'
        cover.write_bytes(cover.read_bytes() + box(b"uuid", adobe + xmp))
    (tmp_path / "note").write_text("a note")
    make_key_file(tmp_path / "k")
    for strips in (False, True):
        line = ["hide", str(cover), f"{tmp_path}/note", "--key-file", f"{tmp_path}/k", "-o", f"{tmp_path}/{strips}.mp4"]
        capsys.readouterr()
        assert main([*line, "--method", "h264", *(["--strip-metadata"] if strips else [])]) == 0
        told = capsys.readouterr().err
        assert told.startswith("warning: the container keeps the cover's GPS position") is not strips
        assert ("position, for" in told) is not strips


def test_the_place_of_a_sound_is_named(tmp_path: Path) -> None:
    tags = "-metadata LOCATION=Garmisch -metadata artist=Jane"
    cover = ffmpeg("-f lavfi -i anoisesrc=d=3:a=.1:seed=1", tmp_path / "a.flac", tags)
    for strips, _, report in sent(cover):
        assert warned(report) is not strips
