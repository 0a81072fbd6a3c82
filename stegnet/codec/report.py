"""What hiding or revealing has done."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        width, height: of what was written.
        frames: of what was written; 1 for a picture.
        hidden: frames that are hidden in it, or that were revealed.
        notes: one line each, what the user should know.
        trouble: one line each, what has happened to the container since it was hidden.
    """

    width: int
    height: int
    frames: int = 1
    hidden: int = 1
    notes: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
