"""Rendered scenes with the statistics of photographs, as training pictures free of licences.

A scene is a dead-leaves picture: opaque objects of power-law size that occlude one another (Lee, Mumford & Huang 2001,
"Occlusion models for natural images", IJCV 41). Each object has a texture with a 1/f amplitude spectrum (Field 1987;
Ruderman & Bialek 1994), and the picture goes through a simple camera model. The ranges below were tuned by hand until
spectra, gradients and colours were close to those of photographs.

Pictures are float32 arrays of shape (3, size, size), RGB with the sRGB gamma in [0, 1], until the last step: an
operation that is the same for all colours is then one operation on long rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import ceil, cos, floor, sin
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2

from pipeline.parameters.data import DataConfig
from pipeline.prepare.sources import Job, Picture, Pixels, source
from pipeline.shards import RENDERED, TEST, TRAIN, VALIDATION
from stegnet.core.pixels import LUMA

Floats = NDArray[np.floating]
FIRST_SCENE = {TRAIN: 0, TEST: 2**31, VALIDATION: 3 * 2**30}  # first seed of each split's scenes


@dataclass(frozen=True)
class Look:
    """Properties that all objects of a scene share."""

    palette: Floats  # (k, 3) in [0, 1]
    fields: list[Floats]  # textures, each (size, size) of mean 0 and deviation 1
    roughness: float  # typical texture amplitude, relative to the colour
    softness: float  # 0: sharp, man-made outlines; 1: organic ones
    focus: Floats  # (2,) centre of the objects, relative to the size
    spread: float  # standard deviation of their distance from it, relative to the size
    light: Floats  # (2,) unit vector pointing away from the light


@source(RENDERED)
def jobs(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Return jobs that render the scenes to train and to validate on."""
    return chain(scene_jobs(config, seed, TRAIN), scene_jobs(config, seed, VALIDATION))


def scene_jobs(config: DataConfig, seed: int, split: str) -> Iterator[Job]:
    """Return jobs that render the scenes of one split; no scene is in two splits."""
    count = {TRAIN: config.scenes, VALIDATION: config.validation_scenes, TEST: config.test_scenes}[split]
    return (partial(_scene, config.side, seed, split, index) for index in range(count))


def _scene(size: int, seed: int, split: str, index: int) -> Iterator[Picture | str]:
    name = f"scene-{index:07d}" if split == TRAIN else f"{split}-scene-{index:04d}"
    yield Picture(RENDERED, name, render_scene(size, (seed, FIRST_SCENE[split] + index)), splits=(split,))


def render_scene(size: int, seed: int | Sequence[int]) -> Pixels:
    """Render a scene: (size, size, 3) uint8, sRGB. The same arguments give the same bits.

    NumPy pads seeds with zeros, so 1 and [1, 0] give the same scene: use seeds of one length.
    """
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    look = Look(
        palette=draw_palette(rng),
        fields=[draw_field(rng, size) for _ in range(4)],
        roughness=rng.lognormal(-1.25, 0.65),
        softness=rng.beta(0.8, 0.8),
        focus=rng.uniform(0.1, 0.9, 2),
        spread=rng.uniform(0.15, 0.6),
        light=np.array([np.cos(angle), np.sin(angle)], np.float32),
    )
    picture = draw_background(rng, look, size)
    depth_blur = size / 256 * rng.choice([0.0, rng.uniform(0.3, 1.8)], p=[0.7, 0.3])
    for radii in np.array_split(draw_radii(rng, size), 3):
        picture = blur_planes(picture, depth_blur)
        for radius in radii:
            draw_objects(rng, look, picture, radius)
    coarse = rng.normal(0, rng.uniform(0, 0.7), (5, 5)).astype(np.float32)
    daylight = np.exp(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))  # light and shade: about 1
    return photograph(rng, picture * daylight)


# Colours


def draw_palette(rng: Generator) -> Floats:
    """Draw a few muted colours under one light, occasionally a vivid one: (k, 3) in [0, 1]."""
    count = rng.integers(3, 8)
    lightness = rng.beta(1.8, 2.0, (count, 1)) * 0.9 + 0.05
    muted = rng.laplace(0, [0.09, 0.045], (count, 2)) * rng.lognormal(0.35, 0.25)
    vivid = (rng.random((count, 1)) < 0.06) * rng.normal(0.1, [0.5, 0.25], (count, 2))
    warm, leaf = 0.6 * np.tanh((muted + vivid + rng.normal([0.1, 0.04], [0.13, 0.04])) / 0.6).T
    daylight_to_shade = np.array([0.8, 0.0, -1.0], np.float32)  # the wide axis of natural colours
    magenta_to_green = np.array([-0.6, 0.4, -0.6], np.float32)  # the narrow axis
    palette: Floats = lightness * np.exp(np.outer(warm, daylight_to_shade) + np.outer(leaf, magenta_to_green))
    return np.clip(palette, 0.01, 1).astype(np.float32)


