"""The kernels against their oracles in NumPy: the same bits."""

from dataclasses import replace
from functools import partial
from itertools import product
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from stegnet import kernels
from stegnet.core.parallel import parallel_map
from stegnet.jpeg.cover import rounding_errors
from stegnet.jpeg.libjpeg import (
    DctMethod,
    blocks_that_hold,
    changes_that_hold,
    colour_offsets,
    encode_planes,
)
from stegnet.jpeg.samples import coefficient_costs, juniward
from stegnet.keys import Key
from stegnet.sealing import Costs, RepeatAccumulateCode, SampleRules, SealOptions, seal, texture_costs, trellis
from stegnet.sealing.sample_order import first_sorted, stable_argsort
from tests.support.jpegs import read_jpeg
from tests.support.kernels import both

EFFORT = 1 << 16
RULES = SampleRules(2048, b"about")


@pytest.mark.parametrize("height", trellis.HEIGHTS)
def test_searches_are_the_same(height):
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

        both(changes)
        both(lambda values=values, plan=plan: trellis.read(values, plan))


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
            SealOptions(True, EFFORT, clustered=False, rules=RULES),
            SealOptions(True, EFFORT, grey, rules=RULES),
        ),
    ):
        keys = Key(bytes(32)) if recipient is None else Key(bytes(32), recipient)

        def sealed(options=options, keys=keys):
            random = np.random.default_rng(1)
            return seal(cover, random.bytes(size), keys.new_keys(random.bytes), bytes(32), costs, options)

        both(sealed)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (17, 33), (263, 4000)])
