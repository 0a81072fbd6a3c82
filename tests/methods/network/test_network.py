import math
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from stegnet.core.card import SHIPPED
from stegnet.core.errors import CapacityError, ConfigError, WeightsError
from stegnet.core.parallel import ordered
from stegnet.core.samples import Base, to_8_bits
from stegnet.core.shuffle import draw
from stegnet.engines.tiling import FINE, MARGIN, tiles
from stegnet.engines.torch_engine import TorchEngine
from stegnet.methods.network import Network
from stegnet.methods.network import network as module
from stegnet.methods.network.network import receptive_fields
from stegnet.models import Card, Pair, build, load_pair, save_pair, weights_id
from stegnet.record.base import through_bytes
from tests.format import by_the_book

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


def some_base(picture: Callable[..., np.ndarray], gain: float = 2.0) -> Base:
    return Base(picture(16, 24, 9), gain)


def prepared(pair: Pair, secret: np.ndarray, base: Base) -> np.ndarray:
    """What is hidden of a secret: as the pair prepares it, less the base, times the gain."""
    picture = as_picture(pair.prepare(as_tensor(secret / 255)))
    return ((picture - base.picture / 255.0) * base.gain).astype(np.float32)


class Plain(Pair):
    """The container is the cover, a fifth of a level up; what is revealed is the container less grey."""

    def hide(self, cover, hidden):
        return cover + 0.2 / 255

    def reveal(self, container):
        return container - 0.5


def test_hiding_is_the_pair_through_8_bits(network, weights, picture):
    cover, secret, base = picture(16, 24, 1), picture(16, 24, 2), some_base(picture)
    hidden = network.hide(cover, secret, draw(KEY, 2, 3), base)

    shown = by_the_book.shuffle(prepared(load_pair(weights)[0], secret, base), *by_the_book.draw_shuffle(KEY, 6), 3)
    exact = as_picture(load_pair(weights)[0].hide(as_tensor(cover / 255), as_tensor(shown))) * 255
    assert hidden.container.dtype == np.uint8
    sure = np.abs(exact % 1 - 0.5) > 1e-3
    np.testing.assert_array_equal(hidden.container[sure], np.rint(exact.clip(0, 255))[sure])
    assert hidden.rounding_error.dtype == np.int8
    expected = (exact.clip(0, 255) - hidden.container) * 254
    assert np.abs(hidden.rounding_error - expected)[sure].max() < 0.6


def test_revealing_is_the_pair_and_the_base(network, weights, picture):
    container, base = picture(16, 24, 3), some_base(picture)
    permutation, turns = by_the_book.draw_shuffle(KEY, 6)
    found = as_picture(load_pair(weights)[0].reveal(as_tensor(container / 255)))
    numbers = np.arange(16 * 24.0).reshape(16, 24, 1) + 1
    places = by_the_book.shuffle(numbers, permutation, turns, 3).ravel()
    residual = np.empty((16 * 24, 3))
    residual[np.abs(places).astype(int) - 1] = found.reshape(-1, 3) * np.sign(places)[:, None]
    joined = residual.reshape(16, 24, 3) / base.gain + base.picture / 255
    exact = as_picture(load_pair(weights)[0].restore(as_tensor(joined))) * 255
    revealed = network.reveal(container, draw(KEY, 2, 3), base)
    sure = np.abs(exact % 1 - 0.5) > 1e-3
    np.testing.assert_array_equal(revealed[sure], np.rint(exact.clip(0, 255))[sure])


def test_without_a_shuffle_blocks_stay(network, weights, picture):
    cover, secret, base = picture(16, 24, 1), picture(16, 24, 2), some_base(picture)
    hidden = network.hide(cover, secret, None, base)
    residual = prepared(load_pair(weights)[0], secret, base)
    exact = as_picture(load_pair(weights)[0].hide(as_tensor(cover / 255), as_tensor(residual))) * 255
    assert np.abs(hidden.container - exact.clip(0, 255)).max() <= 0.5 + 1e-3


