"""Fixtures of all tests. What takes seconds to import, torch above all, they import when a test needs it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stegnet.keys import Key
from stegnet.networks import Network
from tests.support.films import make_film, picture

if TYPE_CHECKING:
    from tests.support.real_channels import Channel

pytest_plugins = ("tests.support.settings", "tests.support.lanes", "tests.support.crashes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write what comes of the commands in tests/transcripts")


@pytest.fixture(name="picture", scope="session")
def picture_maker() -> Callable[..., np.ndarray]:
    return picture


@pytest.fixture(name="make_film", scope="session")
def film_maker() -> Callable[..., Path]:
    return make_film


@pytest.fixture(scope="session")
def real_channels() -> Iterator[dict[str, "Channel"]]:
    """Programs that save a JPEG again, by their names in `tests.support.real_channels.CHANNELS`.

    A test that calls a program that is missing is skipped, or fails where it is required.
    """
    from tests.support.real_channels import open_channels

    with open_channels() as channels:
        yield channels


@pytest.fixture
def exact() -> Network:
    """A network that hides and reveals five levels without loss, sealed bits or not; it uses no base."""
    from tests.support.pairs import FiveLevels, network_of

    return network_of(FiveLevels(), quality=0)


@pytest.fixture
def five_levels() -> Callable[[np.ndarray], np.ndarray]:
    """The part of a picture that `exact` keeps."""
    from tests.support.pairs import SHRUNK

    def kept(picture: np.ndarray) -> np.ndarray:
        level = np.rint((((picture.astype(float) - 128) / 255) + 0.5).clip(0, 1) * 4)
        return np.rint(((level / 4 - 0.5) * SHRUNK * 255 + 128).clip(0, 255)).astype(np.uint8)

    return kept


@pytest.fixture
def key() -> Key:
    return Key(bytes(range(32)))


@pytest.fixture
def quick_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases are worked on for no time; what they hide, another test can't open."""
    monkeypatch.setattr("stegnet.keys.sources._SCRYPT", {"n": 2, "r": 8, "p": 1})


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny pair that is not trained, and does something all the same."""
    from tests.support.pairs import save_untrained

    return save_untrained(tmp_path_factory.mktemp("weights") / "tiny.safetensors")