def test_costs_are_the_same(size):
    """Of pictures narrower than what is mirrored at their edges, and of one that is computed in strips."""
    for highest in (2, 256) if size[0] < 100 else (256,):
        picture = np.random.default_rng(highest).integers(0, highest, (*size, 3), np.uint8)
        both(lambda picture=picture: texture_costs(picture).up)


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (264, 24)])
def test_wavelet_costs_are_the_same(size):
    """Bit for bit, although they are floating-point numbers: no product is added before it is rounded."""
    pixels = np.random.default_rng(size).integers(0, 256, size).astype(np.float32)
    both(lambda: juniward(pixels, np.arange(1, 65)))


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (264, 24)])
@pytest.mark.parametrize("highest", [0, 1, 40, 9000])
def test_costs_of_a_jpeg_are_the_same(tmp_path, size, highest):
    """Bit for bit, by errors that are known or estimated; of pixels in and far beyond their range."""
    random = np.random.default_rng((*size, highest))
    Image.fromarray(random.integers(0, 256, size, np.uint8)).save(tmp_path / "a.jpg", quality=50)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    luma = random.integers(-highest, highest + 1, jpeg.planes[0].shape).astype(np.int16)
    luma[..., random.permutation(64)[:50]] *= random.random((*luma.shape[:2], 1)) < 0.2
    errors = (random.integers(-50, 51, luma.shape) / 100).astype(np.float32)
    for known in (None, errors):
        both(lambda known=known: np.stack(coefficient_costs(replace(jpeg, planes=(luma,)), known)))
    both(lambda: replace(jpeg, planes=(luma,)).decoded_luma.shown)
    both(lambda: replace(jpeg, planes=(luma,)).decoded_luma.room)
    both(lambda: rounding_errors(jpeg.decoded_luma.shown // 2, jpeg))


@pytest.mark.parametrize("count", [0, 1, 2, 40, 5000])
def test_orders_are_the_same(count):
    """Of random words, of those of which many are equal, and of those of which only the lowest bits differ."""
    random = np.random.default_rng(count)
    for words in (random.integers(0, 1 << 64, count, np.uint64), random.integers(0, 99, count, np.uint64)):
        both(lambda words=words: stable_argsort(words))
        np.testing.assert_array_equal(stable_argsort(words), words.argsort(kind="stable"))
        for few in {0, min(count, 3), count}:
            np.testing.assert_array_equal(first_sorted(words, few), words.argsort(kind="stable")[:few])


@pytest.mark.parametrize(("size", "rate", "noise"), [(7, 20, 0.4), (384, 10, 1.4), (384, 10, 9.0), (5000, 44, 0.6)])
def test_codewords_are_decoded_the_same(size, rate, noise):
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

    both(decoded)
    assert (decoded()[0] < 2).all() == (noise < 9)


def test_decoding_gives_up_after_the_same_rounds():
    """Each of these words takes another number of them."""
    random = np.random.default_rng(0)
    code, noises = RepeatAccumulateCode(1024, 256, 16), np.linspace(0.3, 1.2, 8)
    sent = 2.0 * code.encode(random.integers(0, 2, code.k, np.uint8)) - 1
    words = np.stack([2 * (sent + noise * random.normal(size=1024)) / noise**2 for noise in noises], 1)
    for rounds in range(1, 16):
        both(lambda rounds=rounds: np.array([word is None for word in code.decode_each(words.astype("f4"), rounds)]))
    least = {min(rounds for rounds in range(1, 16) if code.decode(word, rounds) is not None) for word in words.T[:6]}
    assert len(least) > 2


def test_threads_code_scans_at_once(tmp_path, picture):
    Image.fromarray(picture(512, 512)).save(tmp_path / "a.jpg")
    jpeg = read_jpeg(tmp_path / "a.jpg")
    assert {*parallel_map(lambda _: jpeg.with_planes(jpeg.planes), range(16), 4)} == {jpeg.file.data}


@pytest.mark.parametrize("size", [(1, 1), (9, 40), (50, 33)])
@pytest.mark.parametrize("highest", [1, 1000])
def test_scans_are_coded_the_same(tmp_path, size, highest):
    """With blocks that only fill up MCUs, restart markers, and bytes of 255."""
    random = np.random.default_rng(highest)
    pixels = random.integers(0, 256, (*size, 3), np.uint8)
    for sampling, interval in product(("4:4:4", "4:2:2", "4:2:0", "grey"), (0, 1, 3)):
        options = {"restart_marker_blocks": interval} | ({} if sampling == "grey" else {"subsampling": sampling})
        picture = Image.fromarray(pixels[..., 0] if sampling == "grey" else pixels)
        picture.save(tmp_path / "a.jpg", optimize=True, **options)
        jpeg = read_jpeg(tmp_path / "a.jpg")
        planes = [random.integers(-highest, highest + 1, plane.shape, np.int16) for plane in jpeg.planes]
        for plane in planes:
            plane[random.random(plane.shape) < 0.9] = 0
        both(lambda jpeg=jpeg, planes=planes: np.frombuffer(jpeg.with_planes(planes), np.uint8))
        both(lambda jpeg=jpeg: np.frombuffer(jpeg.with_planes(jpeg.planes), np.uint8))


def test_scans_without_codes_or_capacity_are_refused():
    key, out = np.zeros(1, np.uint8), np.zeros(2000, np.uint8)
    scan = (np.full((1, 2, 64), 3, np.int16),), np.array([[1, 2, 1, 1]]), (1, 2), key, key, 2
    codes, sizes, counts = np.zeros((32, 256), np.uint16), np.full((32, 256), 16, np.uint8), np.zeros((32, 256), int)
    kernels.count(*scan, counts)
    assert (counts.sum(), counts[0, 2], counts[0, 0]) == (128, 127, 1)
    written = kernels.code(*scan, codes, sizes, out)
    assert written == -(-(128 * 16 + 2 * 127) // 8) and not out[written:].any()
    for capacity in (*range(0, 40), written - 1, written):  # twice as many are asked for
        with pytest.raises(ValueError, match="do not fit"):
            kernels.code(*scan, codes, sizes, out[:capacity])
    with pytest.raises(ValueError, match="no code"):
        kernels.code(*scan, codes, sizes * 0, out)


@pytest.mark.parametrize("dct", get_args(DctMethod))
@pytest.mark.parametrize("count", [0, 1, 15, 33])
def test_odd_blocks_hold_the_same(dct, count):
    """Over blocks of a picture, and blocks that no encoder makes, whose numbers wrap around."""
    random = np.random.default_rng(count)
    steps = random.integers(1, 20, 64)
    for highest, factor in product((3, 1023, 32767), (1, 4000)):
        sizes = np.where(random.random((count, 64)) < 0.3, highest, 1)
        blocks = random.integers(-sizes, sizes + 1).astype(np.int16)
        offset = random.integers(-80, 80, (count, 64)).astype(np.int8)
        compare_held(blocks, offset // 80, steps * factor, dct)


@pytest.mark.parametrize("dct", get_args(DctMethod))
@pytest.mark.parametrize("highest", [1, 2, 5])
def test_blocks_hold_the_same(picture, dct, highest):
    """Blocks of a picture in fine steps, of which some hold."""
    steps = np.random.default_rng(highest).integers(1, highest + 1, 64)
    (plane,) = encode_planes(picture(88, 176)[..., 1], [steps], (1, 1), dct)
    blocks = plane.reshape(-1, 64)
    compare_held(blocks, np.zeros(blocks.shape, np.int8), steps, dct)


def compare_held(blocks: np.ndarray, offset: np.ndarray, steps: np.ndarray, dct: DctMethod) -> None:
    wanted = np.random.default_rng(0).random((len(blocks), 63)) < 0.4
    both(partial(blocks_that_hold, blocks, offset, steps, dct))
    both(partial(changes_that_hold, blocks, offset, steps, dct, wanted))


@pytest.mark.parametrize("dct", get_args(DctMethod))
@pytest.mark.parametrize("shape", [(1, 1, 3), (9, 140, 3), (150, 31, 3), (17, 40)])
def test_pictures_are_encoded_the_same(dct, shape):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, shape, np.uint8)
    tables = [random.integers(1, 1 << bits, 64) for bits in ((1, 8, 16) if len(shape) == 3 else (8,))]

    def encoded() -> np.ndarray:
        return np.concatenate([plane.ravel() for plane in encode_planes(pixels, tables, (2, 2), dct)])

    both(encoded)
    both(lambda: colour_offsets(pixels).offset)
    both(lambda: colour_offsets(pixels).room)


@pytest.mark.parametrize("dct", get_args(DctMethod))
def test_pure_colours_are_encoded_the_same(dct):
    """Every level of each channel while the others are at an end of their range: there, chroma lies between levels."""
    ends = np.array(list(product((0, 255), repeat=3)), np.uint8)
    pixels = ends[:, None, None].repeat(3, 1).repeat(256, 2)  # (8, 3, 256, 3)
    for channel in range(3):
        pixels[:, channel, :, channel] = np.arange(256)
    picture = pixels.reshape(24, 256, 3)
    tables = [np.ones(64, int)] * 3
    both(lambda: np.concatenate([plane.ravel() for plane in encode_planes(picture, tables, (1, 1), dct)]))
    both(lambda: colour_offsets(picture).offset)
