"""Levels coded by a network: the same bits from every engine and kernel, sizes, and bytes of strangers."""

import math
import os
import subprocess
import sys
from contextlib import nullcontext, suppress
from hashlib import sha256

import numpy as np
import pytest
from skimage.data import astronaut, chelsea

from stegnet import kernels
from stegnet.near import (
    Coded,
    Coder,
    Steps,
    decode,
    fit,
    quantise,
    restore,
    shipped_predictor,
)
from stegnet.near.mixtures import (
    _ARGUMENT_PARTS,
    _FARTHEST,
    _NARROW_BITS,
    EXPONENTIAL,
    LOGISTIC,
    MOST_SCALE,
    NARROW,
    IntervalDecoder,
    Mixtures,
    encode_intervals,
    intervals_of,
    least_bits,
    shifts_of,
    uniform_intervals,
)
from stegnet.near.predicted import _STRIP, LEAST_SIDE, decode_predicted, encode_predicted
from tests.support.kernels import both, numpy_kernels

needs_compiled = pytest.mark.skipif(not kernels.IN_C, reason="the kernels are not compiled")
SIZES = [(1, 1), (4, 4), (5, 5), (6, 5), (16, 200), (37, 64), (64, 37), (101, 77)]
ONE = Steps.even(3)


def mixtures_of(count: int, top: int, seed: int = 0) -> Mixtures:
    random = np.random.default_rng(seed)
    means = random.integers(-3 * 32, (top + 3) * 32, (3, count)).astype(np.int32)
    means[:, :2] = [[-(1 << 15), 1 << 15]]
    scales = random.integers(-32, 33, (3, count)).astype(np.int16)
    weights = random.integers(-128, 129, (3, count)).astype(np.int16)
    return Mixtures(means, scales, weights, top)


def bits_of(intervals: np.ndarray) -> np.ndarray:
    """The bits that each level takes."""
    bits: np.ndarray = 16 - np.log2(intervals & 0xFFFF)
    return bits


def near(mixtures: Mixtures, seed: int = 1) -> np.ndarray:
    """Levels that are likely, and some that are not."""
    random = np.random.default_rng(seed)
    _, means = intervals_of(mixtures, np.zeros(mixtures.means.shape[1], np.uint8))
    expected = means // 32 + random.integers(-3, 4, mixtures.means.shape[1])
    far = random.random(len(expected)) < 0.02
    return np.where(far, random.integers(0, mixtures.top + 1, len(expected)), expected.clip(0, mixtures.top)).astype(
        np.uint8
    )


def test_no_entry_of_a_table_depends_on_the_last_bits_of_a_library():
    places = np.arange(-_FARTHEST, _FARTHEST)
    exact = {
        id(LOGISTIC): [65536 / (1 + math.exp(-(place + 0.5) / _ARGUMENT_PARTS)) for place in places.tolist()],
        id(NARROW): [math.exp(-place / 8) * (1 << _NARROW_BITS) for place in range(-MOST_SCALE, MOST_SCALE + 1)],
        id(EXPONENTIAL): [math.exp(-place / 8) * 65536 for place in range(len(EXPONENTIAL))],
    }
    for table in (LOGISTIC, NARROW, EXPONENTIAL):
        values = np.array(exact[id(table)])
        np.testing.assert_array_equal(table, np.floor(values + 0.5))
        assert np.abs(values % 1 - 0.5).min() > 1e-6
    assert (np.diff(LOGISTIC) >= 0).all()


