"""Results of hiding and revealing for users and programs: a line and notes, or (`--json`) one object a line."""

import argparse
import json
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable
from contextlib import closing, suppress
from pathlib import Path

from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.core.errors import ConfigError, StegnetError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.names import counted, shown_size
from stegnet.core.remote_path import Place, size_of
from stegnet.core.text import LOSS, Text, joined, kind_of, shown
from stegnet.files import FolderPlan, Job, Outcome
from stegnet.hide_file import HideJob
from stegnet.media.condition import of_all
from stegnet.media.cover import Cover, media_kind
from stegnet.media.metadata import PLACE
from stegnet.results import (
    CHANGED_SECRET,
    COVER_FORMAT,
    DETECTION_WORDS,
    NEXT_STEP,
    Detection,
    Report,
    lossy_covers_warning,
)

_NUMBER = re.compile(r"\d[\d.,×]*(?<=\d)")


def add_json_option(command: argparse.ArgumentParser) -> None:
    """Add `--json`, which prints reports as one JSON object a line."""
    text = "print JSON, a line for each file; errors stay text"
    command.add_argument("--json", action="store_true", help=text)


def show(options: argparse.Namespace, report: Report, path: Place | None = None, verbose: bool = True) -> None:
    """Print the result of one file, or a text that is not in a file; notes only if it is verbose."""
    if options.json:
        messages.result(_as_json(report, path, None if path is None else size_of(path)))
    elif path is None:
        assert report.text is not None
        messages.print_text(report.text)
        _notes(report, verbose)
    else:
        wrote(path, size_of(path), report, verbose)


def wrote(path: Place, size: int, report: Report, verbose: bool = True, prefix: str = "") -> None:
    """Print a result file of `size` bytes, then its notes and warnings, with a prefix if there are several results."""
    if report.changed_secret:
        messages.warning(prefix + report.changed_secret)
    messages.result(f"wrote {path}: {_facts(report, size)}")
    _notes(report, verbose, prefix)


def wrote_to_output(size: int, report: Report, verbose: bool = True) -> None:
    """Print notes and warnings on a result of `size` bytes that was written to standard output."""
    if report.changed_secret:
        messages.warning(report.changed_secret)
    messages.note(f"wrote to standard output: {_facts(report, size)}")
    _notes(report, verbose)


def warn_beforehand(line: str) -> None:
    """Print a warning before the work begins, unless the verdict says it."""
    if kind_of(line) != COVER_FORMAT:
        messages.warning(line)


def warn_of_covers(job: HideJob, plan: FolderPlan) -> None:
    """Print the warnings that are due before the work begins on covers of a folder, each once."""
    about = defaultdict[str, list[str]](list)
    for each in plan.jobs:
        if not isinstance(each.source, Path):
            continue
        with suppress(StegnetError), Cover(each.source) as cover:  # the job itself will tell
            for line in job.forewarnings(cover, job.usual_suffix(cover), is_named=False):
                about[line].append(each.source.name)
    for line, names in about.items():
        messages.warning(Text(f"{messages.listed(names)}: ", line))


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


def losses(report: Report) -> list[str]:
    """Return the notes on what a result lacks of its source."""
    return [line for line in report.notes if kind_of(line) == LOSS]


def _notes(report: Report, verbose: bool, prefix: str = "") -> None:
    """Print notes, all if verbose, and warnings, except those that are printed elsewhere."""
    brief = [line for line in report.notes if kind_of(line) == NEXT_STEP]
    if lost := losses(report):
        brief = [joined("; ", lost), *brief]
    for line in report.notes if verbose else brief:
        messages.note(prefix + line)
    for line in _own_warnings(report):
        messages.warning(prefix + line)


def _own_warnings(report: Report) -> list[str]:
    """Return the warnings on a result that neither the verdict nor a line before the result says."""
    lines = (*report.warnings, *report.trouble)
    return [line for line in lines if kind_of(line) not in (COVER_FORMAT, CHANGED_SECRET, PLACE)]


def show_batch(
    options: argparse.Namespace, plan: FolderPlan, outcomes: Generator[Outcome, None, None], verbose: bool = True
) -> int:
    """Run the jobs of a plan by iterating over their outcomes, print the results, and return the exit code.

    A failed job does not stop the others. Unless verbose, containers get one line together, besides those on what is
    not as it should be.
    """
    for line in plan.notes:
        messages.note(line)
    failed: list[tuple[Job, StegnetError]] = []
    results: list[tuple[Place, Report]] = []
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
                results.append((out, report))
                size = size_of(out) if outcome.size is None else outcome.size
                with bar.external_write_mode():
                    if options.json:
                        messages.result(_as_json(report, out, size, outcome.job))
                    elif verbose:
                        if report.hiding:
                            messages.verdict(out, report.hiding.verdict)
                        wrote(out, size, report, prefix=f"{out}: ")
            bar.update()
    for node, count in sorted(nodes.items()):
        if node:
            speed = count / (time.monotonic() - start)
            messages.note(f"{node}: {counted(count, 'file')}, {speed:.2f} files/s")
    if results and not (options.json or verbose):
        _sum_up(options.output, results)
    if failed:
        _show_failures(failed, len(plan.jobs), verbose)
        return ExitCode.ERROR
    return ExitCode.ALTERED if any(report.trouble for _, report in results) else ExitCode.SUCCESS


