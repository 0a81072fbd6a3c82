"""The secret film: a drive down a city avenue at nightfall, under a sign of neon.

The wet road mirrors a second view of the same town, drawn with the eye as far below the ground as the
camera is above it.
"""

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tools.films.paint import bloom, colour, develop, fractal, lattice, mix, sample, smoothstep, vignette
from tools.films.town import (
    END,
    FOCAL,
    HEIGHT,
    HORIZON,
    KERB,
    NEON,
    OVER,
    WIDTH,
    build_town,
    hashed,
    light_faces,
    look,
)

RATE, FRAMES = 24, 84
EYE = 2.3  # metres over the road, as all lengths below
SPEED = 3.2  # metres a second
SIGN_TEXT, SIGN_AT, SIGN_FOOT, SIGN_SIZE = "stegnet", 47.0, 10.0, (27.0, 8.2)
LAMP_GAP, LAMP_HEIGHT = 21.0, 7.6
LANES = ((2.1, 9.0, 0), (5.2, 12.5, 0), (-2.1, -11.0, 1), (-5.2, -8.0, 1))  # x, speed, oncoming
CAR = (
    (-0.92, 0.25),
    (-0.95, 0.85),
    (-0.72, 1.0),
    (-0.58, 1.48),
    (0.58, 1.48),
    (0.72, 1.0),
    (0.95, 0.85),
    (0.92, 0.25),
)
CAR_WINDOW = ((-0.64, 1.0), (-0.53, 1.41), (0.53, 1.41), (0.64, 1.0))
CAR_DARK = (  # the shadow with the tyres, and the grille
    ((-0.97, -0.02), (-0.88, 0.32), (0.88, 0.32), (0.97, -0.02)),
    ((-0.46, 0.46), (-0.50, 0.72), (0.50, 0.72), (0.46, 0.46)),
)
HAZE = colour(0.17, 0.065, 0.12)


def letter_sign():
    """The sign's text as cover (H, W) in [0, 1]."""
    image = Image.new("L", (1080, 328), 0)
    font = ImageFont.load_default(size=262)
    ImageDraw.Draw(image).text((540, 142), SIGN_TEXT, fill=255, font=font, anchor="mm", stroke_width=4, stroke_fill=255)
    return np.asarray(image, np.float32) / 255


