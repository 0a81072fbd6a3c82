"""Levels of H.264 slices: all that x264 writes is written again byte for byte, and what is changed is what changes."""

import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stegnet import MediaError
from stegnet.h264.levels import (
    WRITABLE,
    H264Error,
    Kind,
    Levels,
    Parameters,
    Reason,
    read_levels,
    write_levels,
    x264_padding,
)
from tests.support.films import bundled_ffmpeg, encode, encoded
from tests.support.h264 import (
    CODINGS,
    SLICES,
    Bits,
    hashes,
    is_cabac,
    is_first,
    moving,
    planes,
    slices,
    stream,
    units,
    written,
)

pytestmark = pytest.mark.slow

SIZE, MACROBLOCKS = (64, 96), 24
REFERRED = 0x60  # bits of nal_ref_idc
NOISY = "psy=0 subme=7 -qp 6 keyint=3", "psy=0 subme=7 -qp 6 keyint=1 cabac=0"
FIELDS = ("macroblock", "kind", "position", "qp", "block", "intra")
ZIGZAG = {  # row and column of each place in scan order
    side: sorted(np.ndindex(side, side), key=lambda at: (sum(at), at[(1 + sum(at)) % 2])) for side in (4, 8)
}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("films")

    @cache
    def made(options: str = "bframes=3 -qp 20", **choices: Any) -> Path:
        how: dict[str, Any] = {"count": 16, "size": SIZE} | choices
        return stream(folder / f"{len(list(folder.iterdir()))}.h264", options=options, **how)

    return made


