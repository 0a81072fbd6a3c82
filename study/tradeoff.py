"""Stage tradeoff: container quality against secret quality, of networks, swapped bits, and compressed secrets as bits.

In a channel that keeps every bit, a compressed secret in the lowest bits is very hard to beat; this measures by how
much. All methods hide the same test pairs.
"""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.core.errors import DataError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr
from stegnet.core.samples import NONE
from stegnet.evaluation.chart import COLOURS, chart
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY
from stegnet.evaluation.quality import PicturePairs
from stegnet.evaluation.statistics import headline_kind
from stegnet.methods.network import Network
from stegnet.models import read_card
from study.bounds import PUBLISHED, ideal_psnr
from study.compressed import sealed_compressed, sealed_full
from study.methods import Method, bare_network, network_by_key, swap

OURS, SWEEP, SEALED, EVEN, IDEAL, SWAP = "stegnet", "beta", "sealed", "sealed evenly", "ideal", "swap"
MEASURED, COMPUTED, OTHERS = "measured", "computed", "published"
ANCESTORS = ("baluja", "unet")
BETAS = ("0.1", "0.25", "0.65", "1.5", "4")
SWAPPED = range(1, 8)  # bits
RATES = (0.5, 1.0, 2.0, 3.0, 4.0)  # most bits per pixel of a secret; the sealed method has room for 4.3
FULL = "full"
MOST_PAIRS = 24
SAMPLES = 3  # of a pixel
_SIDES = (CONTAINER_PSNR, SECRET_PSNR)
_CURVES = {  # series: its label, its style, its colour
    SEALED: ("compressed, sealed method", "o-", COLOURS[2]),
    EVEN: ("compressed, sealed at the fewest changes", "s-", COLOURS[7]),
    IDEAL: ("compressed, ideal ±1 embedding (a bound)", "--", COLOURS[5]),
    SWAP: ("k-bit swap", "v-", COLOURS[3]),
    SWEEP: ("our network, other betas, equal smaller budget", "D-", COLOURS[6]),
    OURS: ("our network, the pair measured here, by key", "*", COLOURS[0]),
}
_POINT_LABELS = {SWAP: "{}", SWEEP: "β {}"}

Progress = Callable[[range], Iterable[int]]
Methods = dict[tuple[str, str], Method]  # by series and setting


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    methods = network_methods(weights, rivals) | classical_methods()
    pairs = PicturePairs(shards, config.evaluate.shift)
    table = measure(methods, pairs, config.seed, lambda indices: bar(indices, "tradeoff"))
    means = summarise(table)
    write_table(out / "pairs.csv", table)
    write_table(out / "means.csv", means)
    draw(means, out / "tradeoff.png")
    figures = headline(means)
    write_json(out / "metrics.json", figures)
    print(f"container {figures[f'stegnet_{CONTAINER_PSNR}']:.2f} dB, secret {figures[f'stegnet_{SECRET_PSNR}']:.2f} dB")
    if f"bits_{CONTAINER_PSNR}_same_secret" in figures:
        print(f"as bits, the same secret costs less: {figures[f'bits_{CONTAINER_PSNR}_same_secret']:.2f} dB")


def network_methods(weights: Path, rivals: Path) -> Methods:
    """The pair that is measured, the ancestors' networks, and the sweep of beta.

    Raises:
        WeightsError: a weights file is missing or damaged; the message names it.
        DataError: the pairs of the sweep were not trained with one budget.
    """
    sweep = {beta: rivals / f"{SWEEP}_{beta}.safetensors" for beta in BETAS}
    _check_budget(list(sweep.values()))
    paths = {(OURS, ""): weights} | {(name, ""): rivals / f"{name}.safetensors" for name in ANCESTORS}
    paths |= {(SWEEP, beta): path for beta, path in sweep.items()}
    return {label: _network_method(Network.load(path, backend="torch")) for label, path in paths.items()}


def classical_methods() -> Methods:
    """Swapped bits, and compressed secrets as sealed bits, up to the full room."""
    swaps = {(SWAP, str(bits)): swap(bits) for bits in SWAPPED}
    sealed = {(SEALED, str(rate)): sealed_compressed(rate) for rate in RATES} | {(SEALED, FULL): sealed_full}
    return swaps | sealed | {(EVEN, str(rate)): sealed_compressed(rate, even=True) for rate in RATES}


def measure(methods: Methods, pairs: PicturePairs, seed: int, progress: Progress) -> pd.DataFrame:
    """One row for each method and pair.

    Args:
        pairs: the first MOST_PAIRS of the main kind are measured.
    Returns:
        columns series, setting, kind, cover, secret, bits_per_pixel (nan where no bits are counted), container_psnr
        and secret_psnr in dB.
    """
    kind, rows = headline_kind(pairs.kinds), []
    for index in progress(range(min(MOST_PAIRS, pairs.count(kind)))):
        (cover_name, cover), (secret_name, secret) = pairs.pair(kind, index)
        names = {"kind": kind, "cover": cover_name, "secret": secret_name}
        for (series, setting), hide in methods.items():
            labels = names | {"series": series, "setting": setting}
            rows.append(labels | _measure_pair(hide, cover, secret, seed + index))
    return pd.DataFrame(rows)


