import threading

import numpy as np
import pytest
import torch

from stegnet.codec import Network
from stegnet.core.errors import CapacityError, ConfigError, WeightsError
from stegnet.core.parallel import ordered
from stegnet.core.shuffle import draw
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
    np.testing.assert_array_equal(hidden.lean[away], np.where(rounded_down, 1, -1)[away])


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
    assert (hidden.lean == 1).all()
    assert hidden.lean.dtype == np.int8


def test_leaning_is_as_exact_in_bfloat16():
    class Coarse(Plain):
        def hide(self, cover, hidden):
            return (cover * 0.999).to(torch.bfloat16)

    network = Network.of(Coarse(), "00" * 32, detail=False, block=8, device="cpu", precision="fp32")
    cover = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    hidden = network.hide(cover, cover, None)
    exact = (torch.from_numpy(cover).float() / 255 * 0.999).to(torch.bfloat16).double().numpy() * 255
    np.testing.assert_array_equal(hidden.lean, np.where(exact > hidden.container, 1, -1))


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
            np.testing.assert_array_equal(a.lean, b.lean)
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
def test_too_little_memory_is_said_in_plain_words(picture, error, told):
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
def test_a_card_that_does_not_say_what_it_hides(tmp_path, scramble):
    pair = build("invertible", blocks=1, width=8)
    save_pair(tmp_path / "w", pair, Card("invertible", {"blocks": 1, "width": 8}, scramble))
    with pytest.raises(WeightsError, match="its card does not say"):
        Network.load(tmp_path / "w")


def test_no_weights(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        Network.load(tmp_path / "none")
