"""The cover film: the sun climbs over a mountain lake while the camera glides past its shore.

A frame shifts every slice of the land by its parallax, finds in each column the first slice that covers
a pixel, hangs air and mist before it, and mirrors all of it in the rippled lake.
"""

import cv2
import numpy as np

from tools.films.land import FOCAL, HEIGHT, MARGIN, OVER, SLICES, WIDTH, shape_land
from tools.films.paint import bloom, colour, develop, fractal, lattice, mix, sample, smoothstep, vignette

RATE, FRAMES = 25, 100
HORIZON = 206.0  # pixels from the top
EYE = 0.055  # height of the camera over the lake
GLIDE = 0.14  # how far the camera travels
SUN_X, SUN_Y, SUN_CLIMB = 452.0, 84.0, 26.0  # pixels
SHORE_DEPTH = 0.42  # of the trees in front
FIRS = (  # place along the shore as a share of it, height in pixels (at OVER size)
    (0.03, 520), (0.085, 400), (0.125, 250), (0.165, 330), (0.215, 150),
    (0.80, 170), (0.845, 300), (0.90, 230), (0.955, 430), (0.995, 560),
)  # fmt: skip
FLOCK = ((0, 0), (17, 7), (-14, 9), (31, 16), (-30, 17), (48, 22), (5, 22))  # pixels from the first bird


def palette(t):
    """Colours of the light at t, from dawn (0) to day (1)."""
    dawn = dict(
        zenith=colour(0.045, 0.11, 0.34),
        horizon=colour(1.05, 0.47, 0.27),
        sun=colour(1.9, 0.85, 0.38),
        sky=colour(0.20, 0.22, 0.40),
        haze=colour(0.46, 0.40, 0.56),
        cloud=colour(0.27, 0.17, 0.30),
        edge=colour(2.3, 0.85, 0.45),
    )
    day = dict(
        zenith=colour(0.07, 0.22, 0.62),
        horizon=colour(0.92, 0.76, 0.58),
        sun=colour(2.6, 1.9, 1.25),
        sky=colour(0.32, 0.42, 0.66),
        haze=colour(0.52, 0.60, 0.76),
        cloud=colour(0.42, 0.44, 0.58),
        edge=colour(2.2, 1.75, 1.35),
    )
    return {name: mix(dawn[name], day[name], smoothstep(-0.1, 1.1, t)) for name in dawn}


def sun_row(t):
    return SUN_Y - SUN_CLIMB * t


def paint_sky(t, light, fleece):
    """Gradient, sun and drifting clouds (HEIGHT, WIDTH, 3)."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + 0.5
    rise = np.maximum(HORIZON - y, 0) / FOCAL
    sky = mix(light["horizon"], light["zenith"], 1 - np.exp(-6.5 * rise))
    away = np.hypot(x - SUN_X, y - sun_row(t)) / FOCAL
    glow = 0.85 * np.exp(-away / 0.06) + 0.17 * np.exp(-away / 0.20)
    sky = sky + glow[..., None] * light["sun"]
    sky = sky + 14 * smoothstep(0.0185, 0.0155, away)[..., None] * light["sun"]
    far = 1 / (rise + 0.075)
    u, v = (x - WIDTH / 2) / FOCAL * far * 0.034 + 0.012 * t, far * 0.055 - 0.010 * t
    here, sunward = (
        sample(fleece, u + du, v) + 0.45 * sample(fleece, 2.7 * u + 2 * du - 0.02 * t, 2.7 * v) for du in (0, 0.012)
    )
    cover = smoothstep(-0.35, 1.25, here) * smoothstep(0.01, 0.10, rise)
    edge = np.clip(0.40 + 1.2 * (here - sunward) + 0.5 * np.exp(-away / 0.25) - 0.12 * here, 0, 1.5)
    return mix(sky, mix(light["cloud"], light["edge"], edge), 0.88 * cover)


def see(land, shift):
    """For each pixel below the sky (at OVER): the slice it shows (-1: none), and the slices' columns."""
    rows, columns = HEIGHT * OVER, WIDTH * OVER
    at = np.arange(columns)[None] + MARGIN + shift[:, None]
    order = np.repeat(np.arange(SLICES, dtype=np.float32)[:, None], columns, axis=1)
    top = cv2.remap(land.top, at.astype(np.float32), order, cv2.INTER_LINEAR)
    row = OVER * (HORIZON + FOCAL * (EYE - top) / land.depth[:, None])
    lowest = np.clip(np.ceil(np.minimum.accumulate(row, axis=0)), 0, rows).astype(np.int64)
    cells = np.bincount((lowest * columns + np.arange(columns)).ravel(), minlength=(rows + 1) * columns)
    behind = np.cumsum(cells.reshape(rows + 1, columns)[::-1], axis=0)[::-1]
    first = behind[1:]  # slices whose top lies below the pixel
    return np.where(first < SLICES, first, -1)