def _measure_pair(hide: Method, cover: np.ndarray, secret: np.ndarray, seed: int) -> dict[str, float]:
    embedding = hide(cover, secret, seed)
    return {
        "bits_per_pixel": embedding.bits,
        CONTAINER_PSNR: psnr(cover, embedding.container),
        SECRET_PSNR: psnr(secret, embedding.reveal(embedding.container).picture),
    }


def _network_method(network: Network) -> Method:
    """By key if a base needs sealed bits; else the whole picture, neither shuffled nor with sealed bits.

    The second is how the ancestors hid. It flatters them: no shuffle, and no header that takes up samples.
    """
    if network.base != NONE:
        return network_by_key(network, PUBLIC_DEMONSTRATION_KEY)
    return bare_network(network, shuffled=False)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the pairs, the bound for the same payload, and published results: what the chart shows.

    Args:
        table: as `measure` gives it.
    Returns:
        columns series, setting, how (measured, computed or published), bits_per_pixel, container_psnr, secret_psnr,
        source (of published figures).
    """
    figures = ["bits_per_pixel", CONTAINER_PSNR, SECRET_PSNR]
    ideal = table[table["series"].isin((SEALED, EVEN))]
    bound = [ideal_psnr(bits / SAMPLES) for bits in ideal["bits_per_pixel"]]
    rows = pd.concat([table.assign(how=MEASURED), ideal.assign(series=IDEAL, how=COMPUTED, container_psnr=bound)])
    means = rows.groupby(["series", "setting", "how"], sort=False)[figures].mean().reset_index()
    printed = pd.DataFrame(
        {
            "series": point.name,
            "setting": "8 bits" if point.files else "float",
            "how": OTHERS,
            CONTAINER_PSNR: point.container,
            SECRET_PSNR: point.secret,
            "source": point.source,
        }
        for point in PUBLISHED
    )
    return pd.concat([means, printed])[["series", "setting", "how", *figures, "source"]]


def headline(means: pd.DataFrame) -> dict[str, float]:
    """Our pair beside bits at the same secret PSNR, interpolated; without the latter beyond the measured curves.

    Args:
        means: as `summarise` gives them.
    """
    chosen = {
        "stegnet": _only(means, OURS, ""),
        "sealed_full": _only(means, SEALED, FULL),
        "swap_4": _only(means, SWAP, "4"),
    }
    figures = {f"{name}_{side}": float(row[side]) for name, row in chosen.items() for side in _SIDES}
    curves = {"bits": SEALED, "even_bits": EVEN, "ideal": IDEAL}
    same = {name: at_secret(means, series, figures[f"stegnet_{SECRET_PSNR}"]) for name, series in curves.items()}
    figures |= {f"{name}_{CONTAINER_PSNR}_same_secret": container for name, container in same.items()}
    return {name: round(value, 4) for name, value in figures.items() if not math.isnan(value)}


def at_secret(means: pd.DataFrame, series: str, secret: float) -> float:
    """Container PSNR at which a curve has this secret PSNR, both in dB; nan beyond its ends."""
    curve = means[means["series"] == series].sort_values(SECRET_PSNR)
    return float(np.interp(secret, curve[SECRET_PSNR], curve[CONTAINER_PSNR], left=math.nan, right=math.nan))


def draw(means: pd.DataFrame, path: Path) -> None:
    """Draws the means that `summarise` gives; the folder of `path` must exist."""
    with chart(path, "container, PSNR in dB (higher: less visible)", "secret, PSNR in dB", (9, 8)) as axes:
        for series in _CURVES:
            _draw_curve(axes, series, means[means["series"] == series])
        for marker, series in zip("PX", ANCESTORS, strict=True):
            rows = means[means["series"] == series]
            axes.plot(rows[CONTAINER_PSNR], rows[SECRET_PSNR], marker, color=COLOURS[1], label=f"{series}, retrained")
        for marker, (_, row) in zip("o^vsDP", means[means["how"] == OTHERS].iterrows(), strict=True):
            label = f"published, other pictures, {row['setting']}: {row['series']}"
            place = [row[CONTAINER_PSNR]], [row[SECRET_PSNR]]
            axes.plot(*place, marker, color=COLOURS[4], fillstyle="none", label=label)
        axes.legend(frameon=False, fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)


def _draw_curve(axes: Axes, series: str, rows: pd.DataFrame) -> None:
    label, style, colour = _CURVES[series]
    rows = rows.sort_values(CONTAINER_PSNR)
    size = 14 if series == OURS else 5
    axes.plot(rows[CONTAINER_PSNR], rows[SECRET_PSNR], style, color=colour, label=label, markersize=size)
    for _, row in rows.iterrows() if series in _POINT_LABELS else ():
        place = row[CONTAINER_PSNR], row[SECRET_PSNR]
        axes.annotate(
            _POINT_LABELS[series].format(row["setting"]), place, (4, 4), textcoords="offset points", fontsize="x-small"
        )


def _check_budget(paths: list[Path]) -> None:
    trained = [read_card(path).training.get("train") for path in paths]
    others = [path.name for path, train in zip(paths, trained, strict=True) if train != trained[0]]
    if others:
        raise DataError(f"{paths[0].parent}: {', '.join(others)}: not trained as {paths[0].name} was")


def _only(means: pd.DataFrame, series: str, setting: str) -> pd.Series:
    return means[(means["series"] == series) & (means["setting"] == setting)].iloc[0]


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "out")
