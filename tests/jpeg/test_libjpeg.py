"""libjpeg's arithmetic, against the programs that have it: Pillow, cjpeg and ImageMagick."""

import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from skimage.data import astronaut

from stegnet.core.pixels import COSINES, ZIGZAG
from stegnet.jpeg.libjpeg import (
    DctMethod,
    blocks_that_hold,
    changes_that_hold,
    colour_offsets,
    encode_planes,
)
from tests.support.jpegs import JpegPicture, read_jpeg
from tests.support.real_channels import CHANNELS
from tests.support.required import missing

CJPEG_NAMES = {"islow": "int", "ifast": "fast", "float": "float"}
SAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}
QUALITIES = (30, 60, 75, 90, 100)


@pytest.fixture(scope="module")
def cjpeg() -> str:
    """Path of libjpeg-turbo's encoder."""
    reason = "cjpeg is missing: install it (Debian: apt install libjpeg-turbo-progs)"
    return shutil.which("cjpeg") or missing("STEGNET_ENCODERS", reason)


@pytest.fixture(scope="module")
def pictures(picture: Callable[..., np.ndarray]) -> list[np.ndarray]:
    """A photograph, smooth colours, noise whose colours clip, and waves of black and white; few of them fill MCUs."""
    random = np.random.default_rng(0)
    places = np.arange(75)
    waves = np.cos(np.pi * (2 * places[:53, None] + 1) * 3 / 16) * np.cos(np.pi * (2 * places + 1) * 5 / 16)
    return [
        astronaut()[:214, 100:267],
        picture(61, 75),
        random.normal(128, 150, (42, 47, 3)).clip(0, 255).astype(np.uint8),
        random.integers(0, 2, (33, 50, 3), np.uint8) * 255,
        np.repeat((waves > 0)[..., None] * np.uint8(255), 3, axis=2),
        random.integers(0, 256, (1, 1, 3), np.uint8),
    ]


def check_coefficients(pixels: np.ndarray, jpeg: JpegPicture, dct: DctMethod, sampling: tuple[int, int]) -> None:
    """Checks that a file has the coefficients that are predicted for its pixels."""
    steps = [jpeg.quanta(component) for component in range(len(jpeg.planes))]
    for planned, written in zip(encode_planes(pixels, steps, sampling, dct), jpeg.planes, strict=True):
        np.testing.assert_array_equal(planned, written)


def test_grey_pictures_are_predicted(tmp_path, pictures):
    for pixels in pictures:
        grey = np.ascontiguousarray(pixels[..., 1])
        Image.fromarray(grey).save(tmp_path / "a.jpg", quality=85)
        check_coefficients(grey, read_jpeg(tmp_path / "a.jpg"), "islow", (1, 1))


@pytest.mark.parametrize("sampling", [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)])
@pytest.mark.parametrize("dct", get_args(DctMethod))
def test_coefficients_of_cjpeg_are_predicted(tmp_path, pictures, cjpeg, dct, sampling):
    if dct == "float" and platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("on other processors, libjpeg-turbo rounds halves otherwise")
    for pixels in pictures:
        Image.fromarray(pixels).save(tmp_path / "a.ppm")
        for quality in QUALITIES:
            options = ["-dct", CJPEG_NAMES[dct], "-quality", str(quality), "-sample", "{}x{}".format(*sampling)]
            subprocess.run([cjpeg, *options, "-outfile", tmp_path / "a.jpg", tmp_path / "a.ppm"], check=True)
            check_coefficients(pixels, read_jpeg(tmp_path / "a.jpg"), dct, sampling)


def decoded(path: Path) -> np.ndarray:
    """Luma and chroma of a JPEG in full size, or luma."""
    with Image.open(path) as image:
        image.draft("YCbCr", image.size)
        return np.asarray(image)


