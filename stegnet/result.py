"""What a stage of the pipeline leaves, as whoever keeps a record of it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What one stage left on disk.

    Attributes:
        stage: its name.
        key: hash of what it wrote: two executions with one outcome have one key.
        weights: hash of the weights it made or measured, or "".
        metrics: figures by name.
        headline: those of them that the row of the training shows too.
        curve: points with a "step", in order.
        artifacts: file or folder to keep, and the folder of the run where it goes.
    """

    stage: str
    key: str
    weights: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    headline: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Mapping[str, float], ...] = ()
    artifacts: Mapping[Path, str] = field(default_factory=dict)
