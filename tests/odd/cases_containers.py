"""Containers with a hidden picture or film that were changed in transit."""

import shlex
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.odd.case import NOTHING_OPENS, Case, prepare
from tests.odd.cases_pictures import P3, profile
from tests.odd.make import LOSSLESS, Maker, both, by_ffmpeg, cut, filmed, nothing, saved, written

OTHER_WEIGHTS = "error: hidden with the weights "
ALTERED = "warning: the picture was altered since it was hidden, and is shown as it is"
NOT_AS_HIDDEN = "error: the container is not as it was hidden: "
STRICT, BY_PHRASE, BY_K2, BY_W2 = " --strict", " --passphrase-file p", " --key-file k2", " --weights w2"
PHRASE, K2 = written("p", b"a phrase\n"), written("k2", bytes(32))


def picture(what: str, make: Maker, says: str = "wrote s.png: 40x50", **more) -> Case:
    return _revealed(f"picture {what}", make, says, **{"to": "s.png", "name": "a.png"} | more)


def film(what: str, make: Maker, says: str = "wrote s.mkv: 48x32", **more) -> Case:
    return _revealed(f"film {what}", make, says, **{"to": "s.mkv", "name": "a.mkv"} | more)


def _revealed(what: str, make: Maker, says: str, *, to: str, name: str, more: str = "") -> Case:
    code = 3 if says.startswith("warning: ") else None  # what was altered is revealed all the same
    return Case(what, make, f"reveal {name} -o {to}{more}", says, code)


def lost(what: str, make: Maker, name: str = "a.png", more: str = "", says: str = NOTHING_OPENS) -> Case:
    """Nothing opens."""
    to = "s.mkv" if what.startswith("film") else "s.png"
    return Case(what, make, f"reveal {name} -o {to}{more}", says)


def opened(change, name: str = "a.png", of: str = "hidden.png", **options) -> Maker:
    """A container that was opened as a picture, changed and saved."""

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


def without_profile(image: Image.Image) -> Image.Image:
    del image.info["icc_profile"]
    return image


def rotated_twice(image: Image.Image) -> Image.Image:
    return image.rotate(90, expand=True).rotate(-90, expand=True)


def in_16_bits() -> None:
    cv2.imwrite("a.png", cv2.imread("hidden.png").astype(np.uint16) * 257)


def filtered(what: str, of: str = "hidden.mkv", name: str = "a.mkv", coded: str = LOSSLESS) -> Maker:
    """A film after one of FFmpeg's filters, without sound."""
    filters = f"-vf {shlex.quote(what)}" if what else ""
    return by_ffmpeg(f"-i {of} {filters} -fps_mode passthrough -an {coded} {name}")


def copied(name: str, of: str = "hidden.mkv", options: str = "") -> Maker:
    """A film whose packets were copied to another file."""
    return by_ffmpeg(f"-i {of} -map 0 {options} -c copy -strict -2 {name}")


def other_weights() -> None:
    data = bytearray(Path("w").read_bytes())
    data[-1] ^= 1
    Path("w2").write_bytes(data)


def order(numbers: str, of: str = "hidden.mkv") -> Maker:
    """The frames with these numbers; -1 drops a frame."""
    return filtered(f"shuffleframes={numbers}", of)


ONE_PIXEL = filtered(r"drawbox=x=95:y=63:w=1:h=1:color=red:enable=eq(n\,1)")
ONE_FRAME = by_ffmpeg("-i hidden.mkv -frames:v 1 -pix_fmt rgb24 a.png")
OF_ONE_PICTURE = by_ffmpeg(f"-loop 1 -i hidden.png -frames:v 3 {LOSSLESS} a.mkv")
HIDDEN_BY_PHRASE = both(PHRASE, partial(prepare, "hide cover.png secret.png -o a.png --passphrase-file p"))
HIDDEN_IN_P3 = both(saved("p3.png", icc_profile=profile(*P3)), partial(prepare, "hide p3.png secret.png -o b.png"))
TWICE = both(K2, partial(prepare, "hide hidden.png cover.png -o a.png --key-file k2"))
PUT_BEFORE = both(
    filmed("b.mkv"), by_ffmpeg(f"-i b.mkv -i hidden.mkv -filter_complex [0:v][1:v]concat=n=2 {LOSSLESS} a.mkv")
)