def luma_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of luma, (n, 64), and its steps."""
    jpeg = read_jpeg(path)
    return jpeg.planes[0].reshape(-1, 64), jpeg.quanta(0)


def check_held(path: Path, saved: Path, dct: DctMethod) -> int:
    """Checks that the blocks that hold are those that are unchanged in the file that was saved again; counts them."""
    sent, steps = luma_of(path)
    arrived, same_steps = luma_of(saved)
    np.testing.assert_array_equal(steps, same_steps)
    held = blocks_that_hold(sent, colour_offsets(decoded(path)).offset, steps, dct)
    np.testing.assert_array_equal(held, (arrived == sent).all(1))
    return int(held.sum())


@pytest.mark.parametrize("subsampling", SAMPLINGS)
def test_blocks_hold_that_pillow_saves_as_they_are(tmp_path, pictures, subsampling):
    """Those of clipped colours, too."""
    count = 0
    for pixels in pictures:
        whole = np.pad(pixels, (*[(0, -side % 16) for side in pixels.shape[:2]], (0, 0)), mode="edge")
        for quality in (60, 92, 98):
            Image.fromarray(whole).save(tmp_path / "a.jpg", quality=quality, subsampling=subsampling)
            Image.open(tmp_path / "a.jpg").save(tmp_path / "b.jpg", quality=quality, subsampling=subsampling)
            count += check_held(tmp_path / "a.jpg", tmp_path / "b.jpg", "islow")
    assert count > 100


def test_blocks_hold_that_imagemagick_saves_as_they_are(tmp_path):
    Image.fromarray(astronaut()[:208, 96:272]).save(tmp_path / "a.jpg", quality=75)
    CHANNELS["im75"](tmp_path / "a.jpg", tmp_path / "b.jpg", None)
    assert check_held(tmp_path / "a.jpg", tmp_path / "b.jpg", "ifast") > 10


def test_room_is_the_distance_from_clipping(tmp_path, pictures):
    """By the formulas of JFIF in floating point, from which libjpeg's integers differ by half a level."""
    for pixels in pictures:
        Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=90)
        planes = decoded(tmp_path / "a.jpg")
        rows, cols = (-(-side // 8) for side in planes.shape[:2])
        beyond = [(0, 8 * count - side) for count, side in zip((rows, cols), planes.shape[:2], strict=True)]
        luma, blue, red = np.moveaxis(np.pad(planes, (*beyond, (0, 0)), mode="edge").astype(float), 2, 0)
        blue -= 128
        red -= 128
        colours = np.stack([luma, luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue])
        room = np.minimum(colours, 255 - colours).min(0).reshape(rows, 8, cols, 8).min((1, 3)).ravel()
        offsets = colour_offsets(planes)
        np.testing.assert_allclose(offsets.room, room, atol=0.51)
        assert not offsets.offset[offsets.room >= 0].any()


def test_grey_pictures_have_room_for_luma():
    grey = np.full((9, 8), 100, np.uint8)
    grey[8] = 250
    offsets = colour_offsets(grey)
    assert (offsets.room.tolist(), offsets.offset.any(), offsets.offset.shape) == ([100, 5], False, (2, 64))


def through_pillow(path: Path) -> np.ndarray:
    """Coefficients of luma after Pillow decoded a grey JPEG and saved it with its tables."""
    with Image.open(path) as image:
        assert isinstance(image, JpegImageFile)
        image.save(path.with_suffix(".again.jpg"), qtables=image.quantization)
    return luma_of(path.with_suffix(".again.jpg"))[0]


@pytest.mark.parametrize("quality", [92, 97, 100])
def test_steps_hold_if_the_block_arrives_so(tmp_path, pictures, quality):
    """One coefficient of each block steps, at random."""
    random = np.random.default_rng(quality)
    pixels = np.concatenate([pictures[0][:208, :160, 1], random.integers(0, 256, (40, 160), np.uint8)])
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=quality)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    steps = jpeg.quanta(0)
    sent = jpeg.planes[0].reshape(-1, 64)
    numbers = np.arange(len(sent))
    offset = np.zeros(sent.shape, np.int8)
    arrives = (through_pillow(tmp_path / "a.jpg") == sent).all(1)
    np.testing.assert_array_equal(blocks_that_hold(sent, offset, steps, "islow"), arrives)

    outcomes = set()
    for _ in range(6):
        places = random.integers(1, 64, len(sent))
        sides = random.integers(0, 2, len(sent))
        wanted = np.zeros((len(sent), 63), bool)
        wanted[numbers, places - 1] = True
        held = changes_that_hold(sent, offset, steps, "islow", wanted)
        assert not held[:, ~wanted].any()
        stepped = sent.copy()
        stepped[numbers, places] += 1 - 2 * sides
        (tmp_path / "b.jpg").write_bytes(jpeg.with_planes([stepped.reshape(jpeg.planes[0].shape)]))
        arrives = (through_pillow(tmp_path / "b.jpg") == stepped).all(1)
        np.testing.assert_array_equal(held[sides, numbers, places - 1], arrives)
        outcomes |= set(arrives.tolist())
    assert outcomes == {False, True}


@pytest.mark.parametrize(("dct", "error"), [("islow", 0.15), ("float", 0.001)])
def test_blocks_hold_whose_coefficients_are_rounded_to_themselves(tmp_path, pictures, dct, error):
    """By the DCT in floating point, from which methods differ by an error: islow's results are in eighths of levels."""
    Image.fromarray(pictures[0][:208, :160, 1]).save(tmp_path / "a.jpg", quality=95)
    sent, steps = luma_of(tmp_path / "a.jpg")
    offset = np.zeros(sent.shape, np.int8)
    pixels = np.asarray(Image.open(tmp_path / "a.jpg")).reshape(26, 8, 20, 8).swapaxes(1, 2) - 128.0
    values = (COSINES @ pixels @ COSINES.T).reshape(-1, 64)[:, ZIGZAG]
    distance = (steps / 2 - np.abs(values - sent * steps)).min(1)
    held = blocks_that_hold(sent, offset, steps, dct)
    assert distance[held].min() > -error
    assert distance[~held].max() < error
    assert 0 < held.mean() < 1
