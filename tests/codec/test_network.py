import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from stegnet.codec import Network
from stegnet.codec import network as module
from stegnet.codec.network import FINE, MARGIN, receptive_fields, tiles
from stegnet.core.card import SHIPPED, read_card
from stegnet.core.errors import CapacityError, ConfigError, WeightsError
from stegnet.core.parallel import ordered
from stegnet.core.samples import to_8_bits
from stegnet.core.shuffle import draw
from stegnet.engines.torch_engine import TorchEngine
from stegnet.models import Card, Pair, build, load_pair, save_pair, weights_id
from tests.codec import by_the_book

pytestmark = pytest.mark.arithmetic
KEY = bytes(range(32))


@pytest.fixture
def network(weights) -> Network:
    return Network.load(weights, device="cpu", precision="fp32", backend="torch")


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]


def as_picture(pictures: torch.Tensor) -> np.ndarray:
    return pictures[0].permute(1, 2, 0).detach().double().numpy()


def spread(means: np.ndarray) -> np.ndarray:
    return np.kron(means, np.ones((8, 8, 1)))


def prepared(pair: Pair, secret: np.ndarray) -> np.ndarray:
    """What is hidden of a secret: as the pair prepares it, without the means of its blocks."""
    picture = as_picture(pair.prepare(as_tensor(secret / 255)))
    return (picture - spread(means_of(picture))).astype(np.float32)


def restored(pair: Pair, picture: np.ndarray, means: np.ndarray) -> np.ndarray:
    """What is shown of a secret put back in order, 0 to 255: as the pair restores it, with the right means."""
    found = as_picture(pair.restore(as_tensor(picture))) * 255
    return found - spread(means_of(found)) + spread(means)


def means_of(picture: np.ndarray) -> np.ndarray:
    rows, cols = picture.shape[0] // 8, picture.shape[1] // 8
    return picture.astype(float).reshape(rows, 8, cols, 8, 3).mean((1, 3))


class Plain(Pair):
    """The container is the cover, a fifth of a level up; what is revealed is the container less grey."""

    def hide(self, cover, hidden):
        return cover + 0.2 / 255

    def reveal(self, container):
        return container - 0.5


def test_hiding_is_the_pair_through_8_bits(network, weights, picture):
    cover, secret = picture(16, 24, 1), picture(16, 24, 2)
    hidden = network.hide(cover, secret, draw(KEY, 2, 3))
    assert np.abs(hidden.means - means_of(secret)).max() <= 0.5 + 1e-4

    detail = prepared(load_pair(weights)[0], secret)
    shown = by_the_book.shuffle(detail, *by_the_book.draw_shuffle(KEY, 6), 3)
    exact = as_picture(load_pair(weights)[0].hide(as_tensor(cover / 255), as_tensor(shown))) * 255
    assert hidden.container.dtype == np.uint8
    sure = np.abs(exact % 1 - 0.5) > 1e-3
    np.testing.assert_array_equal(hidden.container[sure], np.rint(exact.clip(0, 255))[sure])
    rounded_down = exact > hidden.container
    away = np.abs(exact - hidden.container) > 1e-3
    np.testing.assert_array_equal(hidden.rounding_direction[away], np.where(rounded_down, 1, -1)[away])


def test_revealing_is_the_pair_and_the_base(network, weights, picture):
    container, means = picture(16, 24, 3), picture(2, 3, 4)
    permutation, turns = by_the_book.draw_shuffle(KEY, 6)
    found = as_picture(load_pair(weights)[0].reveal(as_tensor(container / 255)))
    numbers = np.arange(16 * 24.0).reshape(16, 24, 1) + 1
    places = by_the_book.shuffle(numbers, permutation, turns, 3).ravel()
    detail = np.empty((16 * 24, 3))
    detail[np.abs(places).astype(int) - 1] = found.reshape(-1, 3) * np.sign(places)[:, None]
    detail = detail.reshape(16, 24, 3)
    exact = restored(load_pair(weights)[0], detail - spread(means_of(detail)) + spread(means) / 255, means)
    revealed = network.reveal(container, draw(KEY, 2, 3), means)
    sure = np.abs(exact % 1 - 0.5) > 1e-3
    np.testing.assert_array_equal(revealed[sure], np.rint(exact.clip(0, 255))[sure])


def test_without_a_shuffle_blocks_stay(network, weights, picture):
    cover, secret = picture(16, 24, 1), picture(16, 24, 2)
    hidden = network.hide(cover, secret, None)
    detail = prepared(load_pair(weights)[0], secret)
    exact = as_picture(load_pair(weights)[0].hide(as_tensor(cover / 255), as_tensor(detail))) * 255
    assert np.abs(hidden.container - exact.clip(0, 255)).max() <= 0.5 + 1e-3


def test_with_the_detail_layer_off_there_are_no_means(exact, picture, five_levels):
    cover, secret, shuffle = picture(16, 24, 1), picture(16, 24, 2), draw(KEY, 2, 3)
    hidden = exact.hide(cover, secret, shuffle)
    assert hidden.means is None
    np.testing.assert_array_equal(exact.reveal(hidden.container, shuffle, None), five_levels(secret))


def test_samples_lean_towards_their_second_nearest_level(picture):
    network = Network.of(Plain(), "00" * 32, detail=False, block=8, device="cpu", precision="fp32")
    cover = picture(16, 24)
    hidden = network.hide(cover, cover, None)
    np.testing.assert_array_equal(hidden.container, cover)
    assert (hidden.rounding_direction == 1).all()
    assert hidden.rounding_direction.dtype == np.int8


