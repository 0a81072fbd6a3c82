"""Hidden pictures and films as the result's name says."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.image import read_picture
from stegnet.results import OutputTarget, as_named
from stegnet.video import read_frames
from tests.support.films import digest, encoded, still_film, still_frames
from tests.support.quality import psnr


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """The temporary file of a revealed picture, a lossless WebP."""
    Image.fromarray(still_frames(1)[0]).save(tmp_path / ".part", "WEBP", lossless=True)
    return tmp_path / ".part"


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return still_film(tmp_path_factory.mktemp("film") / "s.mkv", 6)


def converted(part: Path, name: str, out: str, lossless: bool = False) -> tuple[str, ...]:
    """Notes and warnings; a file that is said to be unchanged is."""
    before = part.read_bytes()
    named = as_named(part, name, OutputTarget(part.with_name(out), lossless=lossless), lambda *step: None)
    assert named.unchanged == (part.read_bytes() == before)
    return (*named.notes, *named.warnings)


def test_a_picture_becomes_what_the_name_says(part):
    """Without loss, if that is asked for and the format can."""
    content, before = part.read_bytes(), read_picture(part)
    for suffix, form, least in ((".png", "PNG", 99), (".JPEG", "JPEG", 36), (".avif", "AVIF", 36)):
        part.write_bytes(content)
        notes = converted(part, "a.webp", f"out{suffix}")
        with Image.open(part) as image:
            assert image.format == form
        assert min(psnr(before, read_picture(part)), 100) >= least
        assert notes == (f"converted to {form}; as out.webp it is revealed byte for byte",)
    part.write_bytes(content)
    converted(part, "a.bmp", "out.webp")
    assert part.read_bytes() == content, "it was one, under another name"
    with pytest.raises(MediaError, match="is never lossless") as caught:
        converted(part, "a.webp", "out.jpg", lossless=True)
    assert ".png" in caught.value.hint
    for own, suffix in ((".webp", ".png"), (".png", ".webp")):
        converted(part, f"a{own}", f"out{suffix}", lossless=True)
        np.testing.assert_array_equal(read_picture(part), before)


@pytest.mark.parametrize("name", ["a.webp", "A.WEBP", "a.JPEG", "holiday", "holiday.", "a.tar.gz"])
def test_under_the_name_that_is_told_it_has_the_bytes_that_were_hidden(part, name):
    content = part.read_bytes()
    (note,) = converted(part, name, "out.png")
    told = note.removeprefix("converted to PNG; as ").removesuffix(" it is revealed byte for byte")
    assert told != "out"
    part.write_bytes(content)
    assert converted(part, name, told) == ()
    assert part.read_bytes() == content


def test_other_files_keep_their_bytes(part):
    """And pictures with their own suffix."""
    for name, out in (("a.webp", "b.webp"), ("a.jpg", "b.jpeg"), ("A.WEBP", "b.webp")):
        assert converted(part, name, out) == ()
    part.write_bytes(b"a note")
    for out in ("b.png", "b.mp4", "b.txt"):
        assert converted(part, "a.pdf", out) == ("its own name ends in .pdf: programs may want it named b.pdf",)
    for name, out in (("a.PDF", "b.pdf"), ("a", "b"), ("a.\u202e", "b"), ("a." + "b" * 17, "b")):
        assert converted(part, name, out) == ()
    assert part.read_bytes() == b"a note"


@pytest.mark.parametrize(("lossless", "codec"), [(False, "h264"), (True, "hevc")])
def test_a_film_as_mp4(tmp_path, film, lossless, codec):
    """For watching, or its packets as they are. Under its own name, it is said that few programs play it."""
    part = encoded(film, tmp_path / "a.mkv", "-c:v", "libx265", "-c:a", "copy")
    told = "not all programs play this film (hevc): revealed as out.mp4, it is one for watching"
    assert converted(part, "a.mkv", "out.mkv") == (told,)
    notes = converted(part, "a.mkv", "out.mp4", lossless=lossless)
    with av.open(str(part)) as opened:
        assert opened.format.name.startswith("mov")
        assert opened.streams.video[0].codec_context.name == codec
    assert notes[0].endswith("; as out.mkv it is revealed byte for byte")
    assert ("became H.264" in notes[0]) != lossless


def test_a_film_whose_sound_no_other_form_holds(tmp_path, film):
    """The sound is hidden: nobody can convert it first."""
    part = encoded(film, tmp_path / "a.wmv", "-c:v", "wmv2", "-c:a", "wmav2")
    before = part.read_bytes()
    with pytest.raises(MediaError, match=r"its sound \(wmav2\) can't be copied") as refused:
        converted(part, "a.wmv", "out.mp4")
    assert refused.value.hint == "as out.wmv it is revealed byte for byte"
    assert part.read_bytes() == before


def test_a_film_whose_clock_starts_again_is_for_watching_too(tmp_path):
    film = still_film(tmp_path / "long.mkv", 40)
    one = encoded(film, tmp_path / "one.ts", "-c:v", "mpeg2video", "-c:a", "mp2").read_bytes()
    (part := tmp_path / "a.ts").write_bytes(one + one)
    frames = len(list(read_frames(part)))
    assert any(note.startswith("its clock starts again") for note in converted(part, "a.ts", "out.mp4"))
    assert len(list(read_frames(part))) == frames


def test_an_avi_with_b_pictures_is_not_put_into_matroska(tmp_path, film):
    """It has no time stamps, and FFmpeg gives its packets those of decoding: frames would be shown in that order."""
    part = encoded(film, tmp_path / "a.avi", "-c:v", "libx264", "-bf", "2", "-b_strategy", "0", "-an")
    before = part.read_bytes()
    assert converted(part, "a.avi", "out.mkv")[0].startswith("it is not Matroska")
    assert part.read_bytes() == before
    part = encoded(film, tmp_path / "b.avi", "-c:v", "libx264", "-bf", "0", "-an")
    assert converted(part, "b.avi", "out.mkv")[0].startswith("put into Matroska")


def test_a_film_as_matroska(tmp_path, film):
    """An MP4 is put into Matroska, whose suffix the result has, and keeps its frames.

    An MP4's subtitles are no track of Matroska's; it is told that it stays what it was.
    """
    part = encoded(film, tmp_path / "a.mp4", "-c:v", "libx264", "-c:a", "copy")
    before = [digest(frame) for frame in read_frames(part)]
    (note,) = converted(part, "a.mp4", "out.mkv")
    with av.open(str(part)) as opened:
        assert opened.format.name.startswith("matroska")
    assert [digest(frame) for frame in read_frames(part)] == before
    assert note == "put into Matroska, its pictures and sound unchanged; as out.mp4 it is revealed byte for byte"
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 00:00:00,100\nhello\n")
    part = encoded(film, tmp_path / "b.mp4", "-i", str(tmp_path / "s.srt"), "-c:v", "libx264", "-c:s", "mov_text")
    assert converted(part, "a.mp4", "out.mkv") == (
        "it is not Matroska, which can't hold its tracks as they are: it has the bytes that were hidden",
        "its own name ends in .mp4: programs may want it named out.mp4",
    )