def paint_land(t, land, light, sky, fog, crag):
    """Land over sky at OVER size, averaged down; and the share of water in each pixel."""
    shift = OVER * FOCAL * GLIDE * (t - 0.5) / land.depth
    hit = see(land, shift)
    seen = np.maximum(hit, 0)
    y, x = np.mgrid[0 : hit.shape[0], 0 : hit.shape[1]].astype(np.float32) + 0.5
    z, slide = land.depth[seen], shift[seen].astype(np.float32)
    at = x - 0.5 + MARGIN + slide, seen.astype(np.float32)
    bare, top, lit, albedo = (cv2.remap(a, *at, cv2.INTER_LINEAR) for a in (land.bare, land.top, land.lit, land.albedo))
    side, height = (x + slide - WIDTH) / OVER / FOCAL * z, EYE + (HORIZON - y / OVER) / FOCAL * z
    crown = np.clip((height - bare) / np.maximum(top - bare, 1e-4), 0, 1)
    dusk = np.where(top - bare > 0.004, 0.25 + 1.1 * crown, 1.0)[..., None]
    stone = 1 + 0.26 * sample(crag, 0.16 * side + 0.03 * z, 0.34 * height)[..., None]
    shade = albedo * stone * (3.0 * lit[..., :1] * light["sun"] + 0.95 * lit[..., 1:] * light["sky"]) * dusk
    drift = sample(fog, side * 0.06 + 0.03 * t, z * 0.05 + 0.2 * height)
    valley = np.exp(-np.maximum(height, 0) / 0.30) * smoothstep(5.0, 8.0, z) * np.clip(0.6 + 0.25 * drift, 0, 0.9)
    mist = np.exp(-np.maximum(height, 0) / 0.085) * smoothstep(2.2, 4.5, z) * np.clip(0.55 + 0.3 * drift, 0, 0.95)
    glow = np.exp(-np.hypot(x / OVER - SUN_X, 0.6 * (y / OVER - sun_row(t))) / FOCAL / 0.22)
    air = light["haze"] + 0.40 * glow[..., None] * light["sun"]
    shade = mix(shade, air, 1 - np.exp(-((z / 17) ** 1.5)))
    shade = mix(shade, 0.55 * air + 0.45 * light["horizon"], np.maximum(mist, valley) * (0.85 - 0.3 * t))
    wet = ((hit >= 0) & (top <= 1e-4)) | ((hit < 0) & (y > OVER * HORIZON))
    wet |= hit == 0
    above = cv2.resize(sky, (WIDTH * OVER, HEIGHT * OVER), interpolation=cv2.INTER_LINEAR)
    whole = np.where(((hit >= 0) & ~wet)[..., None], shade, above)
    size = (WIDTH, HEIGHT)
    return (cv2.resize(a.astype(np.float32), size, interpolation=cv2.INTER_AREA) for a in (whole, wet))


