import numpy as np
import pytest
import torch

from stegnet import scramble

KEY = bytes(range(32))


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def by_hand(picture: np.ndarray, shuffle: scramble.Shuffle) -> np.ndarray:
    """The definition, block by block."""
    block = picture.shape[0] // shuffle.rows
    result = np.empty_like(picture)
    for n, (origin, turn) in enumerate(zip(shuffle.permutation.tolist(), shuffle.orientation.tolist(), strict=True)):
        y, x = (part * block for part in divmod(origin, shuffle.cols))
        piece = picture[y : y + block, x : x + block]
        piece = np.rot90(piece.swapaxes(0, 1) if turn & 4 else piece, turn & 3)
        y, x = (part * block for part in divmod(n, shuffle.cols))
        result[y : y + block, x : x + block] = piece
    return result


@pytest.mark.parametrize("block", [1, 2, 3, 8, 16])
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 7), (5, 3), (4, 9)])
def test_invert_undoes_apply(block, rows, cols):
    pictures = torch.rand(3, 3, rows * block, cols * block)
    shuffles = [scramble.draw(key(n), rows, cols) for n in range(3)]
    assert torch.equal(scramble.invert(scramble.apply(pictures, shuffles), shuffles), pictures)
    assert torch.equal(scramble.apply(scramble.invert(pictures, shuffles), shuffles), pictures)


@pytest.mark.parametrize("block", [1, 2, 5, 8])
def test_apply_is_the_definition(block):
    shuffle = scramble.draw(KEY, 4, 6)
    picture = np.random.default_rng(0).integers(0, 256, (4 * block, 6 * block, 3), np.uint8)
    shuffled = scramble.apply_array(picture, shuffle)
    assert shuffled.dtype == np.uint8
    np.testing.assert_array_equal(shuffled, by_hand(picture, shuffle))
    np.testing.assert_array_equal(scramble.invert_array(shuffled, shuffle), picture)


def test_a_picture_of_a_batch_is_shuffled_by_its_own_shuffle():
    pictures = torch.rand(2, 3, 16, 24)
    shuffles = [scramble.draw(key(n), 2, 3) for n in range(2)]
    both = scramble.apply(pictures, shuffles)
    for n in range(2):
        assert torch.equal(both[n : n + 1], scramble.apply(pictures[n : n + 1], shuffles[n : n + 1]))


def test_gradients_pass():
    pictures = torch.rand(1, 3, 16, 16, requires_grad=True)
    shuffles = [scramble.draw(KEY, 2, 2)]
    weight = torch.rand(1, 3, 16, 16)
    (scramble.invert(scramble.apply(pictures, shuffles) * 2, shuffles) * weight).sum().backward()
    assert torch.equal(pictures.grad, 2 * weight)


def test_draw_is_pinned():
    """A changed stream would lose every hidden picture: openssl gives the same words for this key."""
    shuffle = scramble.draw(KEY, 2, 3)
    assert shuffle.permutation.tolist() == [3, 1, 5, 4, 0, 2]
    assert shuffle.orientation.tolist() == [2, 3, 6, 3, 0, 1]


def test_permutations_are_uniform():
    """Chi-square of all 24 orders of four blocks; 59.1 is the 0.005 % quantile for 23 degrees of freedom."""
    counts: dict[tuple[int, ...], int] = {}
    for n in range(4800):
        order = tuple(scramble.draw(key(n), 2, 2).permutation.tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert sum((count - 200) ** 2 / 200 for count in counts.values()) < 59.1


def test_orientations_are_uniform():
    """Chi-square of eight classes; 31.8 is about the 0.005 % quantile for 7 degrees of freedom."""
    counts = torch.bincount(scramble.draw(KEY, 80, 100).orientation, minlength=8)
    assert ((counts - 1000) ** 2 / 1000).sum() < 31.8


def test_two_frames_are_unrelated():
    """Two random permutations agree in one place on average; the other statistic is their rank correlation."""
    a, b = (scramble.draw(key(n), 45, 80) for n in range(2))
    assert (a.permutation == b.permutation).sum() < 8
    assert abs(torch.corrcoef(torch.stack([a.permutation, b.permutation]).double())[0, 1]) < 0.08
    assert abs((a.orientation == b.orientation).double().mean() - 1 / 8) < 0.03


def test_random_shuffle_follows_its_generator():
    a, b = (scramble.random_shuffle(torch.Generator().manual_seed(3), 5, 4) for _ in range(2))
    assert torch.equal(a.permutation, b.permutation)
    assert torch.equal(a.orientation, b.orientation)
    assert sorted(a.permutation.tolist()) == list(range(20))


@pytest.mark.parametrize("shape", [(1, 3, 17, 24), (1, 3, 16, 16), (2, 3, 16, 24), (1, 3, 0, 24)])
def test_what_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match=r"shuffles|blocks"):
        scramble.apply(torch.zeros(shape), [scramble.draw(KEY, 2, 3)])


def test_grid_leaves_the_margin_out():
    assert scramble.grid(61, 97) == (7, 12)
