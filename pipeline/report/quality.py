"""Sections on a pair's quality on pictures and film, and on its training: from the stages that always run."""

from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.chart import chart
from pipeline.evaluate.statistics import headline_kind
from pipeline.report.page import Collapsed, FigureTile, Film, Picture, Section, Table, decimals, read_json, read_table
from stegnet.core.measures import (
    APD,
    BARE,
    BASE,
    CONTAINER,
    FLICKER,
    HAARPSI,
    MEASURES,
    MSSSIM,
    PSNR,
    SEALED,
    SECRET,
    SIDES,
    SSIM,
    VMAF,
)
from stegnet.core.parallel import AUTO
from stegnet.networks.card import Card

_PROTOCOL = (
    "All figures are measured on containers that were rounded to 8 bits, written to a file and read back, hidden with "
    "a key, shuffled and with sealed bits, as users get them. Test pictures were not used in training. "
    f"{PSNR.heading}: higher is better, 40 dB is an RMS error of 2.6 of 255 levels. {APD.heading}: mean absolute "
    f"difference in levels. {SSIM.heading}, {MSSSIM.heading} and {HAARPSI.heading}: 1 is best. The secret's base "
    "travels as sealed bits and needs no network: what it lacks of the revealed secret is what the network adds."
)
_NAMES = {CONTAINER: CONTAINER, SECRET: SECRET, BASE: "secret's base alone"}  # of what is measured
_NO_START = "costa"  # the family that needs no lead of the secret in training
_FILM_COLUMNS = (  # measure, statistic, heading
    (PSNR, "", PSNR.label),
    (PSNR, "worst", f"worst frame, {PSNR.unit}"),
    *((measure, "", measure.label) for measure in (SSIM, APD, VMAF, FLICKER)),
)


def tiles(evaluate: Path, video: Path) -> list[FigureTile]:
    """Mean PSNR of container, secret and the secret's base alone, on pictures and on the film."""
    details, film = read_json(evaluate / "details.json"), read_json(video / "details.json")
    kind = headline_kind(details)
    sealed = details[kind][SEALED]
    pictures = [_stats_tile(f"{_NAMES[each]}, {kind}", sealed[PSNR.of(each)]) for each in _NAMES]
    frames = f"mean of {film['film_frames']:.0f} frames"
    means = {name: film[f"film_{PSNR.of(each)}"] for each, name in _NAMES.items()}
    return pictures + [FigureTile(f"{name}, film", f"{mean:.1f} dB", frames) for name, mean in means.items()]


def pictures(evaluate: Path, command: str, shown: Collection[str] | None = None) -> Section:
    """Test pictures, and the measures of each kind of them.

    Args:
        shown: kinds whose pictures may be published; None: all. Figures are given for all.
    """
    details, pairs = read_json(evaluate / "details.json"), read_table(evaluate / "pairs.csv")
    visible = [kind for kind in details if shown is None or kind in shown]
    first = headline_kind(visible or details)
    parts = {
        kind: (
            *([_contact_sheet(evaluate, kind)] if kind in visible else []),
            _stats_table(modes[SEALED], f"{kind}, {_count(pairs, kind)} pairs"),
        )
        for kind, modes in details.items()
    }
    others = (Collapsed(kind, parts[kind]) for kind in details if kind != first)
    return Section("Pictures", command, (_PROTOCOL,), (*parts[first], _means_table(details, pairs), *others))


def film(video: Path, command: str) -> Section:
    """The demonstration film."""
    figures = read_json(video / "details.json")
    parts = (
        Film.embed(
            video / "preview.mp4",
            "Preview. Left: container; right: revealed secret. The command writes the lossless original, "
            "container.mkv, to the same folder as the figures.",
        ),
        Picture.contact_sheet(
            video / "frames.png", "frames of cover, container, difference, secret and revealed secret"
        ),
        _film_table(figures),
        _psnr_chart(video / "frames.csv", "frame", (8, 3.5), "PSNR of container and secret by frame"),
    )
    frames, size = figures["film_frames"], figures["film_megabytes"]
    text = f"{frames:.0f} frames hidden in as many; the container is {size:.1f} MB of lossless video."
    return Section("Film", command, (text,), parts)


