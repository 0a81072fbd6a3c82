"""params.yaml as frozen dataclasses, checked by pydantic, with errors in one line; and its values by dotted keys.

params.yaml is the only place of a default: a missing key is an error, as is an unknown one, and a value that acts on
nothing. What each key means is commented there; here are its type and limits. "auto" is replaced first; what it
means for a machine (devices, threads, processes, precision) is decided where that is used.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

import yaml
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

from stegnet.core.errors import ConfigError, did_you_mean
from stegnet.core.parallel import AUTO, Auto


def _without_exponent(value: Any) -> Any:
    """Return 1e5, which YAML reads as a float, as the int 100000."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[StrictInt, BeforeValidator(_without_exponent)]
UnitFloat = Annotated[StrictFloat, Field(ge=0, le=1)]
Weight = Annotated[StrictFloat, Field(ge=0, le=1e6)]
PUBLIC_KEY = "public"  # value of video.key: the key that everybody has
Base = Literal["none", "means", "coded"]  # parts of a secret that both sides know

# What "auto" in params.yaml becomes, by dotted key: of all families, then by the base, then by the family; the later
# counts. A network of one's own has no family here.
_OF_ALL = {
    "scramble.base": "means",
    "scramble.quality": 90,
    "train.lr": 0.002,
    "train.base_weight": 1.0,
    "train.loss.chroma": 1.0,
}
# `bits`: per sample of a container; for a coded base, a third of its bits per pixel and a quarter more, since no code
# is ideal. `container_start`: the secret must be learnt first, the more so the less a base leaves to hide.
_OF_BASES = {
    "none": {"train.bits": 0.0, "train.container_start": 0.02},
    "means": {"train.bits": 0.05, "train.container_start": 0.02},
    "coded": {"train.bits": 1.35, "train.container_start": 0.0001},
}
_OF_FAMILIES: dict[str, dict[str, Any]] = {
    "costa": {"scramble.base": "coded", "train.lr": 0.005, "train.container_start": 1.0},
}


@dataclass(frozen=True)
class DataConfig:
    """Pictures to train and test on."""

    seed: Annotated[Integer, Field(ge=0, le=2**31 - 1)]
    source: StrictStr
    folder: StrictStr
    test_folder: StrictStr
    side: Annotated[Integer, Field(ge=64, le=4096, multiple_of=8)]
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
class ModelConfig:
    """Architecture of the hide/reveal pair; "auto" leaves a keyword of its class out."""

    name: StrictStr
    blocks: Annotated[Integer, Field(ge=1, le=64)] | Auto
    width: Annotated[Integer, Field(ge=1, le=4096)] | Auto
    ends: Annotated[Integer, Field(ge=0, le=64)] | Auto
    backbone: StrictStr
    place: StrictStr
    pretrained: StrictBool


@dataclass(frozen=True)
class ScrambleConfig:
    """Base of a secret, whose residual the network hides, and the blocks that shuffle the residual."""

    base: Base
    quality: Annotated[Integer, Field(ge=0, le=100)]
    block: Annotated[Integer, Field(ge=8, le=256, multiple_of=8)]


@dataclass(frozen=True)
class LossConfig:
    """Weights of `pipeline.train.losses.MEASURES`, a user's own measure, and the colour space."""

    mse: Weight
    l1: Weight
    charbonnier: Weight
    ssim: Weight
    ms_ssim: Weight
    own: StrictStr
    space: Literal["rgb", "ycbcr"]
    chroma: Weight


@dataclass(frozen=True)
class AugmentConfig:
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
class TrainConfig:
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
    base_weight: Weight
    precision: Literal["auto", "bf16", "fp16", "fp32"]
    threads: Annotated[Integer, Field(ge=1, le=1024)] | Auto
    workers: Annotated[Integer, Field(ge=0, le=1024)] | Auto
    checkpoint: Annotated[Integer, Field(ge=1, le=1_000_000_000)]
    validate: Annotated[Integer, Field(ge=0, le=1_000_000_000)]
    patience: Annotated[Integer, Field(ge=0, le=1_000_000_000)]
    loss: LossConfig
    augment: AugmentConfig


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of the evaluation on test pictures."""

    shift: Annotated[Integer, Field(ge=1, le=1_000_000)]
    pictures: Annotated[Integer, Field(ge=1, le=64)]


@dataclass(frozen=True)
class DetectConfig:
    """Detector of the pair's containers."""

    backbone: StrictStr
    pairs: Annotated[Integer, Field(ge=0, le=1_000_000)]


@dataclass(frozen=True)
class VideoConfig:
    """Films of the demonstration, and the key by which one is hidden."""

    cover: StrictStr
    secret: StrictStr
    key: StrictStr


