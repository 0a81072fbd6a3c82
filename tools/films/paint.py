"""Brushes that both demonstration films paint with: noise, blending and the look of a camera."""

import cv2
import numpy as np

GRAIN = 0.006  # standard deviation of the sensor grain, of a full scale of 1
BLOOM = ((2, 0.10), (8, 0.06), (24, 0.04))  # blur radius as pixels, share of the light it spreads


def fractal(size, slope, rng):
    """Periodic noise (size, size) of mean 0 and deviation 1 with amplitude 1/f^slope."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) / frequency**slope)
    return (field / field.std()).astype(np.float32)


def lattice(size, rng):
    """Periodic noise (size, size) of one scale only, about 8 samples a bump."""
    field = cv2.GaussianBlur(np.tile(rng.standard_normal((size, size)), (3, 3)), (0, 0), 3)
    field = field[size : 2 * size, size : 2 * size]
    return (field / field.std()).astype(np.float32)


def sample(texture, u, v):
    """The periodic texture at (u, v), both counted in whole periods."""
    u, v = np.broadcast_arrays(u, v)
    height, width = texture.shape[:2]
    columns = np.mod(u, 1.0).astype(np.float32) * width
    rows = np.mod(v, 1.0).astype(np.float32) * height
    return cv2.remap(texture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def smoothstep(low, high, x):
    """0 below `low`, 1 above `high`, a smooth S between."""
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def mix(a, b, share):
    """`share` of b over a; a (H, W) share spreads over colours."""
    share = np.asarray(share, np.float32)
    share = share[..., None] if share.ndim == 2 else share
    return a + (b - a) * share


def colour(*rgb):
    """Linear light of one colour."""
    return np.array(rgb, np.float32)


def bloom(light):
    """Spread a share of the light as a lens does, so that bright things glow."""
    glow = light.copy()
    for radius, share in BLOOM:
        glow += share * cv2.GaussianBlur(light, (0, 0), radius)
    return glow


def develop(light, rng):
    """Linear light (H, W, 3) to 8-bit RGB: Narkowicz's fit of the ACES film curve, grain."""
    light = np.maximum(light, 0)
    film = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
    shown = np.clip(film, 0, 1) ** (1 / 2.2)
    grain = rng.standard_normal(shown.shape[:2]).astype(np.float32)[..., None]
    shown = shown + GRAIN * cv2.GaussianBlur(grain, (0, 0), 0.6)[..., None] * 1.6
    return np.clip(shown * 255 + 0.5, 0, 255).astype(np.uint8)


def vignette(height, width, strength):
    """Falloff (H, W, 1) of a lens towards the corners."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return (1 - strength * (x * x + y * y) / 2)[..., None]
