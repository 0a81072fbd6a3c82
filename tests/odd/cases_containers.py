"""Containers: what has become of them on the way, and what is asked of them."""

import os
import shlex
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.odd.case import NOTHING_OPENS, Case, prepare
from tests.odd.make import both, cut, ffmpeg, films, nothing, saved, written

LOSSLESS = "-an -c:v ffv1 -pix_fmt bgr0"
PICTURE, FILM, FILE = "wrote s.png: 40x50", "wrote s.mkv: 48x32", "wrote s.txt: "
ALTERED = "warning: the picture was altered since it was hidden, and is shown as it is"
PHRASE = both(written("p", b"a phrase\n"), lambda: Path("p").chmod(0o600))


def picture(
    what: str, make=nothing, code: int = 0, says: str = PICTURE, *, name: str = "a.png", more: str = ""
) -> Case:
    return Case(f"picture {what}", make, f"reveal {name} -o s.png{more}", code, says)


def film(what: str, make=nothing, code: int = 0, says: str = FILM, *, name: str = "a.mkv", more: str = "") -> Case:
    return Case(f"film {what}", make, f"reveal {name} -o s.mkv{more}", code, says)


def file(what: str, make=nothing, code: int = 0, says: str = FILE, *, name: str = "a.mkv", more: str = "") -> Case:
    check = comes_back if code != 1 else None
    return Case(f"file {what}", make, f"reveal {name} -o s.txt{more}", code, says, check=check)


def info(what: str, line: str, code: int = 0, says: str = "kind: ", make=nothing) -> Case:
    return Case(f"info: {what}", make, f"info {line}", code, says)


def comes_back() -> None:
    assert Path("s.txt").read_bytes() == Path("notes.txt").read_bytes()


def pixels(change, name: str = "a.png", of: str = "hidden.png", **options):
    """What opens a container as a picture, changes it, and saves it anew."""

    def make() -> None:
        with Image.open(of) as image:
            change(image.copy()).save(name, **options)

    return make


def same(image: Image.Image) -> Image.Image:
    return image


def one_sample(image: Image.Image) -> Image.Image:
    samples = np.array(image)
    samples[-1, -1, 0] ^= 8
    return Image.fromarray(samples)


def in_16_bits() -> None:
    cv2.imwrite("a.png", cv2.imread("hidden.png").astype(np.uint16) * 257)


def filtered(what: str, of: str = "hidden.mkv", name: str = "a.mkv", coded: str = LOSSLESS):
    """What sends a film through a filter of FFmpeg, and loses nothing else."""
    return partial(ffmpeg, f"-i {of} {f'-vf {shlex.quote(what)}' if what else ''} -fps_mode passthrough {coded} {name}")


def copied(name: str, of: str = "hidden.mkv", options: str = ""):
    return partial(ffmpeg, f"-i {of} -map 0 {options} -c copy -strict -2 {name}")


def other_weights() -> None:
    data = bytearray(Path("w").read_bytes())
    data[-1] ^= 1
    Path("w2").write_bytes(data)


DROPPED, SWAPPED = filtered("shuffleframes=0 -1 2 3 4 5"), filtered("shuffleframes=0 2 1 3 4 5")
REPEATED = filtered("loop=loop=1:size=1")
BY_PHRASE = both(PHRASE, partial(prepare, "hide cover.png secret.png -o a.png --passphrase-file p"))
ANOTHER_KEY = both(written("k2", bytes(32)), lambda: Path("k2").chmod(0o600))
TWICE = both(ANOTHER_KEY, partial(prepare, "hide hidden.png cover.png -o a.png --key-file k2"))
SAME_KEY_TWICE = partial(prepare, "hide hidden.png cover.png -o a.png")
ICC = both(saved("b.png", icc_profile=b"?"), nothing)

