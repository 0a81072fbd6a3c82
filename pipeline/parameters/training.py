"""Sections model, scramble and train: the pair, what it hides, and how it is trained.

What "auto" becomes depends on the family and on the base; what it means for a machine (devices, threads, processes,
precision) is decided where that is used.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, StrictFloat, StrictStr, model_validator

from pipeline.config import changed, flatten
from pipeline.parameters.shared import (
    QUALITY,
    CodedBase,
    Integer,
    Pictures,
    Section,
    Seed,
    Threads,
    UnitFloat,
    auto_is,
    refuse_idle,
)
from stegnet.core.errors import ConfigError
from stegnet.core.parallel import AUTO, Auto
from stegnet.core.pixels import CODED
from stegnet.networks.pair import Pair, find_family

Weight = Annotated[StrictFloat, Field(ge=0, le=1e6)]
BASE_WEIGHT = 1.0  # where params.yaml says "auto"
# Where params.yaml says "auto", by the base: sealed bits per sample, for a coded base a third of its bits per pixel and
# a quarter more, since no code is ideal; and, unless the family says one, the initial weight of the container's error:
# the secret must be learnt first, the more so the less a base leaves to hide.
_OF_BASES = {"none": (0.0, 0.02), "means": (0.05, 0.02), "coded": (1.35, 0.0001)}


@dataclass(frozen=True)
class ModelConfig(Section):
    """Architecture of the hide/reveal pair; "auto" leaves a keyword of its class out."""

    name: StrictStr
    blocks: Annotated[Integer, Field(ge=1, le=64)] | Auto
    width: Annotated[Integer, Field(ge=1, le=4096)] | Auto
    ends: Annotated[Integer, Field(ge=0, le=64)] | Auto
    backbone: StrictStr
    place: StrictStr
    pretrained: StrictBool


@dataclass(frozen=True)
class ScrambleConfig(CodedBase, Section):
    """Base of a secret, whose residual the network hides, and the blocks that shuffle the residual."""

    base: Literal["none", "means", "coded"]
    block: Annotated[Integer, Field(ge=8, le=256, multiple_of=8)]


@dataclass(frozen=True)
class LossConfig(Section):
    """Weights of `pipeline.train.losses.MEASURES`, a user's own measure, and the colour space."""

    mse: Weight
    l1: Weight
    charbonnier: Weight
    ssim: Weight
    ms_ssim: Weight
    own: StrictStr
    space: Literal["rgb", "ycbcr"]
    chroma: Annotated[Weight, auto_is(1.0)]


@dataclass(frozen=True)
class AugmentConfig(Section):
    """Probability of each augmentation of a training crop, and a function that returns one of the user's own."""

    zoom: UnitFloat
    flip: UnitFloat
    turn: UnitFloat
    colour: UnitFloat
    blur: UnitFloat
    noise: UnitFloat
    compression: UnitFloat
    own: StrictStr


@dataclass(frozen=True)
class TrainConfig(Threads, Section):
    """Settings of the training."""

    start: Literal["fresh", "shipped"]
    pairs: Annotated[Integer, Field(ge=1, le=10_000_000_000)]
    batch: Annotated[Integer, Field(ge=1, le=65_536)]
    accumulate: Annotated[Integer, Field(ge=1, le=65_536)]
    devices: Annotated[Integer, Field(ge=1, le=65_536)] | Auto
    compile: StrictBool
    crop: Annotated[Integer, Field(ge=16, le=4096, multiple_of=8)]
    scrambled: UnitFloat
    rounded: StrictBool
    bits: Annotated[StrictFloat, Field(ge=0, le=1.5)]
    noise: UnitFloat
    lr: Annotated[StrictFloat, Field(ge=1e-8, le=1)]
    lr_end: UnitFloat
    warmup: Annotated[Integer, Field(ge=0, le=1_000_000)]
    clip: Annotated[StrictFloat, Field(ge=1e-8, le=1e8)]
    weight_decay: UnitFloat
    ema: Annotated[StrictFloat, Field(ge=0, le=0.999999)]
    container_start: Annotated[StrictFloat, Field(ge=1e-8, le=1)]
    container_ramp: UnitFloat
    base_weight: Annotated[Weight, auto_is(BASE_WEIGHT)]
    precision: Literal["auto", "bf16", "fp16", "fp32"]
    workers: Annotated[Integer, Field(ge=0, le=1024)] | Auto
    checkpoint: Annotated[Integer, Field(ge=1, le=1_000_000_000)]
    validate: Annotated[Integer, Field(ge=0, le=1_000_000_000)]
    patience: Annotated[Integer, Field(ge=0, le=1_000_000_000)]
    loss: LossConfig
    augment: AugmentConfig


@dataclass(frozen=True)
class TrainParameters:
    """Parameters of a training."""

    seed: Seed
    beta: Annotated[StrictFloat, Field(ge=1e-6, le=1e6)]
    code: str
    data: Pictures
    model: ModelConfig
    scramble: ScrambleConfig
    train: TrainConfig

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        """Replace "auto" by what suits family and base."""
        try:
            given = flatten(values)
            suitable = _suitable(find_family(given["model.name"]), given["scramble.base"])
        except (AttributeError, KeyError, TypeError):  # the types say which key is wrong
            return values
        return changed(values, {key: value for key, value in suitable.items() if given.get(key) == AUTO})

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        """Refuse values that do not fit together, and those that act on nothing beside others."""
        train, loss, size, block = self.train, self.train.loss, self.data.side, self.scramble.block
        if loss.own == "none" and not any((loss.mse, loss.l1, loss.charbonnier, loss.ssim, loss.ms_ssim)):
            raise ConfigError("params.yaml: train.loss: all weights are 0, so nothing would be learnt", "give mse 1.0")
        base = self.scramble.base
        suitable = _suitable(find_family(self.model.name), base)
        bits, start = suitable["train.bits"], suitable["train.container_start"]
        ramp = train.container_ramp
        idle = (
            ("scramble.quality", base != CODED, self.scramble.quality, QUALITY, "only a coded base has a quality"),
            ("train.bits", not train.rounded, train.bits, bits, "only rounded containers have sealed bits"),
            ("train.container_start", not ramp, train.container_start, start, "with no ramp, it is 1"),
            ("train.loss.chroma", loss.space != "ycbcr", loss.chroma, 1.0, "only ycbcr has chroma"),
            ("train.patience", not train.validate, train.patience, 0, "without validation, training never stops early"),
        )
        refuse_idle(idle)
        rules = (
            ("train.accumulate", train.batch % train.accumulate, f"divide train.batch {train.batch}", train.accumulate),
            ("train.crop", train.crop > size, f"not exceed data.side {size}", train.crop),
            ("scramble.block", train.crop % block or size % block, "divide data.side and train.crop", block),
        )
        for key, broken, rule, value in rules:
            if broken:
                raise ConfigError(f"params.yaml: {key}: must {rule}, is {value}")
        return self


def _suitable(family: type[Pair], base: str) -> dict[str, Any]:
    """Return what "auto" becomes, by dotted keys; KeyError if there is no such base."""
    bits, start = _OF_BASES[family.base if base == AUTO else base]
    start = start if family.container_weight is None else family.container_weight
    return {
        "scramble.base": family.base,
        "train.lr": family.rate,
        "train.bits": bits,
        "train.container_start": start,
    }
