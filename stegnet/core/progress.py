"""Progress of long work, as callers are told of it."""

from collections.abc import Callable

# Called with the name of the phase ("hide", "verify", …; a `Phase`, if it is one of several steps), frames done, and
# frames in all (0: unknown). Work that can't be counted reports itself about every second, as 0 of 0.
Progress = Callable[[str, int, int], None]


class Phase(str):
    """The name of a phase that is a step of a job.

    Attributes:
        step: its number, from 1.
        steps: their number.
    """

    step: int
    steps: int


def no_progress(phase: str, done: int, total: int) -> None:
    """A progress callback that does nothing."""


def in_steps(progress: Progress, *phases: str) -> Progress:
    """The callback of a job whose phases, if there are several, are numbered in this order."""
    named = {phase: Phase(phase) for phase in phases if len(phases) > 1}
    for step, phase in enumerate(named.values(), 1):
        phase.step, phase.steps = step, len(named)
    return lambda phase, done, total: progress(named.get(phase, phase), done, total)


def under(phase: str, progress: Progress) -> Progress:
    """The callback of work whose phases are all shown as one."""
    return lambda _, done, total: progress(phase, done, total)
