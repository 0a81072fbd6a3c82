"""What containers go through on their way: clamped, rounded to 8 bits, and given sealed bits."""

import torch
from torch import Tensor


def to_8_bits(pictures: Tensor) -> Tensor:
    """Float pictures to bytes, as a file holds them: clamped to [0, 1], scaled, rounded to nearest.

    Args:
        pictures: any shape, float.
    Returns:
        Same shape, uint8.
    """
    return pictures.float().clamp(0, 1).mul(255).round().to(torch.uint8)


def from_8_bits(pictures: Tensor) -> Tensor:
    """Bytes to float32 in [0, 1], same shape."""
    return pictures.float() / 255


def through_8_bits(pictures: Tensor) -> Tensor:
    """The same loss as a file's, with a gradient to train through.

    Rounding passes the gradient straight through (Bengio et al. 2013, arXiv 1308.3432). Clamping does
    not: what leaves [0, 1] is lost, and only the container term of the loss calls it back.
    """
    clamped = pictures.float().clamp(0, 1)
    return clamped + (clamped.detach().mul(255).round() / 255 - clamped.detach())


def with_sealed_bits(stored: Tensor, exact: Tensor, chosen: Tensor) -> Tensor:
    """Rounds `chosen` samples to their second-nearest level, as sealed bits do where the nearest has the wrong bit.

    Args:
        stored: (B, 3, H, W), `through_8_bits(exact)`.
        exact: before rounding.
        chosen: bool, same shape.
    """
    up = (exact.detach() > stored.detach()) & (stored.detach() < 1) | (stored.detach() <= 0)
    return stored + chosen * (2.0 * up - 1) / 255