@needs_compiled
@pytest.mark.parametrize("top", [1, 51, 85, 255])
def test_kernel_and_numpy_code_the_same_bits(top: int) -> None:
    mixtures = mixtures_of(5000, top)
    levels = near(mixtures)
    first = uniform_intervals(levels[:40], top)
    made = []
    for chosen in (nullcontext, numpy_kernels):
        with chosen():
            intervals, expected = intervals_of(mixtures, levels)
            made.append((intervals.tolist(), expected.tolist(), encode_intervals(np.concatenate([first, intervals]))))
    assert made[0] == made[1]
    data = made[0][2]
    assert len(data) == pytest.approx(bits_of(np.concatenate([first, intervals])).sum() / 8, abs=8, rel=1e-3)
    for chosen in (nullcontext, numpy_kernels):
        decoder = IntervalDecoder(data)
        np.testing.assert_array_equal(decoder.uniform(40, top), levels[:40])
        with chosen():
            read, expected_levels = decoder.levels(mixtures)
        np.testing.assert_array_equal(read, levels)
        assert expected_levels.tolist() == made[0][1]
        assert decoder.is_finished


def test_frequencies_of_all_levels_are_positive_and_add_up():
    for top in (1, 85, 255):
        mixtures = mixtures_of(300, top)
        intervals = [intervals_of(mixtures, np.full(300, level, np.uint8))[0] for level in range(top + 1)]
        below, frequencies = np.divmod(np.array(intervals, np.int64), 1 << 16)
        assert (frequencies >= 2).all()
        np.testing.assert_array_equal(below, frequencies.cumsum(0) - frequencies)
        assert (frequencies.sum(0) == 1 << 16).all()


def check_restored(levels: np.ndarray, picture: np.ndarray, steps: Steps) -> None:
    """Samples are in the middle of their levels, but of levels of five values one off at most."""
    middle = restore(levels, steps).astype(int)
    for step, rows in steps.parts():
        assert (np.abs(picture[rows] - middle[rows]) <= (step == 5)).all()


def comes_back(picture: np.ndarray, steps: Steps) -> None:
    levels = quantise(picture, steps)
    height, width, _ = levels.shape
    data = encode_predicted(levels, steps, shipped_predictor())
    check_restored(levels, decode_predicted(data, height, width, steps, shipped_predictor()), steps)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("error", [0, 1, 2])
def test_levels_of_any_size_come_back(height: int, width: int, error: int) -> None:
    comes_back(chelsea()[100 : 100 + height, 100 : 100 + width], Steps.even(2 * error + 1))


def test_two_steps_and_noise_come_back():
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    for picture, steps in ((noise, Steps.even(1)), (astronaut()[:90, :80], Steps(3, 5, 41)), (noise, Steps(5, 1, 3))):
        comes_back(picture, steps)


def test_strips_give_the_same_prediction_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the order of the colours differs, so that the bits are as many, but for the coder's rounding."""
    levels = quantise(chelsea()[:120, :90], ONE)
    whole = len(encode_predicted(levels, ONE, shipped_predictor()))
    monkeypatch.setattr("stegnet.near.predicted._STRIP", 45 * 7)
    data = encode_predicted(levels, ONE, shipped_predictor())
    assert len(data) == pytest.approx(whole, abs=4)
    check_restored(levels, decode_predicted(data, 120, 90, ONE, shipped_predictor()), ONE)
    assert _STRIP // 45 > LEAST_SIDE


CODED = """
import sys
from hashlib import sha256
from skimage.data import astronaut
from stegnet.near import Steps, quantise, shipped_predictor
from stegnet.near.predicted import encode_predicted
steps = Steps.even(3)
print(sha256(encode_predicted(quantise(astronaut()[:200, :300], steps), steps, shipped_predictor())).hexdigest())
"""


@pytest.mark.parametrize(
    "setting",
    [
        {"STEGNET_KERNELS": "numpy"},
        {"STEGNET_THREADS": "1"},
        {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "NPY_DISABLE_CPU_FEATURES": "AVX512F"},
    ],
    ids=["numpy", "one thread", "without AVX-512"],
)
def test_another_process_codes_the_same_bits(setting: dict[str, str]) -> None:
    made = subprocess.run([sys.executable, "-c", CODED], env=os.environ | setting, capture_output=True, check=True)
    levels = quantise(astronaut()[:200, :300], ONE)
    here = sha256(encode_predicted(levels, ONE, shipped_predictor())).hexdigest()
    assert made.stdout.decode().strip() == here