def draw_colour(rng: Generator, look: Look) -> Floats:
    """Draw a colour of the palette, slightly lighter or darker: (3,)."""
    colour = look.palette[rng.integers(len(look.palette))]
    shade = rng.normal(0, 0.2) + rng.normal(0, 0.04, 3)
    shaded: Floats = colour * np.exp(shade)
    return shaded.astype(np.float32)


# Textures


def draw_field(rng: Generator, size: int) -> Floats:
    """Draw a texture of one of three kinds: (size, size), mean 0, deviation 1."""
    kinds = (fractal_field, leafy_field, regular_field)
    field = kinds[rng.choice(len(kinds), p=[0.55, 0.37, 0.08])](rng, size)
    normalised: Floats = (field - field.mean()) / (field.std() + np.float32(1e-6))
    return normalised


def fractal_field(rng: Generator, size: int) -> Floats:
    """Draw noise whose amplitude falls as 1/f^slope, slope in [0.6, 1.5], stretched, with smooth and busy regions."""
    stretch = np.exp(rng.normal(0, 0.5))
    rows = np.fft.fftfreq(size)[:, None] * stretch
    columns = np.fft.rfftfreq(size)[None] / stretch
    power = np.maximum(rows**2 + columns**2, 1 / size**2).astype(np.float32)  # square of the frequency
    spectrum = rfft2(rng.standard_normal((size, size), np.float32))
    field = irfft2(spectrum * np.exp(-rng.uniform(0.3, 0.75) * np.log(power)), (size, size))
    # The same noise upside down serves as second, independent noise.
    calm = irfft2(spectrum[::-1] / power, (size, size))
    uneven: Floats = field / field.std() * np.exp(rng.uniform(0, 0.5) / calm.std() * calm)
    return uneven


def leafy_field(rng: Generator, size: int) -> Floats:
    """Draw foliage, gravel, crowds: small ellipses over a fractal ground."""
    field = (fractal_field(rng, size) * 0.5).astype(np.float32)
    smallest = rng.uniform(1.2, 4) * size / 256
    turn = rng.uniform(0, 180)
    spread = rng.uniform(10, 90)
    slim = rng.uniform(0.25, 1)
    count = int(min(1200, 0.4 * (size / smallest) ** 2))
    radii = np.sort(power_law(rng, smallest, smallest * rng.uniform(4, 12), count))[::-1]
    centres = rng.uniform(0, size, (count, 2))
    angles = rng.normal(turn, spread, count)
    shades = rng.normal(0, 0.7, count)
    axes = np.outer(2 * radii, (1, slim))
    for box in zip(centres.tolist(), axes.tolist(), angles.tolist(), shades.tolist(), strict=True):
        cv2.ellipse(field, box[:3], box[3], cv2.FILLED)
    return blur(field, 0.4)


def regular_field(rng: Generator, size: int) -> Floats:
    """Draw bricks, blinds, print: stripes, a grid, or rows broken like words."""
    period = rng.uniform(5, 24)
    rows, columns = (axis.astype(np.float32) for axis in np.ogrid[:size, :size])
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    along = rows * cos(angle) + columns * sin(angle)
    across = columns * cos(angle) - rows * sin(angle)
    lines: Floats = np.clip(np.sin(along * 2 * np.pi / period) * 2, -1, 1)
    kind = rng.integers(3)
    if kind == 0:
        return lines
    if kind == 1:
        crossing: Floats = np.clip(np.sin(across * 2 * np.pi / (period * rng.uniform(0.8, 2.5))) * 2, -1, 1)
        return np.maximum(lines, crossing)
    letters = blur(rng.standard_normal((size, size)).astype(np.float32), period / 9)
    return (lines > 0).astype(np.float32) * (letters > 0).astype(np.float32)


# Objects


def power_law(rng: Generator, smallest: float, largest: float, count: int) -> Floats:
    """Draw radii with density r^-3, which makes a picture scale-invariant (Lee et al.)."""
    share = rng.random(count)
    radii: Floats = (smallest**-2 - share * (smallest**-2 - largest**-2)) ** -0.5
    return radii