def test_without_a_base_the_whole_secret_is_hidden(exact, picture, five_levels):
    cover, secret, shuffle = picture(16, 24, 1), picture(16, 24, 2), draw(KEY, 2, 3)
    hidden = exact.hide(cover, secret, shuffle, Base.grey(16, 24))
    revealed = exact.reveal(hidden.container, shuffle, Base.grey(16, 24))
    np.testing.assert_allclose(revealed.astype(int), five_levels(secret), atol=1)  # 128 lies beside the middle


def mask_by_blocks(key: bytes, height: int, width: int) -> np.ndarray:
    """The mask in periods, block by block of the cipher (docs/format.md)."""
    count = 6 * height * width // 16
    counters = b"".join((2**127 + block).to_bytes(16, "big") for block in range(count))
    stream = Cipher(algorithms.AES256(key), modes.ECB()).encryptor().update(counters)
    return np.frombuffer(stream, "<u2").reshape(height, width, 3) / 65536


class Periodic(Plain):
    """Counts modulo 4 levels; it records what it sees."""

    def period(self):
        return torch.tensor(4 / 255)

    def hide(self, cover, hidden):
        self.cover = as_picture(cover)
        return cover - 1 / 255

    def reveal(self, container):
        self.container = as_picture(container)
        return super().reveal(container)


def test_a_keyed_mask_is_around_the_networks_of_a_pair_with_a_period(picture):
    pair = Periodic()
    network = Network.of(pair, "00" * 32, "none", 85, 8, device="cpu", precision="fp32")
    assert network.period == pytest.approx(4 / 255)
    cover, grey, shuffle = picture(16, 24, 1), Base.grey(16, 24), draw(KEY, 2, 3)
    mask = mask_by_blocks(KEY, 16, 24) * 4 / 255
    hidden = network.hide(cover, cover, shuffle, grey)
    np.testing.assert_allclose(pair.cover, cover / 255 - mask, atol=1e-6)
    expected = np.where(cover == 0, 3, cover.astype(int) - 1)  # into the range by a period
    np.testing.assert_array_equal(hidden.container, expected)
    network.reveal(hidden.container, shuffle, grey)
    np.testing.assert_allclose(pair.container, hidden.container / 255 - mask, atol=1e-6)


def test_without_a_shuffle_there_is_no_mask(picture):
    pair, cover = Periodic(), picture(16, 24, 1)
    network = Network.of(pair, "00" * 32, "none", 85, 8, device="cpu", precision="fp32")
    network.hide(cover, cover, None, Base.grey(16, 24))
    np.testing.assert_allclose(pair.cover, cover / 255, atol=1e-6)


def test_rounding_errors_are_what_was_rounded_away(picture):
    network = Network.of(Plain(), "00" * 32, "none", 85, 8, device="cpu", precision="fp32")
    cover = picture(16, 24)
    hidden = network.hide(cover, cover, None, Base.grey(16, 24))
    np.testing.assert_array_equal(hidden.container, cover)
    expected = np.where(cover == 255, 0, round(0.2 * 254))
    assert np.abs(hidden.rounding_error - expected).max() <= 1
    assert hidden.rounding_error.dtype == np.int8


def test_rounding_errors_are_as_exact_in_bfloat16():
    class Coarse(Plain):
        def hide(self, cover, hidden):
            return (cover * 0.999).to(torch.bfloat16)

    network = Network.of(Coarse(), "00" * 32, "none", 85, 8, device="cpu", precision="fp32")
    cover = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    hidden = network.hide(cover, cover, None, Base.grey(16, 16))
    exact = (torch.from_numpy(cover).float() / 255 * 0.999).to(torch.bfloat16).double().numpy() * 255
    assert np.abs(hidden.rounding_error - (exact - hidden.container) * 254).max() < 0.6


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_precisions_work(weights, picture, precision):
    network = Network.load(weights, device="cpu", precision=precision, backend="torch")
    exact = Network.load(weights, device="cpu", precision="fp32", backend="torch")
    assert network.engine.precision == precision
    cover, secret, shuffle = picture(16, 24, 1), picture(16, 24, 2), draw(KEY, 2, 3)
    base = some_base(picture)
    hidden, expected = network.hide(cover, secret, shuffle, base), exact.hide(cover, secret, shuffle, base)
    np.testing.assert_allclose(hidden.container, expected.container, atol=3)
    args = expected.container, shuffle, base
    np.testing.assert_allclose(network.reveal(*args), exact.reveal(*args), atol=6)


