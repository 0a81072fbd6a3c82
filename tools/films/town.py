"""The buildings of the secret film.

Each is a box along the avenue, so each face in sight is a strip of the screen: it is painted into a
depth buffer, then its windows and shops are lit from a hash of their row and column.
"""

from typing import NamedTuple

import numpy as np

from tools.films.paint import colour, mix, sample, smoothstep

WIDTH, HEIGHT, OVER = 480, 270, 2  # the town is painted at OVER times the size and averaged
FOCAL, HORIZON = 300.0, 168.0  # pixels
KERB, END = 8.5, 330.0  # metres, as all lengths below
FLOOR, BAY, SHOP, SHOP_WIDTH = 3.1, 1.9, 4.2, 5.2
NEON = (
    colour(2.4, 0.25, 1.0),
    colour(0.2, 1.5, 2.2),
    colour(2.4, 1.0, 0.12),
    colour(0.35, 2.0, 0.7),
    colour(1.1, 0.5, 2.5),
)


class Box(NamedTuple):
    left: float
    right: float
    near: float
    far: float
    height: float
    seed: int


class View(NamedTuple):
    """Direction in which each pixel looks: arrays (rows, columns) at OVER size."""

    depth: np.ndarray
    across: np.ndarray
    up: np.ndarray
    seed: np.ndarray
    facing: np.ndarray


def hashed(*keys):
    """A number in [0, 1) for each combination of the keys, the same in every run."""
    mixed = sum(key * factor for key, factor in zip(keys, (12.9898, 78.233, 37.719, 9.151), strict=False))
    return np.modf(np.abs(np.sin(mixed)) * 43758.5453)[0]


def build_town(rng):
    """Two rows of buildings on each side of the avenue, and a tower where it ends."""
    town, seed = [Box(-34, -9, END, END + 30, 120, 1), Box(2, 30, END, END + 30, 88, 2)], 3
    for side in (-1, 1):
        for gap, first, low, high in ((0.0, 6.0, 11, 27), (30.0, 30.0, 36, 80)):
            z = first - (4 if side > 0 else 0)
            while z < END - 20:
                length, back = rng.uniform(13, 26), KERB + 3.5 + gap + rng.uniform(0, 3)
                height = rng.uniform(low, high) * (1 + 0.5 * z / END)
                inner, outer = side * back, side * (back + 24)
                town.append(Box(min(inner, outer), max(inner, outer), z, z + length, height, seed))
                z, seed = z + length + (9 if rng.uniform() < 0.2 else rng.choice((0.0, 1.5))), seed + 1
    return sorted(town, key=lambda box: -box.near)


def paint_face(view, part, face, box):
    """Put one face (depth, across, up, facing) into the buffers where it is nearest, between ground and roof."""
    depth, across, up, facing = face
    part = tuple(buffer[part] for buffer in view)
    nearest = (depth < part[0]) & (up >= 0) & (up <= box.height)
    for buffer, value in zip(part, (depth, across, up, box.seed, facing), strict=True):
        np.copyto(buffer, np.broadcast_to(value, nearest.shape), where=nearest)


def column(x, z):
    """The column (at OVER size) where x metres aside, z ahead shows."""
    return int(np.clip((x / z * FOCAL + WIDTH / 2) * OVER, 0, WIDTH * OVER))


def look(town, eye, z0):
    """The faces seen from height `eye` at z0 along the avenue."""
    size = (HEIGHT * OVER, WIDTH * OVER)
    view = View(np.full(size, 1e9), np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size))
    dx = ((np.arange(size[1]) + 0.5) / OVER - WIDTH / 2)[None] / FOCAL
    dy = (HORIZON - (np.arange(size[0]) + 0.5) / OVER)[:, None] / FOCAL
    for box in town:
        near, far = max(box.near - z0, 0.5), box.far - z0
        if far <= 0.6:
            continue
        whole, front = slice(0, size[0]), slice(column(box.left, near), column(box.right, near))
        if box.near - z0 > 0.5:
            paint_face(view, (whole, front), (near, dx[:, front] * near, eye + dy * near, 1.0), box)
        wall = box.right if box.right < 0 else box.left
        side = slice(*sorted((column(wall, near), column(wall, far))))
        if wall * (box.left if wall == box.right else box.right) > 0 and side.stop > side.start:
            z = wall / dx[:, side]
            paint_face(view, (whole, side), (z, z + z0, eye + dy * z, 0.0), box)
    return view


