"""Section evaluate: test pictures, and what is shown of them."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pipeline.parameters.shared import Integer, MeasureParameters, Section


@dataclass(frozen=True)
class EvaluateConfig(Section):
    """Settings of the evaluation on test pictures."""

    shift: Annotated[Integer, Field(ge=1, le=1_000_000)]
    pictures: Annotated[Integer, Field(ge=1, le=64)]


@dataclass(frozen=True)
class EvaluateParameters(MeasureParameters):
    """Parameters of stage evaluate."""

    evaluate: EvaluateConfig
