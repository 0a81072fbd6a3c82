"""params.yaml as frozen dataclasses that check themselves.

params.yaml is the only place of a default: a missing key is an error as an unknown one is.
"""

import dataclasses
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

import yaml

from stegnet.core.errors import ConfigError

AUTO = "auto"  # the model's family decides
Auto = Literal["auto"]


def number(low: float, high: float, step: int = 1, auto: bool = False) -> Any:
    """A numeric field that must lie in [low, high] and, if whole numbers are wanted, be a multiple of `step`.

    With `auto`, it is a whole number or "auto".
    """
    return dataclasses.field(metadata={"low": low, "high": high, "step": step, "auto": auto})


def choice(*values: str) -> Any:
    """A text field that must be one of `values`."""
    return dataclasses.field(metadata={"choices": values})


@dataclass(frozen=True)
class DataConfig:
    """Which pictures to train and test on."""

    source: str
    folder: str
    test_folder: str
    size: int = number(64, 4096, step=8)
    scenes: int = number(0, 100_000_000)
    limit: int = number(0, 100_000_000)
    every: int = number(1, 100_000)
    validation_share: float = number(0, 0.9)
    validation_scenes: int = number(0, 100_000)
    test_share: float = number(0, 0.9)
    test_scenes: int = number(0, 100_000)
    test_photographs: bool
    shard: int = number(1, 1_000_000)
    workers: int | Auto = number(1, 1024, auto=True)


@dataclass(frozen=True)
class ModelConfig:
    """The hide/reveal pair."""

    name: str
    blocks: int | Auto = number(1, 64, auto=True)
    width: int | Auto = number(1, 4096, auto=True)
    ends: int | Auto = number(0, 64, auto=True)
    backbone: str
    place: str
    pretrained: bool


@dataclass(frozen=True)
class ScrambleConfig:
    """What of a secret the network hides, and how it is shuffled."""

    detail: bool
    block: int = number(8, 256, step=8)


@dataclass(frozen=True)
class LossConfig:
    """What counts as an error, and how much."""

    mse: float = number(0, 1e6)
    l1: float = number(0, 1e6)
    charbonnier: float = number(0, 1e6)
    ssim: float = number(0, 1e6)
    ms_ssim: float = number(0, 1e6)
    space: str = choice("rgb", "ycbcr")
    chroma: float = number(0, 1e6)


@dataclass(frozen=True)
class AugmentConfig:
    """How often each augmentation is applied to a training crop."""

    zoom: float = number(0, 1)
    flip: float = number(0, 1)
    turn: float = number(0, 1)
    colour: float = number(0, 1)
    blur: float = number(0, 1)
    noise: float = number(0, 1)
    compression: float = number(0, 1)


@dataclass(frozen=True)
class TrainConfig:
    """How the pair is trained."""

    start: str = choice("fresh", "shipped")
    pairs: int = number(1, 10_000_000_000)
    batch: int = number(1, 65_536)
    accumulate: int = number(1, 65_536)
    devices: int | Auto = number(1, 65_536, auto=True)
    compile: bool
    crop: int = number(16, 4096, step=8)
    scrambled: float = number(0, 1)
    bits: float = number(0, 0.5)
    noise: float = number(0, 1)
    lr: float = number(1e-8, 1)
    lr_end: float = number(0, 1)
    warmup: int = number(0, 1_000_000)
    clip: float = number(1e-8, 1e8)
    weight_decay: float = number(0, 1)
    ema: float = number(0, 0.999999)
    container_start: float = number(1e-8, 1)
    container_ramp: float = number(0, 1)
    precision: str = choice("auto", "bf16", "fp32")
    threads: int | Auto = number(1, 1024, auto=True)
    workers: int = number(0, 1024)
    checkpoint: int = number(1, 1_000_000_000)
    validate: int = number(0, 1_000_000_000)
    patience: int = number(0, 1_000_000_000)
    loss: LossConfig
    augment: AugmentConfig


@dataclass(frozen=True)
class EvaluateConfig:
    """How the pair is measured."""

    shift: int = number(1, 1_000_000)
    pictures: int = number(1, 64)


