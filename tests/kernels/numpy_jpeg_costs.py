"""Pixels and costs of a JPEG's luma, in NumPy: the oracle of _jpeg_costs.c."""

import numpy as np

from stegnet.kernels.arrays import F32, I16, U8, U16, U32, Bools

_SIDE = 8
_BLOCK = 64
_MIDDLE = 128
_LEVELS = 255


def jpeg_show(values: F32, columns: int, shown: U8, room: F32) -> None:
    blocks = values.reshape(-1, _BLOCK) + np.float32(_MIDDLE)
    room[:] = np.minimum(blocks.min(1), _LEVELS - blocks.max(1)).reshape(room.shape)
    values[:] = blocks.clip(0, _LEVELS).reshape(values.shape)
    pixels = np.rint(blocks).clip(0, _LEVELS).astype(np.uint8).reshape(-1, columns, _SIDE, _SIDE)
    shown[:] = pixels.transpose(0, 2, 1, 3).reshape(shown.shape)


def jpeg_variances(pixels: U8, width: int, first: int, out: F32) -> None:
    out[:] = _moments(pixels, first, len(out))[1]


def jpeg_wiener(pixels: U8, width: int, first: int, noise: float, least: float, out: F32) -> None:
    rows = _SIDE * len(out)
    mean, variance = _moments(pixels, first, rows)
    gain = np.maximum(variance - np.float32(noise), 0) / np.maximum(variance, np.float32(max(noise, least)))
    smooth = mean + gain * (pixels[first : first + rows] - mean) - np.float32(_MIDDLE)
    out[:] = smooth.reshape(-1, _SIDE, width // _SIDE, _SIDE).transpose(0, 2, 1, 3).reshape(out.shape)


def _moments(pixels: U8, first: int, count: int) -> tuple[F32, F32]:
    """Return the means and the variances of the 3×3 pixels around each of some rows; those at the edges repeat."""
    rows = np.arange(first - 1, first + count + 1).clip(0, len(pixels) - 1)
    strip = np.pad(pixels[rows].astype(np.float32), ((0, 0), (1, 1)), mode="edge")
    means = []
    for values in (strip, strip * strip):
        columns = values[:-2] + values[1:-1] + values[2:]
        means.append((columns[:, :-2] + columns[:, 1:-1] + columns[:, 2:]) / np.float32(9))
    mean, mean_square = means
    return mean, np.maximum(mean_square - mean * mean, 0)


def jpeg_errors(luma: I16, quanta: F32, exact: F32) -> None:
    exact[:] = exact / quanta - luma


def jpeg_count(luma: I16, costs: F32, upper: int, ones: Bools, counts: U32) -> None:
    used = np.ascontiguousarray(costs[..., 1:][luma[..., 1:] != 0]).view(np.uint32)
    ones |= (np.abs(luma) == 1).reshape(-1, _BLOCK).any(0)
    halves = used >> 16 if upper < 0 else used[used >> 16 == upper] & 0xFFFF
    counts += np.bincount(halves, minlength=counts.size).astype(np.uint32)


def jpeg_step_costs(
    luma: I16,
    costs: F32,
    errors: F32,
    pixels: U8,
    columns: int,
    ties: F32,
    ones: Bools,
    estimated: float,
    known: float,
    scale: float,
    wet: int,
    up: U16,
    down: U16,
) -> None:
    doubled = 2 * errors * (np.abs(2 * errors) < ties)
    discounts = np.sign(errors) * np.float32(estimated) if estimated else np.clip(doubled, -known, known)
    blocks = pixels.reshape(-1, _SIDE, columns, _SIDE)
    stays = ((blocks == 0) | (blocks == _LEVELS)).any((1, 3)).reshape(-1, 1) | (~ones & (luma == 0)).reshape(-1, _BLOCK)
    for out, discount in ((up, np.maximum(discounts, 0)), (down, np.maximum(-discounts, 0))):
        scaled = np.clip(costs * (1 - discount) * np.float32(scale), 1, wet).astype(np.uint16).reshape(-1, _BLOCK)
        out[:] = np.where(stays, np.uint16(wet), scaled)[:, 1:].reshape(out.shape)