CASES = (
    picture("that hides nothing", name="cover.png", code=1, says=NOTHING_OPENS),
    picture("of one pixel", saved("a.png", size=(1, 1)), 1, NOTHING_OPENS),
    picture("of another key", ANOTHER_KEY, 1, NOTHING_OPENS, name="hidden.png", more=" --key-file k2"),
    picture(
        "of a key file, asked by passphrase", PHRASE, 1, NOTHING_OPENS, name="hidden.png", more=" --passphrase-file p"
    ),
    picture("of a passphrase, asked by key file", BY_PHRASE, 1, NOTHING_OPENS),
    picture(
        "of other weights", other_weights, 1, "error: hidden with the weights", name="hidden.png", more=" --weights w2"
    ),
    picture("saved as JPEG", pixels(same, "a.jpg", quality=100, subsampling=0), 1, NOTHING_OPENS, name="a.jpg"),
    picture("saved as lossy WebP", pixels(same, "a.webp", quality=100), 1, NOTHING_OPENS, name="a.webp"),
    picture("with fewer colours", pixels(lambda image: image.quantize(256)), 1, NOTHING_OPENS),
    picture("cropped by one row", pixels(lambda image: image.crop((0, 0, 97, 60))), 1, NOTHING_OPENS),
    picture("doubled in size", pixels(lambda image: image.resize((194, 122))), 1, NOTHING_OPENS),
    picture("turned by 90°", pixels(lambda image: image.rotate(90, expand=True)), 1, NOTHING_OPENS),
    picture("turned by 90° and back", pixels(lambda image: image.rotate(90, expand=True).rotate(-90, expand=True))),
    picture("with one sample changed", pixels(one_sample), 3, ALTERED),
    picture(
        "with one sample changed, --strict",
        pixels(one_sample),
        1,
        "error: a.png: the picture was altered",
        more=" --strict",
    ),
    picture("with a comment added", pixels(same, exif=Image.Exif())),
    picture("compressed better", pixels(same, optimize=True)),
    picture("saved as lossless WebP", pixels(same, "a.webp", lossless=True, exact=True), name="a.webp"),
    picture("saved as BMP", pixels(same, "a.bmp"), name="a.bmp"),
    picture("saved as TIFF", pixels(same, "a.tif", compression="tiff_lzw"), name="a.tif"),
    picture("saved as PPM", pixels(same, "a.ppm"), name="a.ppm"),
    picture("saved with opaque alpha", pixels(lambda image: image.convert("RGBA"))),
    picture("saved with 16 bits", in_16_bits),
    picture("saved interlaced", partial(ffmpeg, "-i hidden.png -pix_fmt rgb24 -flags +ildct a.png")),
    picture("cut off", cut("a.png", "hidden.png", 0.7), 1, "error: a.png: the picture is damaged or truncated"),
    picture("used as a cover for another key: the first", TWICE, 1, NOTHING_OPENS),
    picture("used as a cover for another key: the second", TWICE, says="wrote s.png: 97x61", more=" --key-file k2"),
    picture("used as a cover for the same key: the second", SAME_KEY_TWICE, says="wrote s.png: 97x61"),
    Case(
        "picture revealed as .mkv",
        nothing,
        "reveal hidden.png -o s.mkv",
        1,
        "error: s.mkv: a picture is written as .png",
    ),
    Case(
        "picture revealed without a suffix",
        nothing,
        "reveal hidden.png -o s",
        1,
        "error: s: a picture is written as .png",
    ),
    film("that hides nothing", name="cover.mkv", code=1, says=NOTHING_OPENS),
    film("of another key", ANOTHER_KEY, 1, NOTHING_OPENS, name="hidden.mkv", more=" --key-file k2"),
    film(
        "of other weights", other_weights, 1, "error: hidden with the weights", name="hidden.mkv", more=" --weights w2"
    ),
    film("in MP4", name="hidden.mp4"),
    film("copied to another Matroska", copied("a.mkv")),
    film("copied from Matroska to AVI", copied("a.avi", options="-an"), name="a.avi"),
    film("copied from MP4 to Matroska", copied("a.mkv", "hidden.mp4")),
    film("without its sound", copied("a.mkv", options="-an")),
    film("without its metadata", copied("a.mkv", options="-map_metadata -1 -map_chapters -1")),
    film("coded anew as HuffYUV", filtered("", name="a.avi", coded="-an -c:v huffyuv -pix_fmt bgra"), name="a.avi"),
    film("coded anew as PNG in MOV", filtered("", name="a.mov", coded="-an -c:v png -pix_fmt rgb24"), name="a.mov"),
    film("saved as animated PNG", filtered("", name="a.png", coded="-an -f apng -pix_fmt rgb24"), name="a.png"),
    film("coded anew with loss", filtered("", coded="-c:v libx264 -crf 1"), 1, NOTHING_OPENS),
    film("in YCbCr without loss", filtered("", coded="-c:v ffv1 -pix_fmt yuv444p"), 1, NOTHING_OPENS),
    film("saved as GIF", filtered("", name="a.gif", coded="-an"), 1, NOTHING_OPENS, name="a.gif"),
    film("cropped", filtered("crop=96:62:0:0"), 1, NOTHING_OPENS),
    film("played backwards", filtered("reverse"), 3, "warning: "),
    film("without its frame 1", DROPPED, 3, "warning: frame 1 was lost"),
    film(
        "without its frame 1, --strict",
        DROPPED,
        1,
        "error: the container is not as it was hidden: frame 1 was lost",
        more=" --strict",
    ),
    film("without its frame 0", filtered("shuffleframes=-1 1 2 3 4 5"), 3, "warning: frame 0 was lost"),
    film("with frames 1 and 2 exchanged", SWAPPED, 3, "was moved to another place, and left out"),
    film("with its first frame twice", REPEATED, 3, "warning: frame 0 was repeated; the repetitions are left out"),
    film(
        "with a picture laid over frame 1",
        filtered(r"drawbox=w=99:h=99:t=fill:enable=eq(n\,1)"),
        3,
        "warning: frame 1 was altered beyond reading",
    ),
    film(
        "with one sample of frame 1 changed",
        filtered(r"drawbox=x=95:y=63:w=1:h=1:color=red:enable=eq(n\,1)"),
        3,
        "warning: frame 1 was altered since hiding",
    ),
    film(
        "with one sample changed, --strict",
        filtered(r"drawbox=x=95:y=63:w=1:h=1:color=red:enable=eq(n\,1)"),
        1,
        "error: the container is not as it was hidden: frame 1 was altered",
        more=" --strict",
    ),
    film("shown twice, one after the other", filtered("loop=loop=1:size=6"), 3, "warning: "),
    film("ended 2 frames early", filtered("trim=end_frame=4"), 3, "warning: 2 frames (4–5) were lost"),
    film("cut off", cut("a.mkv", "hidden.mkv", 0.7), 3, "were lost"),
    film("cut off, MP4", cut("a.mp4", "hidden.mp4", 0.7), 1, "error: a.mp4: the film is cut off", name="a.mp4"),
    film(
        "with another's frames before it",
        both(
            films("b.mkv"),
            partial(ffmpeg, f"-i b.mkv -i hidden.mkv -filter_complex [0:v][1:v]concat=n=2 {LOSSLESS} a.mkv"),
        ),
        3,
        "6 frames were put in that do not belong here",
    ),
    film("at twice the speed", filtered("setpts=PTS/2")),
    Case(
        "film revealed as .png",
        nothing,
        "reveal hidden.mkv -o s.png",
        1,
        "error: s.png: a film is written as .mkv or .mp4",
    ),
    Case(
        "film revealed over itself",
        nothing,
        "reveal hidden.mkv -o hidden.mkv --force",
        1,
        "error: hidden.mkv: is an input too",
    ),
    Case(
        "one frame of a film, as a picture",
        partial(ffmpeg, "-i hidden.mkv -frames:v 1 -pix_fmt rgb24 a.png"),
        "reveal a.png -o s.png",
        1,
        "error: what is hidden here is no picture of its own",
    ),
    film(
        "made of one hidden picture, repeated",
        partial(ffmpeg, f"-loop 1 -i hidden.png -frames:v 3 {LOSSLESS} a.mkv"),
        1,
        "error: what is hidden here is not a film",
    ),
    file("in a picture", name="sealed.png"),
    file("in a film", name="sealed.mkv"),
    file(
        "in a picture with one sample changed",
        pixels(one_sample, of="sealed.png"),
        3,
        "warning: the picture was altered",
        name="a.png",
    ),
    file(
        "in a picture with one sample changed, --strict",
        pixels(one_sample, of="sealed.png"),
        1,
        "error: a.png: the picture was altered",
        name="a.png",
        more=" --strict",
    ),
    file(
        "in a film without its frame 1",
        filtered("shuffleframes=0 -1 2 3 4 5", "sealed.mkv"),
        1,
        "error: a.mkv: 47 of the file's 280 bytes are missing",
    ),
    file(
        "in a film with frames 1 and 2 exchanged",
        filtered("shuffleframes=0 2 1 3 4 5", "sealed.mkv"),
        3,
        "warning: frame ",
    ),
    file(
        "in a film with frames 1 and 2 exchanged, --strict",
        filtered("shuffleframes=0 2 1 3 4 5", "sealed.mkv"),
        1,
        "error: a.mkv: frame",
        more=" --strict",
    ),
    file(
        "in a film with its first frame twice",
        filtered("loop=loop=1:size=1", "sealed.mkv"),
        3,
        "warning: frame 0 was repeated",
    ),
    file("saved as JPEG", pixels(same, "a.jpg", "sealed.png", quality=100), 1, NOTHING_OPENS, name="a.jpg"),
    Case("empty file, sealed", written("empty", b""), "hide cover.png empty --method sealed -o c.png"),
    Case(
        "file too large, sealed",
        written("big", bytes(9999)),
        "hide cover.png big --method sealed -o c.png",
        1,
        "error: big: has 9999 bytes, and there is room for",
    ),
    Case(
        "file with an odd name, sealed",
        written("a\n\u202eb'.txt", b"text"),
        "hide cover.png 'a\n\u202eb'\"'\"'.txt' --method sealed -o c.png",
        says="note: hidden: a\\n\\u202eb'.txt, 4 bytes",
    ),
    Case(
        "file with a name that is no UTF-8 text, sealed",
        written("a\udce4.txt", b"text"),
        "hide cover.png 'a\udce4.txt' --method sealed -o c.png",
        says="note: hidden: a",
    ),
    Case(
        "file with a name of 255 bytes, sealed",
        written("ü" * 127 + "x", b"text"),
        f"hide cover.png {'ü' * 127}x --method sealed -o c.png",
        says="note: hidden: ü",
    ),
    Case(
        "picture that does not fit, sealed with --compress",
        saved("a.bmp"),
        "hide cover.png a.bmp --compress --method sealed -o c.png",
        says="was compressed",
        back=(97, 61),
    ),
    Case(
        "picture that does not fit, --compress on a full disk",
        saved("a.bmp"),
        "hide cover.png a.bmp --compress --method sealed -o c.png",
        1,
        "error: ",
        most=300,
    ),
    Case(
        "film that does not fit, --compress on a full disk",
        films("a.mkv", frames=25),
        "hide cover.mkv a.mkv --compress --method sealed -o c.mkv",
        1,
        "error: ",
        most=3000,
    ),
    Case(
        "film that does not fit, sealed with --compress",
        films("a.mkv", frames=25, sound="aac"),
        "hide cover.mkv a.mkv --compress --method sealed -o c.mkv",
        says="was compressed",
    ),
    Case(
        "folder, sealed",
        partial(os.mkdir, "d"),
        "hide cover.png d --method sealed -o c.png",
        1,
        "error: d: is a folder",
    ),
    Case(
        "/dev/zero, sealed",
        nothing,
        "hide cover.png /dev/zero --method sealed -o c.png",
        1,
        "error: /dev/zero: not a file",
    ),
    Case(
        "text with --compress, sealed",
        nothing,
        "hide cover.png notes.txt --compress --method sealed -o c.png",
        1,
        "error: notes.txt: only pictures and films can be compressed",
    ),
    Case("key itself, sealed", nothing, "hide cover.png k --method sealed -o c.png", says="wrote c.png: 97x61"),
    info("a plain picture", "cover.png", says="hidden: unknown: nobody can tell"),
    info("a plain film", "cover.mkv", says="kind: film"),
    info("a container, without a key", "hidden.png", says="hidden: unknown: nobody can tell"),
    info("a hidden picture", "hidden.png --key-file k", says="hidden: picture"),
    info("a hidden film", "hidden.mkv --key-file k", says="hidden: film"),
    info("a hidden file", "sealed.mkv --key-file k", says="hidden name: notes.txt"),
    info("a hidden film without its frame 1", "a.mkv --key-file k", 3, "trouble: frame 1 was lost", DROPPED),
    info("a hidden picture, altered", "a.png --key-file k", 3, "whole: no", pixels(one_sample)),
    info("a plain picture, with a key", "cover.png --key-file k", 1, NOTHING_OPENS),
    info("as JSON", "hidden.png --key-file k --json", says='{"kind": "picture"'),
    info(
        "sound alone",
        "a.mp3",
        1,
        "error: a.mp3: has sound but no pictures",
        partial(ffmpeg, "-f lavfi -i sine=d=0.2 a.mp3"),
    ),
    info("text", "notes.txt", 1, "error: notes.txt: neither a picture nor a film"),
    info("a picture too small for anything", "a.png", says="sealed bytes: 0", make=saved("a.png", size=(1, 1))),
    info(
        "one frame of a hidden film",
        "a.png --key-file k",
        says="hidden: film",
        make=partial(ffmpeg, "-i hidden.mkv -frames:v 1 -pix_fmt rgb24 a.png"),
    ),
    info(
        "a film made of a hidden picture",
        "a.mkv --key-file k",
        3,
        says="hidden: picture",
        make=partial(ffmpeg, f"-loop 1 -i hidden.png -frames:v 3 {LOSSLESS} a.mkv"),
    ),
)
