import numpy as np
import pytest
import torch

from stegnet.core import shuffle as single
from stegnet.core import tensors as scramble
from stegnet.core.shuffle import Shuffle, draw
from tests.codec import by_the_book

KEY = bytes(range(32))


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def chi_square(counts: list[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def by_hand(picture: torch.Tensor, shuffle: Shuffle) -> np.ndarray:
    turns = shuffle.orientation + 8 * shuffle.negative
    pixels = picture.permute(1, 2, 0).numpy()
    return by_the_book.shuffle(pixels, shuffle.permutation.tolist(), turns.tolist(), shuffle.cols).transpose(2, 0, 1)


@pytest.mark.parametrize("block", [1, 2, 3, 8, 16])
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 7), (5, 3), (4, 9)])
def test_invert_undoes_apply(block, rows, cols):
    pictures = torch.rand(3, 3, rows * block, cols * block) - 0.5
    shuffles = [draw(key(n), rows, cols) for n in range(3)]
    assert torch.equal(scramble.invert(scramble.apply(pictures, shuffles), shuffles), pictures)
    assert torch.equal(scramble.apply(scramble.invert(pictures, shuffles), shuffles), pictures)


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("turn", range(8))
def test_each_way_to_turn_a_block(turn, negative):
    picture = torch.arange(1.0, 49).view(1, 3, 4, 4)
    shuffle = Shuffle(1, 1, torch.tensor([0]), torch.tensor([turn]), torch.tensor([negative]))
    shown = scramble.apply(picture, [shuffle])
    np.testing.assert_array_equal(shown[0], by_hand(picture[0], shuffle))
    assert torch.equal(scramble.invert(shown, [shuffle]), picture)


def test_no_two_ways_to_turn_a_block_are_the_same():
    picture = torch.arange(1.0, 5).view(1, 1, 2, 2).expand(16, -1, -1, -1)
    ways = [Shuffle(1, 1, torch.tensor([0]), torch.tensor([turn % 8]), torch.tensor([turn >= 8])) for turn in range(16)]
    assert len(scramble.apply(picture, ways).flatten(1).unique(dim=0)) == 16


@pytest.mark.parametrize("block", [1, 2, 5, 8])
def test_apply_is_the_definition(block):
    shuffle = draw(KEY, 4, 6)
    picture = torch.rand(3, 4 * block, 6 * block) - 0.5
    np.testing.assert_array_equal(scramble.apply(picture[None], [shuffle])[0], by_hand(picture, shuffle))


def test_a_picture_of_a_batch_is_shuffled_by_its_own_shuffle():
    pictures = torch.rand(2, 3, 16, 24) - 0.5
    shuffles = [draw(key(n), 2, 3) for n in range(2)]
    both = scramble.apply(pictures, shuffles)
    for n in range(2):
        assert torch.equal(both[n : n + 1], scramble.apply(pictures[n : n + 1], shuffles[n : n + 1]))


@pytest.mark.parametrize("block", [1, 2, 3, 8])
def test_a_batch_is_shuffled_as_each_picture_by_itself(block):
    pictures = torch.rand(3, 3, 5 * block, 7 * block) - 0.5
    shuffles = [draw(key(n), 5, 7) for n in range(3)]
    for change in ("apply", "invert"):
        together = getattr(scramble, change)(pictures, shuffles)
        for one, picture, shuffle in zip(together, pictures, shuffles, strict=True):
            alone = getattr(single, change)(picture.permute(1, 2, 0).numpy(), shuffle)
            np.testing.assert_array_equal(one.permute(1, 2, 0), alone)


def test_a_shuffle_of_tensors_is_as_one_of_arrays():
    pictures, drawn = torch.rand(1, 3, 16, 24) - 0.5, draw(KEY, 2, 3)
    tensors = Shuffle(2, 3, *map(torch.from_numpy, (drawn.permutation, drawn.orientation, drawn.negative)))
    assert torch.equal(scramble.apply(pictures, [tensors]), scramble.apply(pictures, [drawn]))


def test_a_seeded_shuffle_is_the_random_one_in_arrays():
    seeded, random = scramble.seeded_shuffle(3, 5, 4), scramble.random_shuffle(torch.Generator().manual_seed(3), 5, 4)
    for name in ("permutation", "orientation", "negative"):
        assert isinstance(getattr(seeded, name), np.ndarray)
        np.testing.assert_array_equal(getattr(seeded, name), getattr(random, name))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int16])
def test_the_type_stays(dtype):
    pictures = (torch.rand(1, 3, 16, 24) * 100 - 50).to(dtype)
    shuffles = [draw(KEY, 2, 3)]
    shown = scramble.apply(pictures, shuffles)
    assert shown.dtype == dtype
    assert torch.equal(scramble.invert(shown, shuffles), pictures)


def test_gradients_pass():
    pictures = (torch.rand(1, 3, 16, 16) - 0.5).requires_grad_()
    shuffles = [draw(KEY, 2, 2)]
    weight = torch.rand(1, 3, 16, 16)
    (scramble.invert(scramble.apply(pictures, shuffles) * 2, shuffles) * weight).sum().backward()
    assert torch.equal(pictures.grad, 2 * weight)


def test_all_sixteen_random_ways_to_turn_are_alike():
    """Chi-square; 52.3 is the 0.0005 % quantile for 15 degrees of freedom."""
    generator = torch.Generator().manual_seed(1)
    shuffle = scramble.random_shuffle(generator, 80, 100)
    counts = torch.bincount(shuffle.orientation + 8 * shuffle.negative, minlength=16)
    assert len(counts) == 16
    assert chi_square(counts.tolist()) < 52.3


def test_random_shuffle_follows_its_generator():
    a, b = (scramble.random_shuffle(torch.Generator().manual_seed(3), 5, 4) for _ in range(2))
    assert torch.equal(a.permutation, b.permutation)
    assert torch.equal(a.orientation, b.orientation)
    assert torch.equal(a.negative, b.negative)
    assert sorted(a.permutation.tolist()) == list(range(20))


@pytest.mark.parametrize("shape", [(1, 3, 17, 24), (1, 3, 16, 16), (2, 3, 16, 24), (1, 3, 0, 24)])
def test_what_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match=r"shuffles|blocks"):
        scramble.apply(torch.zeros(shape), [draw(KEY, 2, 3)])
