"""The compiled kernels against NumPy's: the same bits, and no access outside of an array."""

import os
import subprocess
import sys
import sysconfig
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from stegnet import kernels
from stegnet.core.parallel import parallel_map
from stegnet.image.libjpeg import (
    DctMethod,
    arriving_blocks,
    blocks_that_hold,
    colour_offsets,
    encode_planes,
    steps_that_hold,
)
from stegnet.keys import Key
from stegnet.sealing import Costs, RepeatAccumulateCode, SampleModel, SealOptions, seal, texture_costs, trellis
from stegnet.sealing.fec import PHI
from stegnet.sealing.jpeg_samples import juniward
from stegnet.sealing.sample_order import first_sorted, stable_argsort
from tests.support.jpegs import JpegPicture, read_jpeg
from tests.support.kernels import both

WRONG, LIMIT, EFFORT = "do not fit", 1 << 24, 1 << 16
MODEL = SampleModel(2048, b"about")
MEDIA = Path(__file__).parents[1] / "media"
JPEG_TESTS = (
    f"{MEDIA}/test_jpeg.py::test_any_sampling_and_any_scans",
    f"{MEDIA}/test_jpeg_scans.py::test_coefficients_are_those_of_libjpeg",
    f"{MEDIA}/test_jpeg_scans.py::test_damaged_scans_are_read_as_by_libjpeg",
    f"{MEDIA.parent}/image/test_libjpeg.py",
)


@pytest.fixture(autouse=True)
def compiled():
    if kernels.compiled is None:
        stop = pytest.fail if os.environ.get("STEGNET_COMPILER") == "required" else pytest.skip
        stop("the kernels were not compiled: install a C compiler and Python's headers, then stegnet again")
    return kernels.compiled


@pytest.mark.parametrize("height", trellis.HEIGHTS)
def test_searches_are_the_same(monkeypatch, height):
    """Over widths, lanes, merged samples, costs that tie or are the highest, and costs that follow changes."""
    shapes = [(1, 1), (12, 17), (84, 4000), (255, 300), (600, 612), (1500, 9000)]
    for (trits, samples), highest, turns in product(shapes, (2, trellis.MAX_COST), (False, True)):
        random = np.random.default_rng((height, trits, samples, highest))
        up, down, ties = (random.integers(1, highest + 1, samples, np.uint16) for _ in range(3))
        values, wanted = random.integers(0, 256, samples, np.uint8), random.integers(0, 3, trits, np.uint8)
        plan = trellis.layout(trits, samples, height)

        def following(changes, lanes, chosen, up=up, down=down):
            near = np.roll(changes, 1) != 0
            return np.where(near, up // 2, up), np.where(near, down, down // 2)

        def changes(values=values, wanted=wanted, plan=plan, costs=(up, down, ties), turns=turns, follow=following):
            return trellis.write(values, wanted, plan, costs, follow if turns else None)

        both(monkeypatch, changes)
        both(monkeypatch, lambda values=values, plan=plan: trellis.read(values, plan))


@pytest.mark.parametrize(
    ("shape", "size", "grey"),
    [
        *(((40, 50, 3), 20, True), ((64, 96, 3), 400, True), ((65, 97, 3), 900, False), ((99, 131, 1), 300, True)),
        *(((80, 128, 3), 5, True), ((50, 60, 3), 1, True)),  # of which many samples are merged
    ],
)
def test_pictures_are_sealed_the_same(monkeypatch, picture, shape, size, grey):
    """For a key and a recipient, at the ends of the range, and as a JPEG's samples; larger ones in parts."""
    monkeypatch.setattr("stegnet.sealing.zones._PART_RUNS", 300)
    cover = picture(*shape[:2])[..., : shape[2]].copy()
    cover[:20], cover[-20:] = 0, 255
    costs = Costs(*(steps[..., : shape[2]] for steps in texture_costs(np.broadcast_to(cover, (*shape[:2], 3)))))
    for recipient, options in product(
        (None, bytes(range(32))),
        (
            SealOptions(True, EFFORT, grey),
            SealOptions(True, EFFORT, clustered=False, medium=MODEL),
            SealOptions(True, EFFORT, grey, medium=MODEL),
        ),
    ):
        keys = Key(bytes(32)) if recipient is None else Key(bytes(32), recipient)

        def sealed(options=options, keys=keys):
            found, random = cover.copy(), np.random.default_rng(1)
            seal(found, random.bytes(size), keys.new_keys(random.bytes), bytes(32), costs, options)
            return found

        both(monkeypatch, sealed)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (17, 33), (263, 4000)])