def changed(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Signs and magnitudes of some levels changed at random."""
    random = np.random.default_rng(seed)
    sizes = np.clip(np.abs(values) + random.integers(-1, 2, values.shape), 1, np.maximum(np.abs(values), WRITABLE))
    return np.where(np.abs(values) > WRITABLE, values, sizes * random.choice([-1, 1], values.shape)).astype(np.int32)


def free(nals: list[bytes]) -> Iterator[tuple[int, Parameters, bytes]]:
    """Slices of pictures that no other refers to: by their header, and the last ones before an IDR picture."""
    found = [nal for _, _, nal in slices(nals)]
    starts = [place for place, nal in enumerate(found) if is_first(nal)] + [len(found)]
    last = {end: start for start, end in pairwise(starts)}
    ends = [end for end in starts[1:] if end == len(found) or found[end][0] & 31 == 5]
    unused = {place for end in ends for place in range(last[end], end)}
    for place, item in enumerate(slices(nals)):
        if not found[place][0] & REFERRED or place in unused:
            yield item


def rewritten(nals: list[bytes]) -> tuple[list[bytes], int]:
    """All free slices with changed levels, and the number of their pictures."""
    out, pictures = list(nals), 0
    for index, parameters, nal in free(nals):
        before = read_levels(parameters, nal)
        values = changed(before.value, index)
        out[index] = write_levels(parameters, nal, values)
        after = read_levels(parameters, out[index])
        np.testing.assert_array_equal(after.value, values)
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert out[index][:2] == nal[:2]
        pictures += is_first(nal)
    return out, pictures


@pytest.mark.parametrize("coding", [*CODINGS, *NOISY])
def test_slices_are_written_again_and_changed_levels_change_their_pictures_only(film, tmp_path, coding):
    """What is not changed is the same byte for byte. Of noise, x264 writes some macroblocks as samples (I_PCM)."""
    path = film(coding, noise=40.0, count=8) if coding in NOISY else film(coding)
    nals, counts = units(path.read_bytes()), set()
    for _, parameters, nal in slices(nals):
        levels = read_levels(parameters, nal)
        assert write_levels(parameters, nal, levels.value) == nal
        counts.add(len(np.unique(levels.macroblock)))
    assert coding not in NOISY or any(0 < count < MACROBLOCKS for count in counts)
    out, pictures = rewritten(nals)
    before, after = hashes(path), hashes(written(tmp_path / "changed.h264", out))
    different = sum(one != other for one, other in zip(before, after, strict=True))
    assert 0 < different <= pictures
    assert pictures < len(before) or "keyint=1 " in coding


@pytest.mark.parametrize("coding", CODINGS[2:7])
def test_levels_of_any_size_come_back(film, coding):
    """Beyond the changes by one: all lengths of codes, up to the largest."""
    random = np.random.default_rng(0)
    for _, parameters, nal in slices(units(film(coding).read_bytes())):
        before = read_levels(parameters, nal)
        sizes = np.exp(random.uniform(0, np.log(WRITABLE + 1), len(before))).astype(int).clip(1, WRITABLE)
        values = sizes * random.choice([-1, 1], len(before))
        values[:2] = (-WRITABLE, WRITABLE)[: len(values)]
        after = read_levels(parameters, write_levels(parameters, nal, values))
        np.testing.assert_array_equal(after.value, values)
        np.testing.assert_array_equal(after.position, before.position)


@pytest.mark.parametrize("cabac", [0, 1])
def test_macroblocks_whose_qp_differs_by_any_number_are_written_again(tmp_path, cabac):
    """From 26 less to 25 more (7.4.5): smooth ones beside noise, which x264 quantises by their variance."""
    random = np.random.default_rng(0)
    strength = np.exp(random.uniform(0, np.log(120), (8, 6, 8))).repeat(16, 1).repeat(16, 2)
    shown = (128 + strength * random.uniform(-1, 1, strength.shape)).clip(0, 255).astype(np.uint8)
    options = f"keyint=1:aq-mode=1:aq-strength=3:crf=26:cabac={cabac}"
    frames = (np.repeat(frame[..., None], 3, 2) for frame in shown)
    path = encode(tmp_path / "a.h264", frames, "libx264", "yuv420p", **{"x264-params": options})
    steps: set[int] = set()
    for _, parameters, nal in slices(units(path.read_bytes())):
        levels = read_levels(parameters, nal)
        _, firsts = np.unique(levels.macroblock, return_index=True)
        steps |= {(step + 26) % 52 - 26 for step in np.diff(levels.qp[firsts].astype(int)).tolist()}
        assert write_levels(parameters, nal, levels.value) == nal
    assert {-26, 25} <= steps


@pytest.mark.parametrize("options", [(), ("-profile:v", "high", "-coder", "cabac", "-slices", "3")])
def test_slices_of_another_encoder(tmp_path, options):
    """OpenH264's, in CAVLC and in CABAC."""
    source = encode(tmp_path / "source.mkv", moving(12))
    try:
        path = encoded(
            source, tmp_path / "a.h264", "-pix_fmt", "yuv420p", "-c:v", "libopenh264", "-b:v", "600k", *options
        )
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{bundled_ffmpeg()} has no OpenH264: {error}")
    nals = units(path.read_bytes())
    assert {is_cabac(parameters.of(nal)[1]) for _, parameters, nal in slices(nals)} == {bool(options)}
    out, pictures = rewritten(nals)
    assert pictures == 1
    assert hashes(path)[:-1] == hashes(written(tmp_path / "changed.h264", out))[:-1]


def waves(side: int, position: int) -> np.ndarray:
    """The orthonormal basis function of a DCT at a place in scan order."""
    row, column = ZIGZAG[side][position]
    at = np.arange(side)
    lines = [np.cos((2 * at + 1) * number * np.pi / (2 * side)) for number in (row, column)]
    return np.outer(*(line / np.linalg.norm(line) for line in lines))


def with_second_offset(pps: bytes, offset: int) -> bytes:
    """A picture parameter set of the High profile whose last number, second_chroma_qp_index_offset, is another."""
    read = Bits(pps)
    for codes, flags in ((2, 2), (3, 3), (3, 5)):  # 7.3.2.2: up to the matrices, of which there are none
        for _ in range(codes):
            read.ue()
        read.u(flags)
    before = read.bits[: read.at]
    assert before[-1] == "0" and set(read.bits[read.at :].strip("0")) <= {"0", "1"}
    return unit(pps[0], before + se(offset))


def place(levels: Levels, index: int) -> tuple[int, int, int, int]:
    """Plane, top, left and side of a level's block, in a picture eight macroblocks wide."""
    row, column = divmod(int(levels.macroblock[index]), 8)
    block, kind = int(levels.block[index]), levels.kind[index]
    if kind == Kind.LUMA_8X8:
        return 0, 16 * row + block // 2 * 8, 16 * column + block % 2 * 8, 8
    if kind == Kind.LUMA_4X4:
        quarter, part = divmod(block, 4)
        top, left = quarter // 2 * 8 + part // 2 * 4, quarter % 2 * 8 + part % 2 * 4
        return 0, 16 * row + top, 16 * column + left, 4
    return 1 + block // 4, 8 * row + block % 4 // 2 * 4, 8 * column + block % 2 * 4, 4


@pytest.mark.parametrize(("cabac", "wide", "second"), [(0, 0, None), (1, 1, None), (1, 1, -12)])
def test_a_level_is_the_coefficient_it_is_said_to_be(film, tmp_path, cabac, wide, second):
    """One more is a quantiser's step more of its basis function, at its place: of inter blocks, which none predicts.

    x264 quantises both planes of chroma alike; phones' encoders may give the second one an offset of its own.
    """
    first = -9 if second is None else 0
    own = f"bframes=2 b-pyramid=none no-deblock=1 constrained-intra=1 chroma-qp-offset={first} -qp 32"
    path = film(f"cabac={cabac} 8x8dct={wide} {own}", noise=25.0, count=24, size=(96, 128))
    nals = units(path.read_bytes())
    if second is not None:
        nals = [with_second_offset(nal, second) if nal[0] & 31 == 8 else nal for nal in nals]
        path = written(tmp_path / "own.h264", nals)
    index, parameters, nal = max(free(nals), key=lambda item: len(item[2]) * (not item[2][0] & REFERRED))
    levels, wanted = read_levels(parameters, nal), (Kind.LUMA_8X8, Kind.LUMA_4X4, Kind.CHROMA_AC)
    random, taken, values = np.random.default_rng(0), {}, levels.value.copy()
    for each in random.permutation(len(levels)):
        if (
            levels.kind[each] in wanted
            and not levels.intra[each]
            and taken.setdefault(place(levels, each), each) == each
        ):
            values[each] += np.sign(values[each])
    nals[index] = write_levels(parameters, nal, values)
    pairs = zip(planes(path), planes(written(tmp_path / "changed.h264", nals)), strict=True)
    differences = [[after - before for before, after in zip(*pair, strict=True)] for pair in pairs]
    (difference,) = [each for each in differences if any(plane.any() for plane in each)]
    assert {levels.kind[each] for each in taken.values()} >= {Kind.CHROMA_AC, wanted[1 - wide]}
    for (plane, top, left, side), each in taken.items():
        block = difference[plane][top : top + side, left : left + side].copy()
        difference[plane][top : top + side, left : left + side] = 0
        step = 0.625 * 2 ** (int(levels.qp[each]) / 6) * np.sign(values[each])
        assert np.linalg.norm(block - step * waves(side, int(levels.position[each]))) < abs(step) / 3
    assert not any(plane.any() for plane in difference)


@pytest.mark.parametrize("first", [0, 5])
def test_the_padding_of_x264_is_found(film, first):
    """And kept, where a slice shows it; that of other encoders is none."""
    nals = units(film("bframes=3 -qp 20", count=48).read_bytes())
    found = list(slices(nals))[first:]
    shown = [read_levels(*item[1:]).padding for item in found]
    padding = x264_padding(shown)
    assert None in shown
    assert {True, False} <= set(shown)
    assert padding == [bool(0x35A4E4F5 >> (index % 32) & 1) for index in range(first, first + len(shown))]
    for (_, parameters, nal), own in zip(found, padding, strict=True):
        values = changed(read_levels(parameters, nal).value)
        again = read_levels(parameters, write_levels(parameters, nal, values, padding=own))
        assert again.padding in (None, own)
    assert x264_padding([]) == []
    assert x264_padding([False, None] * 30) == [False] * 60
    assert x264_padding([None, None, True]) == [False, False, True]


def test_parameters_of_an_mp4(tmp_path):
    path = encode(tmp_path / "a.mp4", moving(5), "libx264", "yuv420p", qp="24")
    with av.open(str(path)) as opened:
        extradata = opened.streams.video[0].codec_context.extradata
        packet = next(bytes(packet) for packet in opened.demux(video=0) if packet.is_keyframe)
    parameters, size = Parameters.of_avcc(extradata)
    assert size == 4
    assert Parameters.of_avcc(extradata[:4] + b"\xfd" + extradata[5:])[1] == 2
    while packet[size] & 31 not in SLICES:
        packet = packet[size + int.from_bytes(packet[:size]) :]
    assert len(read_levels(parameters, packet[size : size + int.from_bytes(packet[:size])])) > 0
    for damaged in (b"", b"\1\0\0\0\3\1", b"\1\0\0\0\3\1\0\x09\x67", b"\0" * 9, b"\1\0\0\0\3\1\0\1\x65"):
        with pytest.raises(H264Error, match="damaged"):
            Parameters.of_avcc(damaged)


def test_films_of_other_kinds_are_refused(tmp_path):
    for pix_fmt, options, reason in (
        ("yuv420p", {"x264-params": "tff=1"}, Reason.INTERLACED),
        ("yuv420p", {"qp": "0"}, Reason.LOSSLESS),
        ("yuv420p10le", {}, Reason.DEEP),
        ("yuv422p", {}, Reason.NOT_420),
        ("yuv444p", {}, Reason.NOT_420),
    ):
        path = encode(tmp_path / "a.h264", moving(2), "libx264", pix_fmt, **options)
        for _, parameters, nal in slices(units(path.read_bytes())):
            with pytest.raises(H264Error) as caught:
                read_levels(parameters, nal)
            assert caught.value.reason == reason


def ue(*values: int) -> str:
    """Exp-Golomb codes."""
    codes = [f"{value + 1:b}" for value in values]
    return "".join("0" * (len(code) - 1) + code for code in codes)


def se(*values: int) -> str:
    """The same of numbers with signs."""
    return ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))