CASES = (
    lost("picture that hides nothing", nothing, "cover.png"),
    lost("picture of another key", K2, "hidden.png", BY_K2),
    lost("picture of a key file, revealed by passphrase", PHRASE, "hidden.png", BY_PHRASE),
    lost("picture of a passphrase, revealed by key file", HIDDEN_BY_PHRASE),
    picture("of other weights", other_weights, OTHER_WEIGHTS, name="hidden.png", more=BY_W2),
    lost("picture saved as JPEG of quality 100", opened(same, "a.jpg", quality=100, subsampling=0), "a.jpg"),
    lost("picture saved as lossy WebP", opened(same, "a.webp", quality=100), "a.webp"),
    lost("picture with 256 colours", opened(lambda image: image.quantize(256))),
    lost("picture cropped by one row", opened(lambda image: image.crop((0, 0, 97, 60)))),
    lost("picture doubled in size", opened(lambda image: image.resize((194, 122)))),
    lost("picture rotated by 90°", opened(lambda image: image.rotate(90, expand=True))),
    picture("rotated by 90° and back", opened(rotated_twice)),
    picture("with one sample changed", opened(one_sample), ALTERED),
    picture(
        "with one sample changed, --strict",
        opened(one_sample),
        "error: a.png: the picture was altered since it was hidden\n",
        more=STRICT,
    ),
    picture("that lost its colour profile", both(HIDDEN_IN_P3, opened(without_profile, of="b.png"))),
    picture("that got a colour profile", opened(same, icc_profile=profile(*P3))),
    picture("with EXIF added", opened(same, exif=Image.Exif())),
    picture("recompressed losslessly", opened(same, optimize=True)),
    picture("saved as lossless WebP", opened(same, "a.webp", lossless=True, exact=True), name="a.webp"),
    picture("saved as BMP", opened(same, "a.bmp"), name="a.bmp"),
    picture("saved as TIFF", opened(same, "a.tif", compression="tiff_lzw"), name="a.tif"),
    picture("saved as PPM", opened(same, "a.ppm"), name="a.ppm"),
    picture("saved with opaque alpha", opened(lambda image: image.convert("RGBA"))),
    picture("saved with 16 bits", in_16_bits),
    picture("saved interlaced", by_ffmpeg("-i hidden.png -pix_fmt rgb24 -flags +ildct a.png")),
    picture("truncated", cut("a.png", "hidden.png", 0.7), "error: a.png: the picture is damaged or truncated"),
    lost("picture used as a cover for another key: the first", TWICE),
    picture("used as a cover for another key: the second", TWICE, "wrote s.png: 97x61", more=BY_K2),
    Case("picture revealed as .mkv", nothing, "reveal hidden.png -o s.mkv", "error: s.mkv: a picture is written as"),
    Case("picture revealed with no suffix", nothing, "reveal hidden.png -o s", "error: s: a picture is written as"),
    lost("film that hides nothing", nothing, "cover.mkv"),
    lost("film of another key", K2, "hidden.mkv", BY_K2),
    film("of other weights", other_weights, OTHER_WEIGHTS, name="hidden.mkv", more=BY_W2),
    film("in MP4", nothing, name="hidden.mp4"),
    film("copied to another Matroska", copied("a.mkv")),
    film("copied from Matroska to AVI", copied("a.avi", options="-an"), name="a.avi"),
    film("copied from MP4 to Matroska", copied("a.mkv", "hidden.mp4")),
    film("without its sound", copied("a.mkv", options="-an")),
    film("without its metadata", copied("a.mkv", options="-map_metadata -1 -map_chapters -1")),
    film("re-encoded as HuffYUV", filtered("", name="a.avi", coded="-c:v huffyuv -pix_fmt bgra"), name="a.avi"),
    film("re-encoded as PNG in MOV", filtered("", name="a.mov", coded="-c:v png -pix_fmt rgb24"), name="a.mov"),
    film("saved as animated PNG", filtered("", name="a.png", coded="-f apng -pix_fmt rgb24"), name="a.png"),
    lost("film re-encoded with loss", filtered("", coded="-c:v libx264 -crf 1"), "a.mkv"),
    lost("film in YCbCr", filtered("", coded="-c:v ffv1 -pix_fmt yuv444p"), "a.mkv"),
    lost("film saved as GIF", filtered("", name="a.gif", coded=""), "a.gif"),
    film("played backwards", filtered("reverse"), "warning: 5 frames (1–5) were moved to another place"),
    film("without its frame 1", order("0 -1 2 3 4 5"), "warning: frame 1 was lost"),
    film("without its frame 1, --strict", order("0 -1 2 3 4 5"), f"{NOT_AS_HIDDEN}frame 1 was lost", more=STRICT),
    film("without its frame 0", order("-1 1 2 3 4 5"), "warning: frame 0 was lost"),
    film("with frames 1 and 2 exchanged", order("0 2 1 3 4 5"), "warning: frame 2 was moved to another place"),
    film("with its first frame twice", filtered("loop=loop=1:size=1"), "warning: frame 0 was repeated"),
    film(
        "with a box over frame 1",
        filtered("drawbox=w=99:h=99:t=fill:enable=eq(n\\,1)"),
        "warning: frame 1 was altered beyond reading, and left out",
    ),
    film("with a pixel of frame 1 changed", ONE_PIXEL, "warning: frame 1 was altered since hiding, and shown"),
    film("shown twice, one after the other", filtered("loop=loop=1:size=6"), "warning: 6 frames (0–5) were repeated"),
    film("ended 2 frames early", filtered("trim=end_frame=4"), "warning: 2 frames (4–5) were lost"),
    film("truncated", cut("a.mkv", "hidden.mkv", 0.75), "warning: 2 frames (4–5) were lost"),
    film("truncated, MP4", cut("a.mp4", "hidden.mp4", 0.7), "error: a.mp4: the film is truncated", name="a.mp4"),
    film("with frames of another film before it", PUT_BEFORE, "warning: 6 frames were put in that do not belong here"),
    film("at twice the speed", filtered("setpts=PTS/2")),
    Case("film revealed as .png", nothing, "reveal hidden.mkv -o s.png", "error: s.png: a film is written as .mkv"),
    Case("one frame of a film", ONE_FRAME, "reveal a.png -o s.png", "error: what is hidden here is no picture of its"),
    film("made of one hidden picture", OF_ONE_PICTURE, "error: what is hidden here is not a film"),
)
