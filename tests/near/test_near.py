"""Near-lossless coding of pictures: bounds of the error, coders, bytes of strangers, and fitting."""

import io
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut, chelsea

from stegnet.near import (
    Steps,
    decode,
    decode_jpeg_xl,
    encode_jpeg_xl,
    fit,
    quantise,
    restore,
    shipped_predictor,
)
from stegnet.near.jpeg_xl_header import require_plain
from stegnet.near.order import count_levels
from stegnet.near.predicted import encode_predicted

EFFORT = 7


@pytest.mark.parametrize("step", range(1, 65))
def test_no_sample_is_more_than_half_a_step_off(step: int) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)
    steps = Steps.even(step)
    levels = quantise(values, steps)
    restored = restore(levels, steps)
    error = np.abs(restored.astype(int) - values)
    assert error.max() <= step // 2 == steps.largest_error
    assert levels.max() == count_levels(step) - 1
    assert restored[0, 0, 0] == 0
    assert restored[0, 255, 0] == 255 or 255 % step
    # Of the values with a level, none would be a better place by more than rounding, but at the ends.
    for level in range(1, count_levels(step) - 1):
        cell = values[levels == level].astype(int)
        assert abs(cell.mean() - restored[levels == level][0]) <= 0.5


def test_upper_rows_have_a_finer_step() -> None:
    picture = astronaut()[:64, :64]
    steps = Steps(3, 5, 40)
    restored = restore(quantise(picture, steps), steps)
    np.testing.assert_array_equal(restored[:40], restore(quantise(picture[:40], Steps.even(3)), Steps.even(3)))
    np.testing.assert_array_equal(restored[40:], restore(quantise(picture[40:], Steps.even(5)), Steps.even(5)))
    assert steps.largest_error == 2
    with pytest.raises(ValueError, match="not levels"):
        restore(np.full((64, 64, 3), 52, np.uint8), steps)


def lettering() -> np.ndarray:
    """Return a picture with one pattern again and again, for which encoders have special means."""
    sign = np.random.default_rng(5).integers(0, 2, (9, 7, 1), np.uint8) * np.uint8(80)
    page = np.zeros((200, 300, 3), np.uint8)
    for row in range(3, 180, 14):
        for column in range(4, 280, 11):
            page[row : row + 9, column : column + 7] = sign
    return page


