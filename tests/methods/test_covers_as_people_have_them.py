"""Covers that are rare, or say more than their pixels: what becomes of them is said, and what to do."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

import stegnet
from stegnet.cli import main
from tests.support.films import make_film, picture

pytestmark = pytest.mark.filterwarnings("ignore:the cover (is|can't stay)")  # which the report says, too
KEY = stegnet.Key(bytes(range(32)))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stegnet.make_key_file("k")
    Path("note.txt").write_text("at noon")


PHOTO = Image.fromarray(picture(120, 160, 3))


def _arithmetic(path: str) -> None:
    """Writes a JPEG whose header says so: decoded like that, its bits give some picture, too."""
    PHOTO.save(path)
    Path(path).write_bytes(Path(path).read_bytes().replace(b"\xff\xc0", b"\xff\xc9", 1))


RARE: dict[str, Callable[[str], None]] = {
    "CMYK": lambda path: PHOTO.convert("CMYK").save(path),
    "in RGB": lambda path: PHOTO.save(path, keep_rgb=True),
    "arithmetically coded": _arithmetic,
}


@pytest.mark.parametrize("what", RARE)
def test_a_jpeg_that_can_not_stay_one_is_written_otherwise_with_the_reason(what, capsys):
    RARE[what]("a.jpg")
    assert main(["info", "a.jpg"]) == 0
    assert f"its own JPEG can't be used: it is {what}" in capsys.readouterr().out
    report = stegnet.hide("a.jpg", "note.txt", "out.png", key=KEY)
    assert report.warnings[0].startswith(f"the cover is a JPEG that can't stay one, since it is {what}: ")
    assert stegnet.reveal("out.png", key=KEY).text == "at noon"
    report = stegnet.hide("a.jpg", "note.txt", "out.jpg", key=KEY)
    assert f"the cover was saved as JPEG of quality 95, since it is {what}" in report.notes
    assert stegnet.reveal("out.jpg", key=KEY).text == "at noon"


def test_no_warning_names_the_form_that_was_asked_for(capsys):
    make_film(Path("a.mp4"), 6, 64, 96, codec="libx264", pix_fmt="yuv420p")
    assert main(["hide", "a.mp4", "note.txt", "--method", "sealed", "--key-file", "k", "-o", "b.mp4"]) == 0
    assert "let it stay H.264" not in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(
    ("codec", "why"),
    [
        ("libx264", "its own H.264 can't be used: it has no B pictures, or too few"),
        ("libx265", "has no track of H.264 in the form avc1"),
    ],
)
def test_a_film_that_cannot_stay_what_it_was_is_refused_with_the_ways_out(capsys, monkeypatch, suffix, codec, why):
    """Without loss, it would be many times as large: whoever wants that says so. No frame is decoded before."""
    cover = make_film(Path(f"a{suffix}"), 6, 64, 96, codec=codec, pix_fmt="yuv420p")
    hide = ["hide", str(cover), "note.txt", "--key-file", "k"]
    with monkeypatch.context() as patch:
        patch.setattr("stegnet.methods.sealed.SealedMethod.embed", None)
        assert main([*hide, "-o", f"b{suffix}"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == f"error: {cover}: {why}"
    assert ".mkv" in hint and not Path(f"b{suffix}").exists()
    assert main([*hide, "-o", "b.mkv"]) == main([*hide, "--method", "sealed", "-o", "b.mp4"]) == 0


def test_rare_jpegs_stop_neither_a_folder_nor_an_album(capsys):
    Path("covers").mkdir()
    for number, write in enumerate(RARE.values()):
        write(f"covers/{number}.jpg")
    Image.fromarray(picture(120, 160, 4)).save("covers/9.jpg")
    assert main(["hide", "covers", "note.txt", "--key-file", "k", "-o", "out"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "1.png", "2.png", "9.jpg"]
    told = capsys.readouterr().err.splitlines()
    becomes = "can't stay the JPEG that it is, since it is"
    assert [line.split(": ")[1] for line in told[:3]] == ["0.jpg", "1.jpg", "2.jpg"]
    assert all(f"{becomes} {what}: it becomes a PNG" in line for line, what in zip(told, RARE, strict=False))
    assert "jpegtran -copy all" in told[2]
    assert main(["hide", "covers", "note.txt", "--spread", "--key-file", "k", "-o", "album"]) == 0
    assert main(["reveal", "album", "--key-file", "k", "-o", "back.txt"]) == 0
    assert Path("back.txt").read_text() == "at noon"


def test_a_gps_position_that_is_left_out_is_not_warned_of():
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48.0, 8.0, 1.0), 3: "E", 4: (11.0, 34.0, 1.0)})
    PHOTO.save("a.jpg", exif=exif)
    assert not [line for line in stegnet.hide("a.jpg", "note.txt", "out.png", key=KEY).warnings if "GPS" in line]


def test_no_warning_names_a_temporary_file(recwarn):
    """The colour profile of a JPEG that stays one is broken in its container, too."""
    PHOTO.save("odd.jpg", icc_profile=b"no profile" * 20)
    stegnet.hide("odd.jpg", "note.txt", "out.jpg", key=KEY)
    named = [str(each.message) for each in recwarn if "colour profile is ignored" in str(each.message)]
    assert named and all(line.startswith("odd.jpg: ") for line in named)


@pytest.mark.parametrize(("form", "codec"), [("aiff", "pcm_s16be"), ("caf", "pcm_s16be"), ("w64", "pcm_s16le")])
def test_a_sound_without_loss_is_told_what_it_is_to_be_converted_to(form, codec, capsys):
    with av.open(f"a.{form}", "w") as sound:
        track = sound.add_stream(codec, rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        sound.mux(track.encode(frame))
        sound.mux(track.encode(None))
    assert main(["hide", f"a.{form}", "note.txt", "--key-file", "k", "-o", "out.wav"]) == 1
    err = capsys.readouterr().err
    assert f"a.{form}: is {form.upper()}, and of sounds only WAV and FLAC are covers" in err
    assert "hint: convert it to WAV or FLAC" in err


def test_a_word_too_many_is_not_shown(capsys):
    """It may be a passphrase."""
    with pytest.raises(SystemExit):
        main(["reveal", "a.png", "correct horse", "--passphrase"])
    assert "correct horse" not in capsys.readouterr().err


@pytest.mark.slow
def test_an_animation_with_a_profile_ends_no_program():
    """A profile's name is metadata of side data, which PyAV does not know."""
    frames = [Image.fromarray(picture(96, 128, index)) for index in range(8)]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames[0].save("a.png", save_all=True, append_images=frames[1:], icc_profile=profile)
    command = [sys.executable, "-m", "stegnet", "hide", "a.png", "note.txt", "--key-file", "k", "-o", "out.mkv"]
    path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}
    subprocess.run(command, check=True, env=os.environ | path)


