"""Section detect: the detector of a pair's containers."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StrictStr

from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.parameters.shared import Integer, Section


@dataclass(frozen=True)
class DetectConfig(Section):
    """Detector of the pair's containers."""

    backbone: StrictStr
    pairs: Annotated[Integer, Field(ge=0, le=1_000_000)]


@dataclass(frozen=True)
class DetectParameters(EvaluateParameters):
    """Parameters of stage detect."""

    detect: DetectConfig
