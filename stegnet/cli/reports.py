"""Results of hiding and revealing for users and programs: a line and notes, or (`--json`) one object a line."""

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path

from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.core.errors import StegnetError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.names import counted, shown_size
from stegnet.core.remote_path import Place, size_of
from stegnet.core.text import Text, shown
from stegnet.files import FolderPlan, Job, Outcome
from stegnet.media.cover import media_kind
from stegnet.results import CHANGED_SECRET, COVER_FORMAT, Report, lossy_covers_warning


def add_json_option(command: argparse.ArgumentParser) -> None:
    """Add `--json`, which prints reports as one JSON object a line."""
    text = "print JSON, a line for each file; errors stay text"
    command.add_argument("--json", action="store_true", help=text)


def show(options: argparse.Namespace, report: Report, path: Place | None = None) -> None:
    """Print the result of one file, or a text that is not in a file."""
    if options.json:
        messages.result(_as_json(report, path, None if path is None else size_of(path)))
    elif path is None:
        assert report.text is not None
        messages.print_text(report.text)
        _notes(report)
    else:
        wrote(path, size_of(path), report)


def wrote(path: Place, size: int, report: Report, prefix: str = "") -> None:
    """Print a result file of `size` bytes, then its notes and warnings, with a prefix if there are several results."""
    if report.changed_secret:
        messages.warning(prefix + report.changed_secret)
    messages.result(f"wrote {path}: {_facts(report, size)}")
    _notes(report, prefix)


def wrote_to_output(size: int, report: Report) -> None:
    """Print notes and warnings on a result of `size` bytes that was written to standard output."""
    if report.changed_secret:
        messages.warning(report.changed_secret)
    messages.note(f"wrote to standard output: {_facts(report, size)}")
    _notes(report)


def _facts(report: Report, size: int) -> str:
    """Return size in pixels and bytes, number of frames, and quality of the secret, as far as they apply."""
    facts = [f"{report.width}x{report.height}"] if report.width else []
    facts.append(shown_size(size))
    times = size / max(report.hiding.cover_bytes, 1) if report.hiding else 0
    if times >= 10:
        facts.append(f"{times:.0f} times the cover")
    elif times >= 1.5:  # less is of no interest
        facts.append(f"{times:.1f} times the cover")
    if report.frames > 1:
        share = "all" if report.hidden == report.frames else report.hidden
        facts.append(f"{report.frames} frames" + (f", the secret in {share} of them" if report.hiding else ""))
    if report.secret_psnr is not None:
        facts.append("secret unchanged" if math.isinf(report.secret_psnr) else f"secret {report.secret_psnr:.1f} dB")
    return ", ".join(facts)


def _notes(report: Report, prefix: str = "") -> None:
    """Print notes and warnings, except those that are printed elsewhere: for a folder, by `show_batch`."""
    for line in report.notes:
        messages.note(prefix + line)
    for line in (*report.warnings, *report.trouble):
        if not (isinstance(line, Text) and line.kind in (COVER_FORMAT, CHANGED_SECRET)):
            messages.warning(prefix + line)


def show_batch(options: argparse.Namespace, plan: FolderPlan, outcomes: Generator[Outcome, None, None]) -> int:
    """Run the jobs of a plan by iterating over their outcomes, print the results, and return the exit code.

    A failed job does not stop the others. The warning that covers' formats give containers away is printed once for
    all.
    """
    for line in plan.notes:
        messages.note(line)
    failed: list[tuple[Job, StegnetError]] = []
    reports: list[Report] = []
    nodes = Counter[str]()
    start = time.monotonic()
    with messages.bar("files", "file", len(plan.jobs)) as bar, closing(outcomes):
        for outcome in outcomes:
            nodes[outcome.node] += 1
            count = sum(1 for node in nodes if node)
            bar.set_postfix_str(counted(count, "node") if count else "", refresh=False)
            if outcome.error:
                failed.append((outcome.job, outcome.error))
            else:
                out, report = outcome.written
                reports.append(report)
                size = size_of(out) if outcome.size is None else outcome.size
                with bar.external_write_mode():
                    if options.json:
                        messages.result(_as_json(report, out, size, outcome.job))
                    else:
                        wrote(out, size, report, f"{out}: ")
            bar.update()
    for node, count in sorted(nodes.items()):
        if node:
            speed = count / (time.monotonic() - start)
            messages.note(f"{node}: {counted(count, 'file')}, {speed:.2f} files/s")
    if failed:
        _show_failures(failed, len(plan.jobs))
    lossy = [report.hiding.cover_format for report in reports if report.hiding and report.hiding.cover_format]
    if lossy and not options.json:
        messages.warning(lossy_covers_warning(lossy, len(reports)))
    if failed:
        return ExitCode.ERROR
    return ExitCode.ALTERED if any(report.trouble for report in reports) else ExitCode.SUCCESS


def _show_failures(failed: list[tuple[Job, StegnetError]], total: int) -> None:
    """Print the error of each job that failed, and each hint once."""
    messages.error(f"{len(failed)} of {total} failed")
    for job, error in failed:
        source = str(job.source)
        messages.error(str(error) if error.subject == source else f"{source}: {error}")
    for hint in dict.fromkeys(error.hint for _, error in failed if error.hint):
        messages.hint(hint)


def _as_json(report: Report, path: Place | None, size: int | None, job: Job | None = None) -> str:
    """Return a report as a JSON object; `job` is the job that it reports, if there are several."""
    hiding = report.hiding
    kind = "text" if report.text is not None else None
    if kind is None and isinstance(path, Path):  # else it is not on this machine
        kind = "folder" if path.is_dir() else media_kind(path) or "file"

    facts: dict[str, object] = {}
    if job:
        facts["source"] = str(job.source)
        if job.secret:
            facts["secret"] = str(job.secret)
    facts |= {
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
        facts |= {
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
    facts["notes"] = _shown(report.notes)
    facts["warnings"] = _shown(report.warnings)
    facts["trouble"] = _shown(report.trouble)
    if report.text is not None:
        facts["text"] = report.text
    return json.dumps(facts)


def _shown(lines: Iterable[str]) -> list[str]:
    return [shown(line, messages.option_of) for line in lines]


def _decibels(value: float | None) -> float | None:
    """Round a value; None for infinity, which JSON lacks."""
    return None if value is None or math.isinf(value) else round(value, 2)