def unit(kind: int, bits: str) -> bytes:
    """A NAL unit of bits and a stop bit."""
    bits += "1" + "0" * (-len(bits) - 1 & 7)
    return bytes([kind, *(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))])


def made(
    profile: int = 66,
    size: tuple[int, int] = (7, 5),
    order: str = "011",
    bipred: str = "00",
    cropped: tuple[int, ...] = (),
    **others: int,
) -> Parameters:
    """Parameter sets by hand: CAVLC; `order` is the type of the picture order and what follows it."""
    cropping = "1" + ue(*cropped) if cropped else "0"
    sps = f"{profile:08b}{0:08b}{30:08b}" + ue(0, 0) + order + ue(1) + "0" + ue(size[0], size[1]) + f"11{cropping}0"
    order_present, groups, redundant = (others.get(name, 0) for name in ("order_present", "groups", "redundant"))
    pps = ue(0, 0) + f"0{order_present}" + ue(groups, 0, 0) + f"0{bipred}" + ue(0, 0, 0) + f"00{redundant}"
    found = Parameters()
    assert found.add(unit(0x67, sps))
    assert found.add(unit(0x68, pps))
    return found


SKIPPED = ue(0, 5, 0) + "0000" + "00" + ue(0)  # a P slice up to its slice_qp_delta
ALL_SKIPPED = unit(0x01, SKIPPED + ue(48))


