from dataclasses import replace

import numpy as np
import pytest

from pipeline.prepare.sources import Picture
from tests.support.lab import CATALOGUE, PARAMS, Config, load, read_catalogue, read_photographs


@pytest.fixture(scope="session")
def cat() -> np.ndarray:
    """A smooth photograph, (256, 256, 3) uint8."""
    sources = read_catalogue(CATALOGUE)
    source = next(source for source in sources if source.name == "photographs-scikit-image")
    pictures = (picture for picture in read_photographs(source) if isinstance(picture, Picture))
    chelsea = next(picture for picture in pictures if picture.name == "chelsea.png")
    return chelsea.pixels[22:278, 97:353]


@pytest.fixture(scope="session")
def config() -> Config:
    """The repository's parameters with one thread: so little work only waits for a second one."""
    config = load(PARAMS)
    return replace(config, train=replace(config.train, threads=1))