def test_costs_are_the_same(monkeypatch, size):
    """Of pictures narrower than what is mirrored at their edges, and of one that is computed in strips."""
    for highest in (2, 256) if size[0] < 100 else (256,):
        picture = np.random.default_rng(highest).integers(0, highest, (*size, 3), np.uint8)
        both(monkeypatch, lambda picture=picture: texture_costs(picture).up)


WAYS: tuple[dict[str, Any], ...] = (
    {}, {"optimize": True}, {"restart_marker_blocks": 1}, {"restart_marker_rows": 1, "optimize": True},
)  # fmt: skip


def a_jpeg(tmp_path: Path, pixels: np.ndarray, **options: Any) -> JpegPicture:
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=85, **options)
    return read_jpeg(tmp_path / "a.jpg")


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("sampling", ["4:2:0", "4:2:2", "4:4:4", "grey"])
def test_scans_are_coded_the_same(monkeypatch, tmp_path, picture, way, sampling):
    """With their own coefficients, and with any: long runs, the largest values, and symbols that need other tables."""
    for size in ((61, 75), (9, 17), (1, 1)):
        pixels, random = picture(*size), np.random.default_rng(size)
        if sampling == "grey":
            jpeg = a_jpeg(tmp_path, pixels[..., 0], **way)
        else:
            jpeg = a_jpeg(tmp_path, pixels, subsampling=sampling, **way)
        for highest, share in ((1, 0.5), (1023, 0.02), (1023, 1.0)):
            planes = [random.integers(-highest, highest + 1, plane.shape, np.int16) for plane in jpeg.planes]
            for plane in planes:
                plane[random.random(plane.shape) >= share] = 0
            both(monkeypatch, lambda jpeg=jpeg, planes=planes: np.frombuffer(jpeg.with_planes(planes), np.uint8))
        assert jpeg.with_planes(jpeg.planes) == jpeg.file.data


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (264, 24)])
def test_wavelet_costs_are_the_same(monkeypatch, size):
    """Bit for bit, although they are floating-point numbers: no product is added before it is rounded."""
    pixels = np.random.default_rng(size).integers(0, 256, size).astype(np.float32)
    both(monkeypatch, lambda: juniward(pixels, np.arange(1, 65)))


@pytest.mark.parametrize("count", [0, 1, 2, 40, 5000])
def test_orders_are_the_same(monkeypatch, count):
    """Of random words, of those of which many are equal, and of those of which only the lowest bits differ."""
    random = np.random.default_rng(count)
    for words in (random.integers(0, 1 << 64, count, np.uint64), random.integers(0, 99, count, np.uint64)):
        both(monkeypatch, lambda words=words: stable_argsort(words))
        np.testing.assert_array_equal(stable_argsort(words), words.argsort(kind="stable"))
        for few in {0, min(count, 3), count}:
            np.testing.assert_array_equal(first_sorted(words, few), words.argsort(kind="stable")[:few])


