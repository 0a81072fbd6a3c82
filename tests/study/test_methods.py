"""All methods: their containers, what they read from them and from damaged copies, and keys that differ."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage.measure import block_reduce
from skimage.metrics import peak_signal_noise_ratio

from stegnet.core.errors import WeightsError
from stegnet.core.samples import CODED, MEANS
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.keys import Key
from stegnet.media import write_png
from stegnet.methods.network import Network, reveal_picture
from stegnet.methods.sealed import bytes_room
from stegnet.methods.sealed.extract import extract_file
from stegnet.results import OutputTarget
from study.bounds import changes_of
from study.keyless import base_of
from study.methods import (
    bare_network,
    base_alone,
    container_seed,
    lsb_replacement,
    network_by_key,
    read_out,
    sealed,
    sealed_at,
    sealed_digest,
    swap_in,
    trained_network,
)
from tests.support.pairs import save_untrained

SIDE = 64
random = np.random.default_rng(0)
VALUES = np.arange(256, dtype=np.uint8)
COVERS, SECRETS = np.meshgrid(VALUES, VALUES)  # every case there is


@pytest.fixture
def pair(picture: Callable[..., np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return picture(SIDE, SIDE, 1), picture(SIDE, SIDE, 2)


def key_of(seed: int) -> Key:
    return Key(seeded(seed)(32))


def test_each_container_of_the_network_has_a_key_of_its_own(weights: Path, pair: tuple[np.ndarray, np.ndarray]) -> None:
    network = Network.load(weights, device="cpu", precision="fp32")
    seed, hide = container_seed(3, 5), network_by_key(network)
    embedding = hide(*pair, seed)
    assert reveal_picture(network, embedding.container, key_of(3_000_005)).whole
    revealed = reveal_picture(network, embedding.container, key_of(3_000_005)).picture
    assert np.array_equal(embedding.reveal(embedding.container).picture, revealed)
    assert np.array_equal(embedding.container, hide(*pair, seed).container)
    public = network_by_key(network, PUBLIC_DEMONSTRATION_KEY)
    others = hide(*pair, container_seed(3, 6)), hide(*pair, container_seed(4, 5)), public(*pair, seed)
    for other in (*others, bare_network(network, shuffled=False)(*pair, seed)):
        assert not np.array_equal(embedding.container, other.container)


@pytest.mark.parametrize(("share", "even"), [(1.0, False), (0.1, False), (0.1, True)])
def test_sealed_steps_by_one_and_no_more_than_it_must(
    pair: tuple[np.ndarray, np.ndarray], tmp_path: Path, share: float, even: bool
) -> None:
    """More than the bound on ternary embedding, and with even costs near it."""
    cover, secret = pair
    size = int(share * bytes_room(SIDE, SIDE, "s"))
    hide = sealed_at(8 * size / cover.size, even=True) if even else sealed(share)
    container = hide(cover, secret, container_seed(3, 5)).container
    step = container.astype(int) - cover
    assert set(np.unique(step)) >= {-1, 0, 1}
    assert np.abs(step).max() <= 2  # where colours move with a pixel that moved before
    assert np.mean(np.abs(step) == 2) < 0.002
    assert np.mean(step) == pytest.approx(0, abs=0.02)
    lead_and_mac, header = (400 + 128) / 2 / cover.size, 8 * 170
    most = (1.3 if even else 8) * changes_of(min(8 * size + header, 1.5 * cover.size) / cover.size)
    assert changes_of(8 * size / cover.size) < np.mean(step != 0) < lead_and_mac + most
    write_png(tmp_path / "c.png", container)
    extract_file(tmp_path / "c.png", OutputTarget(tmp_path / "back"), key_of(3_000_005))
    assert (tmp_path / "back").stat().st_size == pytest.approx(size, abs=1)


def test_replacement_changes_half_of_the_lowest_bits_it_takes(pair: tuple[np.ndarray, np.ndarray]) -> None:
    cover, secret = pair
    container = lsb_replacement(0.5)(cover, secret, 1).container
    assert np.array_equal(container >> 1, cover >> 1)
    assert np.mean(container != cover) == pytest.approx(0.25, abs=0.02)
    assert not np.array_equal(container, lsb_replacement(0.5)(cover, secret, 2).container)


@pytest.fixture
def cover(picture) -> np.ndarray:
    """Far from black and white, where steps would be cut off."""
    return 64 + picture(SIDE, SIDE, 1) // 2


@pytest.fixture
def secret(picture) -> np.ndarray:
    return picture(SIDE, SIDE, 2)


@pytest.fixture
def save(tmp_path):
    """Saves a pair that is not trained, with a card that says how it was."""

    return lambda training: save_untrained(tmp_path / "pair.safetensors", training)


@pytest.mark.parametrize("shuffled", [True, False])
def test_a_network_reads_its_own_container_and_no_other(exact, cover, secret, picture, five_levels, shuffled):
    embedding = bare_network(exact, shuffled)(cover, secret, 3)
    assert np.array_equal(embedding.reveal(embedding.container).picture, five_levels(secret))
    other = bare_network(exact, shuffled)(cover, picture(SIDE, SIDE, 9), 3)
    assert np.array_equal(embedding.reveal(other.container).picture, five_levels(picture(SIDE, SIDE, 9)))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shuffled_only_where_trained_so(save, cover, secret, share):
    path = save({"train": {"scrambled": share}})
    container = trained_network(path)(cover, secret, 0).container
    unshuffled = Network.load(path, backend="torch").hide(cover, secret, None, base_of(secret, MEANS, 0)).container
    assert np.array_equal(container, unshuffled) == (share == 0)


@pytest.mark.parametrize("training", [{}, {"train": {}}])
def test_a_card_without_the_training_is_refused(save, training):
    with pytest.raises(WeightsError, match="does not say whether it was trained on shuffled"):
        trained_network(save(training))


@pytest.mark.parametrize("base", [MEANS, CODED])
def test_the_base_alone_is_read_from_no_container(tmp_path, cat, base):
    network = Network.load(save_untrained(tmp_path / "pair.safetensors", base=base, quality=80), backend="torch")
    cover = 255 - cat
    embedding = base_alone(network)(cover, cat, 0)
    assert np.array_equal(embedding.container, cover)
    shown = embedding.reveal(cover).picture
    assert np.array_equal(shown, embedding.reveal(cat).picture)
    if base == MEANS:
        means = block_reduce(cat, (8, 8, 1), np.mean)
        assert np.array_equal(shown, np.kron(means.round(), np.ones((8, 8, 1))).astype(np.uint8))
    else:
        assert 36 < peak_signal_noise_ratio(cat, shown) < 48


def test_a_sealed_file_breaks_with_its_bits(cover, secret):
    """And with every sample a little brighter."""
    embedding = sealed_digest(cover, secret, 0)
    assert embedding.reveal(embedding.container).opened is True
    assert embedding.reveal(embedding.container + 2).opened is False
    assert embedding.reveal(embedding.container + 1).opened is False
    noisy = embedding.container ^ np.random.default_rng(0).integers(0, 2, cover.shape, np.uint8)
    assert embedding.reveal(noisy).opened is False
    assert embedding.reveal(cover).opened is False
    assert embedding.reveal(embedding.container).picture is None


@pytest.mark.parametrize("bits", range(1, 8))
def test_the_nearest_container_that_carries_the_secret(bits: int) -> None:
    container = swap_in(COVERS, SECRETS, bits)
    levels = 1 << bits
    assert np.array_equal(container % levels, SECRETS >> 8 - bits)
    away = np.array([[min(abs(v - c) for v in range(s, 256, levels)) for c in range(256)] for s in range(levels)])
    assert np.array_equal(np.abs(container.astype(int) - COVERS), away[SECRETS >> 8 - bits, COVERS])


@pytest.mark.parametrize("bits", range(1, 8))
def test_the_secret_is_guessed_in_the_middle_of_its_bin(bits: int) -> None:
    error = read_out(swap_in(COVERS, SECRETS, bits), bits).astype(int) - SECRETS
    assert (error.min(), error.max()) == (1 - (1 << 7 - bits), 1 << 7 - bits)