@dataclass(frozen=True)
class VideoConfig:
    """Which film is hidden in which."""

    cover: str
    secret: str


@dataclass(frozen=True)
class StudyConfig:
    """What the long measurements may cost."""

    pairs: int = number(1, 10_000_000_000)


@dataclass(frozen=True)
class Config:
    """All of params.yaml."""

    seed: int = number(0, 2**31 - 1)
    beta: float = number(1e-6, 1e6)
    data: DataConfig
    model: ModelConfig
    scramble: ScrambleConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    video: VideoConfig
    study: StudyConfig


def load(path: Path) -> Config:
    """Reads and checks `path`.

    Raises:
        ConfigError: the file can't be read, or a key is unknown, missing or impossible; it names the key.
    """
    return check(read(path))


def read(path: Path) -> Any:
    """What a YAML file holds, unchecked.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error


def parse(text: str) -> Any:
    """The values that a text in YAML holds; a number may have an exponent, as DVC writes it: 1e-05.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, _Loader)  # a SafeLoader


class _Loader(yaml.SafeLoader):
    """Reads numbers as YAML 1.2 has them; in YAML 1.1, 1e-05 is text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


def check(values: Any) -> Config:
    """The parameters in `values`, nested as in params.yaml.

    Raises:
        ConfigError: a key is unknown, missing or impossible; it names the key.
    """
    config = _section(Config, values, "")
    loss = config.train.loss
    if not any((loss.mse, loss.l1, loss.charbonnier, loss.ssim, loss.ms_ssim)):
        raise ConfigError("params.yaml: train.loss: all weights are 0, so nothing would be learnt", "give mse 1.0")
    crop, size, block = config.train.crop, config.data.size, config.scramble.block
    if crop > size:
        raise ConfigError(f"params.yaml: train.crop: must not exceed data.size {size}, is {crop}")
    if crop % block or size % block:
        raise ConfigError(f"params.yaml: scramble.block: must divide data.size and train.crop, is {block}")
    return config


def changed(values: Any, changes: Mapping[str, Any]) -> Any:
    """Nested mappings with other values at dotted keys: {"a": {"b": 1}} with {"a.b": 2} is {"a": {"b": 2}}."""
    for key, value in changes.items():
        values = _with(values, key.split("."), value)
    return values


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys: {"a": {"b": 1}} becomes {"a.b": 1}."""
    flat = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _with(values: Any, keys: list[str], value: Any) -> Any:
    if not keys:
        return value
    section = values if isinstance(values, dict) else {}
    return {**section, keys[0]: _with(section.get(keys[0]), keys[1:], value)}


def _section(cls: type, values: Any, prefix: str) -> Any:
    if not isinstance(values, dict):
        raise ConfigError(f"params.yaml: {prefix.rstrip('.') or 'the file'} must be a mapping of keys")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in values.keys() - fields.keys():
        close = difflib.get_close_matches(str(key), fields, n=1)
        raise ConfigError(f"params.yaml: {prefix}{key}: unknown key", f"did you mean {close[0]}?" if close else "")
    for key in fields.keys() - values.keys():
        raise ConfigError(f"params.yaml: {prefix}{key}: missing")
    types = get_type_hints(cls)
    return cls(**{key: _value(field, types[key], values[key], prefix + key) for key, field in fields.items()})


def _value(field: dataclasses.Field, kind: type, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _section(kind, value, f"{name}.")
    if field.metadata.get("auto"):
        if value == AUTO:
            return value
        kind = int
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"params.yaml: {name}: must be {kind.__name__}, is {value!r}")
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise ConfigError(f"params.yaml: {name}: must be one of {', '.join(choices)}, is {value!r}")
    if "low" in field.metadata and not field.metadata["low"] <= value <= field.metadata["high"]:
        low, high = field.metadata["low"], field.metadata["high"]
        raise ConfigError(f"params.yaml: {name}: must lie between {low} and {high}, is {value}")
    if kind is int and value % field.metadata.get("step", 1):
        raise ConfigError(f"params.yaml: {name}: must be a multiple of {field.metadata['step']}, is {value}")
    return value
