"""Quality of a pair, measured on containers that were written to PNG files and read back."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from pipeline.evaluate.perception import MeasureFunction, perceptual_measures
from pipeline.shards import TEST, Shards, read_manifest
from pipeline.tensors import seeded_shuffle
from stegnet.core.compute import device_name
from stegnet.core.errors import DataError
from stegnet.core.measures import (
    APD,
    BARE,
    BASE_PSNR,
    MEASURES,
    PSNR,
    RESTORED_BASE_PSNR,
    SEALED,
    SIDES,
    SSIM,
    Measure,
    apd,
    psnr,
    ssim,
)
from stegnet.core.parallel import distributed
from stegnet.core.shuffle import grid
from stegnet.core.temporary import temporary_folder
from stegnet.image.pictures import read_picture, write_png
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.networks import Network, hide_picture, reveal_picture
from stegnet.networks.engines import Engine, Pool
from stegnet.record import encode_base
from stegnet.sealing import room

PIXEL_MEASURES = {PSNR.key: psnr, SSIM.key: ssim, APD.key: apd}

NamedPicture = tuple[str, np.ndarray]
Row = dict[str, Any]
Progress = Callable[[range], Iterable[int]]
T, R = TypeVar("T"), TypeVar("R")


def measure(
    heading: str, unit: str, higher_is_better: bool, digits: int
) -> Callable[[MeasureFunction], MeasureFunction]:
    """Adds a function of two (H, W, 3) uint8 pictures, whose name holds no underscore, to the measures of pairs."""

    def add(function: MeasureFunction) -> MeasureFunction:
        key = function.__name__
        if key in MEASURES or "_" in key:
            raise ValueError(f"{key}: a measure has a name of its own, without an underscore")
        MEASURES[key], PIXEL_MEASURES[key] = Measure(key, heading, unit, higher_is_better, digits), function
        return function

    return add


@dataclass(frozen=True)
class HideRevealResult:
    """The names of cover and secret, and the pictures before and after; each (H, W, 3) uint8."""

    names: tuple[str, str]
    cover: np.ndarray
    container: np.ndarray
    secret: np.ndarray
    revealed: np.ndarray


def setup_of(network: Network) -> dict[str, str]:
    """Backend, device, precision and threads of a measurement, by name."""
    engine, threads = network.engine, str(torch.get_num_threads())
    device = device_name(engine.device)
    return {"backend": engine.backend, "device": device, "precision": engine.precision, "threads": threads}


class PicturePairs:
    """Pairs of cover and secret among the test pictures.

    The secret for picture i is picture i + shift, within the pictures of one kind, which is their source. A kind
    with a single picture is skipped: no picture is hidden in itself.

    Args:
        shards: folder with the test split.
        shift: distance between cover and secret.
    Raises:
        DataError: no kind has two test pictures.
    """

    def __init__(self, shards: Path, shift: int) -> None:
        self._shift = shift
        self._pictures = Shards(shards, TEST)
        entries = list(read_manifest(shards, TEST))
        self._names = [entry.name for entry in entries]
        kinds = [entry.source for entry in entries]
        members = {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in dict.fromkeys(kinds)}
        self._members = {kind: indices for kind, indices in members.items() if len(indices) > 1}
        if not self._members:
            raise DataError(f"{shards}: one test picture can't be hidden in another", "raise data.test_scenes")

    @property
    def kinds(self) -> list[str]:
        """The sources of test pictures, in the order of the manifest."""
        return list(self._members)

    def count(self, kind: str) -> int:
        """Number of test pictures of a kind."""
        return len(self._members[kind])

    def pair(self, kind: str, index: int) -> tuple[NamedPicture, NamedPicture]:
        """Cover and secret number `index` of a kind."""
        members = self._members[kind]
        shift = self._shift % len(members) or 1
        cover, secret = members[index % len(members)], members[(index + shift) % len(members)]
        return (self._names[cover], self._pictures[cover]), (self._names[secret], self._pictures[secret])


class Evaluator:
    """Measures a network on pairs of test pictures.

    Args:
        shards, shift: as in `PicturePairs`.
        seed: of all randomness.
    Raises:
        DataError: no kind has two test pictures.
    """

    def __init__(self, network: Network, shards: Path, shift: int, seed: int) -> None:
        self._network, self._seed = network, seed
        self.pairs = PicturePairs(shards, shift)

    def run(self, kind: str, index: int, mode: str) -> HideRevealResult:
        """Hides, writes, reads and reveals pair `index` of a kind; mode is SEALED or BARE."""
        (cover_name, cover), (secret_name, secret) = self.pairs.pair(kind, index)
        hide = hide_and_reveal if mode == SEALED else _without_sealed_bits
        container, revealed = hide(self._network, cover, secret, self._seed + index)
        return HideRevealResult((cover_name, secret_name), cover, container, secret, revealed)

    def results(self, kind: str, indices: Iterable[int]) -> list[HideRevealResult]:
        """`run` of some pairs of a kind, with sealed bits."""
        with closing(map_in_threads(lambda index: self.run(kind, index, SEALED), indices)) as results:
            return list(results)

    def evaluate(self, progress: Progress) -> pd.DataFrame:
        """One row per kind, pair and mode, with PSNR, SSIM and APD of container and secret.

        Sealed rows also have the measures of `pipeline.evaluate.perception`, and base_psnr and restored_base_psnr: the
        PSNR of the secret's base alone, as it was sealed and as the pair enhances it. They are nan in bare ones.
        """
        perceptual = perceptual_measures()
        rows = []
        for kind in self.pairs.kinds:
            indices = progress(range(self.pairs.count(kind)))
            with closing(map_in_threads(partial(self._rows, kind, perceptual), indices)) as pairs:
                rows += [row for pair in pairs for row in pair]
        return pd.DataFrame(rows)

    def _rows(self, kind: str, perceptual: dict[str, MeasureFunction], index: int) -> list[Row]:
        """A pair's rows: sealed, then bare."""
        sealed, bare = (self.run(kind, index, mode) for mode in (SEALED, BARE))
        names = dict(zip(("cover", "secret"), sealed.names, strict=True))
        figures = measure_quality(sealed) | measure_quality(sealed, perceptual)
        for column, enhanced in ((BASE_PSNR, False), (RESTORED_BASE_PSNR, True)):
            figures[column] = psnr(sealed.secret, _reveal(base_alone(self._network, enhanced), sealed.container))
        return [
            {"kind": kind, "mode": SEALED} | names | figures,
            {"kind": kind, "mode": BARE} | names | measure_quality(bare),
        ]


