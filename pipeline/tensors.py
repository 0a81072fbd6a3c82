"""Differentiable operations on batches of tensors: 8 bits, sealed bits, bases, shuffle and structural similarity.

The same operations on single pictures are in `stegnet.core.pixels` and `stegnet.core.keystream`.
"""

import hashlib
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn import functional

from stegnet.core.keystream import (
    NEGATIVE,
    ORIENTATIONS,
    Shuffle,
    inverse_orientations,
    orientations,
    pixel_index,
)
from stegnet.core.pixels import BLOCK, HIDDEN_RMS, MIN_RMS

WINDOW = 11  # side of SSIM's Gaussian window
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights from fine to coarse, from the paper's table


def to_8_bits(pictures: Tensor) -> Tensor:
    """Convert float to uint8, same shape: clamped to [0, 1], scaled, rounded to nearest."""
    return pictures.float().clamp(0, 1).mul(255).round().to(torch.uint8)


def from_8_bits(pictures: Tensor) -> Tensor:
    """Convert uint8 to float32 in [0, 1], same shape."""
    return pictures.float() / 255


def through_8_bits(pictures: Tensor) -> Tensor:
    """Round to 8 bits, differentiably: float in, float32 in [0, 1] out, same shape.

    Rounding has a straight-through gradient (Bengio et al. 2013, arXiv 1308.3432). Clamping has its true gradient,
    zero: only the container term of the loss pulls values back into [0, 1].
    """
    clamped = pictures.float().clamp(0, 1)
    return clamped + (clamped.detach().mul(255).round() / 255 - clamped.detach())


def into_range(pictures: Tensor, period: Tensor) -> Tensor:
    """Move samples outside [0, 1] by one period towards it; same shape."""
    return pictures + period * ((pictures < 0).float() - (pictures > 1).float())


def with_sealed_bits(stored: Tensor, exact: Tensor, uniform: Tensor, strength: float) -> Tensor:
    """Move samples by one level, as sealing does with an ideal code whose costs are squared errors.

    A sample at distance d from the exact value is stored there with a probability proportional to exp(-strength · d²)
    (Filler, Judas, Fridrich 2011, "Minimizing additive distortion in steganography using syndrome-trellis codes",
    equation 5): mostly the nearest level, then the second-nearest. `stored` is `through_8_bits(exact)`, (B, 3, H, W);
    `uniform` is random numbers in [0, 1); `strength` is as of `seal_strength`.
    """
    levels = (stored.detach() * 255).round()
    error = exact.detach().float().clamp(0, 1) * 255 - levels  # -0.5 to 0.5
    # Chances relative to the nearest level's, which is 1.
    second = (-strength * (1 - 2 * error.abs())).exp()
    third = (-strength * (1 + 2 * error.abs())).exp()
    drawn = uniform * (1 + second + third)
    step = (drawn >= 1).float() - 2 * (drawn >= 1 + second).float()  # 0, 1 or -1
    step = torch.where(error < 0, -step, step)
    moved = levels + step
    return stored + torch.where((moved < 0) | (moved > 255), -step, step) / 255


@cache
def seal_strength(bits: float) -> float:
    """Return the strength at which `with_sealed_bits` hides `bits` bits, less than log2(3), per sample; in levels⁻².

    At this strength, the mean entropy of the three levels, over rounding errors from 0 to half a level, is `bits`.
    """
    if not bits:
        return 1e9  # which moves no sample
    errors = (np.arange(256) + 0.5)[:, None] / 512
    squared = np.square(errors - [0, 1, -1])
    low = 0.0
    high = 4096.0
    for _ in range(60):
        middle = (low + high) / 2
        chances = np.exp(-middle * (squared - squared[:, :1]))
        chances /= chances.sum(1, keepdims=True)
        entropy = -(chances * np.log2(np.maximum(chances, 1e-300))).sum(1).mean()
        if entropy > bits:
            low = middle
        else:
            high = middle
    return middle


def block_means(pictures: Tensor) -> Tensor:
    """Return means of 8×8 blocks, repeated over each: (B, C, H, W) in [0, 1] to the same shape, rounded to 8 bits."""
    means = functional.avg_pool2d(pictures.mul(255).round(), BLOCK).round() / 255
    return means.repeat_interleave(BLOCK, 2).repeat_interleave(BLOCK, 3)


