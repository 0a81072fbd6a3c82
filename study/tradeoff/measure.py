"""Container against secret: networks, swapped bits, and compressed secrets carried as bits, on the same test pairs.

In a channel that keeps every bit, the last way is very hard to beat, and this says by how much.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stegnet.codec import Network, hide_picture, reveal_picture
from stegnet.core.errors import DataError
from stegnet.core.measures import psnr
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.evaluation.quality import PicturePairs, through_file
from stegnet.evaluation.statistics import headline_kind
from stegnet.models import read_card
from study.tradeoff import compressed
from study.tradeoff.ideal import ideal_psnr
from study.tradeoff.published import POINTS
from study.tradeoff.swap import read_out, swap_in

OURS, SWEEP, SEALED, MATCHED, IDEAL, SWAP = "stegnet", "beta", "sealed", "matching", "ideal", "swap"
MEASURED, COMPUTED, PUBLISHED = "measured", "computed", "published"
ANCESTORS = ("baluja", "unet")
BETAS = ("0.1", "0.25", "0.65", "1.5", "4")
SWAPPED = range(1, 8)
MOST_PAIRS = 24
SAMPLES = 3  # of a pixel

Progress = Callable[[range], Iterable[int]]


@dataclass(frozen=True)
class _Way:
    """A network, and how its figures are called."""

    series: str
    setting: str
    network: Network


def read_rivals(folder: Path) -> list[_Way]:
    """The ancestors' networks and the sweep of beta.

    Raises:
        WeightsError: one is missing or damaged; the message names it.
        DataError: the pairs of the sweep were not trained with one budget.
    """
    paths = {beta: folder / f"{SWEEP}_{beta}.safetensors" for beta in BETAS}
    sweep = [_Way(SWEEP, beta, Network.load(path, backend="torch")) for beta, path in paths.items()]
    _check_budget(list(paths.values()))
    return [_Way(name, "", Network.load(folder / f"{name}.safetensors", backend="torch")) for name in ANCESTORS] + sweep


def _check_budget(paths: list[Path]) -> None:
    trained = [read_card(path).training.get("train") for path in paths]
    others = [path.name for path, train in zip(paths, trained, strict=True) if train != trained[0]]
    if others:
        raise DataError(f"{paths[0].parent}: {', '.join(others)}: not trained as {paths[0].name} was")


def measure(weights: Path, others: list[_Way], pairs: PicturePairs, seed: int, progress: Progress) -> pd.DataFrame:
    """All that is measured, one row for each way, setting and pair.

    Args:
        weights: our own pair.
        others: as `read_rivals` gives them.
        pairs: the first of the headline kind are taken, at most MOST_PAIRS.
    Returns:
        columns series, setting, kind, cover, secret, bits_per_pixel (nan where no bits are counted), container_psnr
        and secret_psnr in dB.
    """
    kind = headline_kind(pairs.kinds)
    ways = [_Way(OURS, "", Network.load(weights, backend="torch")), *others]
    rows = []
    for index in progress(range(min(MOST_PAIRS, pairs.count(kind)))):
        (cover_name, cover), (secret_name, secret) = pairs.pair(kind, index)
        names = {"kind": kind, "cover": cover_name, "secret": secret_name}
        rows += [names | row for row in _measure_pair(ways, cover, secret, seed + index)]
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """What the chart shows: means over the pairs, the bound for the same bits, and published points.

    Args:
        table: as `measure` gives it.
    Returns:
        columns series, setting, how (measured, computed or published), bits_per_pixel, container_psnr, secret_psnr,
        source (of published figures).
    """
    figures = ["bits_per_pixel", "container_psnr", "secret_psnr"]
    ideal = table[table["series"].isin((SEALED, MATCHED))]
    bound = [ideal_psnr(bits / SAMPLES) for bits in ideal["bits_per_pixel"]]
    rows = pd.concat([table.assign(how=MEASURED), ideal.assign(series=IDEAL, how=COMPUTED, container_psnr=bound)])
    means = rows.groupby(["series", "setting", "how"], sort=False)[figures].mean().reset_index()
    printed = pd.DataFrame(
        {
            "series": point.name,
            "setting": "8 bits" if point.files else "float",
            "how": PUBLISHED,
            "container_psnr": point.container,
            "secret_psnr": point.secret,
            "source": point.source,
        }
        for point in POINTS
    )
    return pd.concat([means, printed])[["series", "setting", "how", *figures, "source"]]


def headline(means: pd.DataFrame) -> dict[str, float]:
    """Our pair beside bits at the same quality of the secret, interpolated, where the measured curves reach so far.

    Args:
        means: as `summarise` gives them.
    """
    chosen = {
        "stegnet": _only(means, OURS, ""),
        "sealed_full": _only(means, SEALED, compressed.FULL),
        "swap_4": _only(means, SWAP, "4"),
    }
    figures = {f"{name}_{side}": float(row[side]) for name, row in chosen.items() for side in _SIDES}
    curves = {"bits": (SEALED, MATCHED), "ideal": (IDEAL,)}
    same = {name: at_secret(means, series, figures["stegnet_secret_psnr"]) for name, series in curves.items()}
    figures |= {f"{name}_container_psnr_same_secret": container for name, container in same.items()}
    return {name: round(value, 4) for name, value in figures.items() if not math.isnan(value)}


_SIDES = ("container_psnr", "secret_psnr")


def at_secret(means: pd.DataFrame, series: tuple[str, ...], secret: float) -> float:
    """Container PSNR at which a curve has this secret PSNR, both in dB; nan beyond its ends."""
    curve = means[means["series"].isin(series)].sort_values("secret_psnr")
    return float(np.interp(secret, curve["secret_psnr"], curve["container_psnr"], left=math.nan, right=math.nan))


def _only(means: pd.DataFrame, series: str, setting: str) -> pd.Series:
    return means[(means["series"] == series) & (means["setting"] == setting)].iloc[0]


def _measure_pair(ways: list[_Way], cover: np.ndarray, secret: np.ndarray, seed: int) -> Iterator[dict[str, object]]:
    for series, setting, bits, container, revealed in _travels(ways, cover, secret, seed):
        yield {
            "series": series,
            "setting": setting,
            "bits_per_pixel": bits,
            "container_psnr": psnr(cover, container),
            "secret_psnr": psnr(secret, revealed),
        }


_Travel = tuple[str, str, float, np.ndarray, np.ndarray]


def _travels(ways: list[_Way], cover: np.ndarray, secret: np.ndarray, seed: int) -> Iterator[_Travel]:
    """Series, setting, bits per pixel, container and revealed secret of all ways, each from a file."""
    for way in ways:
        yield way.series, way.setting, math.nan, *_through_network(way.network, cover, secret, seed)
    for bits in SWAPPED:
        container = through_file(swap_in(cover, secret, bits))
        yield SWAP, str(bits), math.nan, container, read_out(container, bits)
    for series, carried_by in ((SEALED, compressed.sealed), (MATCHED, compressed.matched)):
        for carried in carried_by(cover, secret, seed):
            yield series, carried.setting, carried.bits, carried.container, carried.revealed


def _through_network(
    network: Network, cover: np.ndarray, secret: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """By key where block means must travel in sealed bits; else whole, not shuffled and without sealed bits.

    The second is how the ancestors hid. It flatters: nothing is scrambled, and no header costs anything.
    """
    if not network.detail:
        container = through_file(network.hide(cover, secret, None).container)
        return container, network.reveal(container, None, None)
    key = PUBLIC_DEMONSTRATION_KEY
    container = through_file(hide_picture(network, cover, secret, key, seeded(seed)))
    return container, reveal_picture(network, container, key).picture
