import numpy as np
import torch

from stegnet.training.batch_pass import PassResult
from stegnet.training.sight import few, sight


def level(value: float, count: int) -> torch.Tensor:
    return torch.full((count, 3, 2, 4), value / 255)


def test_pictures_stand_side_by_side_one_row_a_pair():
    arrived = PassResult(level(100, 3), level(102, 3), level(50, 3), level(300, 3))
    arrived.cover[1] = 0
    page = sight(arrived)
    assert (page.shape, page.dtype) == ((6, 20, 3), np.uint8)
    columns = page.reshape(3, 2, 5, 4, 3)
    assert (columns == columns[:, :1, :, :1, :1]).all()
    assert columns[:, 0, :, 0, 0].tolist() == [[100, 102, 20, 50, 255], [0, 102, 255, 50, 255], [100, 102, 20, 50, 255]]


def test_few_are_kept_and_no_gradient():
    arrived = PassResult(*(level(value, 9).requires_grad_() for value in range(4)))
    kept = few(arrived)
    assert [pictures.shape[0] for pictures in kept] == [4] * 4
    assert not any(pictures.requires_grad for pictures in kept)