def test_leaning_is_as_exact_in_bfloat16():
    class Coarse(Plain):
        def hide(self, cover, hidden):
            return (cover * 0.999).to(torch.bfloat16)

    network = Network.of(Coarse(), "00" * 32, detail=False, block=8, device="cpu", precision="fp32")
    cover = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    hidden = network.hide(cover, cover, None)
    exact = (torch.from_numpy(cover).float() / 255 * 0.999).to(torch.bfloat16).double().numpy() * 255
    np.testing.assert_array_equal(hidden.rounding_direction, np.where(exact > hidden.container, 1, -1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_precisions_work(weights, picture, precision):
    network = Network.load(weights, device="cpu", precision=precision, backend="torch")
    exact = Network.load(weights, device="cpu", precision="fp32", backend="torch")
    assert network.engine.precision == precision
    cover, secret, shuffle = picture(16, 24, 1), picture(16, 24, 2), draw(KEY, 2, 3)
    hidden, expected = network.hide(cover, secret, shuffle), exact.hide(cover, secret, shuffle)
    np.testing.assert_array_equal(hidden.means, expected.means)
    np.testing.assert_allclose(hidden.container, expected.container, atol=3)
    args = expected.container, shuffle, expected.means
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
    jobs = [(picture(32, 48, seed), picture(32, 48, seed + 50), draw(bytes([seed]) * 32, 4, 6)) for seed in range(6)]
    alone = [network.hide(*job) for job in jobs]
    pool = network.pool(32, 48)
    for _ in range(2):
        together = list(ordered(lambda job: network.hide(*job), jobs, 3, pool.prepare))
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a.container, b.container)
            np.testing.assert_array_equal(a.rounding_direction, b.rounding_direction)
    shown = [network.reveal(hidden.container, job[2], hidden.means) for hidden, job in zip(alone, jobs, strict=True)]
    work = [(hidden.container, job[2], hidden.means) for hidden, job in zip(alone, jobs, strict=True)]
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
    hidden = network.hide(cover, secret, draw(KEY, 2, 3))
    hidden.container.flags.writeable = False
    network.reveal(hidden.container, draw(KEY, 2, 3), hidden.means)
    np.testing.assert_array_equal(cover, picture(16, 24, 1))
    np.testing.assert_array_equal(secret, picture(16, 24, 2))


def test_a_view_of_a_larger_picture_will_do(network, picture):
    large, secret = picture(40, 64, 1), picture(16, 24, 2)
    view = network.hide(large[:16, :24], secret, None)
    np.testing.assert_array_equal(view.container, network.hide(large[:16, :24].copy(), secret, None).container)


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

    network = Network.of(Hungry(), "00" * 32, detail=False, block=8)
    with pytest.raises(told) as caught:
        network.hide(picture(8, 8), picture(8, 8), None)
    assert isinstance(caught.value, CapacityError) == (told is CapacityError)
    with pytest.raises(told):
        network.reveal(picture(8, 8), None, None)


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
    [{}, {"detail": True}, {"block": 8}, {"detail": 1, "block": 8}]
    + [{"detail": True, "block": block} for block in (0, 4, 12, 264, None, "8", [8])],
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
    known = receptive_fields(replace(read_card(SHIPPED), options=options))
    for name, inputs in (("prepare", 1), ("hide", 2), ("reveal", 1), ("restore", 1)):
        assert 0 < reach_of(getattr(pair, name), inputs) <= known[name] <= MARGIN


@pytest.mark.parametrize(
    "unlike",
    [{"place": "ends+latent"}, {"place": "couplings"}, {"backbone": "resnet18"}, {"ends": 7}],
)
def test_unknown_receptive_fields(unlike):
    card = read_card(SHIPPED)
    assert receptive_fields(card)
    assert receptive_fields(replace(card, options=card.options | unlike)) == {}
    assert receptive_fields(replace(card, options={})) == {}
    assert receptive_fields(replace(card, model="unet")) == {}


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_fine_tiles_change_nothing(small_tiles, monkeypatch, backend):
    """The pair that comes along: as in one pass, but for what adds up in another order."""
    monkeypatch.setattr(module, "FINE", 448)
    network = Network.load(SHIPPED, device="cpu", precision="fp32", backend=backend)
    cover, secret = (np.kron(noise(68, 40)[::step], np.ones((8, 8, 1))) * 255 for step in (1, -1))
    cover, secret, shuffle = cover.astype(np.uint8), secret.astype(np.uint8), draw(bytes(32), 68, 40)
    calls = []
    fine = network.hide(cover, secret, shuffle, lambda *call: calls.append(call))
    shown = network.reveal(fine.container, shuffle, fine.means)
    assert calls == [(done, len(calls)) for done in range(1, len(calls) + 1)]
    assert len(calls) > 6
    monkeypatch.undo()
    calls.clear()
    whole = network.hide(cover, secret, shuffle, lambda *call: calls.append(call))
    assert calls == []
    np.testing.assert_array_equal(fine.means, whole.means)
    pairs = (fine.container, whole.container), (shown, network.reveal(fine.container, shuffle, fine.means))
    for ours, theirs in pairs:
        apart = np.abs(ours.astype(int) - theirs)
        assert apart.max() <= 1
        assert (apart > 0).mean() <= 0.0005