@dataclass(frozen=True)
class Config:
    """All of params.yaml."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # for the sections too

    seed: Annotated[Integer, Field(ge=0, le=2**31 - 1)]
    beta: Annotated[StrictFloat, Field(ge=1e-6, le=1e6)]
    code: str
    data: DataConfig
    model: ModelConfig
    scramble: ScrambleConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    detect: DetectConfig
    video: VideoConfig


Parameters = TypeVar("Parameters", bound=Config)


def load(path: Path) -> Config:
    """Read and check `path`. Raises ConfigError that names a key which is unknown, missing or invalid."""
    return check(read(path))


def check(values: Any) -> Config:
    """Return the parameters from nested mappings, as params.yaml holds them; errors are those of `load`."""
    return check_as(values, Config)


def check_as(values: Any, kind: type[Parameters]) -> Parameters:
    """Return the parameters of a training that has more of them; errors are those of `load`."""
    try:
        config = TypeAdapter(kind).validate_python(with_recipe(values))
    except ValidationError as error:
        raise _config_error(error.errors(), values, kind) from error
    loss = config.train.loss
    if loss.own == "none" and not any((loss.mse, loss.l1, loss.charbonnier, loss.ssim, loss.ms_ssim)):
        raise ConfigError("params.yaml: train.loss: all weights are 0, so nothing would be learnt", "give mse 1.0")
    _refuse_idle(config, flatten(values))
    crop = config.train.crop
    size = config.data.side
    block = config.scramble.block
    if config.train.batch % config.train.accumulate:
        reason = f"must divide train.batch {config.train.batch}, is {config.train.accumulate}"
        raise ConfigError(f"params.yaml: train.accumulate: {reason}")
    if crop > size:
        raise ConfigError(f"params.yaml: train.crop: must not exceed data.side {size}, is {crop}")
    if crop % block or size % block:
        raise ConfigError(f"params.yaml: scramble.block: must divide data.side and train.crop, is {block}")
    return config


def with_recipe(values: Any) -> Any:
    """Return nested mappings of parameters with what "auto" stands for."""
    try:
        given = flatten(values)
        recipe = recipe_of(given)
    except (AttributeError, KeyError, TypeError):  # `check` says which key is wrong
        return values
    return changed(values, {key: value for key, value in recipe.items() if given.get(key) == AUTO})


def recipe_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what "auto" becomes, by dotted keys, for parameters by dotted keys; KeyError if there is no such base."""
    family = _OF_FAMILIES.get(given["model.name"], {})
    base = given["scramble.base"]
    if base == AUTO:
        base = (_OF_ALL | family)["scramble.base"]
    return _OF_ALL | _OF_BASES[base] | family


def _refuse_idle(config: Config, given: Mapping[str, Any]) -> None:
    """Refuse a value that acts on nothing beside the others. Stage check knows what a family uses."""
    idle = {
        "scramble.quality": (config.scramble.base != "coded", "only a coded base has a quality"),
        "train.bits": (not config.train.rounded, "only rounded containers have sealed bits"),
        "train.loss.chroma": (config.train.loss.space != "ycbcr", "only ycbcr has chroma"),
        "train.patience": (not config.train.validate, "without validation, training never stops early"),
    }
    defaults = {"train.patience": 0, **recipe_of(given)}
    for key, (unused, reason) in idle.items():
        if unused and given[key] not in (AUTO, defaults[key]):
            raise ConfigError(f"params.yaml: {key}: acts on nothing: {reason}", f"{key}={defaults[key]}")


def read(path: Path) -> Any:
    """Return the unchecked contents of a YAML file. Raises ConfigError if it can't be read."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error


def parse(text: str) -> Any:
    """Return the values in a YAML text. Numbers may have an exponent, as DVC writes it: 1e-05."""
    return yaml.load(text, _Loader)  # a SafeLoader


class _Loader(yaml.SafeLoader):
    """A loader that reads numbers as YAML 1.2 defines them; in YAML 1.1, 1e-05 is text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


def changed(values: Any, changes: Mapping[str, Any]) -> Any:
    """Return nested mappings with other values at dotted keys: {"a": {"b": 1}} with {"a.b": 2} is {"a": {"b": 2}}."""
    values = copy.deepcopy(values) if isinstance(values, dict) else {}
    for key, value in changes.items():
        *sections, last = key.split(".")
        inner = values
        for name in sections:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[last] = value
    return values


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one with dotted keys, {"a": {"b": 1}} as {"a.b": 1}, leaving out missing values."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        elif value not in (None, []):
            flat[f"{prefix}{key}"] = value
    return flat


_UNKNOWN = ("unexpected_keyword_argument", "invalid_key")


def _config_error(errors: Sequence[ErrorDetails], values: Any, root: type) -> ConfigError:
    """Return the first of pydantic's errors in one line. An unknown key comes before other errors of its section."""
    first = errors[0]["loc"]
    unknown = [error for error in errors if error["type"] in _UNKNOWN]
    error = next((each for each in unknown if each["loc"][:-1] == first[: len(each["loc"]) - 1]), errors[0])
    location = error["loc"]
    hint = ""
    if error["type"] in _UNKNOWN:
        section = root
        for key in location[:-1]:
            section = get_args(section)[0] if isinstance(key, int) else get_type_hints(section)[key]
        problem = ": unknown key"
        hint = did_you_mean(str(location[-1]), [field.name for field in fields(section)])
    elif error["type"] == "missing":
        problem = ": missing"
    elif error["type"] == "value_error":  # of a rule of the class
        problem = f": {error['ctx']['error']}"
    else:
        location = tuple(_present(location, values))
        rule = error["msg"].replace("Input should be", "must be", 1)
        is_mapping = error["type"] == "dataclass_type"
        problem = " must be a mapping of keys" if is_mapping else f": {rule}, is {error['input']!r}"
    return ConfigError(f"params.yaml: {'.'.join(map(str, location)) or 'the file'}{problem}", hint)


def _present(location: Sequence[int | str], values: Any) -> Iterator[int | str]:
    """Yield the keys in an error's location that exist; those that follow name a member of a union."""
    for key in location:
        if key not in (values if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()):
            return
        values = values[key]
        yield key