def paint_sign(letters, number):
    """The board's light (H, W, 4), last channel its cover: tubes, halo, bulbs running round the rim."""
    height, width = letters.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    core, halo = cv2.GaussianBlur(letters, (0, 0), 3), cv2.GaussianBlur(letters, (0, 0), 26)
    hue = mix(colour(2.6, 0.22, 1.15), colour(0.15, 1.45, 2.6), smoothstep(0.25, 0.75, x / width))
    board = colour(0.035, 0.02, 0.06) + 0.22 * halo[..., None] * hue + (1.25 * core)[..., None] * (hue + 0.28)
    rim = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    along = np.where((x < 26) | (x > width - 27), y, x) / 27
    bulb = np.exp(-(((rim - 13) / 6) ** 2) - ((np.mod(along, 1) - 0.5) / 0.24) ** 2)
    pulse = 0.35 + 0.65 * (np.mod(np.floor(along) - number // 3, 4) < 2)
    board = board + (3.0 * bulb * pulse)[..., None] * colour(1.3, 0.75, 0.25)
    return np.concatenate([board, np.ones((height, width, 1), np.float32)], axis=-1).astype(np.float32)


def to_screen(x, y, z, eye):
    """Pixel (at OVER size) of a point z metres ahead."""
    return (WIDTH / 2 + FOCAL * x / z) * OVER, (HORIZON + FOCAL * (eye - y) / z) * OVER


def hang(canvas, board, place, size, eye):
    """Paste an upright board in perspective; place: left edge, foot, distance. It faces the camera."""
    x, y, z = place
    (left, bottom), (right, top) = to_screen(x, y, z, eye), to_screen(x + size[0], y + size[1], z, eye)
    height, width = board.shape[:2]
    scale = np.array([[(right - left) / width, 0, left], [0, (bottom - top) / height, top]])
    shrink = max(int(1 / scale[0, 0]), 1)
    board = cv2.blur(board, (shrink, shrink)) if shrink > 1 else board
    pasted = cv2.warpAffine(board, scale, canvas.shape[1::-1], flags=cv2.INTER_LINEAR)
    return canvas * (1 - pasted[..., 3:]) + pasted[..., :3]


def glow(canvas, point, radius, light, stretch=1.0):
    """Add a soft round light at a pixel."""
    (x, y), reach = point, 3 * radius * max(stretch, 1)
    rows = slice(max(int(y - reach), 0), max(int(y + reach) + 2, 0))
    columns = slice(max(int(x - 3 * radius), 0), max(int(x + 3 * radius) + 2, 0))
    part = canvas[rows, columns]
    v, u = np.mgrid[rows.start : rows.start + part.shape[0], columns.start : columns.start + part.shape[1]]
    part += np.exp(-(((u - x) / radius) ** 2) - ((v - y) / radius / stretch) ** 2)[..., None] * light


def hoardings(rng):
    """Upright neon boards along both kerbs: x, foot, z, size, light (H, W, 4)."""
    boards = []
    for n, z in enumerate(np.arange(16.0, 200.0, 8.5)):
        side, light = (-1) ** n, NEON[n % len(NEON)]
        tall, wide = rng.uniform(4.5, 9), rng.uniform(1.3, 2.1)
        glyphs = cv2.resize(
            (rng.uniform(size=(int(tall * 3), 4)) < 0.5).astype(np.float32),
            (48, 192),
            interpolation=cv2.INTER_NEAREST,
        )
        cover = np.pad(cv2.GaussianBlur(glyphs, (0, 0), 1.6), 8)
        cover = np.maximum(cover, np.pad(np.zeros((204, 60), np.float32), 2, constant_values=1))
        board = np.concatenate([0.05 * light + 0.8 * cover[..., None] * light, np.ones((208, 64, 1))], axis=-1)
        x = side * (KERB + 3.4) - (0 if side < 0 else wide)
        boards.append((x, rng.uniform(4.8, 8), z + rng.uniform(-2, 2), (wide, tall), board.astype(np.float32)))
    return boards[::-1]


def cars_at(seconds, z0):
    """Cars ahead, farthest first: x, distance, oncoming, hue."""
    cars = []
    for lane, (x, speed, oncoming) in enumerate(LANES):
        for n in range(7):
            z = 14 + 37 * n + 11 * hashed(n, lane, 1.7) + 22 * oncoming + speed * seconds - z0
            if 1.6 < z < 240:
                cars.append((x + 0.4 * (hashed(n, lane) - 0.5), z, oncoming, hashed(lane, n, 5.0)))
    return sorted(cars, key=lambda car: -car[1])


def paint_car(canvas, car, eye):
    """Dark body, gleam on the roof, bright lamps."""
    x, z, oncoming, hue = car
    body, dark = (
        mix(colour(0.022, 0.03, 0.055), colour(0.085, 0.012, 0.012), hue),
        colour(0.006, 0.006, 0.009),
    )
    shadow, grille = CAR_DARK
    for shape, paint in ((shadow, dark), (CAR, body), (grille, dark), (CAR_WINDOW, colour(0.02, 0.02, 0.04))):
        corners = np.array([to_screen(x + dx, dy, z, eye) for dx, dy in shape])
        cv2.fillPoly(canvas, [np.rint(corners * 16).astype(np.int32)], tuple(map(float, paint)), cv2.LINE_8, 4)
    lamp = colour(6.5, 5.8, 4.6) if oncoming else colour(5.5, 0.35, 0.16)
    size = OVER * FOCAL / z
    for side in (-0.72, 0.72):
        point = to_screen(x + side, 0.72, z, eye)
        glow(canvas, point, max(0.12 * size, 0.9), lamp * min(1, 0.25 * size))
        glow(canvas, point, max(0.7 * size, 3.0), lamp * (0.015 if oncoming else 0.03))


def paint_sky(stars):
    """Dusk: violet over a glow of the town's light, moon, stars, thin cloud."""
    y, x = np.mgrid[0 : HEIGHT * OVER, 0 : WIDTH * OVER].astype(np.float32) / OVER
    rise = np.maximum(HORIZON - y, 0) / HORIZON
    sky = mix(colour(0.46, 0.17, 0.15), colour(0.085, 0.055, 0.19), smoothstep(0, 0.55, rise))
    sky = mix(sky, colour(0.014, 0.026, 0.10), smoothstep(0.35, 1.1, rise))
    veil = sample(stars, x / 900, y / 420) + 0.4 * sample(stars, x / 330, y / 150)
    sky = sky + (0.035 * smoothstep(-0.2, 2.2, veil))[..., None] * colour(1.0, 0.75, 0.95)
    away = np.hypot(x - 258, y - 21)
    spots = 0.78 + 0.16 * sample(stars, x / 90 + 0.2, y / 90)
    disc = smoothstep(11.5, 10.5, away)
    sky = mix(sky, colour(1.55, 1.45, 1.2) * spots[..., None], disc)
    return sky + (0.22 * np.exp(-np.maximum(away - 11, 0) / 20) * (1 - 0.9 * disc))[..., None] * colour(0.9, 0.8, 0.95)


def paint_town(built, sign, backdrop, wear, seconds, eye):
    """All that stands on the ground, before the backdrop, seen from height `eye`; built: town and boards."""
    (town, boards), z0 = built, SPEED * seconds
    view = look(town, eye, z0)
    stands = view.depth < 1e8
    light = mix(light_faces(view, wear), HAZE, 1 - np.exp(-view.depth / 190))
    canvas = np.where(stands[..., None], light, backdrop).astype(np.float32)
    for x, foot, z, size, board in boards:
        if z - z0 > 3:
            canvas = hang(canvas, board, (x, foot, z - z0), size, eye)
    for z in np.arange(END - END % LAMP_GAP, 0, -LAMP_GAP):
        if z - z0 > 3:
            for side in (-1, 1):
                paint_lamp(canvas, side, z - z0, eye)
    canvas = hang(canvas, sign, (-SIGN_SIZE[0] / 2, SIGN_FOOT, SIGN_AT - z0), SIGN_SIZE, eye)
    for car in cars_at(seconds, z0):
        paint_car(canvas, car, eye)
    return canvas


def paint_lamp(canvas, side, z, eye):
    """A street lamp: post, arm and warm head."""
    size = OVER * FOCAL / z
    joints = [
        to_screen(side * (KERB + 0.8 - dx), y, z, eye) for dx, y in ((0, 0), (0, LAMP_HEIGHT), (1.9, LAMP_HEIGHT + 0.3))
    ]
    cv2.polylines(
        canvas,
        [np.rint(np.array(joints)).astype(np.int32)],
        False,
        (0.02, 0.02, 0.025),
        max(int(0.13 * size), 1),
    )
    glow(canvas, joints[2], max(0.22 * size, 1.0), colour(7, 4.2, 1.7) * min(1, 0.2 * size))
    glow(canvas, joints[2], 1.5 * size + 2, colour(0.34, 0.19, 0.07))


def paint_road(sky, mirrored, wear, ripple, seconds):
    """Lay the ground under the sky: asphalt, markings, kerbs, and the town mirrored in the wet."""
    y, x = np.mgrid[0 : HEIGHT * OVER, 0 : WIDTH * OVER].astype(np.float32)
    drop = np.maximum((y + 0.5) / OVER - HORIZON, 0.25)
    z = FOCAL * EYE / drop
    across, along = ((x + 0.5) / OVER - WIDTH / 2) / FOCAL * z, z + SPEED * seconds
    grit = sample(wear, across / 7, along / 7) * smoothstep(60, 5, z)
    wet = smoothstep(-0.9, 0.9, sample(wear, across / 38 + 0.3, along / 60))
    road = colour(0.030, 0.029, 0.036) * (1 + 0.35 * grit)[..., None]
    paved = smoothstep(KERB - 0.02, KERB + 0.05, np.abs(across))
    road = mix(road, colour(0.060, 0.052, 0.055) * (1 + 0.25 * grit)[..., None], paved)
    dash = smoothstep(0.10, 0.07, np.abs(np.abs(across) - 3.7)) * (np.mod(along, 7) < 3.2)
    line = smoothstep(0.09, 0.06, np.abs(np.abs(across) - 0.22)) + smoothstep(
        0.12, 0.08, np.abs(np.abs(across) - KERB + 0.5)
    )
    road = mix(road, colour(0.30, 0.28, 0.24), np.clip(dash + line, 0, 1) * (0.7 + 0.15 * grit).clip(0, 1))
    pool = np.exp(
        -(((np.abs(across) - 6.6) / 4.5) ** 2) - ((np.mod(along + LAMP_GAP / 2, LAMP_GAP) - LAMP_GAP / 2) / 5.5) ** 2
    )
    road = road * (1 + 9 * pool[..., None] * colour(1.0, 0.62, 0.28))
    tilt = sample(ripple, across / 5.0, along / 9 + 0.2 * seconds) * (0.35 + 0.65 * (1 - wet))
    smear = cv2.blur(mirrored, (3, 31))
    at = (2 * HORIZON * OVER - y + tilt * (2 + 0.10 * drop * OVER)).astype(np.float32)
    shiny = cv2.remap(mirrored, x + 1.5 * tilt, at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    dull = cv2.remap(smear, x + 2.5 * tilt, at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = (0.16 + 0.55 * np.exp(-drop / 34)) * (1 - 0.55 * paved)
    road = road + share[..., None] * mix(0.9 * dull, shiny, wet)
    road = mix(road, HAZE, 1 - np.exp(-z / 190))
    return np.where(((y + 0.5) / OVER > HORIZON)[..., None], road, sky)


def frames(numbers=range(FRAMES)):
    """Yield the film's frames (HEIGHT, WIDTH, 3), 8-bit RGB."""
    rng = np.random.default_rng(1977)
    town, boards, letters = build_town(rng), hoardings(rng), letter_sign()
    stars, wear, ripple = fractal(512, 1.6, rng), fractal(512, 1.0, rng), lattice(256, rng)
    lens = vignette(HEIGHT, WIDTH, 0.3)
    sky = paint_sky(stars)
    for number in numbers:
        seconds, sign = number / RATE, paint_sign(letters, number)
        mirrored = paint_town((town, boards), sign, sky, wear, seconds, -EYE)
        road = paint_road(sky, mirrored, wear, ripple, seconds)
        scene = paint_town((town, boards), sign, road, wear, seconds, EYE)
        scene = cv2.resize(scene, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        yield develop(0.75 * lens * bloom(scene), np.random.default_rng((9, number)))