def hide_and_reveal(
    network: Network, cover: np.ndarray, secret: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The container as read from a PNG file, and the picture revealed from it, with the public demonstration key.

    Args:
        cover, secret: (H, W, 3) uint8.
        seed: of all randomness in hiding.
    Raises:
        CapacityError: the cover is too small.
    """
    container = through_file(hide_picture(network, cover, secret, PUBLIC_DEMONSTRATION_KEY, seeded(seed)))
    return container, _reveal(network, container)


def _without_sealed_bits(
    network: Network, cover: np.ndarray, secret: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `hide_and_reveal`, but the reveal network is given shuffle and base."""
    size = secret.shape[:2]
    shuffle = seeded_shuffle(seed, *grid(*size, network.block))
    _, base = encode_base(secret, network.base, network.quality, room(*size), enhance=network.enhance)
    container = through_file(network.hide(cover, secret, shuffle, base).container)
    return container, network.reveal(container, shuffle, base)


def base_alone(network: Network, enhanced: bool = False) -> Network:
    """The network as one that reveals the secret's base: as the record holds it, or as the pair enhances it."""
    return replace(network, engine=_NoResidual(network.engine, enhanced))


class _NoResidual:
    """An engine that reveals a residual of zeros; it can't hide."""

    def __init__(self, engine: Engine, enhanced: bool) -> None:
        self._engine, self._enhanced = engine, enhanced

    def reveal(self, container: np.ndarray) -> np.ndarray:
        return np.zeros_like(container)

    def enhance(self, base: np.ndarray) -> np.ndarray:
        return self._engine.enhance(base) if self._enhanced else base

    def restore(self, base: np.ndarray, residual: np.ndarray) -> np.ndarray:
        return base + residual

    def pool(self, pixels: int) -> Pool:
        return self._engine.pool(pixels)


def map_in_threads(work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """Maps `work` over the items, in order, in as many threads as torch may use; each computes with one.

    The results are therefore the same for any number of threads.
    """
    return distributed(work, items, torch.get_num_threads(), lambda: torch.set_num_threads(1))


def measure_quality(
    result: HideRevealResult, functions: Mapping[str, MeasureFunction] = PIXEL_MEASURES
) -> dict[str, float]:
    """Each measure of container and secret, by column: container_psnr, …"""
    pictures = dict(zip(SIDES, ((result.cover, result.container), (result.secret, result.revealed)), strict=True))
    return {f"{side}_{key}": function(*pictures[side]) for side in SIDES for key, function in functions.items()}


def _reveal(network: Network, container: np.ndarray) -> np.ndarray:
    return reveal_picture(network, container, PUBLIC_DEMONSTRATION_KEY).picture


def through_file(picture: np.ndarray) -> np.ndarray:
    """Writes an (H, W, 3) uint8 picture to a PNG file and reads it back."""
    with temporary_folder() as folder:
        path = folder / "container.png"
        write_png(path, picture)
        return read_picture(path)
