"""Results of hiding and revealing for users and programs: a line and notes, or (`--json`) one object a line."""

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from stegnet.cli import messages
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.names import counted, shown_size
from stegnet.core.remote_path import Place, size_of
from stegnet.core.text import shown
from stegnet.files import FolderPlan, Outcome
from stegnet.media.cover import media_kind
from stegnet.results import CHANGED_SECRET, COVER_FORMAT, Report, lossy_covers_warning

FAILED, ALTERED = 1, 3  # exit codes
# Kinds of warnings that are printed elsewhere: for a folder, by `show_batch`.
_TOLD_BEFORE = (COVER_FORMAT, CHANGED_SECRET)
_MUCH, _MANY = 1.5, 10  # multiples of the cover's size that are reported, and reported without decimals


def add_json_option(command: argparse.ArgumentParser) -> None:
    text = "print JSON, a line for each file; errors stay text"
    command.add_argument("--json", action="store_true", help=text)


def show(options: argparse.Namespace, report: Report, path: Place | None = None) -> None:
    """Print the result of one file, or a text that is not in a file."""
    if options.json:
        messages.result(_as_json(report, path, None if path is None else size_of(path)))
    elif path is None:
        messages.print_text(report.text)
        _notes(report)
    else:
        wrote(path, report)


def wrote(
    path: Place | str,
    report: Report,
    size: int | None = None,
    name: str = "",
    tell: Callable[[str], None] = messages.result,
) -> None:
    """Print a result file, then its notes and warnings.

    Args:
        size: of the file in bytes, if known.
        name: prefix of notes and warnings, if there are several results.
        tell: prints the line on the file.
    """
    size = size_of(path) if size is None else size
    facts = [f"{report.width}x{report.height}"] if report.width else []
    facts.append(shown_size(size))
    times = size / max(report.hiding.cover_bytes, 1) if report.hiding else 0
    if times >= _MUCH:
        facts.append(f"{times:.{1 if times < _MANY else 0}f} times the cover")
    if report.frames > 1:
        share = "all" if report.hidden == report.frames else report.hidden
        facts.append(f"{report.frames} frames" + (f", the secret in {share} of them" if report.hiding else ""))
    if report.secret_psnr is not None:
        facts.append("secret unchanged" if math.isinf(report.secret_psnr) else f"secret {report.secret_psnr:.1f} dB")
    if report.changed_secret:
        messages.warning(name + report.changed_secret)
    tell(f"wrote {path}: {', '.join(facts)}")
    _notes(report, name)


def _notes(report: Report, name: str = "") -> None:
    for line in report.notes:
        messages.note(name + line)
    for line in (*report.warnings, *report.trouble):
        if getattr(line, "kind", "") not in _TOLD_BEFORE:
            messages.warning(name + line)


def show_batch(options: argparse.Namespace, plan: FolderPlan, outcomes: Iterator[Outcome]) -> int:
    """Run the jobs of a plan by iterating over their outcomes, print the results, and return the exit code.

    A failed job does not stop the others. The warning that covers' formats give containers away is printed once for
    all.
    """
    for line in plan.notes:
        messages.note(line)
    failed, reports, nodes = [], [], Counter()
    start = time.monotonic()
    with messages.bar("files", "file", len(plan.jobs)) as bar, closing(outcomes):
        for outcome in outcomes:
            nodes[outcome.node] += 1
            count = sum(1 for node in nodes if node)
            bar.set_postfix_str(counted(count, "node") if count else "", refresh=False)
            if outcome.error:
                failed.append(outcome)
            else:
                reports.append(outcome.report)
                with bar.external_write_mode():
                    _show_outcome(options, outcome)
            bar.update()
    for node, count in sorted(nodes.items()):
        if node:
            speed = count / (time.monotonic() - start)
            messages.note(f"{node}: {counted(count, 'file')}, {speed:.2f} files/s")
    if failed:
        _show_failures(failed, len(plan.jobs))
    lossy = [each.hiding.cover_format for each in reports if each.hiding and each.hiding.cover_format]
    if lossy and not options.json:
        messages.warning(lossy_covers_warning(lossy, len(reports)))
    if failed:
        return FAILED
    return ALTERED if any(report.trouble for report in reports) else 0


def _show_outcome(options: argparse.Namespace, outcome: Outcome) -> None:
    job, out = outcome.job, outcome.out
    if options.json:
        source = {"source": str(job.source)} | ({"secret": str(job.secret)} if job.secret else {})
        size = size_of(out) if outcome.size is None else outcome.size
        messages.result(_as_json(outcome.report, out, size, source))
    else:
        wrote(out, outcome.report, outcome.size, f"{out}: ")


def _show_failures(failed: list[Outcome], total: int) -> None:
    messages.error(f"{len(failed)} of {total} failed")
    for outcome in failed:
        source, error = str(outcome.job.source), outcome.error
        messages.error(str(error) if error.subject == source else f"{source}: {error}")
    for line in dict.fromkeys(outcome.error.hint for outcome in failed if outcome.error.hint):
        messages.hint(line)


def _as_json(report: Report, path: Place | None, size: int | None, source: dict[str, str] | None = None) -> str:
    hiding = report.hiding
    kind = "text" if report.text is not None else None
    if kind is None and isinstance(path, Path):  # else it is not on this machine
        kind = "folder" if path.is_dir() else media_kind(path) or "file"
    found: dict[str, Any] = (source or {}) | {
        "output": None if path is None else str(path),
        "kind": kind,
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
    }
    if hiding:
        found |= {
            "method": hiding.method,
            "exact": report.unchanged,
            CONTAINER_PSNR: _decibels(hiding.container_psnr),
            "changed_pixels": hiding.changed_pixels,
            "bits_per_sample": hiding.bits_per_sample,
            "capacity_used": hiding.capacity_used,
            "detection": hiding.detection,
            "lossy_cover": hiding.cover_format is not None,
            "cover_bytes": hiding.cover_bytes,
            "survives": hiding.survives,
        }
    for name in ("notes", "warnings", "trouble"):
        found[name] = [shown(line, messages.option_of) for line in getattr(report, name)]
    return json.dumps(found | ({"text": report.text} if report.text is not None else {}))


def _decibels(value: float | None) -> float | None:
    """Round a value; None for infinity, which JSON lacks."""
    return None if value is None or math.isinf(value) else round(value, 2)
