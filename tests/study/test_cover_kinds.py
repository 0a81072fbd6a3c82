"""Kinds of covers: each is a file that stegnet opens, and keeps the relation that its name says."""

import shutil
from itertools import islice

import numpy as np
import pytest

import stegnet
from study.cover_kinds import KINDS, PLAIN, SOUND, Kind, Recording, decoded, heard, kind_named, photographs, recordings
from tests.support.lab import CATALOGUE
from tests.support.required import missing


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return next(islice(photographs(CATALOGUE), 1, None))


@pytest.fixture(scope="module")
def recording() -> Recording:
    return next(recordings())


@pytest.fixture
def programs() -> None:
    for name, package in (("pngcrush", "pngcrush"), ("cjpeg", "libjpeg-turbo-progs"), ("convert", "imagemagick")):
        if not shutil.which(name):
            missing("STEGNET_ENCODERS", f"{name} is missing: install it (Debian: apt install {package})")


@pytest.mark.night
@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("kind", (*PLAIN, *KINDS), ids=lambda kind: kind.name)
def test_each_kind_is_a_file_that_opens(kind: Kind, photograph: np.ndarray, recording: Recording) -> None:
    made = kind.make(recording if kind.medium == SOUND else photograph)
    assert stegnet.info(made)["kind"] == kind.medium


def test_names_are_told_apart() -> None:
    names = [kind.name for kind in (*PLAIN, *KINDS)]
    assert len(set(names)) == len(names)


def test_sources_are_noisy_and_differ() -> None:
    """Their noise is well above rounding, and a picture that comes again is cropped."""
    first, again = (next(islice(photographs(CATALOGUE), number, None)) for number in (0, 9))
    assert first.dtype == np.uint8 and first.shape != again.shape
    steps = np.diff(first[..., 1].astype(float), axis=0)
    assert np.median(np.abs(steps)) > 1


def test_relations_hold_in_each_sample(photograph: np.ndarray, recording: Recording) -> None:
    equal = decoded(kind_named("red = green").make(photograph))
    assert (equal[..., 0] == equal[..., 1]).all() and equal.std() > 3
    levels = decoded(kind_named("16 levels").make(photograph))
    assert not (levels % 17).any()
    halves = decoded(kind_named("mirrored").make(photograph))
    assert (halves == halves[:, ::-1]).all()
    inverted = heard(kind_named("right = −left").make(recording)).samples
    assert not inverted.sum(1).any() and inverted.std() > 100
    doubled = heard(kind_named("gain 2").make(recording)).samples
    assert not (doubled % 2).any()


def test_bands_are_empty(photograph: np.ndarray, recording: Recording) -> None:
    """A low-pass leaves rounding alone above its edge."""
    samples = heard(kind_named("low-pass at 12 kHz").make(recording)).samples[: 1 << 17, 0]
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2 / np.square(np.hanning(samples.size)).sum()
    high = np.linspace(0, recording.rate / 2, power.size) > 13_000
    assert power[high].mean() < 0.5 and power[~high].mean() > 1
