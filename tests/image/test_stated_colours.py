"""Colours that a file states otherwise than by an ICC profile in its usual place: each way, as cover and as secret."""

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from imagecodecs import cms_profile
from PIL import ExifTags, Image, ImageCms, ImageEnhance
from skimage.color import rgb2xyz, xyz2rgb
from skimage.data import astronaut

from stegnet import Key, hide, reveal
from stegnet.image import read_cover, read_picture
from stegnet.image.pictures import lost_by_pixels
from stegnet.results import Report
from tests.support import stills
from tests.support.pngs import as_png, chunks_of

KEY = Key(bytes(range(32)))
PIXELS = np.asarray(ImageEnhance.Color(Image.fromarray(astronaut()).resize((160, 160))).enhance(3))
HEIC = Path(__file__).parent / "heic"
WHITE = (0.3127, 0.329)
SRGB = (*WHITE, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # x and y of white, red, green and blue
P3 = (*WHITE, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
ADOBE = (*WHITE, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 2.19921875
PROFILE = cms_profile(
    "rgb", whitepoint=(*WHITE, 1), primaries=(0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1), gamma=1.8
)  # of sRGB's primaries


def xyz_of(primaries: tuple[float, ...]) -> np.ndarray:
    """XYZ of red, green and blue at full level, as rows, for white of Y = 1."""
    x, y = np.reshape(primaries, (4, 2)).T
    white, *ends = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=1)
    return np.linalg.solve(np.array(ends).T, white)[:, None] * ends


def in_srgb(pixels: np.ndarray, primaries: tuple[float, ...], gamma: float | None) -> np.ndarray:
    """Pixels of these colours in sRGB, by scikit-image, which has its curve: that of the pixels, without a gamma."""
    light = rgb2xyz(pixels) @ np.linalg.inv(xyz_of(SRGB)) if gamma is None else (pixels / 255) ** gamma
    return 255 * xyz2rgb(light @ xyz_of(primaries))


def cicp(*codes: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes([*codes, 0, 1])


def gama(exponent: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(100_000 / exponent))


def chrm(primaries: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(100_000 * value) for value in primaries))


def saved(pixels: np.ndarray, form: str, **options: object) -> bytes:
    return stills.saved(Image.fromarray(pixels), form, **options)


def png(*chunks: tuple[bytes, bytes], **options: object) -> Callable[[np.ndarray], bytes]:
    def make(pixels: np.ndarray) -> bytes:
        head, *others = chunks_of(saved(pixels, "PNG", **options))
        return as_png([head, *chunks, *others])

    return make


def avif(primaries: int, transfer: int) -> Callable[[np.ndarray], bytes]:
    def make(pixels: np.ndarray) -> bytes:
        said = b"nclx\0\1\0\x0d"  # BT.709 and sRGB
        data = saved(pixels, "AVIF", quality=90)
        assert data.count(said) == 1
        return data.replace(said, b"nclx" + struct.pack(">HH", primaries, transfer))

    return make


def bmp(space: bytes, ends: np.ndarray, gamma: float, profile: bytes = b"") -> Callable[[np.ndarray], bytes]:
    """A BMP with BITMAPV5HEADER."""

    def make(pixels: np.ndarray) -> bytes:
        height, width, _ = pixels.shape
        rows = pixels[::-1, :, ::-1].tobytes()  # of 160 pixels, which need no padding
        info = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(16) + space
        info += struct.pack("<9i", *np.round(ends.ravel() * (1 << 30)).astype(int))
        info += struct.pack("<3I", *[round(gamma * (1 << 16))] * 3) + struct.pack(
            "<4I", 4, 124 + len(rows), len(profile), 0
        )
        return b"BM" + struct.pack("<IHHI", 138 + len(rows) + len(profile), 0, 0, 138) + info + rows + profile

    return make


def tiff(**tags: object) -> Callable[[np.ndarray], bytes]:
    numbers = {getattr(ExifTags.Base, name).value: value for name, value in tags.items()}
    return lambda pixels: saved(pixels, "TIFF", tiffinfo=numbers)


def jpeg(space: int, index: str) -> Callable[[np.ndarray], bytes]:
    """A JPEG with ColorSpace and InteroperabilityIndex of EXIF."""
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ColorSpace: space, ExifTags.IFD.Interop: {1: index, 2: b"0100"}}
    return lambda pixels: saved(pixels, "JPEG", exif=exif, quality=95)


def jpeg_2000(pixels: np.ndarray) -> bytes:
    """A JPEG 2000 with an ICC profile instead of its code for sRGB."""
    data = saved(pixels, "JPEG2000", irreversible=False)
    said = b"\0\0\0\x0fcolr\1\0\0\0\0\0\x10"
    stated = struct.pack(">I", 11 + len(PROFILE)) + b"colr\2\0\0" + PROFILE
    holder = data.index(b"jp2h") - 4
    size = int.from_bytes(data[holder : holder + 4], "big") + len(stated) - len(said)
    return (data[:holder] + struct.pack(">I", size) + data[holder + 4 :]).replace(said, stated)


class Case(NamedTuple):
    make: Callable[[np.ndarray], bytes]
    name: str
    primaries: tuple[float, ...]
    gamma: float | None  # None: the curve of sRGB


LINEAR = tuple(257 * level for level in range(256))
CASES = {
    "cICP": Case(png(cicp(12, 13)), "a.png", P3, None),
    "cICP, linear": Case(png(cicp(1, 8)), "a.png", SRGB, 1),
    "cICP before all": Case(png(cicp(12, 13), (b"sRGB", b"\0"), gama(1), icc_profile=PROFILE), "a.png", P3, None),
    "iCCP before gAMA": Case(png(gama(1), chrm(P3), icc_profile=PROFILE), "a.png", SRGB, 1.8),
    "gAMA 1": Case(png(gama(1)), "a.png", SRGB, 1),
    "gAMA 1.8": Case(png(gama(1.8)), "a.png", SRGB, 1.8),
    "cHRM": Case(png(chrm(P3)), "a.png", P3, None),
    "gAMA and cHRM": Case(png(chrm(ADOBE), gama(ADOBE_GAMMA)), "a.png", ADOBE, ADOBE_GAMMA),
    "AVIF": Case(avif(12, 13), "a.avif", P3, None),
    "AVIF, gamma 2.8": Case(avif(1, 5), "a.avif", SRGB, 2.8),
    "EXIF, R03": Case(jpeg(65535, "R03"), "a.jpg", ADOBE, ADOBE_GAMMA),
    "EXIF, ColorSpace": Case(jpeg(2, "R98"), "a.jpg", ADOBE, ADOBE_GAMMA),
    "BMP": Case(bmp(bytes(4), xyz_of(P3), 2.2), "a.bmp", P3, 2.2),
    "BMP, gamma of the encoder": Case(bmp(bytes(4), xyz_of(P3), 1 / 2.2), "a.bmp", P3, 2.2),
    "BMP, profile": Case(bmp(b"DEBM", np.zeros(9), 0, PROFILE), "a.bmp", SRGB, 1.8),
    "JPEG 2000, profile": Case(jpeg_2000, "a.jp2", SRGB, 1.8),
    "TIFF, primaries": Case(tiff(WhitePoint=P3[:2], PrimaryChromaticities=P3[2:]), "a.tif", P3, None),
    "TIFF, one curve": Case(tiff(TransferFunction=LINEAR), "a.tif", SRGB, 1),
    "TIFF, three curves": Case(tiff(TransferFunction=3 * LINEAR), "a.tif", SRGB, 1),
}
NOTHING = {  # states sRGB, or nothing that is possible
    "gAMA of sRGB": png(gama(2.2)),
    "gAMA and cHRM of sRGB": png(gama(2.2), chrm(SRGB)),
    "sRGB before gAMA": png((b"sRGB", b"\0"), gama(1), chrm(P3)),
    "primaries on a line": png(chrm((*WHITE, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3))),
    "no gamma": png((b"gAMA", bytes(4))),
    "only the white of a TIFF": tiff(WhitePoint=(0.3457, 0.3585)),
    "no codes": png(cicp(2, 2)),
    "a short cICP": png((b"cICP", b"\x0c")),
}


def hidden(cover: Path, out: str) -> tuple[Path, Report]:
    """A container of a text, which opens, and the report."""
    path = cover.with_name(out)
    report = hide(cover, b"hi", path, key=KEY, overwrite=True)
    assert reveal(path, key=KEY).data == b"hi"
    return path, report


def stored_pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def shown_by_its_profile(path: Path) -> np.ndarray:
    """Pixels of a picture in sRGB, by its ICC profile alone."""
    with Image.open(path) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        shown = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
        return np.asarray(shown)


def errors(one: np.ndarray, other: np.ndarray) -> float:
    return np.abs(one.astype(float) - other).mean()


@pytest.mark.filterwarnings("ignore:the cover is")
@pytest.mark.parametrize("name", CASES)
def test_stated_colours_reach_the_container(tmp_path, name):
    case = CASES[name]
    cover = tmp_path / case.name
    cover.write_bytes(case.make(PIXELS))
    stored = stored_pixels(cover)
    shown = in_srgb(stored, case.primaries, case.gamma)
    assert errors(stored, shown) > 3  # the case can tell

    assert errors(read_picture(cover), shown) < 1  # as a secret that is hidden as a copy
    for out in ("sent.png", "sent.jpg"):
        path, report = hidden(cover, out)
        if cover.suffix == path.suffix:  # the container says what its cover does
            assert stated(path.read_bytes()) == stated(cover.read_bytes())
        else:
            assert errors(stored_pixels(path), stored) < 6
            assert errors(shown_by_its_profile(path), in_srgb(stored_pixels(path), case.primaries, case.gamma)) < 1
        assert not [note for note in report.notes if "colour" in note]


def stated(data: bytes) -> bytes:
    """What a PNG or JPEG has before its samples."""
    return data[: data.index(b"IDAT") - 4 if data.startswith(b"\x89PNG") else data.index(b"\xff\xda")]


@pytest.mark.parametrize("name", NOTHING)
def test_what_states_srgb_or_nothing_changes_nothing(tmp_path, name):
    pixels = np.asarray(Image.fromarray(astronaut()).resize((160, 160)))
    (tmp_path / "plain.png").write_bytes(png()(pixels))
    (tmp_path / "a.png").write_bytes(NOTHING[name](pixels))
    assert np.array_equal(read_picture(tmp_path / "a.png"), pixels)
    one, other = (stated(hidden(tmp_path / cover, "sent.jpg")[0].read_bytes()) for cover in ("a.png", "plain.png"))
    assert one == other


def test_heic():
    """That one is too flat for a container."""
    pixels, profile = read_cover(HEIC / "wide.heic")
    assert profile
    assert errors(read_picture(HEIC / "wide.heic"), in_srgb(pixels, P3, None)) < 1


def test_greys_stay_grey(tmp_path):
    cover = tmp_path / "a.png"
    grey = np.asarray(Image.fromarray(PIXELS).convert("L"))
    cover.write_bytes(png(gama(1), chrm(P3))(grey))
    path, _ = hidden(cover, "sent.jpg")
    with Image.open(path) as image:
        assert image.mode == "L"
    assert errors(shown_by_its_profile(path), in_srgb(stored_pixels(path), SRGB, 1)) < 1
    assert errors(read_picture(cover), in_srgb(stored_pixels(cover), SRGB, 1)) < 1


@pytest.mark.filterwarnings("ignore:the cover is")
@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.parametrize("primaries", [P3, ADOBE, (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)])
def test_a_profile_is_the_one_of_little_cms(tmp_path, primaries, is_grey):
    """Which many programs write: its bytes tell of no other."""
    exponent = 2
    cover = tmp_path / "a.png"
    pixels = np.asarray(Image.fromarray(PIXELS).convert("L")) if is_grey else PIXELS
    cover.write_bytes(png(gama(exponent), chrm(primaries))(pixels))
    path, _ = hidden(cover, "sent.jpg")
    with Image.open(path) as image:
        profile = image.info["icc_profile"]

    curve = (65535 * np.linspace(0, 1, 256) ** exponent).round().astype(np.uint16)
    white, *ends = ((x, y, 1) for x, y in np.reshape(SRGB if is_grey else primaries, (4, 2)).tolist())
    colours = {} if is_grey else {"primaries": sum(ends, ())}
    made = cms_profile("gray" if is_grey else "rgb", whitepoint=white, transferfunction=curve, **colours)
    time_of_creation = slice(24, 36)
    assert bytearray(profile)[time_of_creation] == bytes(12)
    assert profile == made[: time_of_creation.start] + bytes(12) + made[time_of_creation.stop :]


@pytest.mark.parametrize(("space", "index"), [(1, "R98"), (1, "R03"), (65535, "R98"), (65535, "THM")])
def test_exif_of_other_colours(tmp_path, space, index):
    (tmp_path / "a.jpg").write_bytes(jpeg(space, index)(PIXELS))
    assert np.array_equal(read_picture(tmp_path / "a.jpg"), stored_pixels(tmp_path / "a.jpg"))


@pytest.mark.filterwarnings("ignore:the cover is")
@pytest.mark.parametrize(("code", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_kept_or_a_note_says_that_it_is_lost(tmp_path, code, name):
    """A profile for viewers that don't know the codes is no reason to stay silent."""
    line = f"its colours are HDR ({name}): reduced to 8 bits, not tone-mapped"
    for file, make in (("a.avif", avif(9, code)), ("a.png", png(cicp(9, code), icc_profile=PROFILE))):
        cover = tmp_path / file
        cover.write_bytes(make(PIXELS))
        for out in ("sent.png", "sent.jpg"):
            path, report = hidden(cover, out)
            kept = cover.suffix == path.suffix
            assert (f"cover: {line}" in report.notes) is not kept
            assert not kept or stated(path.read_bytes()) == stated(cover.read_bytes())
        assert lost_by_pixels(cover)  # as a secret, it is hidden as it is
        with pytest.warns(UserWarning, match=re.escape(f"{cover}: {line}")):
            read_picture(cover)


def test_a_revealed_picture_of_hdr_that_is_converted_has_the_note(tmp_path):
    (tmp_path / "secret.avif").write_bytes(avif(9, 16)(PIXELS[:40, :40]))
    Image.fromarray(astronaut()).save(tmp_path / "cover.png")
    hide(tmp_path / "cover.png", tmp_path / "secret.avif", tmp_path / "sent.png", key=KEY)
    notes = reveal(tmp_path / "sent.png", tmp_path / "as.png", key=KEY).notes
    assert "its colours are HDR (PQ): reduced to 8 bits, not tone-mapped" in notes
