"""The columns of detect.csv, separate from their computation, since a stage that is off writes them, too."""

from typing import TypedDict


class DetectionRow(TypedDict):
    """Share of decisions in which a detector is right about a method, with its interval."""

    method: str
    rate: float | None  # bits per sample; None for the network
    pictures: str  # their kind, or "all"
    pairs: int  # that the detector was trained on
    tested: int  # pairs
    accuracy: float  # share of the pictures; `low` and `high` bound its 95 % interval
    low: float
    high: float
    finding: str


COLUMNS = tuple(DetectionRow.__annotations__)