def _sum_up(folder: Place, results: list[tuple[Place, Report]]) -> None:
    """Print one line on all containers in a folder, one on each kind that is not hard to find, and the warnings."""
    found = defaultdict[tuple[str, str], list[str]](list)
    betrayed: dict[str, str] = {}
    for out, report in results:
        figures = report.figures
        if figures.cover_format:
            betrayed[out.name] = figures.cover_format
        elif figures.detection is None:
            found["how easily they are found was not measured", ""].append(out.name)
        elif figures.detection != Detection.HARD:
            reason = "more is hidden than is hard to find" if figures.secure else "like everything hidden this way"
            found[DETECTION_WORDS[figures.detection], f" ({reason})"].append(out.name)
    hard = [report.figures.condition for _, report in results if report.figures.detection == Detection.HARD]
    share = "all" if len(hard) == len(results) else len(hard) or "none"
    condition = f", if {of_all(hard)}" if hard else ""
    messages.result(f"wrote {folder}: {counted(len(results), 'file')}, {share} of them hard to find{condition}")
    for (words, reason), names in found.items():
        messages.note(f"{words}: {messages.listed(names)}{reason}")
    if betrayed:
        messages.warning(lossy_covers_warning(messages.listed(list(betrayed)), list(betrayed.values())))
    _warn_of_all(results)


def _warn_of_all(results: list[tuple[Place, Report]]) -> None:
    """Print each warning on containers of a folder once, with the files that it is about."""
    about = defaultdict[str, list[str]](list)
    for out, report in results:
        copied = ["the secret does not fit as it is: hidden with loss"] if report.changed_secret else []
        for line in (*copied, *_own_warnings(report), *losses(report)):
            about[line].append(out.name)
    for line, names in about.items():
        say = messages.note if kind_of(line) == LOSS else messages.warning
        say(Text(f"{messages.listed(names)}: ", line))
    for line in dict.fromkeys(line for _, report in results for line in report.notes):
        if kind_of(line) == NEXT_STEP:
            messages.note(line)


def _show_failures(failed: list[tuple[Job, StegnetError]], total: int, verbose: bool) -> None:
    """Print the errors of jobs that failed, those of one reason in a line, and each hint once.

    Unless verbose, there are at most four lines, with the most frequent reason and its hint, a few names in each, and
    reasons that differ in numbers count as one.
    """
    most_lines = 4
    messages.error(f"{len(failed)} of {total} failed")
    by_reason = defaultdict[str, list[tuple[Job, StegnetError]]](list)
    for job, error in failed:
        reason = _reason(job, error)
        by_reason[reason if verbose else _NUMBER.sub("", reason)].append((job, error))
    groups = list(by_reason.values())
    hints = list(dict.fromkeys(error.hint for _, error in failed if error.hint))
    more: list[str] = []
    if not verbose and 1 + len(groups) + len(hints) > most_lines:
        groups.sort(key=len, reverse=True)
        shown = 2 if len(groups) == 2 else 1
        more = [job.source.name for group in groups[shown:] for job, _ in group]
        groups = groups[:shown]
        hints = [groups[0][0][1].hint]
    for group in groups:
        sources = [str(job.source) if verbose or len(group) == 1 else job.source.name for job, _ in group]
        names = ", ".join(sources) if verbose else messages.listed(sources)
        # Reasons that differ at most in numbers become one, with the first and the last of these.
        pieces = zip(*(re.split(f"({_NUMBER.pattern})", _reason(*each)) for each in group), strict=True)
        reason = "".join(_range(same) for same in map(set, pieces))
        messages.error(f"{names}: {reason}")
    if more:
        messages.error(f"{messages.listed(more)}: for other reasons (`-v` shows them)")
    for hint in filter(None, hints):
        messages.hint(hint)


def _range(pieces: set[str]) -> str:
    """Return a piece of several texts if it is one; else it is a number, and the least and the largest are shown."""
    if len(pieces) == 1:
        return pieces.pop()
    least, *_, most = sorted(pieces, key=lambda number: [int(part) for part in re.findall(r"\d+", number)])
    return f"{least} to {most}"


def _reason(job: Job, error: StegnetError) -> str:
    """Return why a job failed, without its file."""
    if isinstance(error, ConfigError) and error.parameter:
        return f"{messages.flag(error.parameter)}: {error.problem}"
    return error.problem if error.subject == str(job.source) else str(error)


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
            "verdict": shown(hiding.verdict, messages.option_of),
            "detection": hiding.detection,
            "condition": str(hiding.condition) if hiding.detection == Detection.HARD else None,
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