@pytest.mark.parametrize(("size", "rate", "noise"), [(7, 20, 0.4), (384, 10, 1.4), (384, 10, 9.0), (5000, 44, 0.6)])
def test_codewords_are_decoded_the_same(monkeypatch, size, rate, noise):
    """Those that are found, and those that are not; several at once; ratios that are no numbers, or none at all."""
    random = np.random.default_rng(size)
    code, words = RepeatAccumulateCode(size, max(size * rate // 64, 1), rate), np.empty((size, 4), np.float32)
    for word in words.T:
        sent = 2.0 * code.encode(random.integers(0, 2, code.k, np.uint8)) - 1
        word[:] = 2 * (sent + noise * random.normal(size=size)) / noise**2
    words[: size // 9, 2], words[:, 3] = np.nan, 0

    def decoded():
        found = code.decode_each(words, 30)
        return np.array([np.full(code.k, 2) if message is None else message for message in found])

    both(monkeypatch, decoded)
    assert (decoded()[0] < 2).all() == (noise < 9)


def test_threads_code_scans_at_once(tmp_path, picture):
    jpeg = a_jpeg(tmp_path, picture(512, 512))
    assert {*parallel_map(lambda _: jpeg.with_planes(jpeg.planes), range(16), 4)} == {jpeg.file.data}


def test_scans_without_codes_or_capacity_are_refused(compiled):
    blocks, owner, out = np.full((2, 64), 3, np.int16), np.zeros(1, np.uint8), np.zeros(2000, np.uint8)
    codes, sizes, counts = np.zeros((32, 256), np.uint16), np.full((32, 256), 16, np.uint8), np.zeros((32, 256), int)
    compiled.count(blocks, owner, owner, owner, 2, counts)
    assert (counts.sum(), counts[0, 2], counts[0, 0]) == (128, 127, 1)
    written = compiled.code(blocks, owner, owner, owner, 2, codes, sizes, out)
    assert written == -(-(128 * 16 + 2 * 127) // 8) and not out[written:].any()
    for capacity in (*range(0, 40), written - 1, written):  # 16 bytes more are asked for
        with pytest.raises(ValueError, match=WRONG):
            compiled.code(blocks, owner, owner, owner, 2, codes, sizes, out[:capacity])
    with pytest.raises(ValueError, match="no code"):
        compiled.code(blocks, owner, owner, owner, 2, codes, sizes * 0, out)


@pytest.mark.parametrize("dct", get_args(DctMethod))
@pytest.mark.parametrize("count", [0, 1, 15, 33])
def test_blocks_are_saved_again_the_same(monkeypatch, dct, count):
    """Over blocks of a picture, and blocks that no encoder makes, whose numbers wrap around."""
    random = np.random.default_rng(count)
    steps = random.integers(1, 20, 64)
    for highest, factor in product((3, 1023, 32767), (1, 4000)):
        sizes = np.where(random.random((count, 64)) < 0.3, highest, 1)
        blocks = random.integers(-sizes, sizes + 1).astype(np.int16)
        offset = random.integers(-80, 80, (count, 64)).astype(np.int8)
        both(monkeypatch, partial(arriving_blocks, blocks, offset, steps * factor, steps, dct))
        compare_held(monkeypatch, blocks, offset // 80, steps * factor, dct)


@pytest.mark.parametrize("dct", get_args(DctMethod))
@pytest.mark.parametrize("highest", [1, 2, 5])
def test_blocks_hold_the_same(monkeypatch, picture, dct, highest):
    """Blocks of a picture in fine steps, of which some hold."""
    steps = np.random.default_rng(highest).integers(1, highest + 1, 64)
    (plane,) = encode_planes(picture(88, 176)[..., 1], [steps], (1, 1), dct)
    blocks = plane.reshape(-1, 64)
    compare_held(monkeypatch, blocks, np.zeros(blocks.shape, np.int8), steps, dct)


def compare_held(
    monkeypatch: pytest.MonkeyPatch, blocks: np.ndarray, offset: np.ndarray, steps: np.ndarray, dct: DctMethod
) -> None:
    wanted = np.random.default_rng(0).random((len(blocks), 63)) < 0.4
    for margin in (0, 0.2):
        both(monkeypatch, partial(blocks_that_hold, blocks, offset, steps, dct, margin))
        both(monkeypatch, partial(steps_that_hold, blocks, offset, steps, dct, margin, wanted))


@pytest.mark.parametrize("dct", get_args(DctMethod))
@pytest.mark.parametrize("shape", [(1, 1, 3), (9, 140, 3), (150, 31, 3), (17, 40)])
def test_pictures_are_encoded_the_same(monkeypatch, dct, shape):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, shape, np.uint8)
    tables = [random.integers(1, 1 << bits, 64) for bits in ((1, 8, 16) if len(shape) == 3 else (8,))]

    def encoded() -> np.ndarray:
        return np.concatenate([plane.ravel() for plane in encode_planes(pixels, tables, (2, 2), dct)])

    both(monkeypatch, encoded)
    both(monkeypatch, lambda: colour_offsets(pixels).offset)
    both(monkeypatch, lambda: colour_offsets(pixels).room)


WRONG_BANDS = (0, 5, 4, 0, 0), (0, -1, 4, 0, 0), (0, 0, 64, 0, 0), (0, 0, 63, 0, 14), (0, 0, 63, 0, -1)
WRONG_SIZES = (0, 2, 0), (2, 2, 0), (1, 3, 0), (1, 1 << 40, 0), (1 << 40, 1, 0), (1, 2, -1)
WRONG_PLACES = (
    *((-1, 2, 1, 1), (1, 2, 1, 1), (0, 1, 1, 1), (0, -2, 1, 1), (0, 1 << 40, 1, 1), (1 << 62, 2, 1, 1)),
    *((0, 2, 0, 1), (0, 2, 5, 1), (0, 2, 2, 1), (0, 2, 1, 0), (0, 2, 1, 2), (0, 2, 1, 1 << 32 | 1)),
)


def test_arrays_that_do_not_fit_each_other_are_refused(compiled):
    """So that no loop leaves one, whoever calls: sizes, places outside of the source, trits and columns too large."""
    numbers, words, bytes_ = np.zeros(4, np.int32), np.ones(4, np.uint16), np.zeros(4, np.uint8)
    far, trits, columns = np.full(4, 4, np.int32), np.zeros((2, 2), np.uint8), np.ones(1, np.uint16)
    starts, steps = np.arange(3), np.zeros(4, np.int8)
    blocks, owners = np.zeros(128, np.int16), [bytes_[:1]] * 3
    counts, codes, sizes = (np.zeros((32, 256), kind) for kind in (np.int64, np.uint16, np.uint8))
    sizes += 16
    follow, four = np.zeros(8, np.int8), [words, words, words.copy(), words.copy()]
    floats, taps = np.zeros(17, np.float32), np.zeros(16, np.float32)
    window, factors, block = (np.zeros(count, np.float32) for count in (23 * 23, 8 * 23, 64))
    words3 = words, words, words
    sums = np.zeros(2, np.uint8), np.zeros(2, np.uint64), np.zeros(2, np.uint64)
    places, tables, band, size = np.array([[0, 2, 1, 1]]), np.zeros((1, 2, 272), np.uint8), (0, 0, 63, 0, 0), (1, 2, 0)
    samples, ranks, ties = np.zeros(62, np.uint8), np.zeros(1, np.int32), np.zeros(33, np.uint16)
    costs = np.ones(62, np.uint16), np.ones(62, np.uint16)
    rgb, table, tables_of_steps = np.zeros(192, np.uint8), np.ones(64, np.int32), [np.ones(64, np.int32)] * 4
    coded, shift, held, tried = (np.zeros(count, kind) for count, kind in ((64, "h"), (64, "b"), (1, "?"), (63, "?")))
    calls = [
        (compiled.jpeg_ycc, rgb, rgb[:63].copy(), rgb[:64].copy(), rgb[:64].copy()),
        (compiled.jpeg_ycc, rgb, rgb[:64].copy(), rgb[:64].copy(), rgb[:63].copy()),
        (compiled.jpeg_offsets, rgb[:-1], 1, 3, shift, coded[:1]),
        (compiled.jpeg_offsets, rgb, 1, 2, shift, coded[:1]),
        (compiled.jpeg_offsets, rgb, 0, 3, shift, coded[:1]),
        (compiled.jpeg_offsets, rgb, 2, 3, shift, coded[:1]),
        (compiled.jpeg_offsets, rgb, 1, 3, shift[:-1], coded[:1]),
        (compiled.jpeg_forward, 0, rgb[:64], 2, table, coded),
        (compiled.jpeg_forward, 0, rgb[:64], -1, table, coded),
        (compiled.jpeg_forward, 3, rgb[:64], 1, table, coded),
        (compiled.jpeg_forward, -1, rgb[:64], 1, table, coded),
        (compiled.jpeg_forward, 0, rgb[:64], 1, table * 0, coded),
        (compiled.jpeg_forward, 0, rgb[:64], 1, table[:-1], coded),
        (compiled.jpeg_forward, 0, rgb[:64], 1, table, coded[:-1]),
        (compiled.jpeg_arrive, 0, coded[:-1], shift, table, table, coded.copy()),
        (compiled.jpeg_arrive, 0, coded, shift[:-1], table, table, coded.copy()),
        (compiled.jpeg_arrive, 0, coded, shift, table[:-1], table, coded.copy()),
        (compiled.jpeg_arrive, 0, coded, shift, table, table[:-1], coded.copy()),
        (compiled.jpeg_arrive, 0, coded, shift, table, table, coded[:-1].copy()),
        (compiled.jpeg_blocks_hold, 0, coded, shift[:-1], *tables_of_steps, held),
        (compiled.jpeg_blocks_hold, 0, coded[:-1], shift, *tables_of_steps, held),
        (compiled.jpeg_blocks_hold, 0, coded, shift, *tables_of_steps[:3], table[:-1], held),
        (compiled.jpeg_blocks_hold, 0, coded, shift, *tables_of_steps, held.repeat(2)),
        (compiled.jpeg_steps_hold, 0, coded[:-1], shift, *tables_of_steps, tried, tried.copy(), tried.copy()),
        (compiled.jpeg_steps_hold, 0, coded, shift, table[:-1], *tables_of_steps[:3], *[tried.copy()] * 3),
        (compiled.jpeg_steps_hold, 0, coded, shift, *tables_of_steps, tried[:-1], tried.copy(), tried.copy()),
        (compiled.jpeg_steps_hold, 0, coded, shift, *tables_of_steps, tried, tried[:-1].copy(), tried.copy()),
        (compiled.jpeg_steps_hold, 0, coded, shift, *tables_of_steps, tried, tried.copy(), tried[:-1].copy()),
        (compiled.decode_scan, b"", band, size, places, tables, blocks[:-1]),
        (compiled.decode_scan, b"", band, size, places[:0], tables[:0], blocks),
        (compiled.decode_scan, b"", band, size, places.repeat(5, 0), tables.repeat(5, 0), blocks),
        (compiled.decode_scan, b"", band, size, places, tables[:, :1], blocks),
        (compiled.decode_scan, b"", band, size, places, tables + 2, blocks),
        (compiled.decode_scan, b"", band, size, places, np.eye(1, 272, dtype=np.uint8) * 2 + tables, blocks),
        *((compiled.decode_scan, b"", each, size, places, tables, blocks) for each in WRONG_BANDS),
        *((compiled.decode_scan, b"", band, each, places, tables, blocks) for each in WRONG_SIZES),
        *((compiled.decode_scan, b"", band, size, np.array([each]), tables, blocks) for each in WRONG_PLACES),
        (compiled.search, trits, words[:3], words, steps, starts, columns, 1, 0, 1),
        (compiled.search, trits + 3, words, words, steps, starts, columns, 1, 0, 1),
        (compiled.search, trits, words, words, steps, starts * LIMIT, columns, 1, 0, 1),
        (compiled.search, trits, words, words, steps, starts, columns * 3, 1, 0, 1),
        (compiled.search, trits, words, words, steps, starts, columns, 7, 0, 1),
        (compiled.search, trits, words, words, steps, starts, columns, 1, -1, 1),
        (compiled.syndrome, bytes_, starts, columns, 7, trits.copy()),
        (compiled.syndrome, bytes_[:3], starts, columns, 1, trits.copy()),
        (compiled.syndrome, bytes_, starts, columns[:0], 1, trits.copy()),
        (compiled.syndrome, bytes_, starts * LIMIT, columns, 1, trits.copy()),
        (compiled.syndrome, bytes_, starts, columns, 1, trits.reshape(-1)[:3].copy()),
        (compiled.numbers, np.zeros(1, np.int64), -1, numbers),
        (compiled.greens, np.zeros(1, np.int64), 0, 4, 2, numbers.copy()),
        (compiled.greens, np.zeros(1, np.int64), 0, 33, 3, np.zeros(33, np.int32)),
        (compiled.greens, np.zeros(1, np.int64), 0, 5, 3, numbers.copy()),
        (compiled.greens, np.full(1, -1), 0, 4, 3, numbers.copy()),
        (compiled.mark, np.zeros(1, np.int64), 0, 4, 3, bytes_[:1].copy()),
        (compiled.mark, np.zeros(1, np.int64), 0, 4, 9, bytes_[:1].copy()),
        (compiled.mark, np.zeros(1, np.int64), 0, 33, 99, np.zeros(13, np.uint8)),
        (compiled.mark, np.zeros(1, np.int64), -1, 4, 9, bytes_[:2].copy()),
        (compiled.mark, np.full(1, -1), 0, 4, 9, bytes_[:2].copy()),
        (compiled.price, far, 4, words, words, bytes_[:0], 0, 9, 1, 0, words.copy(), words.copy()),
        (compiled.price, numbers, 4, words, words, bytes_, 1, 9, 1, 0, words.copy(), words.copy()),
        (compiled.price, numbers, 5, words, words, bytes_[:0], 0, 9, 1, 0, words.copy(), words.copy()),
        (compiled.price, numbers, 4, words, words[:3], bytes_[:0], 0, 9, 1, 0, words.copy(), words.copy()),
        (compiled.price, numbers, 4, words, words, bytes_[:3], 0, 9, 1, 0, words.copy(), words.copy()),
        (compiled.price, numbers, 4, words, words, bytes_[:0], 0, 9, 1, 4, words.copy(), words.copy()),
        (compiled.price, numbers, 4, words, words, bytes_[:0], 0, 9, 1, 0, words.copy(), words[:3].copy()),
        (compiled.final, bytes_, words[:3], words, 0, 0, 9, 1, words),
        (compiled.gather, words, far, 1, 0, words.copy()),
        (compiled.gather, words, numbers, 1, words.size + 1, words.copy()),
        (compiled.gather, words, numbers, 1, 0, words[:3].copy()),
        (compiled.merge, bytes_, far, 2, 1, *words3, b"", 0, 9, 1, 0, *sums),
        (compiled.merge, bytes_, numbers, 2, 1, *words3, b"", 1, 9, 1, 0, *sums),
        (compiled.merge, bytes_, numbers, 2, 1, words[:3], words, words, b"", 0, 9, 1, 0, *sums),
        (compiled.merge, bytes_, numbers, 2, 1, words, words, words[:3], b"", 0, 9, 1, 0, *sums),
        (compiled.merge, bytes_, numbers, 2, 1, *words3, b"12", 0, 9, 1, 0, *sums),
        (compiled.merge, bytes_, numbers, 1 << 62, 4, *words3, b"", 0, 9, 1, 0, *sums),
        (compiled.merge, bytes_, numbers, 2, 1, *words3, b"", 0, 9, 1, 0, *sums[:2], follow[:8]),
        (compiled.merge_runs, samples, ranks, 0, 2, 2, 1, ties, *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 1, 1, 2, 1, ties, *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, -1, 1, 2, 1, ties, *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks[:0], 0, 1, 2, 1, ties, *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples[:33], ranks, 0, 1, 2, 1, ties, *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 0, 1, 1 << 62, 1, ties, *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 0, 1, 2, 3, ties, *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 0, 1, 2, 1, ties[:3], *costs, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 0, 1, 2, 1, ties, ties, ties, b"", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 0, 1, 2, 1, ties, *costs, b"1", 0, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 0, 1, 2, 1, ties, *costs, b"", 1, 9, 1, *sums),
        (compiled.merge_runs, samples, ranks, 0, 1, 2, 1, ties, *costs, b"", 0, 9, 1, *sums[:2], follow[:8]),
        (compiled.count, blocks[:-1], *owners, 1, counts),
        (compiled.count, blocks, bytes_[:1], bytes_[:1] + 32, bytes_[:1], 1, counts),
        (compiled.count, blocks, *owners, 1, counts[:-1]),
        (compiled.code, blocks, *owners, 1, codes[:-1], sizes, np.zeros(4000, np.uint8)),
        (compiled.code, blocks, *owners, 1, codes, sizes + 1, np.zeros(4000, np.uint8)),
        (compiled.follow, far, 1, follow, 2, 9, 2, 0, 1, *four),
        (compiled.follow, numbers, 1, follow[:3], 2, 9, 2, 0, 1, *four),
        (compiled.follow, numbers, 1, follow, 2, 9, 2, -1, 1, *four),
        (compiled.smooth, bytes_, 1, numbers),
        (compiled.filter, floats, 17, taps, 2, 0.0, floats.copy()),
        (compiled.filter, floats, 17, taps[1:], 1, 0.0, floats[:2].copy()),
        (compiled.filter, floats, 17, taps, 1, 0.0, floats[:3].copy()),
        (compiled.filter, floats, 17, taps, 0, 0.0, floats[:17].copy()),
        (compiled.windows, window[1:], 23, factors, factors, block.copy()),
        (compiled.windows, window, 24, factors, factors, block.copy()),
        (compiled.windows, window, 23, factors[1:], factors, block.copy()),
        (compiled.windows, window, 23, factors, factors[1:], block.copy()),
        (compiled.windows, window, 23, factors, factors, block[1:].copy()),
        (compiled.windows, window[: 15 * 23], 23, factors, factors, block[:0].copy()),
        (compiled.decode, floats, far, np.array([2, 2]), PHI[1:], 9, bytes_),
        (compiled.decode, floats[:4], far, np.array([2, 2]), PHI, 9, bytes_),
        (compiled.decode, floats, far, np.array([2, 1]), PHI, 9, bytes_),
        (compiled.decode, floats, far, np.array([2, 3]), PHI, 9, bytes_),
        (compiled.decode, floats, far, np.array([0, 4]), PHI, 9, bytes_),
        (compiled.decode, floats, far, np.array([1 << 62, 4]), PHI, 9, bytes_),
        (compiled.decode, floats[:5], far, np.array([2, 2]), PHI, 9, np.zeros(6, np.uint8)),
        (compiled.step, bytes_, far, steps, b"", 0),
        (compiled.step, bytes_, numbers, steps, b"12", 0),
    ]
    for kernel, *arguments in calls:
        with pytest.raises(ValueError, match=WRONG):
            kernel(*arguments)


UNDER_SANITIZERS = """
import sys, importlib.util, pytest
spec = importlib.util.spec_from_file_location("stegnet.kernels._kernels", sys.argv[1])
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
from stegnet import kernels
assert kernels.compiled is sys.modules[spec.name]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-m", "not long", *sys.argv[2:]]))
"""


@pytest.mark.long
@pytest.mark.slow
def test_no_sanitizer_finds_anything(tmp_path):
    """The tests above, of kernels that were compiled with AddressSanitizer and UndefinedBehaviorSanitizer."""
    built, flags = tmp_path / "_kernels.so", ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    flags.append("-ffp-contract=off")
    headers = f"-I{sysconfig.get_paths()['include']}"
    sources = [*Path(kernels.__file__).parent.glob("*.c")]
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", headers, *sources, "-o", built], check=True)
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    own = {"LD_PRELOAD": runtime.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    command = [sys.executable, "-c", UNDER_SANITIZERS, built, __file__, *JPEG_TESTS]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