def test_slices_that_no_encoder_here_writes():
    """Of skipped macroblocks only, and with differences of the picture order, which is of type 1."""
    assert len(read_levels(made(), ALL_SKIPPED)) == 0
    assert write_levels(made(), ALL_SKIPPED, np.zeros(0, int)) == ALL_SKIPPED
    parameters = made(order=ue(1) + "0" + ue(3, 4, 2, 5, 6))
    nal = unit(0x01, ue(0, 5, 0) + "0000" + ue(9) + "00" + ue(0) + ue(48))
    assert len(read_levels(parameters, nal)) == 0


@pytest.mark.parametrize("present", [0, 1])
@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        (ue(0, 0), ("0101", se(-3))),  # the type, and its numbers: of 4 bits, or differences, the second one if present
        (ue(1) + "0" + se(3, 4) + ue(2) + se(5, 6), (se(9), se(-7))),
        (ue(1) + "1" + se(3, 4) + ue(1) + se(5), ("", "")),
        (ue(2), ("", "")),
    ],
)
def test_the_picture_order_is_read_in_each_way(order, numbers, present):
    """With as many numbers as a slice has of each type (7.3.3)."""
    first, second = numbers
    parameters = made(order=order, order_present=present)
    nal = unit(0x01, ue(0, 5, 0) + "0000" + first + (second if present else "") + "00" + se(0) + ue(48))
    assert len(read_levels(parameters, nal)) == 0
    assert write_levels(parameters, nal, np.zeros(0, int)) == nal


