"""Shuffles of batches of tensors, with gradients; what a shuffle is, `stegnet.scramble` says."""

from collections.abc import Sequence

import torch
from torch import Tensor

from stegnet.scramble import NEGATIVE, ORIENTATIONS, Shuffle, block_size, pixel_index, turned


def random_shuffle(generator: torch.Generator, rows: int, cols: int) -> Shuffle:
    """A shuffle to train with, on the generator's device; not for secrets."""
    count, device = rows * cols, generator.device
    permutation = torch.randperm(count, generator=generator, device=device)
    turns = torch.randint(2 * ORIENTATIONS, (count,), generator=generator, device=device)
    return Shuffle(rows, cols, permutation, turns % ORIENTATIONS, turns & NEGATIVE != 0)


def seeded_shuffle(seed: int, rows: int, cols: int) -> Shuffle:
    """A random shuffle of numpy arrays, to measure with; not for secrets."""
    drawn = random_shuffle(torch.Generator().manual_seed(seed), rows, cols)
    numbers = (drawn.permutation, drawn.orientation, drawn.negative)
    return Shuffle(rows, cols, *(part.numpy() for part in numbers))


def apply(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Shuffles each picture with its own shuffle.

    Args:
        pictures: (B, C, H, W), signed values centred on 0, any device. The block size is H / rows.
        shuffles: B of them, of one grid.
    Returns:
        Same shape and dtype.
    Raises:
        ValueError: the grid does not cut the pictures into square blocks, or there are not B shuffles.
    """
    pixels, index = _pixels(pictures), _pixel_index(pictures, shuffles)
    return _pictures(pixels.index_select(0, index), pictures.shape) * _signs(pictures, shuffles)


def invert(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Undoes `apply` exactly; same arguments and errors."""
    index = _pixel_index(pictures, shuffles)
    pixels = _pixels(pictures * _signs(pictures, shuffles))
    return _pictures(torch.empty_like(pixels).index_copy_(0, index, pixels), pictures.shape)


def _pixels(pictures: Tensor) -> Tensor:
    """(B, C, H, W) to (B·H·W, C): whole pixels move, so that there is one index for all channels."""
    return pictures.permute(0, 2, 3, 1).reshape(-1, pictures.shape[1])


def _pictures(pixels: Tensor, shape: torch.Size) -> Tensor:
    """Undoes `_pixels`."""
    batch, channels, height, width = shape
    return pixels.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _pixel_index(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """(B·H·W,) int64: for each pixel, which it comes from, all pictures counted through."""
    batch, _, height, width = pictures.shape
    if len(shuffles) != batch or len({(shuffle.rows, shuffle.cols) for shuffle in shuffles}) != 1:
        raise ValueError(f"{batch} pictures need {batch} shuffles of one grid")
    block = block_size(height, width, shuffles[0].rows, shuffles[0].cols)
    permutation, orientation = (_stack(shuffles, name, pictures.device) for name in ("permutation", "orientation"))
    inside = torch.from_numpy(turned(block, width)).to(pictures.device)
    index = pixel_index(permutation, orientation, shuffles[0].cols, inside)  # (B, H·W)
    return (index + torch.arange(batch, device=pictures.device)[:, None] * (height * width)).reshape(-1)


def _signs(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """(B, 1, H, W), 1 or −1: by what each pixel is multiplied."""
    negative = _stack(shuffles, "negative", pictures.device)
    signs = (1 - 2 * negative.to(pictures.dtype)).view(len(shuffles), 1, shuffles[0].rows, shuffles[0].cols)
    block = pictures.shape[-2] // shuffles[0].rows
    return signs.repeat_interleave(block, 2).repeat_interleave(block, 3)


def _stack(shuffles: Sequence[Shuffle], name: str, device: torch.device) -> Tensor:
    """(B, N), one attribute of all shuffles."""
    return torch.stack([torch.as_tensor(getattr(shuffle, name)) for shuffle in shuffles]).to(device)
