"""One chart of container against secret for all ways to hide a picture."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from stegnet.evaluation.chart import COLOURS, chart
from study.tradeoff.measure import ANCESTORS, IDEAL, MATCHED, OURS, PUBLISHED, SEALED, SWAP, SWEEP

_CURVES = {  # series: how it is called, its style, its colour
    SEALED: ("AVIF, sealed method", "o-", COLOURS[2]),
    MATCHED: ("AVIF, ±1 in every sample", "s-", COLOURS[2]),
    IDEAL: ("AVIF, ideal syndrome coding (a bound)", "--", COLOURS[5]),
    SWAP: ("k-bit swap", "v-", COLOURS[3]),
    SWEEP: ("our network, other betas, equal smaller budget", "D-", COLOURS[6]),
    OURS: ("our network, the pair measured here, by key", "*", COLOURS[0]),
}
_NAMED = {SWAP: "{}", SWEEP: "β {}"}  # how a point of a curve is called


def draw(means: pd.DataFrame, path: Path) -> None:
    """Draws what `tradeoff.summarise` gives; the folder of `path` must exist."""
    with chart(path, "container, PSNR in dB (higher: less visible)", "secret, PSNR in dB", (9, 8)) as axes:
        for series in _CURVES:
            _draw_curve(axes, series, means[means["series"] == series])
        for marker, series in zip("PX", ANCESTORS, strict=True):
            rows = means[means["series"] == series]
            axes.plot(
                rows["container_psnr"], rows["secret_psnr"], marker, color=COLOURS[1], label=f"{series}, retrained"
            )
        for marker, (_, row) in zip("o^vsDP", means[means["how"] == PUBLISHED].iterrows(), strict=True):
            label = f"published, other pictures, {row['setting']}: {row['series']}"
            place = [row["container_psnr"]], [row["secret_psnr"]]
            axes.plot(*place, marker, color=COLOURS[4], fillstyle="none", label=label)
        axes.legend(frameon=False, fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)


def _draw_curve(axes: Axes, series: str, rows: pd.DataFrame) -> None:
    label, style, colour = _CURVES[series]
    rows = rows.sort_values("container_psnr")
    size = 14 if series == OURS else 5
    axes.plot(rows["container_psnr"], rows["secret_psnr"], style, color=colour, label=label, markersize=size)
    for _, row in rows.iterrows() if series in _NAMED else ():
        place = row["container_psnr"], row["secret_psnr"]
        axes.annotate(
            _NAMED[series].format(row["setting"]), place, (4, 4), textcoords="offset points", fontsize="x-small"
        )
