"""Results of pipeline stages and their data sets, as MLflow logs them; imported without MLflow, too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class DataSet:
    """Pictures or a film that a stage read.

    Attributes:
        name: its name in lists.
        source: its path or origin.
        digest: hexadecimal hash of its contents, at most 36 digits.
        context: its use, "training", "validation" or "evaluation".
        profile: more about it, such as the number of pictures.
    """

    name: str
    source: str
    digest: str
    context: str
    profile: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Result of one stage on disk.

    Attributes:
        stage: name of the stage.
        key: hash of its outputs; executions with the same outputs have the same key.
        weights: hash of the weights that it trained or measured, or "".
        metrics: figures by name.
        headline: figures that the row of the training shows too.
        curve: points with a "step", in order.
        artifacts: files and folders to log, each with its folder in the run.
        pictures: PNG files by name that the row of the training shows too.
        datasets: its inputs.
        model: the weights file that it trained, or None.
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
