"""Errors in params.yaml, in one line that names the key: pydantic's errors for users."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from stegnet.core.errors import ConfigError

_UNKNOWN = ("unexpected_keyword_argument", "invalid_key")


def config_error(errors: Sequence[ErrorDetails], root: type) -> ConfigError:
    """The first of pydantic's errors in one line; in its section, an unknown key comes before other errors.

    Args:
        root: dataclass of the whole file.
    """
    first = errors[0]["loc"]
    unknown = [error for error in errors if error["type"] in _UNKNOWN]
    error = next((each for each in unknown if each["loc"][:-1] == first[: len(each["loc"]) - 1]), errors[0])
    keys, annotation, siblings = _locate(error["loc"], root)
    name, hint = ".".join(keys), ""
    if error["type"] in _UNKNOWN:
        close = difflib.get_close_matches(keys[-1], siblings, n=1)
        problem, hint = ": unknown key", f"did you mean {close[0]}?" if close else ""
    elif error["type"] == "missing":
        problem = ": missing"
    elif error["type"] == "dataclass_type":
        problem = " must be a mapping of keys"
    else:
        problem = f": must {_requirement(error['type'], annotation)}, is {error['input']!r}"
    return ConfigError(f"params.yaml: {name or 'the file'}{problem}", hint)


def _locate(location: Sequence[int | str], root: type) -> tuple[list[str], Any, list[str]]:
    """The keys in an error's location, the annotation there, and all keys of its section.

    What follows in a location names a member of a union.
    """
    keys, annotation, siblings = [], root, []
    for key in location:
        if isinstance(key, int) and not is_dataclass(annotation):
            keys.append(str(key))
            annotation = _member(annotation)
            continue
        if not is_dataclass(annotation):
            break
        siblings = [field.name for field in fields(annotation)]
        keys.append(str(key))
        annotation = get_type_hints(annotation, include_extras=True).get(key)
    return keys, annotation, siblings


def _member(annotation: Any) -> Any:
    """The annotation of a list's members: RungConfig of Annotated[list[RungConfig], …]."""
    while get_origin(annotation) is not list:
        annotation = get_args(annotation)[0]
    return get_args(annotation)[0]


def _requirement(kind: str, annotation: Any) -> str:
    """The rule that a value breaks, by the type of pydantic's error."""
    if kind == "literal_error":
        return f"be one of {', '.join(get_args(annotation))}"
    if kind.endswith("_type"):
        return f"be {kind.removesuffix('_type').removesuffix('ing')}"  # int, float, bool, str
    rules = dict(_rules(annotation))
    if kind == "multiple_of":
        return f"be a multiple of {rules['multiple_of']}"
    return f"lie between {rules['ge']} and {rules['le']}"


def _rules(annotation: Any) -> Iterator[tuple[str, float]]:
    """The constraints ge, le and multiple_of in an annotation."""
    for part in get_args(annotation):
        if isinstance(part, FieldInfo):
            for rule in part.metadata:
                yield from asdict(rule).items()
        else:
            yield from _rules(part)
