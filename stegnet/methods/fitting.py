"""A secret as it is, where that fits, or compressed until it fits."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from stegnet.core.errors import extra
from stegnet.core.kinds import FILM, PICTURE
from stegnet.core.progress import Progress
from stegnet.core.temporary import temporary_folder
from stegnet.media import about_secret
from stegnet.media.output import Compressed
from stegnet.media.probe import media_kind
from stegnet.results import printable, stored_name

# Compresses a file: its path, a folder for the copy, bytes that there are, and a callback for steps done and in all.
Compressor = Callable[[Path, Path, int, Callable[[int, int], None]], Compressed]


@dataclass(frozen=True)
class Space:
    """Room in a cover.

    Attributes:
        of: bytes of a file of the given name.
        refuse: raises the error for a file of so many bytes that does not fit, given the bytes that would.
        compressors: returns those by media kind, with the suffix of their copies; called only where one is needed.
    """

    of: Callable[[str], int]
    refuse: Callable[[int, int], NoReturn]
    compressors: Callable[[], Mapping[str, tuple[Compressor, str]]] = dict


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


@contextmanager
def fit(secret: Path, space: Space, progress: Progress) -> Iterator[Fitted]:
    """Yields the file as it is, or a compressed copy that is there until the block ends.

    Raises:
        MediaError: it can't be read, or no copy be written.
        CapacityError: it does not fit.
    """
    name, size = stored_name(secret), secret.stat().st_size
    most = space.of(name)
    if size <= most:
        yield Fitted(secret, name, size)
        return
    what = media_kind(secret)
    compressors = space.compressors() if what else {}
    if what not in compressors:
        space.refuse(size, most)
    compress, suffix = compressors[what]
    most = space.of(stored_name(secret.with_suffix(suffix)))
    with temporary_folder() as folder:
        copy = compress(secret, folder, most, partial(progress, "compress"))
        notes = f"{printable(secret.name)} was compressed from {size} bytes: {copy.description}", *about_secret(secret)
        # Lossless WebP's suffix is as long as AVIF's, so that the room stays.
        stored = stored_name(secret.with_suffix(copy.path.suffix))
        yield Fitted(copy.path, stored, copy.path.stat().st_size, notes, copy)


def media_compressors() -> dict[str, tuple[Compressor, str]]:
    """The compressor of each kind of media, and the suffix of its copies."""
    with extra("media", "compressing"):
        from stegnet.media import compress  # here, since it needs ffmpeg

    return {PICTURE: (compress.compress_picture, compress.AVIF), FILM: (compress.compress_film, compress.HEVC)}
