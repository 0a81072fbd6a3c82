"""The notebook runs from its first cell to its last, and says what the committed one says."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.support.films import ffmpeg
from tools.tour import NOTEBOOK, execute

NUMBER = re.compile(r"\d+(\.\d+)?")


def said(notebook: nbformat.NotebookNode) -> list[list[tuple[str, str]]]:
    """What each cell shows: kinds, and texts without their numbers; tables have an id of their own each time."""
    return [
        [(output.output_type, NUMBER.sub("n", output.get("text", ""))) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.night
def test_it_runs_and_shows_what_was_committed(tmp_path: Path) -> None:
    """With a shorter training and short films: the figures are not compared."""
    committed = nbformat.read(NOTEBOOK, as_version=4)
    shorter = nbformat.from_dict(committed)
    changes = {'"pairs": 1600, "validate": 50': '"pairs": 80, "validate": 5'}
    for name in ("cover", "secret"):
        film = ffmpeg(f"-i {NOTEBOOK.parents[1]}/assets/{name}.mp4", tmp_path / f"{name}.mp4", "-c copy -frames:v 6")
        changes[f'root / "assets" / "{name}.mp4"'] = f'Path("{film.as_posix()}")'
    for old, new in changes.items():
        [cell] = (cell for cell in shorter.cells if old in cell.source)
        cell.source = cell.source.replace(old, new)
    execute(shorter)
    assert said(shorter) == said(committed)


def test_it_is_committed_small_and_without_traces_of_a_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 400_000
    assert not re.search(r"/home/|/root/|/tmp/|/work/|Warning|seconds", text)
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert all(cell.outputs for cell in cells[4:] if cell.cell_type == "code")