def gains_for(pictures: Tensor, bases: Tensor) -> Tensor:
    """Return the gains that scale the residuals to an RMS of HIDDEN_RMS, (B, 1, 1, 1)."""
    rms = (pictures - bases).square().mean((1, 2, 3), keepdim=True).sqrt()
    return HIDDEN_RMS / rms.clamp(min=MIN_RMS)


class BatchShuffle(NamedTuple):
    """The shuffles of B pictures, one each, as indices of pixels, computed once for shuffling and unshuffling."""

    source: Tensor  # (B, H·W) int64, the source of each pixel of the shuffled picture
    inverse: Tensor  # (B, H·W) int64, the place in the shuffled picture of each pixel
    signs: Tensor  # (B, 1, H, W) float32, 1 or −1, by place in the shuffled picture

    def select(self, pictures: slice) -> "BatchShuffle":
        """Return the shuffles of some of the pictures."""
        return BatchShuffle(self.source[pictures], self.inverse[pictures], self.signs[pictures])


def random_shuffles(generator: torch.Generator, count: int, rows: int, cols: int, block: int) -> BatchShuffle:
    """Draw `count` shuffles for training, on the generator's device; not cryptographically secure.

    On a GPU, all are drawn at once, which takes a fraction of the kernels.
    """
    blocks = rows * cols
    device = generator.device
    if device.type == "cpu":
        drawn = [_draw_shuffle(generator, blocks) for _ in range(count)]
        permutations, turns = (torch.stack(each) for each in zip(*drawn, strict=True))
    else:
        keys = torch.randint(1 << 62, (count, blocks), generator=generator, device=device)
        turns = torch.randint(2 * ORIENTATIONS, (count, blocks), generator=generator, device=device)
        permutations = keys.argsort(dim=1, stable=True)
    return batch_shuffle(permutations, turns % ORIENTATIONS, turns & NEGATIVE != 0, cols, block)


def seeded_shuffle(seed: int, rows: int, cols: int) -> Shuffle:
    """Draw a shuffle as numpy arrays, for measurements; not cryptographically secure."""
    drawn = _draw_shuffle(torch.Generator().manual_seed(seed), rows * cols)
    permutation, turns = (each.numpy() for each in drawn)
    key = hashlib.sha256(seed.to_bytes(8, "little")).digest()
    return Shuffle(rows, cols, permutation, turns % ORIENTATIONS, turns & NEGATIVE != 0, key)


def _draw_shuffle(generator: torch.Generator, blocks: int) -> tuple[Tensor, Tensor]:
    """Draw the order of some blocks, and for each one of 16: its orientation, with or without a negative."""
    return torch.randperm(blocks, generator=generator), torch.randint(2 * ORIENTATIONS, (blocks,), generator=generator)


def batch_shuffle(permutation: Tensor, orientation: Tensor, negative: Tensor, cols: int, block: int) -> BatchShuffle:
    """Return the shuffles of B pictures with N blocks of `block` × `block` pixels, `cols` in a row, from (B, N) each.

    The fields are those of `Shuffle`.
    """
    upright, back = _orientations(block, cols * block, permutation.device)
    inverse = permutation.argsort(dim=1)
    signs = (1 - 2 * negative.float()).view(len(permutation), 1, -1, cols)
    return BatchShuffle(
        pixel_index(permutation, orientation, cols, upright),
        pixel_index(inverse, orientation.gather(1, inverse), cols, back),
        signs.repeat_interleave(block, 2).repeat_interleave(block, 3),
    )


def apply(pictures: Tensor, shuffles: BatchShuffle) -> Tensor:
    """Shuffle each picture with its own shuffle.

    Args:
        pictures: (B, C, H, W), signed values centred on 0, on the device of the shuffles.
        shuffles: the shuffles of the B pictures, for pictures of H × W pixels.

    Returns:
        Same shape and dtype.
    """
    index, inverse = _batch_indices(pictures, shuffles)
    return _pictures(_permuted(_pixels(pictures), index, inverse), pictures.shape) * shuffles.signs


def invert(pictures: Tensor, shuffles: BatchShuffle) -> Tensor:
    """Invert `apply` exactly; same arguments."""
    index, inverse = _batch_indices(pictures, shuffles)
    pixels = _pixels(pictures * shuffles.signs)
    return _pictures(_permuted(pixels, inverse, index), pictures.shape)


class _Permutation(torch.autograd.Function):
    """A permutation of rows. Its gradient is permuted back; the gradient of `index_select` is summed, so CUDA sorts."""

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return rows.index_select(0, index)

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return gradient.index_select(0, inverse), None, None