def test_auto_is_what_the_device_does_well(weights):
    network = Network.load(weights, backend="torch")
    assert network.engine.precision in ("bf16", "fp32")
    assert network.engine.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_no_such_device(weights, device):
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


def test_workers_leave_the_callers_threads_alone(network):
    before = torch.get_num_threads()
    pool = network.pool(32, 48)
    list(ordered(lambda _: threading.get_ident(), range(4), pool.workers, pool.prepare))
    assert torch.get_num_threads() == before
    assert pool.workers >= 1


def test_inputs_stay_as_they_are(network, picture):
    cover, secret = picture(16, 24, 1), picture(16, 24, 2)
    for pixels in (cover, secret):
        pixels.flags.writeable = False
    hidden = network.hide(cover, secret, draw(KEY, 2, 3), some_base(picture))
    hidden.container.flags.writeable = False
    network.reveal(hidden.container, draw(KEY, 2, 3), some_base(picture))
    np.testing.assert_array_equal(cover, picture(16, 24, 1))
    np.testing.assert_array_equal(secret, picture(16, 24, 2))


def test_a_view_of_a_larger_picture_will_do(network, picture):
    large, secret = picture(40, 64, 1), picture(16, 24, 2)
    view = network.hide(large[:16, :24], secret, None, some_base(picture))
    copied = network.hide(large[:16, :24].copy(), secret, None, some_base(picture))
    np.testing.assert_array_equal(view.container, copied.container)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), CapacityError),
        (torch.OutOfMemoryError("CUDA out of memory"), CapacityError),
        (RuntimeError("something else"), RuntimeError),
    ],
)
def test_too_little_memory_is_reported(picture, error, told):
    class Hungry(Plain):
        def hide(self, cover, hidden):
            raise error

        def reveal(self, container):
            raise error

    network = Network.of(Hungry(), "00" * 32, "none", 85, 8)
    with pytest.raises(told) as caught:
        network.hide(picture(8, 8), picture(8, 8), None, Base.grey(8, 8))
    assert isinstance(caught.value, CapacityError) == (told is CapacityError)
    with pytest.raises(told):
        network.reveal(picture(8, 8), None, Base.grey(8, 8))


def test_other_weights_are_refused_by_name(network, weights):
    network.check(weights_id(weights))
    with pytest.raises(WeightsError, match="abababab") as caught:
        network.check("ab" * 32)
    assert "ab" * 32 in caught.value.hint


def test_every_digit_of_the_weights_counts(exact):
    """Another network reveals nonsense, and without a word."""
    own = exact.weights
    for place, digit in enumerate(own):
        with pytest.raises(WeightsError, match="hidden with the weights"):
            exact.check(own[:place] + ("0" if digit != "0" else "1") + own[place + 1 :])


@pytest.mark.parametrize(
    "scramble",
    [
        {},
        *({key: value for key, value in SCRAMBLE.items() if key != missing} for missing in SCRAMBLE),
        *(SCRAMBLE | {"base": base} for base in (True, "detail", None)),
        *(SCRAMBLE | {"quality": quality} for quality in (-1, 101, "80")),
        *(SCRAMBLE | {"period": period} for period in (-0.1, 1.0, 0, None, math.nan)),
        *(SCRAMBLE | {"block": block} for block in (0, 4, 12, 264, None, "8", [8])),
    ],
)
def test_a_card_without_scramble_settings(tmp_path, scramble):
    pair = build("invertible", blocks=1, width=8)
    save_pair(tmp_path / "w", pair, Card("invertible", {"blocks": 1, "width": 8}, scramble))
    with pytest.raises(WeightsError, match="its card does not say"):
        Network.load(tmp_path / "w")


