"""What the page tells of a pair's training, of pictures and of the film: the stages that always run."""

from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from stegnet.evaluation.chart import chart
from stegnet.evaluation.quality import BARE, SEALED, foremost
from stegnet.report.page import Film, Fold, Picture, Section, Table, Tile
from stegnet.report.tables import decimals, read_json, read_table

_MEASURES = {  # heading, digits
    "psnr": ("PSNR, dB", 2),
    "ssim": ("SSIM", 4),
    "msssim": ("MS-SSIM", 4),
    "apd": ("APD, levels", 2),
    "de2000": ("colour error ΔE2000", 2),
    "haarpsi": ("HaarPSI", 4),
    "lpips": ("LPIPS", 4),
}
_SIDES = ("container", "secret")
_PROTOCOL = (
    "Every figure is of containers that were rounded to 8 bits, written to a file and read back. Hidden by key, with "
    "scrambling and sealed bits, as a user gets it. Test pictures were never trained on. PSNR: higher is better, 40 dB "
    "is an error of 2.6 of 255 levels; APD: mean difference in levels; 1 is the best SSIM, MS-SSIM and HaarPSI."
)


def tiles(evaluate: Path, video: Path) -> list[Tile]:
    """The figures that come first."""
    details, film = read_json(evaluate / "details.json"), read_json(video / "metrics.json")
    kind = foremost(details)
    found = [
        Tile(f"{side}, {kind}", f"{spread['mean']:.1f} dB", _interval(spread))
        for side in _SIDES
        for spread in [details[kind][SEALED][f"{side}_psnr"]]
    ]
    frames = f"mean of {film['film_frames']:.0f} frames"
    return found + [Tile(f"{side}, film", f"{film[f'film_{side}_psnr']:.1f} dB", frames) for side in _SIDES]


def pictures(evaluate: Path, repeat: str, shown: Collection[str] | None = None) -> Section:
    """Test pictures, with the measures for each source.

    Args:
        shown: sources whose pictures may be shown; None: all. Figures are given of all.
    """
    details, pairs = read_json(evaluate / "details.json"), read_table(evaluate / "pairs.csv")
    visible = [kind for kind in details if shown is None or kind in shown]
    first = foremost(visible or details)
    told = {
        kind: (
            *([_sheet(evaluate, kind)] if kind in visible else []),
            _spreads(modes[SEALED], f"{kind}, {_count(pairs, kind)} pairs"),
        )
        for kind, modes in details.items()
    }
    folds = (Fold(kind, told[kind]) for kind in details if kind != first)
    return Section("Pictures", repeat, (_PROTOCOL,), (*told[first], _means(details, pairs), *folds))


def film(video: Path, repeat: str) -> Section:
    """The demonstration film."""
    figures = read_json(video / "metrics.json")
    says = "frames of cover, container, difference, secret and revealed secret"
    original = "container.mkv, which loses nothing, lies beside the figures when the command has run."
    parts = (
        Film.embed(video / "preview.mp4", f"Left the container, right what was revealed; a preview. {original}"),
        Picture.contact_sheet(video / "frames.png", says),
        _film_table(figures),
        _lines(video / "frames.csv", "frame", (8, 3.5), "PSNR of container and secret, frame by frame"),
    )
    frames, size = figures["film_frames"], figures["film_megabytes"]
    return Section("Film", repeat, (f"{frames:.0f} frames in as many; {size:.1f} MB of lossless video.",), parts)


def training(curve: Path, repeat: str) -> Section:
    """How the training went."""
    says = "PSNR of container and secret while the pair was trained"
    text = (
        "On augmented training crops; on validation pictures, where there are any, through 8 bits. The secret comes "
        "first: the container's weight grows as the training goes on."
    )
    return Section("Training", repeat, (text,), (_lines(curve, "step", (8, 4.5), says),))


def _interval(spread: Mapping[str, float]) -> str:
    return f"95 % interval of the mean {spread['ci_low']:.1f} to {spread['ci_high']:.1f}"


def _sheet(evaluate: Path, kind: str) -> Picture:
    path = evaluate / "pictures" / f"{kind.replace(':', '-')}.png"
    return Picture.contact_sheet(path, f"cover, container, difference, secret and revealed secret: {kind}", kind)


def _count(pairs: pd.DataFrame, kind: str) -> int:
    return int(((pairs["kind"] == kind) & (pairs["mode"] == SEALED)).sum())


def _spreads(measured: Mapping[str, Mapping[str, float]], caption: str) -> Table:
    """All measures of one source of pictures."""
    rows = []
    for name, (heading, digits) in _MEASURES.items():
        for side in _SIDES:
            if spread := measured.get(f"{side}_{name}"):
                form = decimals(digits)
                interval = f"{form(spread['ci_low'])} – {form(spread['ci_high'])}"
                figures = [form(spread[of]) for of in ("median", "worst_1_percent", "worst")]
                rows.append([f"{side}, {heading}", form(spread["mean"]), interval, *figures])
    return Table(["", "mean", "95 % interval", "median", "worst 1 %", "worst"], rows, caption)


def _means(details: Mapping[str, Any], pairs: pd.DataFrame) -> Table:
    """Every source in one line, and what sealed bits cost there."""
    form = decimals(2)
    rows = [
        [
            kind,
            str(_count(pairs, kind)),
            *(form(modes[mode][f"{side}_psnr"]["mean"]) for mode in (SEALED, BARE) for side in _SIDES),
        ]
        for kind, modes in details.items()
    ]
    head = ["", "pairs", "container", "secret", "container, no sealed bits", "secret, no sealed bits"]
    return Table(head, rows, "Mean PSNR in dB for each source of test pictures")


def _film_table(figures: Mapping[str, float]) -> Table:
    forms = {"psnr": 2, "psnr_worst": 2, "ssim": 4, "apd": 2, "vmaf": 1, "flicker": 2}
    headings = {
        "psnr": "PSNR, dB", "psnr_worst": "worst frame, dB", "ssim": "SSIM", "apd": "APD", "vmaf": "VMAF",
        "flicker": "flicker, levels",
    }  # fmt: skip
    known = [name for name in forms if f"film_container_{name}" in figures]
    rows = [[side, *(decimals(forms[name])(figures[f"film_{side}_{name}"]) for name in known)] for side in _SIDES]
    return Table(["", *(headings[name] for name in known)], rows)


def _lines(path: Path, x: str, size: tuple[float, float], says: str) -> Picture:
    """PSNR of both sides against a column of a table."""
    table, image = read_table(path), BytesIO()
    with chart(image, x, "PSNR in dB", size=size) as axes:
        for column in [f"{kind}{side}_psnr" for kind in ("", "validation_") for side in _SIDES]:
            if column in table:
                rows = table.dropna(subset=column)
                axes.plot(rows[x], rows[column], label=column.removesuffix("_psnr").replace("_", ", "), marker="")
    return Picture.of_png(image.getvalue(), says)
