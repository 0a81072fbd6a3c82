"""Many files, one after the other: a failure does not stop the rest, and all of them are told at the end."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.cli.bar import files_bar

if TYPE_CHECKING:
    from stegnet.codec import Report
    from stegnet.codec.folder import Outcome, Plan

FAILED, ALTERED = 1, 3


def run_batch(plan: "Plan", outcomes: "Iterator[Outcome]", frames: "Callable[[Report], str]") -> int:
    """Runs and tells all jobs of a plan.

    Args:
        outcomes: of its jobs, made as they are asked for.
        frames: says how many frames a report is of.
    Returns:
        The exit code.
    """
    for note in plan.notes:
        messages.note(note)
    failed, altered = [], False
    with files_bar(len(plan.jobs)) as bar, closing(outcomes):
        for outcome in outcomes:
            with bar.external_write_mode():
                altered |= _told(outcome, frames)
            if outcome.error:
                failed.append(outcome)
            bar.update()
    if failed:
        _tell_failures(failed, len(plan.jobs))
        return FAILED
    return ALTERED if altered else 0


def _told(outcome: "Outcome", frames: "Callable[[Report], str]") -> bool:
    """Tells of a result; is its container altered?"""
    if outcome.report is None or outcome.out is None:
        return False
    messages.wrote(outcome.out, outcome.report, frames(outcome.report), name=f"{outcome.out}: ")
    return bool(outcome.report.trouble)


def _tell_failures(failed: "list[Outcome]", total: int) -> None:
    messages.error(f"{len(failed)} of {total} failed")
    for outcome in failed:
        source, told = str(outcome.job.source), str(outcome.error)
        messages.error(told if told.startswith(source) else f"{source}: {told}")
    for hint in dict.fromkeys(outcome.error.hint for outcome in failed if outcome.error and outcome.error.hint):
        messages.hint(hint)
