"""The detail layer for batches of tensors, with gradients; what it is, `stegnet.detail` says."""

import torch
from torch import Tensor
from torch.nn import functional

from stegnet.detail import CELL, GREY


def block_means(pictures: Tensor) -> Tensor:
    """(B, C, H, W) that were 8 bits each, in [0, 1], to (B, C, H/8, W/8) uint8: the mean of each 8×8 block.

    Sums of whole numbers are exact on every device, and so is what lies half way between two levels: it goes to even.
    """
    return functional.avg_pool2d(pictures.mul(255).round(), CELL).round().to(torch.uint8)


def split(pictures: Tensor, means: Tensor | None) -> Tensor:
    """The part that the network hides, (B, C, H, W) in [-1, 1].

    Args:
        pictures: (B, C, H, W) in [0, 1]; H and W are multiples of 8.
        means: their `block_means`, or None with the detail layer off.
    """
    return pictures - (GREY if means is None else _spread(means))


def join(hidden: Tensor, means: Tensor | None) -> Tensor:
    """The pictures whose `split` is `hidden`, or nearly is; same shape, not clamped.

    With the detail layer on, the mean of each block is put right first: it is known exactly.
    """
    return hidden + GREY if means is None else centred(hidden) + _spread(means)


def settled(pictures: Tensor, means: Tensor | None) -> Tensor:
    """The same pictures with each block's mean put right, where it is known; same shape, not clamped."""
    return pictures if means is None else join(split(pictures, means), means)


def centred(detail: Tensor) -> Tensor:
    """The same detail with each 8×8 block's mean taken out."""
    means = functional.avg_pool2d(detail, CELL)
    return detail - means.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)


def _spread(means: Tensor) -> Tensor:
    return means.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3).float() / 255
