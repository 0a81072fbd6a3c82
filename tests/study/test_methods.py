"""All methods: their containers, what they read from them and from damaged copies, and keys that differ."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.measure import block_reduce
from skimage.metrics import peak_signal_noise_ratio

from stegnet.codec import Key, Network, OutputTarget, bytes_room, reveal_picture
from stegnet.codec.embed import embed_file
from stegnet.codec.extract import extract_file
from stegnet.core.errors import CapacityError, WeightsError
from stegnet.core.measures import psnr
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.media import read_picture, write_png
from study.methods import (
    bare_network,
    block_means,
    container_seed,
    lsb_replacement,
    match_bits,
    matched_avif,
    network_by_key,
    nothing_hidden,
    read_matched_bits,
    read_out,
    sealed,
    sealed_avif,
    sealed_digest,
    swap,
    swap_in,
    trained_network,
)
from tests.support.pairs import save_untrained

SIDE = 64
random = np.random.default_rng(0)
COVER = random.integers(0, 256, (64, 64, 3), np.uint8)
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


@pytest.mark.parametrize(("share", "changed"), [(1.0, 0.25), (0.1, 0.025)])
def test_sealed_steps_by_one_where_a_bit_is_wrong(
    pair: tuple[np.ndarray, np.ndarray], tmp_path: Path, share: float, changed: float
) -> None:
    cover, secret = pair
    container = sealed(share)(cover, secret, container_seed(3, 5)).container
    step = container.astype(int) - cover
    overhead = 8 * (16 + 33 + 16 + 150) / cover.size / 2
    assert set(np.unique(step)) == {-1, 0, 1}
    assert changed - 0.01 <= np.mean(step != 0) <= changed + overhead
    write_png(tmp_path / "c.png", container)
    extract_file(tmp_path / "c.png", OutputTarget(tmp_path / "back"), key_of(3_000_005))
    assert (tmp_path / "back").stat().st_size == int(share * bytes_room(SIDE, SIDE, "s"))


def test_a_picture_without_room_is_refused(picture: Callable[..., np.ndarray]) -> None:
    with pytest.raises(CapacityError, match="16×16"):
        sealed(1.0)(picture(16, 16, 1), picture(16, 16, 2), 0)


def test_replacement_changes_half_of_the_lowest_bits_it_takes(pair: tuple[np.ndarray, np.ndarray]) -> None:
    cover, secret = pair
    container = lsb_replacement(0.5)(cover, secret, 1).container
    assert np.array_equal(container >> 1, cover >> 1)
    assert np.mean(container != cover) == pytest.approx(0.25, abs=0.02)
    assert not np.array_equal(container, lsb_replacement(0.5)(cover, secret, 2).container)


def test_the_swap_carries_the_secret_and_the_control_is_no_container(pair: tuple[np.ndarray, np.ndarray]) -> None:
    cover, secret = pair
    assert np.array_equal(swap()(cover, secret, 0).container % 16, secret // 16)
    assert np.array_equal(nothing_hidden(cover, secret, 0).container, secret)


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


def test_the_shuffle_follows_from_the_seed(exact, cover, secret):
    plain = exact.hide(cover, secret, None).container
    containers = [bare_network(exact, True)(cover, secret, seed).container for seed in (3, 3, 4)]
    assert np.array_equal(containers[0], containers[1])
    assert not np.array_equal(containers[0], containers[2])
    assert not np.array_equal(containers[0], plain)
    assert np.array_equal(bare_network(exact, False)(cover, secret, 3).container, plain)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shuffled_only_where_trained_so(save, cover, secret, share):
    path = save({"train": {"scrambled": share}})
    container = trained_network(path)(cover, secret, 0).container
    unshuffled = Network.load(path).hide(cover, secret, None).container
    assert np.array_equal(container, unshuffled) == (share == 0)


@pytest.mark.parametrize("training", [{}, {"train": {}}])
def test_a_card_without_the_training_is_refused(save, training):
    with pytest.raises(WeightsError, match="does not say whether it was trained on shuffled"):
        trained_network(save(training))


def test_a_missing_weights_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"plain\.safetensors: no such weights file"):
        trained_network(tmp_path / "plain.safetensors")


def test_block_means_are_an_enlarged_thumbnail(cat):
    cover = 255 - cat
    embedding = block_means(cover, cat, 0)
    assert np.array_equal(embedding.container, cover)
    shown = embedding.reveal(cover).picture
    assert np.array_equal(shown, embedding.reveal(cat).picture)
    means = block_reduce(cat, (8, 8, 1), np.mean)
    blocks = np.kron(means, np.ones((8, 8, 1))).round().astype(np.uint8)
    gain = peak_signal_noise_ratio(cat, shown) - peak_signal_noise_ratio(cat, blocks)
    assert 0 < gain < 3


def test_the_swap_is_the_swap(cover, secret):
    embedding = swap()(cover, secret, 0)
    assert np.array_equal(embedding.container, swap_in(cover, secret))
    assert np.array_equal(embedding.reveal(embedding.container).picture, read_out(embedding.container))


def test_the_swap_reads_low_bits_alone(cover, secret):
    """So 16 levels more do nothing to it where nothing is cut off, and one level more does."""
    embedding = swap()(cover, secret, 0)
    pictures = [embedding.reveal(embedding.container + step).picture for step in (0, 16, 1)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_sealed_file_breaks_with_its_bits(cover, secret):
    """And with nothing else: the lowest bits stay when every sample gets two levels more."""
    embedding = sealed_digest(cover, secret, 0)
    assert embedding.reveal(embedding.container).opened is True
    assert embedding.reveal(embedding.container + 2).opened is True
    assert embedding.reveal(embedding.container + 1).opened is False
    noisy = embedding.container ^ np.random.default_rng(0).integers(0, 2, cover.shape, np.uint8)
    assert embedding.reveal(noisy).opened is False
    assert embedding.reveal(cover).opened is False
    assert embedding.reveal(embedding.container).picture is None


def test_another_secrets_sealed_file_does_not_count_as_opened(cover, secret, picture):
    other = sealed_digest(cover, picture(SIDE, SIDE, 9), 0)
    assert sealed_digest(cover, secret, 0).reveal(other.container).opened is False


@pytest.mark.parametrize("size", [0, 1, 100, COVER.size // 8])
def test_bytes_come_back(size: int) -> None:
    data = random.bytes(size)
    container = match_bits(COVER, data, seed=3)
    assert read_matched_bits(container, size, seed=3) == data
    assert np.abs(container.astype(int) - COVER).max(initial=0) <= 1


def test_half_of_the_samples_change_if_all_carry() -> None:
    """Mean squared error 1/2: 51.14 dB; steps go up as often as down."""
    cover = random.integers(1, 255, (128, 128, 3), np.uint8)
    container = match_bits(cover, random.bytes(cover.size // 8), seed=0)
    assert psnr(cover, container) == pytest.approx(51.14, abs=0.05)
    assert np.mean(container.astype(int) - cover) == pytest.approx(0, abs=0.01)


def test_another_seed_reads_other_bytes() -> None:
    data = random.bytes(200)
    assert read_matched_bits(match_bits(COVER, data, seed=0), 200, seed=1) != data


def test_black_and_white_step_inwards() -> None:
    for level in (0, 255):
        cover = np.full((16, 16, 3), level, np.uint8)
        assert psnr(cover, match_bits(cover, bytes([0x55]) * 96, seed=0)) > 50


def test_more_bits_than_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="carry no"):
        match_bits(COVER, bytes(COVER.size // 8 + 1), seed=0)


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


def test_the_swapped_secret_is_read_at_the_middle_of_its_bin():
    revealed = read_out(swap_in(VALUES[::-1], VALUES))
    assert revealed.dtype == np.uint8
    assert np.array_equal(revealed // 16, VALUES // 16)
    assert set(revealed % 16) == {8}
    assert np.abs(revealed.astype(int) - VALUES).max() == 8


def test_the_quality_that_even_distributions_give():
    """Errors of the container run evenly from -8 to 7, as do those of the secret: 10 log10(255² / 21.5) dB."""
    random = np.random.default_rng(0)
    cover, secret = random.integers(8, 248, (512, 512, 3), np.uint8), random.integers(0, 256, (512, 512, 3), np.uint8)
    container = swap_in(cover, secret)
    assert psnr(cover, container) == pytest.approx(34.807, abs=0.02)
    assert psnr(secret, read_out(container)) == pytest.approx(34.807, abs=0.02)


def test_the_pictures_given_stay_as_they_are():
    cover, secret = VALUES.copy(), VALUES[::-1].copy()
    swap_in(cover, secret)
    assert np.array_equal(cover, VALUES)
    assert np.array_equal(secret, VALUES[::-1])


@pytest.fixture
def quarters(cat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cover and secret, 128²."""
    return np.ascontiguousarray(cat[:128, :128]), np.ascontiguousarray(cat[128:, 128:])


