import random
from fractions import Fraction

import numpy as np
import pytest

from stegnet.codec import Key, Network, hide_picture, open_header, reveal_picture
from stegnet.codec.header import Header, Timing, seal_header
from stegnet.errors import CapacityError, RevealError, WeightsError
from stegnet.media import resize
from stegnet.scramble import draw, invert_array


@pytest.mark.parametrize(("height", "width"), [(64, 96), (61, 97), (8, 8), (15, 200)])
def test_the_same_size_comes_back_exactly(exact, key, picture, four_bits, height, width):
    cover, secret = picture(height, width, 1), picture(height // 8 * 8, width // 8 * 8, 2)
    container, sealed = hide_picture(exact, cover, secret, key)
    assert container.shape == cover.shape
    np.testing.assert_array_equal(reveal_picture(exact, container, sealed, key), four_bits(secret))


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (123, 45), (200, 200)])
def test_another_size_comes_back(exact, key, picture, four_bits, size):
    cover, secret = picture(61, 97, 1), picture(*size, 2)
    container, sealed = hide_picture(exact, cover, secret, key)
    expected = resize(four_bits(resize(secret, 56, 96)), *size)
    np.testing.assert_array_equal(reveal_picture(exact, container, sealed, key), expected)


def test_the_margin_is_the_cover(exact, key, picture):
    cover = picture(61, 97, 1)
    before = cover.copy()
    container, _ = hide_picture(exact, cover, picture(61, 97, 2), key)
    np.testing.assert_array_equal(cover, before)
    np.testing.assert_array_equal(container[56:], cover[56:])
    np.testing.assert_array_equal(container[:, 96:], cover[:, 96:])
    assert (container[:56, :96] != cover[:56, :96]).any()


def test_the_container_holds_the_shuffled_secret(exact, key, picture, four_bits):
    secret = picture(64, 96, 2)
    container, sealed = hide_picture(exact, picture(64, 96, 1), secret, key)
    low = (container & 15) * 17
    film_id = open_header(sealed, key).film_id
    assert (low != four_bits(secret)).mean() > 0.5
    np.testing.assert_array_equal(invert_array(low, draw(key.shuffle(film_id, 0), 8, 12)), four_bits(secret))


def test_hidden_twice_is_unrelated(exact, key, picture):
    pictures = picture(64, 96, 1), picture(64, 96, 2)
    (a, sealed_a), (b, sealed_b) = (hide_picture(exact, *pictures, key) for _ in range(2))
    assert (a != b).mean() > 0.5
    assert sealed_a != sealed_b


def test_a_seed_repeats_it(exact, key, picture):
    pictures = picture(64, 96, 1), picture(64, 96, 2)
    (a, sealed_a), (b, sealed_b) = (hide_picture(exact, *pictures, key, random.Random(1).randbytes) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert sealed_a == sealed_b


def test_a_network_of_ours(weights, key, picture):
    network = Network.load(weights)
    container, sealed = hide_picture(network, picture(61, 97, 1), picture(50, 50, 2), key)
    assert reveal_picture(network, container, sealed, key).shape == (50, 50, 3)


@pytest.mark.parametrize("size", [(7, 100), (100, 7), (1, 1)])
def test_a_cover_that_is_too_small(exact, key, picture, size):
    with pytest.raises(CapacityError, match=f"too small: {size[1]}×{size[0]}"):
        hide_picture(exact, picture(*size), picture(8, 8), key)


def test_nothing_is_revealed(exact, key, picture):
    container, sealed = hide_picture(exact, picture(64, 96, 1), picture(64, 96, 2), key)
    cases = [(container, None, key), (container, b"junk" * 30, key), (container, sealed, Key(bytes(32)))]
    cases.append((container[:4], sealed, key))
    messages = set()
    for case in cases:
        with pytest.raises(RevealError) as caught:
            reveal_picture(exact, *case)
        messages.add((str(caught.value), caught.value.hint))
    assert len(messages) == 1


def test_other_weights(exact, key, picture):
    container, sealed = hide_picture(exact, picture(64, 96, 1), picture(64, 96, 2), key)
    with pytest.raises(WeightsError, match="4b4b"):
        reveal_picture(Network.of(exact.pair, "00" * 32), container, sealed, key)


def test_a_films_header_on_a_picture(exact, key, picture):
    timing = Timing((0,), Fraction(1, 25), Fraction(25))
    sealed = seal_header(Header(bytes(16), 9, 9, 8, exact.weights, timing), key)
    with pytest.raises(RevealError, match="nothing can be revealed"):
        reveal_picture(exact, picture(16, 16), sealed, key)
