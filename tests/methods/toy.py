"""A method of hiding in one file, which shows what another one needs: a file's bytes behind a picture's."""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stegnet import CapacityError
from stegnet.keys import KeySource
from stegnet.media import PICTURE, atomic_write
from stegnet.methods import CoverSize, Fit, Hidden, Method, Run, option
from stegnet.record import Container
from stegnet.results import OutputTarget, Report

MOST = 1000  # bytes
_MARK, _NAME_BYTES = b"toy!", 1


@dataclass(frozen=True)
class ToyOptions:
    """Options of the method "toy"."""

    shift: int = option(13, "levels that each byte is moved by", "LEVELS")


class Appended(Hidden):
    """A file behind a picture."""

    kind, method, tells_damage = "file", "toy", False

    def __init__(self, container: Container, run: Run, content: bytes) -> None:
        super().__init__(container, run)
        length, rest = content[0], content[_NAME_BYTES:]
        self.name, self._data = rest[:length].decode(), rest[length:]
        self.size = len(self._data)

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            part.write_bytes(self._data)
        return Report(name=self.name, size=self.size, unchanged=True)

    def details(self) -> dict[str, Any]:
        return {"hidden_name": self.name, "hidden_bytes": self.size}


class Toy(Method):
    """A file behind a PNG, for whoever has its key and looks at its end."""

    name = "toy"
    summary = "a small file, behind a picture"
    forms = MappingProxyType({PICTURE: (".png",)})
    options = ToyOptions

    def room(self, cover: CoverSize) -> list[Fit]:
        return [Fit("any small file", self.name, MOST)] if cover.frames == 1 else []

    def hide(
        self, cover: Path, secret: Path, out: OutputTarget, key_source: KeySource, options: ToyOptions, run: Run
    ) -> Report:
        out.check((".png",), PICTURE, cover, secret)
        data, name = secret.read_bytes(), secret.name.encode()
        if len(data) > MOST:
            raise CapacityError(f"{secret}: has {len(data)} bytes", f"{MOST} would fit")
        shifted = bytes((byte + options.shift) % 256 for byte in bytes([len(name)]) + name + data)
        with atomic_write(out.path, overwrite=out.force) as part:
            part.write_bytes(cover.read_bytes() + _tag(key_source) + bytes([options.shift]) + shifted)
        return Report(name=secret.name, size=len(data), unchanged=True)

    def open(self, container: Container, run: Run) -> Appended | None:
        _, tag, found = container.path.read_bytes().partition(_tag(container.key_source))
        return Appended(container, run, bytes((byte - found[0]) % 256 for byte in found[1:])) if tag else None


def _tag(key_source: KeySource) -> bytes:
    return _MARK + key_source.lead(_MARK)  # of a key file
