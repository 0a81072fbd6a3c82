"""The parameters of a modem's training: those of params.yaml, operating points, and the channel of its containers.

study/modem.yaml says what each key means.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StrictFloat, StrictStr

from pipeline.parameters.shared import Integer, UnitFloat
from pipeline.parameters.training import ModelConfig, TrainParameters


@dataclass(frozen=True)
class RungConfig:
    """A trade-off between bits and robustness, which a modem learns beside others."""

    name: StrictStr
    bits: Annotated[Integer, Field(ge=1, le=64)]
    scale: Annotated[StrictFloat, Field(ge=0.01, le=100)]
    psnr: Annotated[StrictFloat, Field(ge=20, le=60)]
    lowest: Annotated[Integer, Field(ge=1, le=100)]
    highest: Annotated[Integer, Field(ge=1, le=100)]

    def __post_init__(self) -> None:
        if self.lowest > self.highest:
            raise ValueError("lowest must not exceed highest")


@dataclass(frozen=True)
class DistortConfig:
    """Probability of each change of a container before it is encoded."""

    resize: UnitFloat
    shift: UnitFloat
    noise: UnitFloat
    blur: UnitFloat
    brightness: UnitFloat
    gamma: UnitFloat


@dataclass(frozen=True)
class ChannelConfig:
    """Channel of a modem's containers in training, and how their PSNR approaches the rungs'."""

    twice: UnitFloat
    full_chroma: UnitFloat
    webp: UnitFloat
    distort: DistortConfig
    ramp: UnitFloat
    start_psnr: Annotated[StrictFloat, Field(ge=10, le=60)]
    steer: UnitFloat


@dataclass(frozen=True)
class ModemModel(ModelConfig):
    """Architecture of a modem, and its operating points."""

    rungs: Annotated[list[RungConfig], Field(min_length=1)]


@dataclass(frozen=True)
class ModemConfig(TrainParameters):
    """All parameters of a modem's training."""

    model: ModemModel
    channel: ChannelConfig
