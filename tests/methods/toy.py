"""A method of hiding in one file, which shows what another one needs: a file's bytes behind a picture's."""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stegnet import CapacityError
from stegnet.core.disk import atomic_write
from stegnet.core.names import PICTURE
from stegnet.keys import Key, KeySource
from stegnet.media.cover import Cover
from stegnet.methods import Context, CoverSize, Fit, FoundSecret, Method, MethodOptions, NewContainer, Payload, option
from stegnet.methods.method import HiddenFile, MethodInfo, NotFound, Written
from stegnet.record import Container
from stegnet.results import OutputTarget, Report

MOST = 1000  # bytes
_MARK = b"toy!"


@dataclass(frozen=True)
class ToyOptions(MethodOptions):
    """Options of the method "toy"."""

    shift: int = option(13, "levels that each byte is moved by", "LEVELS")


class Toy(Method[ToyOptions]):
    """A file behind a PNG, for whoever has its key and looks at its end."""

    info = MethodInfo(
        name="toy",
        summary="a small file, behind a picture",
        forms=MappingProxyType({PICTURE: (".png",)}),
        options=ToyOptions,
    )

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        return [Fit("any small file", self.info.name, MOST)] if cover.frames == 1 else []

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key_source: KeySource, options: ToyOptions, context: Context
    ) -> "Appended":
        secret, data = payload.path, payload.file.read_bytes()
        if len(data) > MOST:
            raise CapacityError(f"{secret}: has {len(data)} bytes", f"{MOST} would fit")
        shifted = bytes(
            (byte + options.shift) % 256 for byte in bytes([len(secret.name)]) + secret.name.encode() + data
        )
        return Appended(
            cover, _tag(key_source) + bytes([options.shift]) + shifted, HiddenFile(payload.file, secret.name, len(data))
        )

    def find(self, container: Container, context: Context) -> "FoundBehind | NotFound":
        _, tag, found = container.file.read_bytes().partition(_tag(container.key_source))
        if not tag:
            return NotFound()
        return FoundBehind(container, context, bytes((each - found[0]) % 256 for each in found[1:]))


class Appended(NewContainer):
    """A picture with a file behind it."""

    def __init__(self, cover: Cover, tail: bytes, fitted: HiddenFile) -> None:
        (self.height, self.width), self.fitted, self._cover, self._tail = cover.size, fitted, cover, tail

    def write(self, part: Path, verify: bool) -> Written:
        part.write_bytes(self._cover.read_bytes() + self._tail)
        return Written(self.fitted, (), {})


class FoundBehind(FoundSecret):
    """A file behind a picture."""

    kind, method, tells_damage = "file", "toy", False

    def __init__(self, container: Container, context: Context, content: bytes) -> None:
        super().__init__(container, context)
        self.name, self._data = content[1 : 1 + content[0]].decode(), content[1 + content[0] :]
        self.size = len(self._data)

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            part.write_bytes(self._data)
        return Report(name=self.name, size=self.size, unchanged=True)

    def details(self) -> dict[str, Any]:
        return {"hidden_name": self.name, "hidden_bytes": self.size}


def _tag(key_source: KeySource) -> bytes:
    assert isinstance(key_source, Key)
    return _MARK + key_source.lead(_MARK)  # of a key file