def test_an_animation_with_exif_and_a_large_profile_is_a_film():
    """FFmpeg does not find the form of an APNG by itself where a profile of more than 2 kB comes first."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "Camera", 6
    frames = [Image.fromarray(picture(120, 160, index)) for index in range(3)]
    profile = np.random.default_rng(1).integers(0, 256, 6000, np.uint8).tobytes()
    frames[0].save("a.png", save_all=True, append_images=frames[1:], exif=exif, icc_profile=profile)
    assert stegnet.info("a.png")["frames"] == 3
    assert stegnet.hide("a.png", "note.txt", "out.mkv", key=KEY).frames == 3


@pytest.mark.parametrize(
    ("name", "delay", "kind"),
    [("a.webp", 100, "WebP"), ("a.avif", 100, "AVIF"), ("a.gif", 0, "GIF without delays")],
)
def test_an_animation_that_is_no_film_is_refused_as_a_cover_and_hidden_as_it_is(name, delay, kind):
    """FFmpeg reads no animated WebP, no opacity of an AVIF, and one picture of such a GIF."""
    draw = np.random.default_rng(0)  # Pillow gives a GIF delays of 0 where a pixel stays
    frames = [Image.fromarray(draw.integers(0, 256, (64, 96), np.uint8)) for _ in range(3)]
    frames[0].save(name, save_all=True, append_images=frames[1:], **({"duration": delay} if delay else {}))
    for ask in (lambda: stegnet.info(name), lambda: stegnet.hide(name, "note.txt", "out.mkv", key=KEY)):
        with pytest.raises(stegnet.MediaError, match=f"is an animated {kind}, which can't be read as a film") as error:
            ask()
        assert "convert it to MP4" in error.value.hint
    assert not Path("out.mkv").exists()
    Image.fromarray(picture(400, 400, 9)).save("large.png")
    stegnet.hide("large.png", name, "sent.png", key=KEY)
    assert stegnet.reveal("sent.png", key=KEY).data == Path(name).read_bytes()


def test_info_of_a_film_of_one_frame_names_nothing_that_hiding_refuses(capsys):
    make_film(Path("a.mkv"), 1, 240, 320)
    assert main(["info", "a.mkv", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes_for"] == {}
    assert "a film of its own size and up to 1 frame" in {fit["what"] for fit in told["fits"]}
    assert not [fit for fit in told["fits"] if fit["method"] == "robust"]
    with pytest.raises(stegnet.CapacityError, match="more than the capacity of 0"):
        stegnet.hide("a.mkv", "note.txt", "b.mkv", key=KEY, survive="h264:23")
    assert main(["info", "a.mkv"]) == 0
    assert "film, 320×240, 1 frame, " in capsys.readouterr().out


def jpegs_that_cannot_stay() -> dict[str, tuple[bytes, str, bool]]:
    """JPEGs by name: the file, why it can't stay one, and whether jpegtran makes it ordinary."""
    saved = {}
    for name, mode, how in (
        ("cmyk", "CMYK", {}),
        ("rgb", "RGB", {"keep_rgb": True}),
        ("scans", "RGB", {"progressive": True}),
    ):
        file = io.BytesIO()
        PHOTO.convert(mode).save(file, "JPEG", quality=90, **how)
        saved[name] = file.getvalue()
    plain = io.BytesIO()
    PHOTO.save(plain, "JPEG", quality=90)
    height = b"\xff\xdc\x00\x04" + PHOTO.height.to_bytes(2)
    unfinished = saved["scans"][: saved["scans"].rindex(b"\xff\xda")] + b"\xff\xd9"
    return {
        "cmyk.jpg": (saved["cmyk"], "it is CMYK", False),
        "rgb.jpg": (saved["rgb"], "it is in RGB", False),
        "height.jpg": (plain.getvalue()[:-2] + height + b"\xff\xd9", "it has its height at its end", True),
        "unfinished.jpg": (unfinished, "it lacks its last scans", True),
    }


