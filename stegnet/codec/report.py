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
        warnings: one line each, what the user should do something about.
        secret_psnr: of what revealing gives against the secret at its own size, in dB; of a film, over frames spread
            over it. inf: they are equal; None: it was not measured.
    """

    width: int
    height: int
    frames: int = 1
    hidden: int = 1
    notes: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    secret_psnr: float | None = None
