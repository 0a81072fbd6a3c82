"""Types and values of params.yaml that several sections or stages share. Of a section, a stage may read some keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

from stegnet.core.errors import ConfigError
from stegnet.core.parallel import AUTO, Auto


def _without_exponent(value: Any) -> Any:
    """Return 1e5, which YAML reads as a float, as the int 100000."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def auto_is(default: float) -> BeforeValidator:
    """Replace "auto" by a value."""
    return BeforeValidator(lambda value: default if value == AUTO else value)


def refuse_idle(rows: Iterable[tuple[str, object, object, object, str]]) -> None:
    """Refuse values that act on nothing beside others: key, whether it is idle, value, default, and the reason."""
    for key, idle, value, default, reason in rows:
        if idle and value != default:
            raise ConfigError(f"params.yaml: {key}: acts on nothing: {reason}", f"{key}={default}")


QUALITY = 90  # of a coded base: about 3 bits per pixel
Integer = Annotated[StrictInt, BeforeValidator(_without_exponent)]
UnitFloat = Annotated[StrictFloat, Field(ge=0, le=1)]
Seed = Annotated[Integer, Field(ge=0, le=2**31 - 1)]


class Section:
    """A section of which every key is read, and an unknown one refused."""

    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Threads:
    """Of section train: what every stage reads that computes with networks."""

    threads: Annotated[Integer, Field(ge=1, le=1024)] | Auto


@dataclass(frozen=True)
class Pictures:
    """Of section data: what a training reads, too."""

    source: StrictStr
    side: Annotated[Integer, Field(ge=64, le=4096, multiple_of=8)]


@dataclass(frozen=True)
class CodedBase:
    """Of section scramble: what prepares bases."""

    quality: Annotated[Integer, auto_is(QUALITY), Field(ge=0, le=100)]


@dataclass(frozen=True)
class MeasureParameters:
    """Parameters of every stage that measures a pair."""

    seed: Seed
    train: Threads