def paint_lake(t, scene, wet, light, ripple):
    """Mirror the scene in the rippled water."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + 0.5
    drop = np.maximum(y - HORIZON, 0.5)
    z = FOCAL * EYE / drop
    side = (x - WIDTH / 2) / FOCAL * z + GLIDE * t
    swell = sample(ripple, side * 0.55 + 0.02 * t, z * 1.6 + 0.10 * t)
    chop = sample(ripple, side * 2.1 - 0.05 * t, z * 5.3 + 0.34 * t) * smoothstep(4, 40, drop)
    fine = sample(ripple, side * 5.7 + 0.11 * t, z * 13.0 - 0.6 * t) * smoothstep(25, 90, drop)
    breeze = 0.55 + 0.45 * smoothstep(-0.6, 1.0, sample(ripple, side * 0.11 + 0.4, z * 0.23 + 0.02 * t))
    tilt = (0.9 * swell + 0.9 * chop + 0.6 * fine) * breeze
    mirror_y = np.clip(HORIZON - drop * 1.0 + tilt * (2.0 + 0.075 * drop), 0, HORIZON - 1)
    mirrored = cv2.remap(
        scene, x - 0.5 + tilt, mirror_y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    mirrored = np.minimum(mirrored, 6)
    shine = np.clip(0.90 - 1.35 * drop / FOCAL + 0.05 * tilt, 0.2, 1)
    deep = mix(colour(0.012, 0.05, 0.075), colour(0.02, 0.10, 0.12), t) + 0.03 * light["sky"]
    return mix(scene, mix(deep, mirrored, shine), wet)


def draw_fir(canvas, foot, height, rng):
    """One fir on canvas (H, W): trunk, and whorls of drooping boughs hung with twigs."""
    x, y = foot
    cv2.line(canvas, (int(x), int(y)), (int(x), int(y - height)), 255, max(int(height / 90), 1), cv2.LINE_AA)
    for rise in np.linspace(0.12, 0.99, int(height / 3.2)):
        reach = height * 0.24 * (1 - rise) ** 0.85 * rng.uniform(0.55, 1.15) + 1.5
        for side in (-1, 1):
            root = np.array([x, y - height * rise])
            tip = root + [side * reach, reach * rng.uniform(0.25, 0.55)]
            cv2.line(canvas, *(tuple(map(int, p)) for p in (root, tip)), 255, 1 + int(reach > 16), cv2.LINE_AA)
            for along in np.arange(0.15, 1.0, 3.0 / max(reach, 4)):
                twig = root + (tip - root) * along
                hang = twig + [side * rng.uniform(0, 4), rng.uniform(2, 3 + 0.13 * reach)]
                cv2.line(canvas, *(tuple(map(int, p)) for p in (twig, hang)), 255, 1, cv2.LINE_AA)


def draw_grass(canvas, bank, rng):
    """Blades along the bank, a row for each column."""
    for _ in range(5200):
        x, tall = rng.uniform(0, canvas.shape[1] - 1), rng.gamma(4, 5.0)
        y, lean = bank[int(x)] + rng.uniform(0, 10), rng.normal(0.15, 0.35)
        bend = np.linspace(0, 1, 6)
        blade = np.stack([x + lean * tall * bend**2, y - tall * bend], axis=-1)
        cv2.polylines(canvas, [(blade * 16).astype(np.int32)], False, 255, 1, cv2.LINE_AA, 4)


def plant_shore(rng):
    """Cover (H, W) in [0, 1] of what stands nearest the camera, at OVER size, wide enough for the glide."""
    reach = int(OVER * FOCAL * GLIDE / SHORE_DEPTH)
    canvas = np.zeros((HEIGHT * OVER, WIDTH * OVER + reach), np.uint8)
    x = np.arange(canvas.shape[1])
    middle = canvas.shape[1] / 2
    bank = 690 - 78 * (np.abs(x - middle) / middle) ** 2.2 + 7 * np.sin(x / 61) + 4 * np.sin(x / 23)
    canvas[np.arange(canvas.shape[0])[:, None] > bank[None]] = 255
    draw_grass(canvas, bank, rng)
    for share, height in FIRS:
        draw_fir(canvas, (share * canvas.shape[1], bank[int(share * (canvas.shape[1] - 1))] + 6), height, rng)
    return canvas.astype(np.float32) / 255


def paint_shore(t, scene, cover, light, bark):
    """The near shore over the scene: dark, rimmed with light on the side of the sun, swaying."""
    rows, columns = HEIGHT * OVER, WIDTH * OVER
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    sway = 3.0 * ((rows - y) / rows) ** 2 * np.sin(2 * np.pi * 1.1 * t + x / 210)
    at = x + t * (cover.shape[1] - columns) + sway
    here, sunward = (
        cv2.remap(cover, at + dx, y - dx * 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for dx in (0, 4)
    )
    rim = np.clip(here - cv2.GaussianBlur(sunward, (0, 0), 2), 0, 1) * np.exp(-(((x / OVER - SUN_X) / 420) ** 2))
    tone = np.clip(0.8 + 0.5 * sample(bark, at / 500, y / 260), 0.1, 2)[..., None]
    leaf = colour(0.020, 0.030, 0.016) * tone * (1 + t) + 0.22 * rim[..., None] * light["sun"] * colour(0.5, 0.6, 0.25)
    paint = np.concatenate([leaf * here[..., None], here[..., None]], axis=-1)
    paint = cv2.resize(paint, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return scene * (1 - paint[..., 3:]) + paint[..., :3]


def paint_birds(t, scene):
    """A small flock, wings beating, crosses the sky."""
    ink = np.zeros((HEIGHT, WIDTH), np.uint8)
    for k, (dx, dy) in enumerate(FLOCK):
        x, y = 180 + dx + 120 * t + 2 * np.sin(5 * t + k), 66 + dy - 14 * t + 1.5 * np.sin(7 * t + 2 * k)
        beat, span = np.sin(2 * np.pi * (9 * t + 0.37 * k)), 5.0 - 0.25 * k
        lift = {-1: 2.6 * beat, -0.5: 1.3 + beat, 0: 0, 0.5: 1.3 + beat, 1: 2.6 * beat}
        wing = [(x + span * share, y - rise) for share, rise in lift.items()]
        cv2.polylines(ink, [(np.array(wing) * 16).astype(np.int32)], False, 230, 1, cv2.LINE_AA, 4)
    return mix(scene, colour(0.03, 0.03, 0.05), ink / 255)


def frames(numbers=range(FRAMES)):
    """Yield the film's frames (HEIGHT, WIDTH, 3), 8-bit RGB."""
    rng = np.random.default_rng(2024)
    land, fleece, fog = shape_land(rng), fractal(1024, 1.75, rng), fractal(512, 1.6, rng)
    ripple, bark, crag = lattice(256, rng), fractal(512, 1.1, rng), fractal(512, 0.95, rng)
    shore, lens = plant_shore(rng), vignette(HEIGHT, WIDTH, 0.25)
    for number in numbers:
        t = number / (FRAMES - 1)
        light = palette(t)
        scene, wet = paint_land(t, land, light, paint_sky(t, light, fleece), fog, crag)
        scene = paint_lake(t, paint_birds(t, scene), wet, light, ripple)
        scene = paint_shore(t, bloom(scene), shore, light, bark)
        yield develop(0.62 * scene * lens, np.random.default_rng((7, number)))
