"""Messages for people, and the parameters of the Python API that they name.

A hint, note or warning of the library says `strict=True`, or `survive="CHANNEL"` if the user chooses the value. The
command line and the page have other names for these settings, so a message keeps them as values.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Self, SupportsIndex


@dataclass(frozen=True)
class Setting:
    """Parameter with its value; as text, it looks as Python writes it."""

    name: str
    value: str | bool
    quoted: bool = True  # write a text value in quotes

    def __str__(self) -> str:
        shown = f'"{self.value}"' if self.quoted and isinstance(self.value, str) else self.value
        return f"`{self.name}={shown}`"


class Aside(Setting):
    """Setting in parentheses after its effect; a face without such a setting can leave it out."""

    def __str__(self) -> str:
        return f" ({super().__str__()})"


class CommandLine(Aside):
    """Command or option of the command line alone, after the words that are said with it; others leave out both."""

    def __str__(self) -> str:
        return f"{self.value} (`{self.name}`)"


class Text(str):
    """Message made of texts and settings; a `str` that any face can show as it is.

    Attributes:
        parts: the texts and settings.
        kind: subject, for a face that treats such messages specially; "": nothing special.
    """

    parts: tuple[str | Setting, ...]
    kind: str

    def __new__(cls, *parts: str | Setting, kind: str = "") -> Self:
        """Join texts and settings, and keep them apart in `parts`, where those of joined `Text`s come singly."""
        text = super().__new__(cls, "".join(map(str, parts)))
        text.kind = kind
        text.parts = tuple(piece for part in parts for piece in getattr(part, "parts", (part,)))
        return text

    def __add__(self, text: str) -> "Text":
        return Text(self, text)

    def __radd__(self, text: str) -> "Text":
        return Text(text, self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type["Text"], tuple[str | Setting, ...], dict[str, str]]:
        return Text, self.parts, {"kind": self.kind}

    def names(self, parameter: str) -> bool:
        """Return whether the message names a setting of this parameter."""
        return any(isinstance(part, Setting) and part.name == parameter for part in self.parts)


LOSS = "loss"  # kind of a line on something that the source of a result had, and the result lacks


def prefixed(prefix: str, line: str) -> Text:
    """Return a line after a prefix, of the same kind."""
    return Text(prefix, line, kind=kind_of(line))


def kind_of(line: str) -> str:
    """Return the kind of a message; "" for one of no kind."""
    return line.kind if isinstance(line, Text) else ""


def joined(separator: str, texts: Iterable[str]) -> Text:
    """Join texts, as `str.join` does."""
    parts = [part for text in texts for part in (separator, text)]
    return Text(*parts[1:])


def shown(text: str, spell: Callable[[Setting], str]) -> str:
    """Return a message with each setting as `spell` writes it."""
    parts = text.parts if isinstance(text, Text) else (text,)
    return "".join(spell(part) if isinstance(part, Setting) else part for part in parts)


def brief_repr(instance: Any) -> str:
    """Return the representation of a dataclass with the sizes of bytes, arrays and long texts, not their contents."""
    shown = (f"{declared.name}={_brief(getattr(instance, declared.name))}" for declared in fields(instance))
    return f"{type(instance).__name__}({', '.join(shown)})"


def _brief(value: object) -> str:
    longest = 100  # characters
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if shape := getattr(value, "shape", None):
        return f"<array {shape}>"
    if isinstance(value, str) and len(value) > longest:
        return f"<{len(value):,} characters>"
    return repr(value)
