"""Results of hiding and revealing as users or programs read them: a line and notes, or (`--json`) one object a line."""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stegnet.cli import messages
from stegnet.cli.flags import with_options
from stegnet.cli.streams import print_text
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.remote_path import Place, size_of
from stegnet.files import Outcome
from stegnet.media.cover import media_kind
from stegnet.results import BETRAYS, WAYS_OUT, HidingFigures, Report


def add_json_option(command: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    text = "print JSON instead; for a folder, an object for each file"
    command.add_argument("--json", action="store_true", help=text)


def show(options: argparse.Namespace, path: Place, report: Report, frames: str) -> None:
    """Prints the result of one file.

    Args:
        frames: appended to the line; "" for a single picture.
    """
    if options.json:
        messages.result(_as_json(path, report, size_of(path)))
    else:
        messages.wrote(path, report, frames)


class BatchResults:
    """Prints the result of each file of a folder.

    Args:
        frames: returns what is appended to a line.
    """

    def __init__(self, options: argparse.Namespace, frames: Callable[[Report], str]) -> None:
        self._json, self._frames = options.json, frames
        self._covers: list[str | None] = []

    def __call__(self, outcome: Outcome) -> None:
        """Prints one."""
        report, out = outcome.report, outcome.out
        self._covers.append(report.hiding.cover_format if report.hiding else None)
        if self._json:
            size = size_of(out) if outcome.size is None else outcome.size
            source = {"source": str(outcome.job.source)}
            source |= {"secret": str(outcome.job.secret)} if outcome.job.secret else {}
            messages.result(_as_json(out, report, size, source))
        else:
            messages.wrote(out, report, self._frames(report), name=f"{out}: ", size=outcome.size)

    def warn_of_covers(self) -> None:
        """Warns once of all covers whose formats give their containers away; objects of JSON have said so."""
        lossy = [form for form in self._covers if form]
        if lossy and not self._json:
            forms = ", ".join(dict.fromkeys(lossy))
            covers = f"{len(lossy)} of {len(self._covers)} covers were saved with loss ({forms})"
            messages.warning(f"{covers}: {BETRAYS}; {WAYS_OUT}")


def show_text(options: argparse.Namespace, report: Report) -> None:
    """Prints a hidden text, and warnings."""
    if options.json:
        messages.result(_as_json(None, report, None))
        return
    print_text(report.text)
    messages.notes(report)


def _as_json(path: Place | None, report: Report, size: int | None, more: dict[str, str] | None = None) -> str:
    found = (more or {}) | {
        "output": None if path is None else str(path),
        "kind": "text" if report.text is not None else _kind(path),
        "width": report.width or None,
        "height": report.height or None,
        "frames": report.frames,
        "bytes": size,
        "hidden_frames": report.hidden,
        "hidden_name": report.name,
        "hidden_bytes": report.size,
        "frames_that_may_be_lost": report.may_be_lost,
        SECRET_PSNR: _decibels(report.secret_psnr),
        "secret_unchanged": report.unchanged or report.secret_psnr == math.inf,
        **(_figures(report.hiding) if report.hiding else {}),
        **{name: [*map(with_options, getattr(report, name))] for name in ("notes", "warnings", "trouble")},
    }
    return json.dumps(found | ({"text": report.text} if report.text is not None else {}))


def _figures(hiding: HidingFigures) -> dict[str, Any]:
    """Figures of a hiding by the names that programs know."""
    return {
        "method": hiding.method,
        CONTAINER_PSNR: _decibels(hiding.container_psnr),
        "changed_pixels": hiding.changed_pixels,
        "bits_per_sample": hiding.bits_per_sample,
        "room_used": hiding.room_used,
        "detection": hiding.detection,
        "lossy_cover": hiding.cover_format is not None,
        "cover_bytes": hiding.cover_bytes,
    }


def _decibels(value: float | None) -> float | None:
    """Rounded; None for infinity, which JSON lacks."""
    return None if value is None or math.isinf(value) else round(value, 2)


def _kind(path: Place) -> str | None:
    """ "picture", "film" or "file"; None for a file that is not on this machine."""
    return (media_kind(path) or "file") if isinstance(path, Path) else None
