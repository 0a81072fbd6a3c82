"""A secret on its way into a cover: as it is, where that fits, or compressed until it fits."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stegnet.core.errors import CapacityError, extra
from stegnet.core.kinds import FILM, PICTURE
from stegnet.core.temporary import temporary_folder
from stegnet.formats.output import Compressed
from stegnet.keys import Randomness
from stegnet.media.cover import Cover, about_secret, media_kind
from stegnet.methods.context import Context
from stegnet.record import Record, file_header, file_records
from stegnet.results import printable, stored_name

# Compresses a file: its path, a folder for the copy, bytes that there are, and a callback for steps done and in all.
Compressor = Callable[[Path, Path, int, Callable[[int, int], None]], Compressed]
Compressors = Mapping[str, tuple[Compressor, str]]  # by media kind, each with the suffix of its copies


def media_compressors() -> Compressors:
    """The compressor of each kind of media."""
    with extra("media", "compressing"):
        from stegnet.media import compress  # here, since it needs ffmpeg

    return {PICTURE: (compress.compress_picture, compress.AVIF), FILM: (compress.compress_film, compress.HEVC)}


class Carrier(ABC):
    """What a file is fitted to: an opened cover, or a part of it."""

    @abstractmethod
    def capacity(self, name: str) -> int:
        """Bytes of a file of this name that fit."""

    @abstractmethod
    def refusal(self, payload: "Payload", size: int, most: int) -> CapacityError:
        """The error for a file of so many bytes that does not fit, given the bytes that would."""

    def compressors(self) -> Compressors:
        """Called only where one is needed."""
        return media_compressors()


@dataclass(frozen=True)
class Fitted:
    """A file that fits.

    Attributes:
        path: of the bytes that are hidden.
        name: stored with them.
        size: in bytes.
        notes: for the report; none for a file as it is.
        copy: that was made; None: they are those of the file itself.
    """

    path: Path
    name: str
    size: int
    notes: tuple[str, ...] = ()
    copy: Compressed | None = None

    @property
    def unchanged(self) -> bool:
        """True if what is revealed will have the bytes of the secret."""
        return self.copy is None

    def record(self, randomness: Randomness) -> Record:
        """The record of a picture that holds all of it."""
        with self.path.open("rb") as source:
            (record,) = file_records(file_header(self.name, source, 1, 0, randomness), source)
            return record

    @property
    def exactly(self) -> str:
        """What a note says of a file that is hidden as it is."""
        return ", byte for byte" if self.unchanged else ""


class Payload(ExitStack):
    """A secret to hide; a context manager, at whose end compressed copies go.

    Attributes:
        file: itself, open.
    Raises:
        MediaError: it can't be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.file = path, self.enter_context(Cover(path))

    @cached_property
    def kind(self) -> str | None:
        """PICTURE or FILM; None for neither."""
        return media_kind(self.file)

    def folder(self) -> Path:
        """A new temporary folder."""
        return self.enter_context(temporary_folder())

    def fit(self, carrier: Carrier, context: Context, *steps: str) -> tuple[Fitted, Context]:
        """The file as it is, or a compressed copy that fits; and the context for the steps that follow.

        Args:
            steps: phases of hiding after it was compressed.
        Raises:
            MediaError: it can't be read, or no copy be written.
            CapacityError: it does not fit.
        """
        compressing = context.in_steps("compress", *steps)
        fitted = self.fit_quietly(carrier, compressing)
        return fitted, context.in_steps(*steps) if fitted.unchanged else compressing

    def fit_quietly(self, carrier: Carrier, context: Context) -> Fitted:
        """As `fit`, in a context whose phases are numbered already."""
        secret = self.path
        name, size = stored_name(secret), secret.stat().st_size
        most = carrier.capacity(name)
        if size <= most:
            return Fitted(secret, name, size)
        compressors = carrier.compressors() if self.kind else {}
        if self.kind not in compressors:
            raise carrier.refusal(self, size, most)
        compress, suffix = compressors[self.kind]
        most = carrier.capacity(stored_name(secret.with_suffix(suffix)))
        copy = compress(secret, self.folder(), most, context.step("compress"))
        compressed = f"{printable(secret.name)} was compressed from {size} bytes: {copy.description}"
        # Lossless WebP's suffix is as long as AVIF's, so that the capacity stays.
        stored = stored_name(secret.with_suffix(copy.path.suffix))
        return Fitted(copy.path, stored, copy.path.stat().st_size, (compressed, *about_secret(self.file)), copy)