def test_no_weights(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        Network.load(tmp_path / "none")


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 96)
    monkeypatch.setattr(module, "MOST_COLS", 128)


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


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1152, 2048), (1080, 1920)])
def test_small_pictures_go_in_one_pass(height, width):
    passes = []
    tiled(lambda picture: passes.append(picture.shape) or picture, np.zeros((height, width, 1)))
    assert passes == [(height, width, 1)]


@pytest.mark.parametrize(
    ("height", "width"), [(1153, 8), (8, 2049), (1160, 2056), (2160, 3840), (4320, 7680), (8, 100_000), (2312, 2048)]
)
def test_the_grid_is_the_books(height, width):
    """⌈W / 2048⌉ columns, ⌈H / 1152⌉ rows, inner edges at round(size · i / count / 32) · 32, 192 pixels around."""
    picture = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :, None], (height, width, 1))
    columns, rows = -(-width // 2048), -(-height // 1152)
    expected = [
        [0, *(round(size * index / count / 32) * 32 for index in range(1, count)), size]
        for size, count in ((height, rows), (width, columns))
    ]
    sizes = []

    def run(part: np.ndarray) -> np.ndarray:
        sizes.append((len(part), int(part[0, 0, 0]), int(part[0, -1, 0]) + 1))
        return part

    np.testing.assert_array_equal(tiled(run, picture), picture)
    assert sizes == [
        (min(height, bottom + 192) - max(0, top - 192), max(0, left - 192), min(width, right + 192))
        for top, bottom in pairwise(expected[0])
        for left, right in pairwise(expected[1])
    ]


@pytest.mark.parametrize("size", [(600, 632), (97, 129), (96, 800), (680, 64), (536, 8)])
def test_within_the_margin_tiles_equal_one_pass(small_tiles, size):
    picture = np.floor(noise(*size) * 1000)
    np.testing.assert_array_equal(tiled(blurred(MARGIN), picture), blurred(MARGIN)(picture))


def test_beyond_the_margin_tiles_differ(small_tiles):
    """So the margin is not larger than it says."""
    picture = np.ones((600, 632, 1))
    assert (tiled(blurred(MARGIN + 1), picture) != blurred(MARGIN + 1)(picture)).any()


def test_all_inputs_are_cut_alike(small_tiles):
    picture = noise(200, 232)
    assert not tiled(np.subtract, picture, picture).any()
    both = tiled(lambda a, b: np.concatenate([a, b], 2), picture, picture)
    np.testing.assert_array_equal(both, np.concatenate([picture, picture], 2))


@pytest.mark.parametrize("blocks", [1, 4])
def test_the_invertible_pair(small_tiles, blocks):
    """At most one level apart, in at most one sample of a thousand."""
    torch.manual_seed(0)
    pair = build("invertible", blocks=blocks, width=8).eval()
    for parameter in pair.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    engine, picture = TorchEngine(pair, "cpu", "fp32"), noise(520, 232)
    passes = [(engine.prepare, (picture,)), (engine.hide, (picture, picture[::-1].copy() - np.float32(0.5)))]
    passes += [(engine.reveal, (picture,)), (engine.restore, (picture,))]
    for run, inputs in passes:
        whole, parts = to_8_bits(run(*inputs) * 0.5 + 0.25), to_8_bits(tiled(run, *inputs) * 0.5 + 0.25)
        apart = np.abs(whole.astype(int) - parts)
        assert apart.max() <= 1
        assert (apart > 0).mean() <= 0.001


@pytest.mark.parametrize("size", [(1153, 2049), (8, 5000), (4000, 6000), (2304, 8)])
@pytest.mark.parametrize("reach", [0, 12, 48, 160, 192])
def test_fine_tiles(size, reach):
    """They cover the picture once, are small, begin where strides do, and have what a network looks at around them."""
    seen = np.zeros(size, int)
    for tile in tiles(*size, reach):
        tile.part(seen)[:] += 1
        for part, outer, end in zip((tile.rows, tile.cols), (tile.outer_rows, tile.outer_cols), size, strict=True):
            assert part.start % 32 == outer.start % 16 == 0
            assert outer.start == 0 or part.start - outer.start >= reach
            assert outer.stop == end or outer.stop - part.stop >= reach
            assert outer.stop - outer.start <= FINE + 32
    assert (seen == 1).all()


def test_a_reach_beyond_the_margin_leaves_the_grid():
    assert tiles(4000, 6000, MARGIN + 1) == tiles(4000, 6000, None) != tiles(4000, 6000, MARGIN)
    assert len(tiles(1152, 2048, 48)) == 1


def reach_of(run, count: int, side: int = 512) -> int:
    """How far beyond a square in the middle lies what it depends on."""
    inputs = [torch.rand(1, 3, side, side, requires_grad=True) for _ in range(count)]
    start, end = side // 2 - 16, side // 2 + 16
    run(*inputs)[..., start:end, start:end].sum().backward()
    touched = sum(picture.grad[0].abs().sum(0) for picture in inputs) > 0
    places = [line.nonzero().flatten() for line in (touched.any(0), touched.any(1))]
    return max(max(start - int(line[0]), int(line[-1]) + 1 - end) for line in places)


@pytest.mark.parametrize(("blocks", "ends"), [(1, 2), (4, 4), (8, 6)])
@pytest.mark.parametrize("backbone", ["none", "convnext_atto"])
def test_no_network_reaches_further_than_is_known(blocks, ends, backbone):
    torch.manual_seed(0)
    options = {"blocks": blocks, "width": 8, "ends": ends, "backbone": backbone, "place": "ends"}
    pair = build("invertible", **options).eval()
    for parameter in pair.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    known = receptive_fields(Card("invertible", options, SCRAMBLE))
    for name, inputs in (("prepare", 1), ("hide", 2), ("reveal", 1), ("restore", 1)):
        assert 0 < reach_of(getattr(pair, name), inputs) <= known[name] <= MARGIN


@pytest.mark.parametrize("blocks", [2, 3, 6])
def test_no_network_of_costa_reaches_further_than_is_known(blocks):
    torch.manual_seed(0)
    options = {"blocks": blocks, "width": 8, "ends": 0}
    pair = build("costa", **options).eval()
    for parameter in pair.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    known = receptive_fields(Card("costa", options, SCRAMBLE))
    for name, inputs in (("hide", 2), ("reveal", 1)):
        assert 0 < reach_of(getattr(pair, name), inputs, 128) <= known[name] <= MARGIN


@pytest.mark.parametrize(
    "unlike",
    [{"place": "ends+latent"}, {"place": "couplings"}, {"backbone": "resnet18"}, {"ends": 7}],
)
def test_unknown_receptive_fields(unlike):
    options = {"blocks": 4, "width": 32, "ends": 4, "backbone": "convnext_atto", "place": "ends"}
    card = Card("invertible", options, SCRAMBLE)
    assert receptive_fields(card)
    assert receptive_fields(replace(card, options=options | unlike)) == {}
    assert receptive_fields(replace(card, options={})) == {}
    assert receptive_fields(replace(card, model="unet")) == {}
    assert receptive_fields(replace(card, model="costa")) == {}


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_fine_tiles_change_nothing(small_tiles, monkeypatch, backend):
    """The pair that comes along: as in one pass, but for what adds up in another order."""
    monkeypatch.setattr(module, "FINE", 192)
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