def draw_background(rng: Generator, look: Look, size: int) -> Floats:
    """Draw a wall or a sky, sometimes with ground below a horizon: (3, size, size)."""
    picture = np.zeros((3, size, size), np.float32)
    paint(rng, look, picture, np.ones((size, size), np.float32), draw_colour(rng, look))
    while rng.random() < 0.5:
        steps = np.cumsum(rng.normal(0, rng.lognormal(-5.5, 1.2), 64))
        height = size * (rng.uniform(0.15, 0.9) + rng.normal(0, 0.15) * np.linspace(-1, 1, 64) + steps)
        horizon = np.stack([np.linspace(-2, size + 2, 64), height], 1)
        outline = np.concatenate([horizon, [[size + 2, 2 * size], [-2, 2 * size]]])
        turned = outline if rng.random() < 0.75 else outline[:, ::-1]
        draw_outline(rng, look, picture, turned, draw_colour(rng, look))
    return picture


def draw_radii(rng: Generator, size: int) -> Floats:
    """Draw radii of a scene's objects, back to front; large ones tend to be at the back."""
    count = int(np.clip(rng.lognormal(4.3, 0.7), 8, 250))
    radii = power_law(rng, size * rng.uniform(0.03, 0.1), size * rng.uniform(0.4, 1.0), count)
    return radii[np.argsort(-radii * rng.lognormal(0, 0.6, count))]


def draw_objects(rng: Generator, look: Look, picture: Floats, radius: float) -> None:
    """Draw one object, or a group of similar ones: windows, petals, stones, people."""
    outline = unit_outline(rng, look.softness) * radius
    colour = draw_colour(rng, look)
    centre = rng.normal(look.focus, look.spread) * picture.shape[1]
    copies = 1 if rng.random() < 0.8 else rng.integers(2, 9)
    angles = perhaps(rng, rng.uniform(0, 2 * np.pi)) + perhaps(rng, 1) * rng.normal(0, 0.5, copies)
    for angle in angles:
        turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
        draw_outline(rng, look, picture, outline @ turn + centre, colour)
        centre = centre + rng.normal(0, 1.5 * radius, 2)


def unit_outline(rng: Generator, softness: float) -> Floats:
    """Draw an outline of radius about 1: (n, 2)."""
    if rng.random() < 0.2:  # a branch, pole or wire: a bent, tapering line
        along = np.linspace(-1, 1, 24)
        length = rng.uniform(1.5, 5)
        bend = perhaps(rng, rng.normal(0, 0.6))
        width = rng.uniform(0.03, 0.2)
        middle = np.stack([length * along, bend * along**2], 1)
        half = np.stack([np.zeros(24), width * (1 - rng.uniform(0, 0.5) * (along + 1))], 1)
        return np.concatenate([middle + half, (middle - half)[::-1]])
    flat = [1, rng.uniform(0.3, 1)]
    if rng.random() > softness:
        corners = rng.integers(3, 7)
        turns = (np.arange(corners) + 0.5 + rng.normal(0, 0.1, corners)) * 2 * np.pi / corners
        return np.stack([np.cos(turns), np.sin(turns)], 1) * flat
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)  # corners of a round outline
    circle = np.stack([np.cos(turns), np.sin(turns)], 1)
    periods = np.arange(2, 8)[:, None]  # of its bumps
    sway = perhaps(rng, rng.uniform(0, 0.5)) * rng.normal(0, 1, (6, 1)) / periods
    bumps = (sway * np.cos(periods * turns + rng.uniform(0, 2 * np.pi, (6, 1)))).sum(0)
    outline: Floats = circle * flat * np.exp(bumps)[:, None]
    return outline


def perhaps(rng: Generator, value: float) -> float:
    """Return the value, or, equally likely, 0."""
    return value if rng.integers(2) else 0


def draw_outline(rng: Generator, look: Look, picture: Floats, outline: Floats, colour: Floats) -> None:
    """Draw a filled outline, given in pixels as (x, y), with its shadow."""
    size = picture.shape[1]
    low = outline.min(0)
    high = outline.max(0)
    reach = min(max(3.0, 0.15 * (high[0] - low[0])), 0.08 * size)
    left, top = (min(max(floor(side - reach), 0), size) for side in low.tolist())
    right, bottom = (min(max(ceil(side + reach), 0), size) for side in high.tolist())
    if min(right - left, bottom - top) < 2:
        return
    cover = np.zeros((bottom - top, right - left), np.uint8)
    fraction_bits = 4  # of the coordinates
    points = np.rint((outline - (left, top)) * 2**fraction_bits).astype(np.int32)
    cv2.fillPoly(cover, [points], 255, cv2.LINE_AA, fraction_bits)
    cover = cover / np.float32(255)
    part = picture[:, top:bottom, left:right]
    if rng.random() < 0.5:  # a shadow: the mask, moved away from the light and blurred
        move = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
        move[:, 2] = look.light * reach * rng.uniform(0, 0.8)
        shadow = cv2.warpAffine(cover, move, cover.shape[::-1]).astype(np.float32, copy=False)
        depth = rng.uniform(0.1, 0.6)
        part *= 1 - depth * blur(shadow, reach * rng.uniform(0.1, 0.5))
    cover = blur(cover, rng.exponential(0.7))
    paint(rng, look, part, cover, colour)


