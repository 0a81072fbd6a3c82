"""Networks on 8-bit pictures: the pair through 8 bits, its mask, and tiles that change nothing."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import torch

from stegnet import CapacityError, ConfigError, WeightsError
from stegnet.core.card import SHIPPED
from stegnet.core.parallel import ordered
from stegnet.core.samples import Base
from stegnet.core.shuffle import apply, draw, invert
from stegnet.engines import tiling
from stegnet.engines.tiling import FINE, MARGIN, tiles
from stegnet.methods.network import Network, receptive_fields
from stegnet.models import Card, Pair, build, load_pair, save_pair, weights_id
from stegnet.record import through_bytes
from tests.support.pairs import network_of

pytestmark = pytest.mark.arithmetic
KEY = bytes(range(32))
SCRAMBLE = {"base": "coded", "quality": 90, "block": 8, "period": 0.02}


@pytest.fixture
def network(weights) -> Network:
    return Network.load(weights, device="cpu", precision="fp32", backend="torch")


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]


def as_picture(pictures: torch.Tensor) -> np.ndarray:
    return pictures[0].permute(1, 2, 0).detach().double().numpy()


def ours(pair: Pair) -> Network:
    return network_of(pair, weights="00" * 32)


def some_base(picture: Callable[..., np.ndarray], gain: float = 2.0) -> Base:
    return Base(picture(16, 24, 9), gain)


def prepared(pair: Pair, secret: np.ndarray, base: Base) -> np.ndarray:
    """The hidden part of a secret: as the pair prepares it, less the base, times the gain."""
    picture = as_picture(pair.prepare(as_tensor(secret / 255)))
    return ((picture - base.picture / 255.0) * base.gain).astype(np.float32)


class Plain(Pair):
    """The container is the cover, a fifth of a level up; what is revealed is the container less grey."""

    def hide(self, cover, hidden):
        return cover + 0.2 / 255

    def reveal(self, container):
        return container - 0.5


@pytest.mark.parametrize("shuffled", [True, False])
def test_hiding_is_the_pair_through_8_bits(network, weights, picture, shuffled):
    """Without a shuffle, blocks stay."""
    large, secret, base = picture(40, 64, 1), picture(16, 24, 2), some_base(picture)
    for pixels in (large, secret):
        pixels.flags.writeable = False
    cover = large[:16, :24]  # a view of a larger picture will do
    hidden = network.hide(cover, secret, draw(KEY, 2, 3) if shuffled else None, base)

    shown = prepared(load_pair(weights)[0], secret, base)
    if shuffled:
        shown = apply(shown, draw(KEY, 2, 3))
    exact = as_picture(load_pair(weights)[0].hide(as_tensor(cover / 255), as_tensor(shown))) * 255
    assert hidden.container.dtype == np.uint8
    sure = np.abs(exact % 1 - 0.5) > 1e-3
    np.testing.assert_array_equal(hidden.container[sure], np.rint(exact.clip(0, 255))[sure])
    assert hidden.rounding_error.dtype == np.int8
    expected = (exact.clip(0, 255) - hidden.container) * 254
    assert np.abs(hidden.rounding_error - expected)[sure].max() < 0.6


def test_revealing_is_the_pair_and_the_base(network, weights, picture):
    container, base = picture(16, 24, 3), some_base(picture)
    found = as_picture(load_pair(weights)[0].reveal(as_tensor(container / 255)))
    joined = invert(found, draw(KEY, 2, 3)) / base.gain + base.picture / 255
    exact = as_picture(load_pair(weights)[0].restore(as_tensor(joined))) * 255
    revealed = network.reveal(container, draw(KEY, 2, 3), base)
    sure = np.abs(exact % 1 - 0.5) > 1e-3
    np.testing.assert_array_equal(revealed[sure], np.rint(exact.clip(0, 255))[sure])


def test_rounding_errors_are_what_was_rounded_away(picture):
    """As exact in bfloat16."""
    cover = picture(16, 24)
    hidden = ours(Plain()).hide(cover, cover, None, Base.grey(16, 24))
    np.testing.assert_array_equal(hidden.container, cover)
    assert np.abs(hidden.rounding_error - np.where(cover == 255, 0, round(0.2 * 254))).max() <= 1
    assert hidden.rounding_error.dtype == np.int8

    class Coarse(Plain):
        def hide(self, cover, hidden):
            return (cover * 0.999).to(torch.bfloat16)

    cover = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    hidden = ours(Coarse()).hide(cover, cover, None, Base.grey(16, 16))
    exact = (torch.from_numpy(cover).float() / 255 * 0.999).to(torch.bfloat16).double().numpy() * 255
    assert np.abs(hidden.rounding_error - (exact - hidden.container) * 254).max() < 0.6


def test_devices(weights):
    """Auto is what the device does well; asked for, each precision is had."""
    network = Network.load(weights, backend="torch")
    assert network.engine.precision in ("bf16", "fp32")
    for precision in ("bf16", "fp32"):
        assert Network.load(weights, device="cpu", precision=precision, backend="torch").engine.precision == precision
    assert network.engine.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    for device in ("cuda:99", "abacus"):
        with pytest.raises(ConfigError, match=device):
            Network.load(weights, device=device, backend="torch")


def test_pictures_do_not_influence_each_other(network, picture):
    """In threads, as films are hidden, and in any order."""
    bases = [Base(picture(32, 48, seed + 90), 2.0) for seed in range(6)]
    jobs = [
        (picture(32, 48, seed), picture(32, 48, seed + 50), draw(bytes([seed]) * 32, 4, 6), bases[seed])
        for seed in range(6)
    ]
    alone = [network.hide(*job) for job in jobs]
    pool = network.pool(32, 48)
    for _ in range(2):
        together = list(ordered(lambda job: network.hide(*job), jobs, 3, pool.prepare))
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a.container, b.container)
            np.testing.assert_allclose(a.rounding_error.astype(int), b.rounding_error, atol=1)
    shown = [network.reveal(hidden.container, job[2], job[3]) for hidden, job in zip(alone, jobs, strict=True)]
    work = [(hidden.container, job[2], job[3]) for hidden, job in zip(alone, jobs, strict=True)]
    for a, b in zip(shown, ordered(lambda job: network.reveal(*job), work, 3, pool.prepare), strict=True):
        np.testing.assert_array_equal(a, b)


def test_too_little_memory_is_reported(picture):
    told = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    for error, expected in (
        (RuntimeError(told), CapacityError),
        (torch.OutOfMemoryError("CUDA out of memory"), CapacityError),
        (RuntimeError("something else"), RuntimeError),
    ):

        class Hungry(Plain):
            def hide(self, *inputs, error=error):
                raise error

            reveal = hide

        network = ours(Hungry())
        for call in (network.hide, lambda *given, network=network: network.reveal(given[0], *given[2:])):
            with pytest.raises(expected) as caught:
                call(picture(8, 8), picture(8, 8), None, Base.grey(8, 8))
            assert isinstance(caught.value, CapacityError) == (expected is CapacityError)


def test_other_weights_are_refused_by_name(network, weights, exact):
    """Every digit counts: another network reveals nonsense, and without a word."""
    network.check(weights_id(weights))
    with pytest.raises(WeightsError, match="abababab") as caught:
        network.check("ab" * 32)
    assert "ab" * 32 in caught.value.hint
    own = exact.weights
    for place, digit in enumerate(own):
        with pytest.raises(WeightsError, match="hidden with the weights"):
            exact.check(own[:place] + ("0" if digit != "0" else "1") + own[place + 1 :])


def test_a_card_without_scramble_settings(tmp_path):
    wrong = {
        "base": (True, "detail", None),
        "quality": (-1, 101, "80"),
        "period": (-0.1, 1.0, 0, None, math.nan),
        "block": (0, 4, 12, 264, None, "8", [8]),
    }
    cards = [{}, *({key: value for key, value in SCRAMBLE.items() if key != missing} for missing in SCRAMBLE)]
    cards += [SCRAMBLE | {name: value} for name, values in wrong.items() for value in values]
    pair = build("invertible", blocks=1, width=8)
    for scramble in cards:
        save_pair(tmp_path / "w", pair, Card("invertible", {"blocks": 1, "width": 8}, scramble))
        with pytest.raises(WeightsError, match="its card does not say"):
            Network.load(tmp_path / "w")
    with pytest.raises(WeightsError, match="no such weights file"):
        Network.load(tmp_path / "none")


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiling, "MOST_ROWS", 96)
    monkeypatch.setattr(tiling, "MOST_COLS", 128)


def tiled(run, *pictures, reach=None):
    """`run(*pictures)`, tile by tile."""
    parts = []
    for tile in tiles(*pictures[0].shape[:2], reach):
        parts.append((tile, tile.inside(run(*(tile.around(picture) for picture in pictures)))))
    whole = np.empty((*pictures[0].shape[:2], parts[0][1].shape[2]), parts[0][1].dtype)
    for tile, part in parts:
        tile.part(whole)[:] = part
    return whole


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def blurred(reach: int):
    """The sum of all within `reach`, exact in whole numbers; nothing lies beyond the edges."""

    def run(picture: np.ndarray) -> np.ndarray:
        sums = np.pad(picture.astype(float), ((reach, reach), (reach, reach), (0, 0)))
        for axis in (0, 1):
            sums = np.insert(sums.cumsum(axis), 0, 0, axis)
            size = sums.shape[axis] - 2 * reach - 1
            sums = sums.take(range(2 * reach + 1, 2 * reach + 1 + size), axis) - sums.take(range(size), axis)
        return sums

    return run


def test_the_grid_is_the_books():
    """⌈W / 2048⌉ columns, ⌈H / 1152⌉ rows, inner edges at round(size · i / count / 32) · 32, 192 pixels around."""
    sizes = [(8, 8), (1152, 2048), (1080, 1920), (1153, 8), (8, 2049), (1160, 2056), (2160, 3840), (8, 100_000)]
    for height, width in [*sizes, (2312, 2048)]:
        picture = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :, None], (height, width, 1))
        columns, rows = -(-width // 2048), -(-height // 1152)
        expected = [
            [0, *(round(size * index / count / 32) * 32 for index in range(1, count)), size]
            for size, count in ((height, rows), (width, columns))
        ]
        cut = []

        def run(part: np.ndarray, cut=cut) -> np.ndarray:
            cut.append((len(part), int(part[0, 0, 0]), int(part[0, -1, 0]) + 1))
            return part

        np.testing.assert_array_equal(tiled(run, picture), picture)
        assert cut == [
            (min(height, bottom + 192) - max(0, top - 192), max(0, left - 192), min(width, right + 192))
            for top, bottom in pairwise(expected[0])
            for left, right in pairwise(expected[1])
        ]


def test_within_the_margin_tiles_equal_one_pass(small_tiles):
    """Beyond it they differ: the margin is not larger than it says. All inputs are cut alike."""
    for size in ((600, 632), (97, 129), (536, 8)):
        picture = np.floor(noise(*size) * 1000)
        np.testing.assert_array_equal(tiled(blurred(MARGIN), picture), blurred(MARGIN)(picture))
    picture = np.ones((600, 632, 1))
    assert (tiled(blurred(MARGIN + 1), picture) != blurred(MARGIN + 1)(picture)).any()
    picture = noise(200, 232)
    assert not tiled(np.subtract, picture, picture).any()


def test_fine_tiles():
    """They cover the picture once, are small, begin where strides do, and have what a network looks at around them."""
    for size, reach in product([(1153, 2049), (8, 5000), (4000, 6000), (2304, 8)], [0, 12, 48, 160, 192]):
        seen = np.zeros(size, np.uint8)
        for tile in tiles(*size, reach):
            tile.part(seen)[:] += 1
            for part, outer, end in zip((tile.rows, tile.cols), (tile.outer_rows, tile.outer_cols), size, strict=True):
                assert part.start % 32 == outer.start % 16 == 0
                assert outer.start == 0 or part.start - outer.start >= reach
                assert outer.stop == end or outer.stop - part.stop >= reach
                assert outer.stop - outer.start <= FINE + 32
        assert (seen == 1).all()
    assert tiles(4000, 6000, MARGIN + 1) == tiles(4000, 6000, None) != tiles(4000, 6000, MARGIN)
    assert len(tiles(1152, 2048, 48)) == 1


def reach_of(run, count: int, side: int = 512) -> int:
    """Distance from a square in the middle to the farthest sample that it depends on."""
    inputs = [torch.rand(1, 3, side, side, requires_grad=True) for _ in range(count)]
    start, end = side // 2 - 16, side // 2 + 16
    run(*inputs)[..., start:end, start:end].sum().backward()
    touched = sum(picture.grad[0].abs().sum(0) for picture in inputs) > 0
    places = [line.nonzero().flatten() for line in (touched.any(0), touched.any(1))]
    return max(max(start - int(line[0]), int(line[-1]) + 1 - end) for line in places)


KNOWN = [
    ("invertible", {"blocks": blocks, "ends": ends, "backbone": backbone, "place": "ends"})
    for (blocks, ends), backbone in product([(1, 2), (8, 6)], ["none", "convnext_atto"])
] + [("costa", {"blocks": blocks, "ends": 0}) for blocks in (2, 6)]


@pytest.mark.parametrize(("family", "options"), KNOWN, ids=str)
def test_no_network_reaches_further_than_is_known(family, options):
    torch.manual_seed(0)
    options = options | {"width": 8}
    pair, costa = build(family, **options).eval(), family == "costa"
    for parameter in pair.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    known = receptive_fields(Card(family, options, SCRAMBLE))
    for name in ("hide", "reveal") if costa else ("prepare", "hide", "reveal", "restore"):
        reach = reach_of(getattr(pair, name), 1 + (name == "hide"), 128 if costa else 512)
        assert 0 < reach <= known[name] <= MARGIN


def test_unknown_receptive_fields():
    options = {"blocks": 4, "width": 32, "ends": 4, "backbone": "convnext_atto", "place": "ends"}
    card = Card("invertible", options, SCRAMBLE)
    assert receptive_fields(card)
    for unlike in ({"place": "ends+latent"}, {"place": "couplings"}, {"backbone": "resnet18"}, {"ends": 7}):
        assert receptive_fields(replace(card, options=options | unlike)) == {}
    for other in (replace(card, options={}), replace(card, model="unet"), replace(card, model="costa")):
        assert receptive_fields(other) == {}


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_fine_tiles_change_nothing(small_tiles, monkeypatch, backend):
    """The pair that comes along: as in one pass, but for what adds up in another order."""
    monkeypatch.setattr(tiling, "FINE", 192)
    network = Network.load(SHIPPED, device="cpu", precision="fp32", backend=backend)
    cover, secret = (np.kron(noise(68, 40)[::step], np.ones((8, 8, 1))) * 255 for step in (1, -1))
    cover, secret, shuffle = cover.astype(np.uint8), secret.astype(np.uint8), draw(bytes(32), 68, 40)
    base = through_bytes(secret, network.base, 80, secret.size)
    calls = []
    fine = network.hide(cover, secret, shuffle, base, lambda *call: calls.append(call))
    shown = network.reveal(fine.container, shuffle, base)
    assert calls == [(done, len(calls)) for done in range(1, len(calls) + 1)]
    assert len(calls) > 6
    monkeypatch.undo()
    calls.clear()
    whole = network.hide(cover, secret, shuffle, base, lambda *call: calls.append(call))
    assert calls == []
    pairs = (fine.container, whole.container), (shown, network.reveal(fine.container, shuffle, base))
    for ours, theirs in pairs:
        apart = np.abs(ours.astype(int) - theirs)
        assert apart.max() <= 1 + round(network.period * 255)  # halfway between two periods
        assert (apart > 0).mean() <= 0.0005
