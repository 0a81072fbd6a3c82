import numpy as np
import pytest
from skimage.measure import block_reduce
from skimage.metrics import peak_signal_noise_ratio

from stegnet.codec import Network
from stegnet.core.errors import WeightsError
from study.survival.method import by_network, load_method, sealed, swap, thumbnail
from study.tradeoff.swap import read_out, swap_in
from tests.support.pairs import save_untrained

SIZE = 64


@pytest.fixture
def cover(picture) -> np.ndarray:
    """Far from black and white, where steps would be cut off."""
    return 64 + picture(SIZE, SIZE, 1) // 2


@pytest.fixture
def secret(picture) -> np.ndarray:
    return picture(SIZE, SIZE, 2)


@pytest.fixture
def save(tmp_path):
    """Saves a pair that is not trained, with a card that says how it was."""

    return lambda training: save_untrained(tmp_path / "pair.safetensors", training)


@pytest.mark.parametrize("shuffled", [True, False])
def test_a_network_reads_its_own_container_and_no_other(exact, cover, secret, picture, five_levels, shuffled):
    sent = by_network(exact, shuffled)(cover, secret, 3)
    assert np.array_equal(sent.read(sent.container).picture, five_levels(secret))
    other = by_network(exact, shuffled)(cover, picture(SIZE, SIZE, 9), 3)
    assert np.array_equal(sent.read(other.container).picture, five_levels(picture(SIZE, SIZE, 9)))


def test_the_shuffle_follows_from_the_seed(exact, cover, secret):
    plain = exact.hide(cover, secret, None).container
    containers = [by_network(exact, True)(cover, secret, seed).container for seed in (3, 3, 4)]
    assert np.array_equal(containers[0], containers[1])
    assert not np.array_equal(containers[0], containers[2])
    assert not np.array_equal(containers[0], plain)
    assert np.array_equal(by_network(exact, False)(cover, secret, 3).container, plain)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shuffled_only_where_trained_so(save, cover, secret, share):
    path = save({"train": {"scrambled": share}})
    container = load_method(path)(cover, secret, 0).container
    unshuffled = Network.load(path).hide(cover, secret, None).container
    assert np.array_equal(container, unshuffled) == (share == 0)


@pytest.mark.parametrize("training", [{}, {"train": {}}])
def test_a_card_that_does_not_say_it(save, training):
    with pytest.raises(WeightsError, match="does not say whether it was trained on shuffled"):
        load_method(save(training))


def test_a_rival_that_is_missing_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"plain\.safetensors: no such weights file"):
        load_method(tmp_path / "plain.safetensors")


def test_the_thumbnail_is_all_that_block_means_tell(cat):
    cover = 255 - cat
    sent = thumbnail(cover, cat, 0)
    assert np.array_equal(sent.container, cover)
    shown = sent.read(cover).picture
    assert np.array_equal(shown, sent.read(cat).picture)
    means = block_reduce(cat, (8, 8, 1), np.mean)
    blocks = np.kron(means, np.ones((8, 8, 1))).round().astype(np.uint8)
    gain = peak_signal_noise_ratio(cat, shown) - peak_signal_noise_ratio(cat, blocks)
    assert 0 < gain < 3


def test_the_swap_is_the_swap(cover, secret):
    sent = swap(cover, secret, 0)
    assert np.array_equal(sent.container, swap_in(cover, secret))
    assert np.array_equal(sent.read(sent.container).picture, read_out(sent.container))


def test_the_swap_reads_low_bits_alone(cover, secret):
    """So 16 levels more do nothing to it where nothing is cut off, and one level more does."""
    sent = swap(cover, secret, 0)
    pictures = [sent.read(sent.container + step).picture for step in (0, 16, 1)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_sealed_file_breaks_with_its_bits(cover, secret):
    """And with nothing else: the lowest bits stay when every sample gets two levels more."""
    sent = sealed(cover, secret, 0)
    assert sent.read(sent.container).opened is True
    assert sent.read(sent.container + 2).opened is True
    assert sent.read(sent.container + 1).opened is False
    noisy = sent.container ^ np.random.default_rng(0).integers(0, 2, cover.shape, np.uint8)
    assert sent.read(noisy).opened is False
    assert sent.read(cover).opened is False
    assert sent.read(sent.container).picture is None


def test_a_sealed_file_of_another_secret_is_not_taken_for_it(cover, secret, picture):
    other = sealed(cover, picture(SIZE, SIZE, 9), 0)
    assert sealed(cover, secret, 0).read(other.container).opened is False