def paint(rng: Generator, look: Look, picture: Floats, cover: Floats, colour: Floats) -> None:
    """Blend a colour with texture and shading into the picture; cover is (h, w) in [0, 1]."""
    height, width = cover.shape
    field = look.fields[min(int(rng.exponential(1.0)), len(look.fields) - 1)]
    y = rng.integers(0, len(field) - height + 1)
    x = rng.integers(0, len(field) - width + 1)
    amplitude = min(look.roughness * rng.lognormal(-0.2, 0.5), 0.6) * (0.1 if rng.random() < 0.25 else 1)
    texture = field[y : y + height, x : x + width] * amplitude
    slope = (look.light + rng.normal(0, 0.5, 2)) * rng.normal(0.15, 0.3)
    texture -= np.linspace(-slope[0], slope[0], width, dtype=np.float32)
    texture -= np.linspace(-slope[1], slope[1], height, dtype=np.float32)[:, None]
    tone = (colour + 0.05) * np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    np.minimum(np.maximum(texture, -1, out=texture), 2, out=texture)
    layer = texture * tone[:, None, None]
    layer += colour[:, None, None]
    layer -= picture
    layer *= cover
    picture += layer


# The camera


def blur(image: Floats, sigma: float) -> Floats:
    """Blur a picture, (h, w) float32, by a Gaussian; too small a deviation, in pixels, changes nothing."""
    if sigma <= 0.15:
        return image
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT).astype(image.dtype, copy=False)


def blur_planes(picture: Floats, sigma: float) -> Floats:
    """Blur each plane of a picture, (C, h, w) float32, by a Gaussian with a deviation in pixels."""
    return np.stack([blur(plane, sigma) for plane in picture])


def photograph(rng: Generator, picture: Floats) -> Pixels:
    """Apply lens, exposure, sensor and file: float (3, size, size) in, (size, size, 3) uint8 out."""
    picture = blur_planes(picture, rng.uniform(0, 0.6))
    sharpness = rng.uniform(0, 0.5)
    picture = (1 + sharpness) * picture - sharpness * blur_planes(picture, 1.0)
    picture = cv2.merge(list(expose(rng, picture)))
    noise = np.sqrt(0.2 + np.clip(picture, 0, 1))
    noise *= rng.lognormal(-5.9, 0.8)
    noise *= rng.standard_normal(picture.shape, np.float32)
    picture += noise
    levels = np.rint(255 * np.clip(picture, 0, 1, out=picture)).astype(np.uint8)
    if rng.random() >= 0.3:
        return levels
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 97))]
    _, code = cv2.imencode(".jpg", cv2.cvtColor(levels, cv2.COLOR_RGB2BGR), quality)
    saved = cv2.imdecode(code, cv2.IMREAD_COLOR_RGB)
    assert saved is not None
    return saved.astype(np.uint8, copy=False)


def expose(rng: Generator, picture: Floats) -> Floats:
    """Set mean luminance, contrast and saturation to values drawn from the distribution in photographs."""
    luma = np.tensordot(np.array(LUMA, np.float32), picture, 1)
    mean, contrast = (float(np.clip(rng.normal(*at), 0.06, 0.85)) for at in ((0.46, 0.12), (0.26, 0.07)))
    gain = min(contrast / (luma.std() + 0.01), 4)
    chroma = picture - luma
    vividness = rng.lognormal(0.12, 0.22) * (rng.random() > 0.04)
    luma = (luma - luma.mean()) * gain + mean
    luma = roll_off(1 - roll_off(1 - luma))
    exposed: Floats = luma + chroma * (vividness * gain**0.5)
    return exposed


def roll_off(light: Floats) -> Floats:
    """Apply soft clipping at 0, as film does: log(1 + exp(x))."""
    return np.maximum(light, 0) + 0.04 * np.log1p(np.exp(np.abs(light) / -0.04))
