"""The land of the cover film, a stack of slices at fixed depths.

Each slice is a profile of fractal noise, planted with trees and shaded once. The slices are as fine as
a pixel at their depth, so the camera can glide past them with nothing to redraw but their parallax.
"""

from typing import NamedTuple

import numpy as np

from tools.films.paint import colour, fractal, lattice, mix, sample, smoothstep

WIDTH, HEIGHT, OVER = 640, 360, 2  # the land is painted at OVER times the size and averaged
FOCAL = 560.0  # pixels
SLICES, NEAR, FAR = 520, 0.9, 14.0
MARGIN = 190  # pixels (at OVER size) of land beyond each edge of the frame
SUNLIGHT = np.array([0.80, 0.50, -0.25]) / np.linalg.norm([0.80, 0.50, -0.25])  # towards the sun
TREE = 0.052  # height of the tallest tree on the hills


class Land(NamedTuple):
    """Properties of each slice: arrays (SLICES, columns)."""

    depth: np.ndarray
    top: np.ndarray
    bare: np.ndarray
    albedo: np.ndarray
    lit: np.ndarray


def ground(x, z, noise):
    """Height of the land at (x, z): a lake basin, wooded hills, then ridged peaks."""
    bend = sample(noise, x * 0.021 + 0.3, z * 0.021 + 0.7)
    ridge, weight, amplitude, scale = 0.0, 1.0, 1.0, 0.0105
    for octave in range(9):
        crest = 1 - np.abs(sample(noise, x * scale + 0.37 * octave + 0.004 * bend, z * scale * 0.9 + 0.61 * octave))
        seen = smoothstep(0.0015, 0.005, 1 / (32 * scale) / z)
        ridge = ridge + amplitude * weight * crest * seen
        weight = np.clip(crest * 1.2, 0.15, 1)
        amplitude, scale = amplitude * 0.47, scale * 2.03
    shore = z - 2.7 - 0.45 * bend - 0.25 * np.sin(1.7 * x + 1)
    cape = 0.34 * np.exp(-(((x + 1.75) / 0.75) ** 2) - ((z - 2.35) / 0.45) ** 2)
    cape += 0.22 * np.exp(-(((x - 1.9) / 0.6) ** 2) - ((z - 2.5) / 0.35) ** 2)
    rise = 0.06 * np.minimum(shore, 1.5) + cape - 0.03
    hills = 0.50 * smoothstep(2.7, 6.5, z) * np.maximum(ridge - 0.55 + 0.3 * np.sin(0.9 * x + 0.8 * z), 0.05)
    peaks = smoothstep(5, 9.5, z) * (0.95 * ridge - 0.25 + 0.35 * np.cos(0.42 * (x + 1.2)))
    return rise + hills + np.maximum(peaks, 0) * 0.82 + 0.02 * (ridge - 1) * smoothstep(0, 0.06, rise)


def shadow(x, height):
    """Share of sunlight left on each slice once what stands to its right has cast its shadow."""
    fall = height - 0.52 * x
    horizon = np.maximum.accumulate(fall[:, ::-1], axis=1)[:, ::-1]
    return 1 - smoothstep(0.0, 0.05, horizon - fall)


def woods(x, z, rng):
    """Height of the treetops over the ground: a row of uneven cones for each slice."""
    cell = x / (0.0135 * (1 + 0.25 * (z - 3).clip(0))) + rng.uniform(0, 1e3, z.shape)
    whole = np.floor(cell).astype(np.int64)
    chance = np.modf(np.abs(np.sin(whole * 12.9898 + z * 78.233)) * 43758.5453)[0]
    cone = 1 - np.abs(2 * (cell - whole) - 0.7 - 0.6 * chance)
    return TREE * (0.35 + 0.65 * chance) * np.maximum(cone, 0.1)


def surface(bare, up, rough, wooded):
    """Colour of the ground: rock, forest where wooded, snow where high and not steep."""
    snowy = smoothstep(0.80, 1.15, bare + 0.12 * rough) * smoothstep(0.50, 0.66, up + 0.05 * rough)
    albedo = mix(colour(0.17, 0.14, 0.12), colour(0.26, 0.22, 0.19), smoothstep(-1, 1, rough))
    forest = mix(colour(0.018, 0.046, 0.022), colour(0.075, 0.085, 0.022), smoothstep(-0.3, 2.2, rough))
    albedo = mix(albedo, forest, wooded)
    return mix(albedo, colour(0.86, 0.88, 0.92), snowy)


def shape_land(rng):
    """Raise, plant and shade all the slices."""
    noise, detail = lattice(256, rng), fractal(512, 1.0, rng)
    z = np.geomspace(NEAR, FAR, SLICES)[:, None]
    columns = np.arange(-MARGIN, WIDTH * OVER + MARGIN) + 0.5 - WIDTH * OVER / 2
    x = columns[None] / (FOCAL * OVER) * z
    z = np.broadcast_to(z, x.shape)
    bare, step = ground(x, z, noise), 0.004 * z
    slope_x = (ground(x + step, z, noise) - ground(x - step, z, noise)) / (2 * step)
    slope_z = (ground(x, z + step, noise) - ground(x, z - step, noise)) / (2 * step)
    up = 1 / np.sqrt(1 + slope_x**2 + slope_z**2)
    facing = np.maximum((-slope_x * SUNLIGHT[0] + SUNLIGHT[1] - slope_z * SUNLIGHT[2]) * up, 0)
    rough = sample(detail, x * 0.31, z * 0.31)
    wooded = smoothstep(0.005, 0.015, bare) * smoothstep(0.62, 0.40, bare + 0.07 * rough) * smoothstep(0.42, 0.6, up)
    top = bare + wooded * woods(x, z[:, :1], rng)
    albedo = surface(bare, up, rough, wooded)
    lit = np.stack([facing * shadow(x, top), 0.35 + 0.65 * up], axis=-1)
    return Land(*(a.astype(np.float32) for a in (z[:, 0], np.maximum(top, 0), np.maximum(bare, 0), albedo, lit)))