LEVELS = {  # suffixes of a level's code, by the zeros in front of it, and the size that the first one gives (9.2.2.1)
    **{zeros: ("", zeros // 2 + 2) for zeros in range(14)},
    14: ("0000", 9), 15: ("0" * 12, 17), 16: ("0" * 13, 2065), 17: ("0" * 14, 6161),
}  # fmt: skip


@pytest.mark.parametrize("zeros", LEVELS)
def test_levels_at_both_ends_of_each_length_are_written_again(zeros):
    """One level in a P slice's first macroblock; of the longest codes, x264 writes none."""
    suffix, size = LEVELS[zeros]
    block = "000101" + "0" * zeros + "1{}" + "1" + "111"  # one level, no zeros before it; and three empty blocks
    start = SKIPPED + ue(0) + ue(0) + se(0, 0) + ue(2) + se(0)  # P_L0_16x16 with levels in one quarter
    ends = dict.fromkeys((suffix, suffix.replace("0", "1")))
    for end in ends:
        nal = unit(0x01, start + block.format(end) + ue(47))
        levels = read_levels(made(profile=77), nal)
        assert len(levels) == 1
        assert abs(levels.value[0]) == size + int("0" + end, 2) // 2
        assert write_levels(made(profile=77), nal, levels.value) == nal


def test_weights_of_both_lists_are_read_where_a_film_gives_its_own():
    """Of luma, of chroma and of both, for B pictures, which x264 weighs by their distance alone."""
    parameters = made(profile=77, order=ue(0, 0), bipred="01")
    start = ue(0, 6, 0) + "0000" + "0010" + "1" + "0" + "00"  # up to the weights
    luma, chroma = "1" + se(9, -3), "1" + se(-7, 2, 5, -1)
    for first, second in product(("00", luma + "0", "0" + chroma, luma + chroma), repeat=2):
        nal = unit(0x01, start + ue(5, 4) + first + second + se(0) + ue(48))
        assert len(read_levels(parameters, nal)) == 0
        assert write_levels(parameters, nal, np.zeros(0, int)) == nal


def test_each_operation_on_the_memory_of_pictures_is_read():
    """With as many numbers as it has (7.3.3.3)."""
    numbers = {1: (6,), 2: (5,), 3: (9, 4), 4: (2,), 5: (), 6: (7,)}
    start = ue(0, 5, 0) + "0000" + "00"
    for operation, own in [*numbers.items(), (0, ())]:
        marking = "1" + (ue(operation, *own) if operation else "") + ue(0)
        nal = unit(0x21, start + marking + se(0) + ue(48))
        assert len(read_levels(made(), nal)) == 0
        assert write_levels(made(), nal, np.zeros(0, int)) == nal


@pytest.mark.parametrize(
    ("parameters", "nal", "reason"),
    [
        (made(), b"\x06\x05\x01\x80", Reason.NOT_A_SLICE),
        (made(), made().sps[0], Reason.NOT_A_SLICE),
        (made(), b"", Reason.NOT_A_SLICE),
        (made(), b"\x01", Reason.DAMAGED),
        (made(), ALL_SKIPPED[:3], Reason.DAMAGED),
        (made(), unit(0x81, SKIPPED + ue(48)), Reason.DAMAGED),
        (made(), unit(0x01, SKIPPED + ue(49)), Reason.DAMAGED),
        (made(), ALL_SKIPPED[:2] + b"\0\0\1" + ALL_SKIPPED[2:], Reason.DAMAGED),
        (made(), unit(0x02, SKIPPED + ue(48)), Reason.PARTITIONED),
        (made(), unit(0x01, ue(0, 8, 0) + "0000" * 4), Reason.SWITCHING),
        (made(), unit(0x01, ue(0, 5, 1) + "0000" * 4), Reason.NO_PARAMETERS),
        (Parameters(), ALL_SKIPPED, Reason.NO_PARAMETERS),
        (made(order=ue(1) + "0" + ue(3, 4, 256)), ALL_SKIPPED, Reason.DAMAGED),
        (made(order=ue(3)), ALL_SKIPPED, Reason.DAMAGED),
        (made(profile=55), ALL_SKIPPED, Reason.UNKNOWN_PROFILE),
        (made(groups=1), ALL_SKIPPED, Reason.GROUPED),
        (made(size=(1023, 1023)), ALL_SKIPPED, Reason.TOO_LARGE),
        *(
            (made(cropped=each), ALL_SKIPPED, Reason.DAMAGED)
            for each in ((64, 0, 0, 0), (30, 34, 0, 0), (0, 0, 20, 28))
        ),
        (made(redundant=1), unit(0x01, ue(0, 5, 0) + "0000" + ue(1) + "0000" * 4), Reason.REDUNDANT),
    ],
)
def test_what_can_not_be_read_is_refused(parameters, nal, reason):
    with pytest.raises(MediaError) as caught:
        read_levels(parameters, nal)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def test_zeros_behind_a_slice_stay_and_needless_bytes_in_it_are_refused(film):
    """Zeros of a byte stream, and cabac_zero_words; an emulation prevention byte before what needs none."""
    _, parameters, nal = next(slices(units(film().read_bytes())))
    levels = read_levels(parameters, nal)
    for more in (b"\0", b"\0\0\0", b"\0\0\3\0\0\3", b"\0\0\3\0\0\3\0\0"):
        np.testing.assert_array_equal(read_levels(parameters, nal + more).value, levels.value)
        assert write_levels(parameters, nal + more, changed(levels.value)).endswith(more)
    at = next(at for at in range(40, len(nal)) if nal[at] == 0 and nal[at + 1] > 3 and nal[at - 1])
    with pytest.raises(H264Error):
        read_levels(parameters, nal[:at] + b"\0\0\3" + nal[at + 1 :])


def damaged(nal: bytes, random: np.random.Generator) -> bytes:
    data = np.frombuffer(nal, np.uint8).copy()
    for at in random.integers(1, len(data), random.choice([1, 1, 2, 20])):
        data[at] ^= 1 << random.integers(8)
    return data[: random.integers(1, len(data)) if random.random() < 0.3 else None].tobytes()


@pytest.mark.parametrize("coding", CODINGS[4:6])
def test_damaged_slices_are_refused_or_read(film, coding):
    random, refused = np.random.default_rng(0), 0
    for _, parameters, nal in slices(units(film(coding).read_bytes())):
        for _ in range(20):
            broken = damaged(nal, random)
            try:
                levels = read_levels(parameters, broken)
            except H264Error:
                refused += 1
                continue
            assert write_levels(parameters, broken, levels.value) == broken
    assert refused > 100


@pytest.mark.night
def test_the_fuzzer_finds_nothing(tmp_path):
    """In a few seconds; `make fuzz` takes its time."""
    from tools.fuzz_h264 import fuzz

    done = fuzz(tmp_path, 15, 0)
    assert done.returncode == 0, done.stderr
    assert " runs:" in done.stdout
