"""Where a training stands, as one looks at it: the pictures of some pairs, at both ends of their way."""

import numpy as np
import torch
from torch import Tensor

from stegnet.core.tensors import to_8_bits
from stegnet.training.batch_pass import PassResult

MOST = 4  # pairs that are shown
GAIN = 10


def sight(arrived: PassResult) -> np.ndarray:
    """One row a pair: cover, container, their difference times GAIN, secret, revealed; (H, W, 3) uint8."""
    cover, container, secret, revealed = arrived
    columns = (cover, container, (container - cover).abs() * GAIN, secret, revealed)
    return _side_by_side([to_8_bits(column) for column in columns]).cpu().numpy()


def few(arrived: PassResult) -> PassResult:
    """Its first pairs, of which no gradient is wanted; copied, so that the others need not be kept."""
    return PassResult(*(pictures[:MOST].detach().clone() for pictures in arrived))


def _side_by_side(columns: list[Tensor]) -> Tensor:
    """Of columns (B, 3, h, w), (B · h, columns · w, 3)."""
    rows = torch.cat(columns, dim=3)
    return rows.permute(0, 2, 3, 1).reshape(-1, rows.shape[3], 3)