@pytest.mark.parametrize("effort", [5, 7, 9])
def test_levels_come_back(effort: int) -> None:
    random = np.random.default_rng(0)
    pictures = [
        astronaut()[:99, 100:277],
        random.integers(0, 256, (37, 50, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.full((8, 640, 3), 255, np.uint8),
        np.repeat(chelsea()[:64, :80, :1], 3, axis=2),
        lettering(),
        np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8),
    ]
    for picture in pictures:
        data = encode_jpeg_xl(picture, effort)
        np.testing.assert_array_equal(decode_jpeg_xl(data, *picture.shape[:2]), picture)


def test_bytes_of_strangers_are_refused() -> None:
    picture = astronaut()[:48, :64]
    data = encode_jpeg_xl(picture, EFFORT)
    random = np.random.default_rng(1)
    strange = [b"", b"\0", data[: len(data) // 2], data[:9], random.bytes(500)]
    for form, options in (("PNG", {}), ("GIF", {}), ("WEBP", {"lossless": True}), ("AVIF", {})):
        Image.fromarray(picture).save(file := io.BytesIO(), form, **options)
        strange.append(file.getvalue())
    for case in strange:
        with pytest.raises(ValueError):
            decode_jpeg_xl(case, 48, 64)
    for size in ((64, 48), (48, 63), (49, 64), (1 << 20, 1 << 20)):
        with pytest.raises(ValueError):
            decode_jpeg_xl(data, *size)

    for _ in range(300):  # either other levels of the same size, or an error
        damaged = bytearray(data)
        for place in random.integers(0, len(data), 3):
            damaged[place] = random.integers(0, 256)
        with suppress(ValueError):
            assert decode_jpeg_xl(bytes(damaged), 48, 64).shape == (48, 64, 3)


def bits(*fields: tuple[int, int]) -> bytes:
    """Return fields, each a number and its count of bits, as JPEG XL packs them."""
    value = place = 0
    for number, count in fields:
        value |= number << place
        place += count
    return value.to_bytes(place // 8 + 1, "little")


SIZE = [(1, 1), (0, 5), (1, 3)]  # 8×8 pixels
PIXELS = [(0, 1), (0, 1), (0, 1), (0, 2), (1, 1)]  # integers of 8 bits
COLOURS = [(0, 2), (0, 1), (1, 1), (0, 2), (1, 1)]  # no further channels; sRGB
FRAME = [(0, 1), (0, 2), (1, 1), (0, 2), (0, 1), (0, 2), (1, 2), (0, 2), (0, 1), (0, 2), (1, 1)]


def codestream(size: list[tuple[int, int]], *metadata: tuple[int, int], frame: list[tuple[int, int]] = FRAME) -> bytes:
    """Return the headers of a codestream."""
    used = sum(count for _, count in [*size, *metadata])
    return b"\xff\x0a" + bits(*size, *metadata, (0, -used % 8), *frame) + bytes(20)


def test_headers_of_jpeg_xl_are_checked() -> None:
    require_plain(codestream(SIZE, *PIXELS, *COLOURS), 8, 8)
    large = [(0, 1), (3, 2), ((1 << 30) - 1, 30), (1, 3)]
    with_channels = [(3, 2), (4095, 12), *COLOURS[1:]]  # 4,096 of them
    animated = [(0, 1), (1, 1), (0, 3), (0, 1), (0, 1), (1, 1)]
    cropped = [*FRAME[:8], (1, 1), (3, 2), (1 << 29, 30)]
    patches = [*FRAME[:3], (1, 2), (1, 4), *FRAME[4:]]
    reference = [(0, 1), (2, 2), *FRAME[2:]]
    hostile = [
        codestream(large, *PIXELS, *COLOURS),
        codestream(SIZE, *PIXELS, *with_channels),
        codestream(SIZE, *animated),
        codestream(SIZE, (1, 1)),
        *(codestream(SIZE, *PIXELS, *COLOURS, frame=frame) for frame in (cropped, patches, reference, FRAME[:-1])),
        codestream(SIZE, *PIXELS, *COLOURS)[:5],
        b"\0\0\0\x0cJXL \r\n\x87\n" + codestream(SIZE, *PIXELS, *COLOURS),
    ]
    for data in hostile:
        with pytest.raises(ValueError):
            require_plain(data, 8, 8)


@pytest.mark.parametrize("bits_per_pixel", [6.0, 7.0, 8.5])
def test_the_finest_steps_that_fit_are_taken(bits_per_pixel: float) -> None:
    picture = astronaut()[128:384, 128:384]
    most = int(bits_per_pixel * picture.shape[0] * picture.shape[1] / 8)
    coded = fit(picture, most)
    assert coded
    assert 0.99 * most <= len(coded.data) <= most
    shown = decode(coded)
    assert np.abs(shown.astype(int) - picture).max() == coded.coder.largest_error(coded.steps)
    finer = Steps(coded.steps.upper, coded.steps.lower, min(coded.steps.rows + 8, 256))
    if finer != coded.steps:
        codes = (
            encode_jpeg_xl(quantise(picture, finer), 9),
            encode_predicted(quantise(picture, finer), finer, shipped_predictor()),
        )
        assert min(map(len, codes)) > 0.995 * most


def test_what_fits_exactly_stays_exact() -> None:
    picture = astronaut()[:64, :64]
    coded = fit(picture, 3 * 64 * 64)
    assert coded
    assert coded.steps == Steps.even(1)
    np.testing.assert_array_equal(decode(coded), picture)
