"""How good a pair is, measured on containers that were written to PNG files and read back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from stegnet.codec import Network, hide_picture, reveal_picture
from stegnet.data.shards import TEST, Shards, read_manifest
from stegnet.errors import DataError
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.media import read_picture, write_png
from stegnet.metrics import apd, psnr, ssim
from stegnet.scramble import grid, random_shuffle

REAL, RENDERED = "photographs", "scenes"  # sources of test pictures that every data set may have
# As a user gets it; and without the sealed bits, to see what they cost.
SEALED, BARE = "sealed", "bare"
MEASURES = {"psnr": psnr, "ssim": ssim, "apd": apd}
HIGH_IS_WORSE = {"apd"}

Named = tuple[str, np.ndarray]
Progress = Callable[[range], Iterable[int]]


@dataclass(frozen=True)
class Trip:
    """A secret's way through a file; pictures are (H, W, 3) uint8."""

    names: tuple[str, str]
    cover: np.ndarray
    container: np.ndarray
    secret: np.ndarray
    revealed: np.ndarray


class PicturePairs:
    """Which test picture is hidden in which.

    The secret for picture i is picture i + shift, within the pictures of one kind, which is their source. A kind
    with a single picture is left out: nothing is hidden in itself.

    Args:
        shards: folder with the test split.
        shift: how far apart cover and secret are.
    Raises:
        DataError: there are no two test pictures of one kind.
    """

    def __init__(self, shards: Path, shift: int) -> None:
        self._shift = shift
        self._pictures = Shards(shards, TEST)
        entries = [entry for entry in read_manifest(shards) if entry.split == TEST]
        self._names = [entry.name for entry in entries]
        kinds = [entry.source for entry in entries]
        members = {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in dict.fromkeys(kinds)}
        self._members = {kind: places for kind, places in members.items() if len(places) > 1}
        if not self._members:
            raise DataError(f"{shards}: one test picture can't be hidden in another", "raise data.test_scenes")

    @property
    def kinds(self) -> list[str]:
        """The sources of test pictures, in the order of the manifest."""
        return list(self._members)

    def count(self, kind: str) -> int:
        """Number of test pictures of a kind."""
        return len(self._members[kind])

    def pair(self, kind: str, index: int) -> tuple[Named, Named]:
        """Cover and secret number `index` of a kind."""
        members = self._members[kind]
        shift = self._shift % len(members) or 1
        cover, secret = members[index % len(members)], members[(index + shift) % len(members)]
        return (self._names[cover], self._pictures[cover]), (self._names[secret], self._pictures[secret])


class Bench:
    """A pair and the test pictures it is measured on.

    Args:
        shards, shift: as `PicturePairs` takes them.
        seed: of all that would be random.
    Raises:
        DataError: there are no two test pictures of one kind.
    """

    def __init__(self, network: Network, shards: Path, shift: int, seed: int) -> None:
        self._network, self._seed = network, seed
        self._pairs = PicturePairs(shards, shift)

    @property
    def kinds(self) -> list[str]:
        """The sources of test pictures."""
        return self._pairs.kinds

    def count(self, kind: str) -> int:
        """Number of test pictures of a kind."""
        return self._pairs.count(kind)

    def travel(self, kind: str, index: int, mode: str) -> Trip:
        """Hides, writes, reads back and reveals pair `index` of a kind."""
        (cover_name, cover), (secret_name, secret) = self._pairs.pair(kind, index)
        container, revealed = (self._sealed if mode == SEALED else self._bare)(cover, secret, index)
        return Trip((cover_name, secret_name), cover, container, secret, revealed)

    def measure(self, progress: Progress) -> pd.DataFrame:
        """One row per kind, pair and mode, with container_ and secret_ psnr (dB), ssim and apd (0–255)."""
        rows = []
        for kind in self.kinds:
            for index in progress(range(self.count(kind))):
                for mode in (SEALED, BARE):
                    trip = self.travel(kind, index, mode)
                    names = dict(zip(("cover", "secret"), trip.names, strict=True))
                    rows.append({"kind": kind, "mode": mode} | names | measures(trip))
        return pd.DataFrame(rows)

    def _sealed(self, cover: np.ndarray, secret: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Container and revealed picture, by key."""
        key, random = PUBLIC_DEMONSTRATION_KEY, seeded(self._seed + index)
        container = through_file(hide_picture(self._network, cover, secret, key, random))
        return container, reveal_picture(self._network, container, key).picture

    def _bare(self, cover: np.ndarray, secret: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The same with shuffle and means handed over, so that the container need not carry them."""
        random = torch.Generator().manual_seed(self._seed + index)
        shuffle = random_shuffle(random, *grid(*secret.shape[:2], self._network.block))
        hidden = self._network.hide(cover, secret, shuffle)
        container = through_file(hidden.container)
        return container, self._network.reveal(container, shuffle, hidden.means)


def measures(trip: Trip) -> dict[str, float]:
    """container_ and secret_ psnr, ssim and apd of one trip."""
    sides = {"container": (trip.cover, trip.container), "secret": (trip.secret, trip.revealed)}
    return {f"{side}_{name}": of(*pictures) for side, pictures in sides.items() for name, of in MEASURES.items()}


def summarise(table: pd.DataFrame) -> dict[str, Any]:
    """{kind: {mode: {measure: {mean, median, worst}}}} of what `Bench.measure` gives."""
    summary: dict[str, Any] = {}
    for (kind, mode), rows in table.groupby(["kind", "mode"]):
        columns = [column for column in table if column.rpartition("_")[2] in MEASURES]
        summary.setdefault(kind, {})[mode] = {column: _spread(rows[column], column) for column in columns}
    return summary


def headline(summary: dict[str, Any]) -> dict[str, float]:
    """The figures that stand for a pair, on the kind of pictures that `foremost` names.

    Means by the measure's name, their median and worst with a suffix, and the mean PSNR without sealed bits.
    """
    modes = summary[foremost(summary)]
    means = {name: spread["mean"] for name, spread in modes[SEALED].items()}
    spreads = {f"{name}_{of}": spread[of] for name, spread in modes[SEALED].items() for of in ("median", "worst")}
    bare = {f"{side}_psnr_bare": modes[BARE][f"{side}_psnr"]["mean"] for side in ("container", "secret")}
    return means | bare | spreads


def foremost(kinds: Iterable[str]) -> str:
    """The packaged photographs, which every data set is tested on, else any other than scenes, else these."""
    return min(kinds, key=lambda kind: (kind != REAL, kind == RENDERED))


def _spread(values: pd.Series, column: str) -> dict[str, float]:
    worst = values.max() if column.rpartition("_")[2] in HIGH_IS_WORSE else values.min()
    figures = {"mean": values.mean(), "median": values.median(), "worst": worst}
    return {name: round(float(value), 4) for name, value in figures.items()}


def through_file(picture: np.ndarray) -> np.ndarray:
    """What a PNG file gives back of an (H, W, 3) uint8 picture."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "container.png"
        write_png(path, picture)
        return read_picture(path)