@pytest.mark.parametrize("name", jpegs_that_cannot_stay())
def test_a_jpeg_that_cannot_stay_one_becomes_another_only_if_asked_for(name, capsys):
    """And then that is said first, with the reason and the way out; that way works."""
    content, why, recodable = jpegs_that_cannot_stay()[name]
    Path(name).write_bytes(content)
    way = "`jpegtran -copy all IN.jpg > OUT.jpg`"
    line = ["hide", name, "note.txt", "--key-file", "k", "-o"]
    for unnamed in ("out/", "out"):
        assert main([*line, unnamed]) == 1
        told = capsys.readouterr()
        assert f"error: {name}: can't stay the JPEG that it is, since {why}\nhint: " in told.err
        assert "(`-o NAME.jpg, NAME.png`)" in told.err and (way in told.err) is recodable
    assert not [*Path().glob("out*")]
    assert main([*line, "made.jpg"]) == 0
    told = capsys.readouterr()
    assert told.err.startswith(
        f"warning: the cover can't stay the JPEG that it is, since {why}: it becomes a JPEG made anew"
    )
    assert (way in told.err) is recodable
    assert main([*line, "made.png"]) == 0
    if recodable and shutil.which("jpegtran"):
        Path("usual.jpg").write_bytes(subprocess.run(["jpegtran", "-copy", "all", name], stdout=-1, check=True).stdout)
        capsys.readouterr()
        assert main(["hide", "usual.jpg", "note.txt", "--key-file", "k", "-o", "kept/"]) == 0
        assert "wrote kept/usual.jpg" in capsys.readouterr().out


def test_a_jpeg_of_the_highest_quality_is_made_anew_and_that_is_said_first(capsys):
    Path("covers").mkdir()
    for quality in (98, 99, 100):
        PHOTO.save(f"covers/{quality}.jpg", quality=quality)
    why = "the cover can't stay the JPEG that it is, since changes at its quality, 99 or 100, are easy to find"
    anew = f"{why}: it becomes a JPEG made anew; use one that was saved at 98 or less, which stays as it is\n"
    line = ["note.txt", "--key-file", "k", "-o"]
    for name, out in (("99", "a.jpg"), ("100", "out/")):
        assert main(["hide", f"covers/{name}.jpg", *line, out]) == 0
        assert capsys.readouterr().err.startswith(f"warning: {anew}")
    for name, *out in (("98", "b.jpg"), ("100", "b.png"), ("100", "c.jpg", "--resize", "100")):
        assert main(["hide", f"covers/{name}.jpg", *line, *out]) == 0
        assert why not in capsys.readouterr().err
    assert main(["hide", "covers", *line, "all"]) == 0
    assert capsys.readouterr().err.startswith(f"warning: 99.jpg, 100.jpg: {anew}")
    assert main(["info", "covers/100.jpg"]) == 0
    told = capsys.readouterr().out
    reason = why.partition("since ")[2]
    assert f"note: its own JPEG can't be used: {reason}\nfits: any file, in a JPEG made anew" in told


def test_a_jpeg_ls_is_named():
    for start in (b"\xff\xd8\xff\xf7", b"\xff\xd8\xff\xe0\x00\x04ab\xff\xf7"):
        Path("a.jpg").write_bytes(start + b"\x00\x0b\x08\x00\x40\x00\x40\x01\x01\x11\x00" + bytes(99))
        with pytest.raises(stegnet.MediaError, match="a JPEG-LS, which is not supported"):
            stegnet.hide("a.jpg", "note.txt", "out.jpg", key=KEY)