def test_sealed_secrets_keep_within_their_bits(quarters) -> None:
    low, high, full = (sealed_avif(rate)(*quarters, 0) for rate in (0.5, 1.0, None))
    assert low.bits <= 0.5 < high.bits <= 1 < full.bits <= 1.5
    sides = [
        (psnr(quarters[0], one.container), psnr(quarters[1], one.reveal(one.container).picture))
        for one in (low, high, full)
    ]
    containers, secrets = zip(*sides, strict=True)
    assert containers[0] > containers[1] > containers[2] > 54
    assert 25 < secrets[0] < secrets[1] < secrets[2]


@pytest.mark.parametrize("flat", [False, True])
def test_the_full_payload_is_what_a_user_hides_with_compress(quarters, tmp_path: Path, flat: bool) -> None:
    """A secret whose PNG file fits is hidden as it is."""
    cover, secret = quarters[0], np.full_like(quarters[1], 77) if flat else quarters[1]
    write_png(tmp_path / "cover.png", cover)
    write_png(tmp_path / "secret.png", secret)
    out, key = OutputTarget(tmp_path / "container.png"), PUBLIC_DEMONSTRATION_KEY
    embed_file(tmp_path / "cover.png", tmp_path / "secret.png", out, key, compress=True, randomness=seeded(3))
    embedding = sealed_avif(None)(cover, secret, 3)
    assert np.array_equal(embedding.container, read_picture(out.path))
    assert np.array_equal(embedding.reveal(embedding.container).picture, secret) == flat


def test_matching_fills_all_samples(quarters) -> None:
    embedding = matched_avif(3.0)(*quarters, 0)
    assert 2 < embedding.bits <= 3
    expected = 10 * np.log10(255**2 / (embedding.bits / 3 / 2))  # half of the samples with bits step by one level
    assert psnr(quarters[0], embedding.container) == pytest.approx(expected, abs=0.1)


def test_the_revealed_secret_is_the_compressed_picture(quarters) -> None:
    """Against Pillow alone: better than its AVIF, of 8 bits, at the bytes used."""
    embedding = matched_avif(2.0)(*quarters, 0)
    best = 0.0
    for quality in range(101):
        file = io.BytesIO()
        options = {"subsampling": "4:4:4", "codec": "aom", "advanced": {"tune": "psnr"}}
        Image.fromarray(quarters[1]).save(file, "AVIF", quality=quality, **options)
        if len(file.getvalue()) > embedding.bits * 128 * 128 / 8:
            break
        best = psnr(quarters[1], np.asarray(Image.open(file).convert("RGB")))
    assert best + 0.3 < psnr(quarters[1], embedding.reveal(embedding.container).picture) < best + 3
