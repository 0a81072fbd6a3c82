"""All methods: their containers, what they read from them and from damaged copies, and keys that differ."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import entropy

from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.keys import Key
from stegnet.media import write_png
from stegnet.methods.network import Network, reveal_picture
from stegnet.methods.sealed import bytes_room
from stegnet.methods.sealed.extract import extract_file
from stegnet.results import OutputTarget
from study.methods import (
    bare_network,
    container_seed,
    network_by_key,
    read_out,
    sealed,
    sealed_at,
    swap_in,
)

SIDE = 64
VALUES = np.arange(256, dtype=np.uint8)
COVERS, SECRETS = np.meshgrid(VALUES, VALUES)  # every case there is


@pytest.fixture
def pair(picture: Callable[..., np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return picture(SIDE, SIDE, 1), picture(SIDE, SIDE, 2)


def changes_of(bits: float) -> float:
    """The least share of samples, changed by one level, that carries so many bits per sample: ternary embedding."""
    return brentq(lambda share: entropy([1 - share, share / 2, share / 2], base=2) - bits, 0, 2 / 3)


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
