"""Forecasts of the quality that compression to a given number of bytes leaves, from a table of measurements.

The figures are means: a picture of fine texture may come back 8 dB worse, a plain one 10 dB better, or exact. The
table was measured (compression.py, tools of commit 409090fb) on 22 to 44 photographs (ImageNet, the middle 256×256
pixels) and on two films (Big Buck Bunny, and a cockatoo at its feeder, 640×360, 25 frames each, without sound). Up to
0.25 bits per pixel, pictures are scaled too, as the method "robust" does (`fit_picture` in `robust/survival.py`,
the same 44 photographs).
"""

import math

# PSNR in dB by bits per pixel; for films, per pixel of each frame.
PICTURES = {
    0.0125: 20.6,
    0.025: 22.5,
    0.05: 24.6,
    0.1: 26.7,
    0.25: 30.1,
    0.5: 33.0,
    1: 36.7,
    2: 41.1,
    3: 44.0,
    4.3: 46.0,
}
FILMS = {0.05: 34.3, 0.1: 37.4, 0.5: 45.0, 1: 48.6, 2: 52.0}


# Code rate in 64ths that 42 of the photographs bear on average, by rung of the shipped modem, at the quality in its
# name ("subtle": 75, "strong": 80); that of messengers is the median of 30 photographs, half of them from ImageNet.
ROBUST_RATES = {"messenger": 44, "jpeg-50": 34, "jpeg-75": 44, "jpeg-90": 46, "jpeg-95": 47, "subtle": 36, "strong": 52}


def picture_quality(capacity: int, width: int, height: int) -> float:
    """Return the expected PSNR in dB of a picture compressed to `capacity` bytes, if it does not fit without loss."""
    return _interpolated(PICTURES, 8 * capacity / (width * height))


def film_quality(capacity: int, width: int, height: int, frames: int) -> float:
    """Return the expected PSNR in dB of a film without sound compressed to `capacity` bytes."""
    return _interpolated(FILMS, 8 * capacity / (width * height * frames))


def film_frames(capacity: int, width: int, height: int, quality: float) -> int:
    """Return the expected number of frames of a film compressed to `capacity` bytes at a PSNR in dB."""
    by_quality = {decibels: math.log(rate) for rate, decibels in FILMS.items()}
    return int(8 * capacity / (width * height * math.exp(_line(by_quality, quality))))


def _interpolated(table: dict[float, float], rate: float) -> float:
    if rate <= 0:
        return 0.0
    return _line({math.log(known): decibels for known, decibels in table.items()}, math.log(rate))


def _line(points: dict[float, float], x: float) -> float:
    """Interpolate linearly between the two points around x; extrapolate beyond the first and last."""
    known = sorted(points)
    after = next((index for index, point in enumerate(known) if point >= x), len(known) - 1)
    left = known[max(after, 1) - 1]
    right = known[max(after, 1)]
    return points[left] + (x - left) * (points[right] - points[left]) / (right - left)