def test_bytes_of_strangers_are_refused():
    levels = quantise(astronaut()[:48, :64], ONE)
    predictor = shipped_predictor()
    data = encode_predicted(levels, ONE, predictor)
    strange = [data[:-2], data + bytes(2), data + b"\0", data[:4], data[:9], data[:4] + bytes(len(data) - 4)]
    for case in strange:
        with pytest.raises(ValueError):
            decode_predicted(case, 48, 64, ONE, predictor)
    with pytest.raises(ValueError, match="shorter"):
        decode_predicted(data, 1 << 14, 1 << 14, ONE, predictor)
    with pytest.raises(ValueError, match="shorter"):  # all of it is in the first grid
        decode_predicted(data * 10, 4, 1 << 20, ONE, predictor)
    with pytest.raises(ValueError):
        decode_predicted(data, 64, 48, ONE, predictor)
    for steps in (Steps.even(7), Steps.even(4), Steps(2, 3, 9), Steps(3, 2, 9)):
        with pytest.raises(ValueError, match="no such steps"):
            decode_predicted(data, 48, 64, steps, predictor)
    random = np.random.default_rng(1)
    for _ in range(30):  # either other levels of the same size, or an error
        damaged = bytearray(data)
        for place in random.integers(4, len(data), 3):
            damaged[place] = random.integers(0, 256)
        with suppress(ValueError):
            assert decode_predicted(bytes(damaged), 48, 64, ONE, predictor).shape == (48, 64, 3)


def test_the_likeliest_picture_takes_the_least_bits():
    for count in (256, 86):
        top = count - 1
        sure = Mixtures(
            *(np.full((3, 9), value, kind) for value, kind in ((0, np.int32), (-32, np.int16), (0, np.int16))), top
        )
        intervals, _ = intervals_of(sure, np.zeros(9, np.uint8))
        assert least_bits(count) <= bits_of(intervals)[0] < least_bits(count) + 1e-3


def test_another_networks_code_is_named():
    data = encode_predicted(quantise(astronaut()[:48, :64], ONE), ONE, shipped_predictor())
    other = Coded(48, 64, ONE, Coder.NETWORK, b"\1\2\3\4" + data[4:])
    with pytest.raises(ValueError, match="coded by another network, 01020304"):
        decode(other)


def test_the_better_coder_is_chosen():
    photograph = astronaut()[:128, 100:228]
    lettering = np.zeros((128, 128, 3), np.uint8)
    lettering[16:112:8, 16:112:4] = 255
    most = 7 * 128 * 128 // 8
    fitted = [fit(picture, most) for picture in (photograph, lettering)]
    assert [coded.coder for coded in fitted if coded] == [Coder.NETWORK, Coder.JPEG_XL]


def test_restoring_takes_off_a_part_of_the_error():
    """Of black and white, whose levels have three values, too."""
    picture = chelsea()[:200, 100:300]
    bright = (picture.astype(int) + 110).clip(0, 255).astype(np.uint8)
    steps = Steps.even(5)
    for original in (picture, bright):
        levels = quantise(original, steps)
        coded = Coded(200, 200, steps, Coder.NETWORK, encode_predicted(levels, steps, shipped_predictor()))
        restored = decode(coded).astype(int)
        assert np.abs(restored - original).max() <= coded.coder.largest_error(steps) == 3
        before = (restore(levels, steps).astype(int) - original).astype(float)
        assert np.square(restored - original).mean() < np.square(before).mean()


@needs_compiled
def test_kernel_and_numpy_restore_alike():
    mixtures = mixtures_of(4000, 51)
    levels = near(mixtures)
    levels[:200] = np.arange(200) % 2 * 51
    shifts = shifts_of(mixtures, levels)
    both(lambda: shifts_of(mixtures, levels))
    assert set(shifts.tolist()) == {-1, 0, 1}
    assert (shifts[levels == 0] >= 0).all()
    assert (shifts[levels == 51] <= 0).all()
