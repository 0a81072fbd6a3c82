"""What a stage of the pipeline leaves, as whoever keeps a record of it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class DataSet:
    """Pictures, or a film, that a stage worked on.

    Attributes:
        name: as a list shows it.
        source: where it lies, or came from.
        digest: hexadecimal hash of its contents, at most 36 digits: data sets with one digest hold the same.
        context: what it was used for, "training" or "evaluation".
        profile: more about it, such as how many pictures.
    """

    name: str
    source: str
    digest: str
    context: str
    profile: Mapping[str, int] = field(default_factory=dict)


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
        pictures: sheets of pictures by name, PNG files, that the row of the training shows too.
        datasets: what it worked on.
        model: the weights file that it made, if it did.
    """

    stage: str
    key: str
    weights: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    headline: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Mapping[str, float], ...] = ()
    artifacts: Mapping[Path, str] = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    datasets: tuple[DataSet, ...] = ()
    model: Path | None = None
