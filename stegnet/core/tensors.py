"""8 bits, detail layer and shuffle for batches of tensors, differentiable.

The same operations on single pictures are in `stegnet.core.samples` and `stegnet.core.shuffle`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from stegnet.core.samples import CELL, GREY
from stegnet.core.shuffle import NEGATIVE, ORIENTATIONS, Shuffle, block_size, orientations, pixel_index


def to_8_bits(pictures: Tensor) -> Tensor:
    """Converts float to uint8: clamped to [0, 1], scaled, rounded to nearest.

    Args:
        pictures: any shape, float.
    Returns:
        Same shape, uint8.
    """
    return pictures.float().clamp(0, 1).mul(255).round().to(torch.uint8)


def from_8_bits(pictures: Tensor) -> Tensor:
    """Converts uint8 to float32 in [0, 1], same shape."""
    return pictures.float() / 255


def through_8_bits(pictures: Tensor) -> Tensor:
    """Rounds to 8 bits, differentiably: float in, float32 in [0, 1] out, same shape.

    Rounding has a straight-through gradient (Bengio et al. 2013, arXiv 1308.3432). Clamping has its true gradient,
    zero: only the container term of the loss pulls values back into [0, 1].
    """
    clamped = pictures.float().clamp(0, 1)
    return clamped + (clamped.detach().mul(255).round() / 255 - clamped.detach())


def with_sealed_bits(stored: Tensor, exact: Tensor, chosen: Tensor) -> Tensor:
    """Rounds `chosen` samples to their second-nearest level, as sealing does if the nearest has the wrong bit.

    Args:
        stored: (B, 3, H, W), `through_8_bits(exact)`.
        exact: before rounding.
        chosen: bool, same shape.
    """
    up = (exact.detach() > stored.detach()) & (stored.detach() < 1) | (stored.detach() <= 0)
    return stored + chosen * (2.0 * up - 1) / 255


def block_means(pictures: Tensor) -> Tensor:
    """Returns the means of 8×8 blocks: 8-bit pictures in [0, 1], (B, C, H, W), to (B, C, H/8, W/8) uint8.

    Exact on every device, since sums of integers are; ties are rounded to even.
    """
    return functional.avg_pool2d(pictures.mul(255).round(), CELL).round().to(torch.uint8)


def split(pictures: Tensor, means: Tensor | None) -> Tensor:
    """Returns the detail, which the network hides, (B, C, H, W) in [-1, 1].

    Args:
        pictures: (B, C, H, W) in [0, 1]; H and W are multiples of 8.
        means: their `block_means`, or None with the detail layer off.
    """
    return pictures - (GREY if means is None else _upsample(means))


def join(hidden: Tensor, means: Tensor | None) -> Tensor:
    """Inverts `split`; same shape, not clamped.

    With the detail layer on, each block of `hidden` is first centred on 0, so that it has exactly the given mean.
    """
    return hidden + GREY if means is None else centred(hidden) + _upsample(means)


def with_block_means(pictures: Tensor, means: Tensor | None) -> Tensor:
    """Returns the pictures with their block means corrected to `means`, if there are any; same shape, not clamped."""
    return pictures if means is None else join(split(pictures, means), means)


def centred(detail: Tensor) -> Tensor:
    """Subtracts the mean of each 8×8 block."""
    means = functional.avg_pool2d(detail, CELL)
    return detail - means.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)


def _upsample(means: Tensor) -> Tensor:
    return means.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3).float() / 255


def random_shuffle(generator: torch.Generator, rows: int, cols: int) -> Shuffle:
    """Draws a shuffle for training, on the generator's device; not cryptographically secure."""
    count, device = rows * cols, generator.device
    permutation = torch.randperm(count, generator=generator, device=device)
    turns = torch.randint(2 * ORIENTATIONS, (count,), generator=generator, device=device)
    return Shuffle(rows, cols, permutation, turns % ORIENTATIONS, turns & NEGATIVE != 0)


def seeded_shuffle(seed: int, rows: int, cols: int) -> Shuffle:
    """Draws a shuffle as numpy arrays, for measurements; not cryptographically secure."""
    drawn = random_shuffle(torch.Generator().manual_seed(seed), rows, cols)
    fields = (drawn.permutation, drawn.orientation, drawn.negative)
    return Shuffle(rows, cols, *(part.numpy() for part in fields))


def apply(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Shuffles each picture with its own shuffle.

    Args:
        pictures: (B, C, H, W), signed values centred on 0, any device. The block size is H / rows.
        shuffles: B shuffles of the same grid.
    Returns:
        Same shape and dtype.
    Raises:
        ValueError: the grid does not cut the pictures into square blocks, or there are not exactly B shuffles.
    """
    pixels, index = _pixels(pictures), _pixel_index(pictures, shuffles)
    return _pictures(pixels.index_select(0, index), pictures.shape) * _signs(pictures, shuffles)


def invert(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Inverts `apply` exactly; same arguments and errors."""
    index = _pixel_index(pictures, shuffles)
    pixels = _pixels(pictures * _signs(pictures, shuffles))
    return _pictures(torch.empty_like(pixels).index_copy_(0, index, pixels), pictures.shape)


def _pixels(pictures: Tensor) -> Tensor:
    """(B, C, H, W) to (B·H·W, C): one index serves all channels."""
    return pictures.permute(0, 2, 3, 1).reshape(-1, pictures.shape[1])


def _pictures(pixels: Tensor, shape: torch.Size) -> Tensor:
    """Inverts `_pixels`."""
    batch, channels, height, width = shape
    return pixels.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _pixel_index(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Returns the source of each pixel in the batch, (B·H·W,) int64."""
    batch, _, height, width = pictures.shape
    if len(shuffles) != batch or len({(shuffle.rows, shuffle.cols) for shuffle in shuffles}) != 1:
        raise ValueError(f"{batch} pictures need {batch} shuffles of one grid")
    block = block_size(height, width, shuffles[0].rows, shuffles[0].cols)
    permutation, orientation = (_stack(shuffles, name, pictures.device) for name in ("permutation", "orientation"))
    inside = torch.from_numpy(orientations(block, width)).to(pictures.device)
    index = pixel_index(permutation, orientation, shuffles[0].cols, inside)  # (B, H·W)
    return (index + torch.arange(batch, device=pictures.device)[:, None] * (height * width)).reshape(-1)


def _signs(pictures: Tensor, shuffles: Sequence[Shuffle]) -> Tensor:
    """Returns the sign of each pixel, (B, 1, H, W), 1 or −1."""
    negative = _stack(shuffles, "negative", pictures.device)
    signs = (1 - 2 * negative.to(pictures.dtype)).view(len(shuffles), 1, shuffles[0].rows, shuffles[0].cols)
    block = pictures.shape[-2] // shuffles[0].rows
    return signs.repeat_interleave(block, 2).repeat_interleave(block, 3)


def _stack(shuffles: Sequence[Shuffle], name: str, device: torch.device) -> Tensor:
    """Stacks a field of all shuffles, (B, N)."""
    return torch.stack([torch.as_tensor(getattr(shuffle, name)) for shuffle in shuffles]).to(device)
