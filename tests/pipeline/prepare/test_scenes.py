"""Rendered scenes are reproducible and have the statistics of natural images.

Power falls about as f^-2 (Field 1987; Ruderman & Bialek 1994), a little faster after shrinking; gradients are
heavy-tailed (a normal distribution has kurtosis 3); the channels of colours agree.
"""

from itertools import pairwise

import numpy as np
from scipy.stats import kurtosis

from tests.support.lab import render_scene

LUMA = [0.299, 0.587, 0.114]


def power_slope(image: np.ndarray) -> float:
    """Exponent of the azimuthal mean of the power spectrum, under a Hann window."""
    size = len(image)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    edges = np.geomspace(2.5 / size, 0.5, 10)
    means = [power[(frequency >= low) & (frequency < high)].mean() for low, high in pairwise(edges)]
    return np.polyfit(np.log(edges[1:] * edges[:-1]) / 2, np.log(np.array(means) + 1e-6), 1)[0]


def test_statistics_are_those_of_natural_images():
    scenes = np.stack([render_scene(128, [11, index]) for index in range(24)])  # (n, 128, 128, 3) uint8
    luma = scenes @ np.array(LUMA)  # (n, 128, 128) in [0, 255]
    slopes = [power_slope(image) for image in luma]
    assert -3.0 < np.mean(slopes) < -1.5
    assert np.std(slopes) > 0.15  # some scenes are smooth and some are rough
    kurtoses = kurtosis(np.diff(luma, axis=2).reshape(len(luma), -1), axis=1, fisher=False)
    assert 10 < np.median(kurtoses) < 30
    red_green = [np.corrcoef(scene[..., 0].ravel(), scene[..., 1].ravel())[0, 1] for scene in scenes]
    assert 0.85 < np.median(red_green) < 0.995
