"""Section data: pictures to train and test on."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictStr

from pipeline.parameters.shared import CodedBase, Integer, Pictures, Section, Seed
from stegnet.core.parallel import Auto


@dataclass(frozen=True)
class DataConfig(Pictures, Section):
    """Pictures to train and test on."""

    seed: Seed
    folder: StrictStr
    test_folder: StrictStr
    scenes: Annotated[Integer, Field(ge=0, le=100_000_000)]
    limit: Annotated[Integer, Field(ge=0, le=100_000_000)]
    every: Annotated[Integer, Field(ge=1, le=100_000)]
    tiles: Annotated[Integer, Field(ge=1, le=64)]
    validation_share: Annotated[StrictFloat, Field(ge=0, le=0.9)]
    validation_scenes: Annotated[Integer, Field(ge=0, le=100_000)]
    test_share: Annotated[StrictFloat, Field(ge=0, le=0.9)]
    test_scenes: Annotated[Integer, Field(ge=0, le=100_000)]
    test_photographs: StrictBool
    shard: Annotated[Integer, Field(ge=1, le=1_000_000)]
    coding: Literal["npy", "webp"]
    workers: Annotated[Integer, Field(ge=1, le=1024)] | Auto


@dataclass(frozen=True)
class PrepareParameters:
    """Parameters of stage prepare."""

    data: DataConfig
    scramble: CodedBase