def training(curve: Path, card: Card, command: str) -> Section:
    """The training curve of the pair with this card."""
    text = (
        "PSNR on augmented training crops, and on validation pictures, if there are any, with containers rounded to "
        f"8 bits. {_weight_of_the_container(card)}"
    )
    chart = _psnr_chart(curve, "step", (8, 4.5), "PSNR of container and secret during training")
    return Section("Training", command, (text,), (chart,))


def _weight_of_the_container(card: Card) -> str:
    """Course of the weight of the container's error."""
    start = card.training.get("train", {}).get("container_start", AUTO)
    if start == 1 or (start == AUTO and card.model == _NO_START):
        return "The container's error has its full weight from the first step."
    return "The secret comes first: the weight of the container's error grows during training."


def _stats_tile(name: str, stats: Mapping[str, float]) -> FigureTile:
    interval = f"95 % CI of the mean: {stats['ci_low']:.1f} to {stats['ci_high']:.1f}"
    return FigureTile(name, f"{stats['mean']:.1f} dB", interval)


def _contact_sheet(evaluate: Path, kind: str) -> Picture:
    path = evaluate / "pictures" / f"{kind.replace(':', '-')}.png"
    return Picture.contact_sheet(path, f"cover, container, difference, secret and revealed secret: {kind}", kind)


def _count(pairs: pd.DataFrame, kind: str) -> int:
    return int(((pairs["kind"] == kind) & (pairs["mode"] == SEALED)).sum())


def _stats_table(summary: Mapping[str, Mapping[str, float]], caption: str) -> Table:
    """Summary statistics of all measures on one kind of pictures."""
    rows = []
    for measure in MEASURES.values():
        form = decimals(measure.digits)
        for each, name in _NAMES.items():
            if stats := summary.get(measure.of(each)):
                interval = f"{form(stats['ci_low'])} – {form(stats['ci_high'])}"
                others = [form(stats[name]) for name in ("median", "worst_1_percent", "worst")]
                rows.append([f"{name}, {measure.label}", form(stats["mean"]), interval, *others])
    return Table(["", "mean", "95 % CI", "median", "worst 1 %", "worst"], rows, caption)


def _means_table(details: Mapping[str, Any], pairs: pd.DataFrame) -> Table:
    """Mean PSNR of each kind of pictures, with and without sealed bits."""
    form = decimals(PSNR.digits)
    columns = [*((SEALED, each) for each in _NAMES), *((BARE, side) for side in SIDES)]
    rows = [
        [kind, str(_count(pairs, kind)), *(form(modes[mode][PSNR.of(each)]["mean"]) for mode, each in columns)]
        for kind, modes in details.items()
    ]
    head = ["", "pairs", *_NAMES.values(), *(f"{side}, no sealed bits" for side in SIDES)]
    return Table(head, rows, f"Mean {PSNR.axis} for each kind of test pictures")


def _film_table(figures: Mapping[str, float]) -> Table:
    columns = [(m, of, heading) for m, of, heading in _FILM_COLUMNS if f"film_{m.of(CONTAINER, of)}" in figures]
    rows = [
        [name, *(decimals(m.digits)(figures.get(f"film_{m.of(each, of)}")) for m, of, _ in columns)]
        for each, name in _NAMES.items()
    ]
    return Table(["", *(heading for *_, heading in columns)], rows)


def _psnr_chart(path: Path, x: str, size: tuple[float, float], alt: str) -> Picture:
    """PSNR of container, secret and the secret's base alone, as far as a table has them, over one of its columns."""
    table, image = read_table(path), BytesIO()
    with chart(image, x, PSNR.axis, size=size) as axes:
        for prefix in ("", "validation_"):
            for each, name in _NAMES.items():
                if (column := prefix + PSNR.of(each)) in table:
                    rows = table.dropna(subset=column)
                    axes.plot(rows[x], rows[column], label=f"{prefix.replace('_', ', ')}{name}", marker="")
    return Picture.of_png(image.getvalue(), alt)
