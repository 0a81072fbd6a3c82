"""The films' sound: small synthesisers for notes, wind and birds, and the two pieces they play."""

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

RATE = 48_000
A4 = 440.0


def clock(seconds):
    return np.arange(round(seconds * RATE)) / RATE


def pitch(semitones):
    """Frequency so many semitones over A4."""
    return A4 * 2 ** (semitones / 12)


def bell(semitones, seconds, bright=1.0):
    """A struck note whose upper partials die first."""
    t, partials = (
        clock(seconds),
        ((1, 1.0, 2.0), (2, 0.5, 3.5), (3, 0.22 * bright, 5.0), (4.2, 0.10 * bright, 8.0)),
    )
    tone = sum(
        level * np.exp(-decay * t) * np.sin(2 * np.pi * pitch(semitones) * ratio * t)
        for ratio, level, decay in partials
    )
    return tone * np.minimum(t / 0.006, 1)


def pad(semitones, seconds):
    """A soft sustained note: three slightly detuned voices."""
    t = clock(seconds)
    voices = sum(np.sin(2 * np.pi * pitch(semitones + cents / 100) * t + cents) for cents in (-6, 0, 7))
    return voices * np.sin(np.pi * t / seconds) ** 0.7 / 3


def pluck(semitones, seconds):
    """A synthesiser's short note: a falling low-pass over odd partials."""
    t = clock(seconds)
    odd = (np.sin(2 * np.pi * pitch(semitones) * n * t) / n * np.exp(-2.2 * n * t) for n in (1, 3, 5, 7, 9))
    return sum(odd) * np.exp(-3 * t) * np.minimum(t / 0.004, 1)


def air(seconds, low, high, rng):
    """Band-limited noise that swells and falls: wind, or a town far off."""
    t = clock(seconds)
    band = sosfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), rng.standard_normal(t.size))
    return band / np.abs(band).max() * (0.65 + 0.35 * np.sin(2 * np.pi * 0.4 * t + rng.uniform(0, 6)))


def chirp(start, seconds):
    """One bird's note, gliding and trilling round `start` hertz."""
    t = clock(seconds)
    sweep = start + 700 * np.sin(2 * np.pi * 11 * t) + 900 * t / seconds
    return np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.sin(np.pi * t / seconds) ** 2


def place(track, sound, at, level, pan):
    """Add a sound to the stereo track (2, N) at `at` seconds; pan runs from 0 (left) to 1 (right)."""
    first = round(at * RATE)
    sound = sound[: track.shape[1] - first]
    for channel, share in enumerate((np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2))):
        track[channel, first : first + sound.size] += level * share * sound


def finish(track, rng, wet=0.25, peak=0.7):
    """A hall's echo, faded ends, a set peak; returns float32 (2, N)."""
    t = clock(1.2)
    hall = rng.standard_normal((2, t.size)) * np.exp(-4.5 * t) / 60
    echo = np.stack([fftconvolve(dry, room)[: dry.size] for dry, room in zip(track, hall, strict=True)])
    both = track + wet * echo
    ramp = np.minimum(clock(both.shape[1] / RATE) / 0.15, 1)
    both = both * ramp * ramp[::-1]
    return (both * peak / np.abs(both).max()).astype(np.float32)


def morning(seconds):
    """D major in slow bells over a pad, with wind and birds."""
    rng, track = np.random.default_rng(11), np.zeros((2, round(seconds * RATE)))
    for note, pan in ((-31, 0.5), (-19, 0.4), (-12, 0.6), (-3, 0.3), (-7, 0.7)):
        place(track, pad(note, seconds), 0, 0.16, pan)
    for step, note in enumerate((-7, -3, 0, 5, 4, 0, -3, 2, 5, 9)):
        place(track, bell(note, 2.5), 0.15 + 0.36 * step, 0.22, 0.3 + 0.4 * (step % 2))
    for at in (0.5, 0.72, 0.9, 2.1, 2.28, 3.1):
        place(track, chirp(rng.uniform(3200, 4600), rng.uniform(0.09, 0.17)), at, 0.05, rng.uniform())
    for pan in (0.15, 0.85):
        place(track, air(seconds, 180, 900, rng), 0, 0.10, pan)
    return finish(track, rng)


def evening(seconds):
    """A minor in quick plucked notes over a bass and the hum of traffic."""
    rng, track = np.random.default_rng(23), np.zeros((2, round(seconds * RATE)))
    bars = ((-24, (0, 3, 7, 12, 10, 7, 3, 7)), (-28, (-4, 0, 3, 8, 12, 8, 3, 0)))
    for bar, (root, notes) in enumerate(bars):
        start = 1.75 * bar
        place(track, pad(root - 12, 1.75), start, 0.40, 0.5)
        for step, note in enumerate(notes):
            place(track, pluck(note - 12, 0.9), start + 0.21875 * step, 0.30, 0.25 + 0.5 * (step % 2))
        for beat in range(4):
            place(track, pluck(root - 12, 0.5), start + 0.4375 * beat, 0.5, 0.5)
    for pan in (0.2, 0.8):
        place(track, air(seconds, 60, 400, rng), 0, 0.12, pan)
    return finish(track, rng, wet=0.35)