def light_faces(view, wear):
    """Light (rows, columns, 3) of all faces: shop fronts below, windows above."""
    upper, lower = light_windows(view, wear), light_shops(view, wear)
    return np.where((view.up < SHOP)[..., None], lower, upper)


def light_windows(view, wear):
    """Masonry, and windows lit by a hash of their row and column."""
    style = hashed(view.seed, 3.1)
    bay, floor = BAY * (0.8 + 0.7 * style), FLOOR * (0.9 + 0.3 * hashed(view.seed, 8.7))
    u, v = view.across / bay, (view.up - SHOP) / floor
    i, j, u, v = np.floor(u), np.floor(v), np.mod(u, 1), np.mod(v, 1)
    dice, tint = hashed(i, j, view.seed), hashed(j, i, view.seed + 0.5)
    blur = np.clip(0.35 * view.depth / FOCAL, 0.015, 0.5)
    wide = 0.56 + 0.30 * (style > 0.6)
    glass = pane(u, 0.5 - wide / 2, 0.5 + wide / 2, blur) * pane(v, 0.20, 0.80, blur)
    glass = glass * (1 - 0.8 * pane(u, 0.48, 0.52, blur)) * (1 - 0.8 * pane(v, 0.56, 0.60, blur))
    lit = smoothstep(0.56, 0.95, dice + 0.16 * (hashed(j, view.seed) > 0.75))
    room = (0.30 + 0.9 * v) * (0.45 + 0.9 * np.exp(-(((u - 0.25 - 0.5 * tint) / 0.28) ** 2)))
    room = room * np.where(v > 0.80 - 0.55 * tint**2, 0.62, 1.0)
    warm = mix(colour(1.30, 0.62, 0.20), colour(0.55, 0.82, 1.15), smoothstep(0.74, 0.80, tint))
    stone = mix(colour(0.018, 0.022, 0.045), colour(0.055, 0.026, 0.028), style)
    wash = (
        (0.75 + 0.35 * view.facing)
        * (1 + 2.6 * np.exp(-view.up / 7))
        * (1 + 0.25 * sample(wear, view.across / 23, view.up / 23))
    )
    ledge = pane(v, 0.03, 0.10, blur)
    wall = stone * (wash * (1 + 1.3 * ledge))[..., None]
    return mix(wall, colour(0.018, 0.030, 0.062) + warm * (1.5 * lit * room)[..., None], glass)


def light_shops(view, wear):
    """A row of lit shop windows under striped awnings."""
    k, u = np.floor(view.across / SHOP_WIDTH), np.mod(view.across / SHOP_WIDTH, 1)
    blur = np.clip(0.35 * view.depth / FOCAL, 0.015, 0.5)
    open_late, tint = hashed(k, view.seed) > 0.25, hashed(k, view.seed, 6.0)
    hue = mix(colour(1.45, 0.66, 0.22), colour(0.45, 0.80, 1.05), smoothstep(0.68, 0.7, hashed(k, view.seed, 2.0)))
    goods = (
        0.55
        + 0.10 * sample(wear, view.across / 9, view.up / 7)
        + 0.55 * (hashed(np.floor(view.across / 0.4), np.floor(view.up / 0.6), k) - 0.6) * (view.up < 2.3)
    )
    bulbs = np.exp(-(((view.up - 2.75) / 0.30) ** 2)) * (0.4 + 0.6 * np.cos(np.pi * view.across / 0.65) ** 2)
    room = (goods.clip(0.08, 1.2) * (0.45 + 0.2 * view.up) + 1.1 * bulbs) * np.where(open_late, 0.85, 0.07)
    frame = (
        pane(u, 0.04, 0.96, blur)
        * (1 - pane(u, 0.66, 0.68, blur))
        * (1 - pane(u, 0.86, 0.88, blur))
        * pane(view.up, 0.5, 3.1, 0.05)
    )
    light = colour(0.02, 0.018, 0.025) + hue * (room * frame)[..., None]
    stripe = 0.35 + 0.65 * pane(np.mod(view.across / 0.8, 1), 0.25, 0.75, blur)
    slope = 0.35 + 0.65 * smoothstep(4.2, 3.2, view.up)
    awning = (
        np.stack(NEON)[(tint * len(NEON)).astype(int)]
        * (0.26 * stripe * slope * np.where(open_late, 1, 0.25))[..., None]
    )
    return np.where((view.up > 3.15)[..., None], awning, light)


def pane(x, low, high, blur):
    """1 between low and high, 0 outside, edges softened by `blur`."""
    return smoothstep(low - blur, low + blur, x) * smoothstep(high + blur, high - blur, x)
