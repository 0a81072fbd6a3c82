"""Section data: pictures to train and test on."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictFloat, StrictStr, model_validator

from pipeline.parameters.shared import CodedBase, Integer, Pictures, Section, Seed, refuse_idle
from pipeline.shards import RENDERED
from stegnet.core.errors import ConfigError
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

    @property
    def sources(self) -> list[str]:
        """Names of the sources that are joined by + in `source`."""
        return [name.strip() for name in self.source.split("+")]

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        """Refuse shares that leave nothing to train on, a source named twice, and what acts on no rendered picture."""
        if self.validation_share + self.test_share >= 1:
            shares = f"data.validation_share {self.validation_share} and data.test_share {self.test_share}"
            raise ConfigError(f"params.yaml: {shares} leave no pictures for training", "their sum must be below 1")
        if len(set(self.sources)) < len(self.sources):
            raise ConfigError(f"params.yaml: data.source: {self.source}: a source is named twice", "name it once")
        only_rendered, reason = self.sources == [RENDERED], "training pictures are rendered"
        refuse_idle(
            (
                ("data.limit", only_rendered, self.limit, 0, reason),
                ("data.tiles", only_rendered, self.tiles, 1, reason),
            )
        )
        return self


@dataclass(frozen=True)
class PrepareParameters:
    """Parameters of stage prepare."""

    data: DataConfig
    scramble: CodedBase
