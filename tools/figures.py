"""Draws docs/tradeoff.svg from the reports, and saves charts that are read on light and dark pages.

python -m tools.figures
"""

import re
from io import StringIO
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

REPORTS, PICTURE = Path("reports/shipped"), Path("docs/tradeoff.svg")
_DARK = """<style>@media (prefers-color-scheme: dark) {
text, [style*="fill: #000000"] { fill: #f0f6fc !important }
[style*="stroke: #000000"], [style*="stroke: #b0b0b0"] { stroke: #9198a1 !important }
[style*="fill: #ffffff"] { fill: #0d1117 !important } }</style>"""


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, the same bytes for the same data, whose black turns light where pages are dark."""
    matplotlib.rcParams |= {"svg.hashsalt": "stegnet", "svg.fonttype": "none"}
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    path.write_text(re.sub(r"(<svg [^>]*>)", rf"\1{_DARK}", out.getvalue(), count=1), encoding="utf-8")


def main() -> None:
    """Draw PSNR of containers and secrets: of the shipped pair, of `sealed`, and of what is beside them."""
    figure = Figure((8, 6), layout="constrained")
    axes = figure.add_subplot(xlabel="container, PSNR in dB (higher: less visible)", ylabel="secret, PSNR in dB")
    means = pd.read_csv(REPORTS / "tradeoff/means.csv")
    pairs = pd.read_csv(REPORTS / "evaluate/pairs.csv").query("mode == 'sealed' and kind != 'scenes'")
    full = pd.read_csv(REPORTS / "full_containers.csv").query("hidden == 'picture' and secret_psnr != inf")

    beta, swap = means[means["series"] == "beta"], means[means["series"] == "swap"]
    axes.plot(beta["container_psnr"], beta["secret_psnr"], "D-", color="#0891b2", label="shorter trainings by β")
    axes.plot(swap["container_psnr"], swap["secret_psnr"], "v-", color="#dc2626", label="k-bit swap")
    for rows, sign in ((beta, "β "), (swap, "k ")):
        for row in rows.itertuples():
            axes.annotate(
                f"{sign}{row.setting}", (row.container_psnr, row.secret_psnr), (5, 4), textcoords="offset points"
            )
    for table, by, mark, colour, name in (
        (pairs, "kind", "*", "#2563eb", "shipped pair"),
        (full, "set", "o", "#059669", "sealed --compress, full"),
    ):
        found = table.groupby(by)[["container_psnr", "secret_psnr"]].mean()
        axes.plot(found["container_psnr"], found["secret_psnr"], mark, color=colour, markersize=9, label=name)
    published = means[means["how"] == "published"].tail(3)
    columns = (published[name] for name in ("series", "container_psnr", "secret_psnr"))
    for mark, name, container, secret in zip("sPX", *columns, strict=True):
        axes.plot(container, secret, mark, color="#7c3aed", label=f"{name}, as published")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    save(figure, PICTURE)


if __name__ == "__main__":
    main()