def _permuted(rows: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
    permuted: Tensor = _Permutation.apply(rows, index, inverse)
    return permuted


def _pixels(pictures: Tensor) -> Tensor:
    """Reshape (B, C, H, W) to (B·H·W, C), so that one index serves all channels."""
    return pictures.permute(0, 2, 3, 1).reshape(-1, pictures.shape[1])


def _pictures(pixels: Tensor, shape: torch.Size) -> Tensor:
    """Invert `_pixels`."""
    batch, channels, height, width = shape
    return pixels.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _batch_indices(pictures: Tensor, shuffles: BatchShuffle) -> tuple[Tensor, Tensor]:
    """Return the source of each pixel in the shuffled batch, and its place there, (B·H·W,) int64 each."""
    batch, _, height, width = pictures.shape
    assert shuffles.signs.shape == (batch, 1, height, width)
    first = torch.arange(batch, device=pictures.device)[:, None] * (height * width)
    return (shuffles.source + first).reshape(-1), (shuffles.inverse + first).reshape(-1)


@cache
def _orientations(block: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return `orientations` and their inverse, copied to a device once, since each copy would wait for it."""
    upright = torch.from_numpy(orientations(block, width))
    back = torch.from_numpy(inverse_orientations(block, width))
    return upright.to(device), back.to(device)


# Structural similarity. SSIM is after Wang et al. 2004 ("Image quality assessment: from error visibility to structural
# similarity", IEEE TIP 13), MS-SSIM after Wang, Simoncelli and Bovik 2003 ("Multiscale structural similarity for image
# quality assessment", Asilomar). No package fits: torchmetrics uses reflection padding, whose gradient is not
# deterministic on CUDA; pytorch-msssim needs at least 161 pixels for MS-SSIM; and in these as in piqa, the MS-SSIM of a
# picture has no gradient at all if one scale has no positive contrast. Values may lie outside [0, 1]: the formula holds
# for all values, is 1 for equal pictures only, and its gradient pulls values back into the range. They are not clamped,
# since the gradient would vanish.


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the SSIM of each channel, (B, C, H, W) twice to (B, C), in [-1, 1]; H and W at least 11.

    Equation 13 of the paper, with biased variances and without padding.
    """
    luminance, structure = _similarity(a, b)
    return (luminance * structure).mean((2, 3))


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the MS-SSIM of each channel, (B, C, H, W) twice to (B, C), in [0, 1]; H and W at least 11.

    Equation 7 of the paper. Departures: small pictures use only the scales on which the window fits, with weights
    normalised to 1; and a factor is at least 0.001, below which it has no gradient.
    """
    least_factor = 1e-3  # a factor of 0 would leave the product without gradient
    weights = SCALES[: scales_of(min(a.shape[-2:]))]
    product = torch.ones((), device=a.device)
    for scale, weight in enumerate(weights):
        luminance, structure = _similarity(a, b)
        last = scale == len(weights) - 1
        factor = (luminance * structure if last else structure).mean((2, 3))
        product = product * factor.clamp(min=least_factor) ** (weight / sum(weights))
        if not last:
            a = functional.avg_pool2d(a, 2)
            b = functional.avg_pool2d(b, 2)
    return product


def scales_of(side: int) -> int:
    """Return the number of scales on which the window fits, at most five; each halves the picture."""
    return sum(side >> scale >= WINDOW for scale in range(len(SCALES)))


def _similarity(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return luminance, and contrast times structure: (B, C, H, W) twice to (B, C, H - 10, W - 10) twice."""
    mean_a, mean_b, square_a, square_b, product = _blur(torch.stack([a, b, a * a, b * b, a * b]))
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1 = 0.01**2  # the paper's constants, for values in [0, 1]
    c2 = 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _blur(pictures: Tensor) -> Tensor:
    """Apply a Gaussian blur without padding: (..., H, W) to (..., H - 10, W - 10)."""
    offsets = torch.arange(WINDOW, device=pictures.device) - WINDOW // 2
    sigma = 1.5  # pixels
    window = torch.exp(-(offsets**2) / (2 * sigma**2))
    planes = pictures.reshape(1, -1, *pictures.shape[-2:])  # as channels of one grouped convolution, which is fastest
    column = (window / window.sum()).view(1, 1, WINDOW, 1).expand(planes.shape[1], -1, -1, -1)
    blurred = functional.conv2d(planes, column, groups=planes.shape[1])
    blurred = functional.conv2d(blurred, column.mT, groups=planes.shape[1])
    return blurred.view(*pictures.shape[:-2], *blurred.shape[-2:])
