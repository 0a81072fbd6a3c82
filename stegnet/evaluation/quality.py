"""How good a pair is, measured on containers that were written to PNG files and read back."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from stegnet.codec import Network, hide_picture, reveal_picture
from stegnet.core.errors import DataError
from stegnet.core.measures import apd, psnr, ssim
from stegnet.core.parallel import ordered
from stegnet.core.shuffle import grid
from stegnet.core.tensors import seeded_shuffle
from stegnet.data.shards import TEST, Shards, read_manifest
from stegnet.evaluation import perception
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.evaluation.statistics import spread
from stegnet.media import read_picture, write_png

REAL, RENDERED = "photographs", "scenes"  # sources of test pictures that every data set may have
# As a user gets it; and without the sealed bits, to see what they cost.
SEALED, BARE = "sealed", "bare"
SIDES = ("container", "secret")
MEASURES = {"psnr": psnr, "ssim": ssim, "apd": apd}
HIGH_IS_WORSE = {"apd"} | perception.HIGH_IS_WORSE
HEADLINE = ("psnr", "ssim", "apd", "haarpsi", "de2000")  # what stands for a pair, by its mean

Named = tuple[str, np.ndarray]
Row = dict[str, Any]
Progress = Callable[[range], Iterable[int]]
T, R = TypeVar("T"), TypeVar("R")


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

    def trips(self, kind: str, indices: Iterable[int]) -> list[Trip]:
        """`travel` of some pairs of a kind as a user gets them."""
        with closing(side_by_side(partial(self.travel, kind, mode=SEALED), indices)) as trips:
            return list(trips)

    def measure(self, progress: Progress) -> pd.DataFrame:
        """One row per kind, pair and mode, with container_ and secret_ psnr (dB), ssim and apd (0–255).

        Sealed rows have what `stegnet.evaluation.perception` measures too; that is nan in bare ones.
        """
        sight = perception.measures_of_sight()
        rows = []
        for kind in self.kinds:
            indices = progress(range(self.count(kind)))
            with closing(side_by_side(partial(self._rows, kind, sight), indices)) as pairs:
                rows += [row for pair in pairs for row in pair]
        return pd.DataFrame(rows)

    def _rows(self, kind: str, sight: dict[str, perception.Measure], index: int) -> list[Row]:
        """A pair's rows: sealed, then bare."""
        sealed, bare = (self.travel(kind, index, mode) for mode in (SEALED, BARE))
        names = dict(zip(("cover", "secret"), sealed.names, strict=True))
        return [
            {"kind": kind, "mode": SEALED} | names | measures(sealed) | measures(sealed, sight),
            {"kind": kind, "mode": BARE} | names | measures(bare),
        ]

    def _sealed(self, cover: np.ndarray, secret: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Container and revealed picture, by key."""
        return by_key(self._network, cover, secret, self._seed + index)

    def _bare(self, cover: np.ndarray, secret: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The same with shuffle and means handed over, so that the container need not carry them."""
        shuffle = seeded_shuffle(self._seed + index, *grid(*secret.shape[:2], self._network.block))
        hidden = self._network.hide(cover, secret, shuffle)
        container = through_file(hidden.container)
        return container, self._network.reveal(container, shuffle, hidden.means)


def by_key(network: Network, cover: np.ndarray, secret: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Container, as a PNG file gives it back, and the revealed picture, by the public key.

    Args:
        cover, secret: (H, W, 3) uint8.
        seed: of what hiding draws at random.
    Raises:
        CapacityError: the cover is too small.
    """
    container = through_file(hide_picture(network, cover, secret, PUBLIC_DEMONSTRATION_KEY, seeded(seed)))
    return container, reveal_picture(network, container, PUBLIC_DEMONSTRATION_KEY).picture


def side_by_side(work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """`work` of each item, in order, in as many threads as torch may use; each computes with one.

    So the results are the same for any number of threads.
    """
    return ordered(work, items, torch.get_num_threads(), partial(torch.set_num_threads, 1))


def measures(trip: Trip, of: Mapping[str, perception.Measure] = MEASURES) -> dict[str, float]:
    """container_ and secret_ psnr, ssim and apd of one trip, or what other measures one names."""
    sides = dict(zip(SIDES, ((trip.cover, trip.container), (trip.secret, trip.revealed)), strict=True))
    return {f"{side}_{name}": measure(*pictures) for side, pictures in sides.items() for name, measure in of.items()}


def summarise(table: pd.DataFrame) -> dict[str, Any]:
    """{kind: {mode: {measure: what `spread` gives}}} of what `Bench.measure` gives, for measures that were taken."""
    names = set(MEASURES) | perception.NAMES
    columns = [column for column in table if column.rpartition("_")[2] in names]
    summary: dict[str, Any] = {}
    for (kind, mode), rows in table.groupby(["kind", "mode"]):
        taken = rows[columns].dropna(axis="columns", how="all")
        summary.setdefault(kind, {})[mode] = {column: spread_of(taken[column], column) for column in taken}
    return summary


def spread_of(values: pd.Series, column: str) -> dict[str, float]:
    """The statistics of a column; the end of its name says which way is worse."""
    return spread(values, column.rpartition("_")[2] in HIGH_IS_WORSE)


def headline(summary: dict[str, Any]) -> dict[str, float]:
    """The figures that stand for a pair, on the kind of pictures that `foremost` names; few, for tables of pairs.

    Means by the measure's name, then the worst PSNR, and the mean PSNR without sealed bits.
    """
    modes = summary[foremost(summary)]
    sealed, bare = modes[SEALED], modes[BARE]
    means = {f"{side}_{name}": sealed[f"{side}_{name}"]["mean"] for side in SIDES for name in HEADLINE}
    worst = {f"{side}_psnr_worst": sealed[f"{side}_psnr"]["worst"] for side in SIDES}
    return means | worst | {f"{side}_psnr_bare": bare[f"{side}_psnr"]["mean"] for side in SIDES}


def foremost(kinds: Iterable[str]) -> str:
    """The packaged photographs, which every data set is tested on, else any other than scenes, else these."""
    return min(kinds, key=lambda kind: (kind != REAL, kind == RENDERED))


def presentable(kinds: Iterable[str]) -> str:
    """Scenes, whose pictures are this project's own and may be passed on, else as `foremost`."""
    return RENDERED if RENDERED in kinds else foremost(kinds)


def through_file(picture: np.ndarray) -> np.ndarray:
    """What a PNG file gives back of an (H, W, 3) uint8 picture."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "container.png"
        write_png(path, picture)
        return read_picture(path)
