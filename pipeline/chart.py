"""Charts as PNG files: one style, and the same bytes for the same data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#475569", "#0891b2", "#be185d")
MARKERS = "osD^vPX*"


@contextmanager
def chart(file: Path | BinaryIO, x: str, y: str, size: tuple[float, float] = (8, 4.5)) -> Iterator[Axes]:
    """Yield axes with labels to draw on, and write the PNG when the block succeeds; the size is in inches."""
    figure = Figure(size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_prop_cycle(color=COLOURS, marker=[*MARKERS])
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    yield axes
    if axes.get_legend_handles_labels()[1] and not axes.get_legend():
        axes.legend(frameon=False, fontsize="small")
    figure.savefig(file, format="png", dpi=120, metadata={"Software": None})
