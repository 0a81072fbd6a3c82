"""The two methods of stegnet as `study.places` attacks them: pictures by key or passphrase, and films from files."""

from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet.evaluation.demonstration import seeded
from stegnet.keys import Key, KeySource
from stegnet.media import FilmWriter, read_frames
from stegnet.methods import Run
from stegnet.methods.network import Network, NetworkOptions, hide_film, run_of
from stegnet.methods.sealed import SealedOptions, bytes_room, embed_file
from stegnet.results import OutputTarget
from stegnet.sealing import idle_samples
from study.methods import network_by_key, sealed

SHARE = 0.1  # of the room, that sealed containers use
_RATE = Fraction(25)


class Hider(ABC):
    """A method.

    Attributes:
        name: in tables.
    """

    name: str

    @abstractmethod
    def picture(self, cover: np.ndarray, secret: np.ndarray, key: KeySource, seed: int) -> np.ndarray:
        """The container of a picture, (H, W, 3) uint8."""

    def unhidden(self, cover: np.ndarray) -> np.ndarray:
        """The cover in the form of the containers."""
        return cover

    def film(self, cover: np.ndarray, secret: np.ndarray, frames: int, key: Key, seed: int) -> np.ndarray:
        """The container of a film of one picture, repeated, read from its file: (frames, H, W, 3) uint8."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            write_still_film(folder / "cover.mkv", cover, frames)
            self._hide_film(folder / "cover.mkv", secret, frames, folder / "container.mkv", key, seed)
            return np.stack(list(read_frames(folder / "container.mkv")))

    def fixed_places(self, samples: int, key: KeySource) -> np.ndarray:
        """Indices of the samples with the same part in all containers of a size and key: those that carry nothing."""
        return idle_samples(samples)

    @abstractmethod
    def _hide_film(self, cover: Path, secret: np.ndarray, frames: int, out: Path, key: Key, seed: int) -> None:
        """Hides in a film."""


class SealedHider(Hider):
    """The sealed method, with a file that fills a share of its room."""

    name = f"sealed, {SHARE:.0%} full"

    def picture(self, cover: np.ndarray, secret: np.ndarray, key: KeySource, seed: int) -> np.ndarray:
        return sealed(SHARE, key)(cover, secret, seed).container

    def _hide_film(self, cover: Path, secret: np.ndarray, frames: int, out: Path, key: Key, seed: int) -> None:
        file = cover.with_name("file.bin")
        size = int(SHARE * bytes_room(*secret.shape[:2]) * frames)
        file.write_bytes(np.random.default_rng(seed).bytes(size))
        options, run = SealedOptions(verify=False), Run(randomness=seeded(seed))
        embed_file(cover, file, OutputTarget(out), key, options, run)


class NetworkHider(Hider):
    """The network method; a film hides one picture, repeated."""

    name = "network"

    def __init__(self, network: Network) -> None:
        self._network = network

    def picture(self, cover: np.ndarray, secret: np.ndarray, key: KeySource, seed: int) -> np.ndarray:
        return network_by_key(self._network, key)(cover, secret, seed).container

    def _hide_film(self, cover: Path, secret: np.ndarray, frames: int, out: Path, key: Key, seed: int) -> None:
        write_still_film(cover.with_name("secret.mkv"), secret, frames)
        options = NetworkOptions(verify=False, any_quality=True)
        run = run_of(self._network, Run(randomness=seeded(seed)))
        hide_film(cover, cover.with_name("secret.mkv"), OutputTarget(out), key, options, run)


def write_still_film(path: Path, picture: np.ndarray, frames: int) -> None:
    """Writes a film of one picture, (H, W, 3) uint8, repeated."""
    height, width = picture.shape[:2]
    with FilmWriter(path, width, height, _RATE) as film:
        for index in range(frames):
            film.write(picture, index / _RATE)
