"""A cover of the sealed method: what fits into it, and how much of that is hard to find."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.kinds import FILE, FILM
from stegnet.core.samples import channels_of
from stegnet.keys import ANY_KEY, FILM_ID_BYTES, Key
from stegnet.media import FilmInfo, is_grey_film, refuse_palette, scan
from stegnet.media.inputs import read_resized
from stegnet.media.pictures.pictures import open_picture
from stegnet.methods.method import CoverSize
from stegnet.methods.sealed import SEALED, SealedOptions
from stegnet.record import File, Header, Record, format_record, full_room
from stegnet.results import Changes, HidingFigures, SecurePayload
from stegnet.sealing import room, too_small

DATA_NAME = "data.bin"  # stored with bytes that have no file name
_RATE, _MEASURED = 0.05, 3 * 256**2  # bits a sample that are hard to find, and samples of what was measured
_WORKING_BYTES = 30  # for each pixel of a picture, at least


@dataclass(frozen=True)
class SealedCover:
    """A cover that was opened.

    Attributes:
        key: the container's film key.
        frames: 1 for a picture.
        film: None for a picture.
        pixels, profile: of a picture.
        channels: 1 of a grey cover, which stays grey.
        history: the lossy format that it has or had; None: it shows none.
        at_most_safe: leave room only for what is hard to find.
        changes: made to its frames.
    """

    path: Path
    height: int
    width: int
    key: Key
    frames: int = 1
    film: FilmInfo | None = None
    pixels: np.ndarray | None = None
    profile: bytes | None = None
    channels: int = 3
    history: str | None = None
    at_most_safe: bool = False
    changes: Changes = field(default_factory=Changes)

    def steps(self, verify: bool) -> tuple[str, ...]:
        """The phases of hiding in it."""
        return ("hide", *("verify",) * verify) if self.film else ("hide", "write")

    def room(self, name: str) -> int:
        """Bytes of a file of this name that fit into all frames; errors as `bytes_room`."""
        most = bytes_room(self.height, self.width, name, self.key, self.frames, self.channels)
        return min(most, 0 if self.history else self.secure.hard) if self.at_most_safe else most

    @property
    def secure(self) -> SecurePayload:
        """Bytes that are hard to find in it."""
        return secure_payload(self.frames * self.height * self.width * self.channels)

    def frame_room(self, name: str) -> int:
        """Bytes of it that fit into one frame; errors as `bytes_room`."""
        return frame_room(self.height, self.width, name, self.key, self.frames > 1, self.channels)

    def hiding(self, name: str, hidden_bytes: int) -> HidingFigures:
        """Figures of having hidden a file of this name.

        Args:
            hidden_bytes: in all frames.
        """
        return HidingFigures(
            SEALED,
            self.path.stat().st_size,
            self.frames * self.height * self.width,
            cover_format=self.history,
            container_psnr=self.changes.psnr,
            changed_pixels=self.changes.pixels,
            hidden_bytes=hidden_bytes,
            room=self.frames * self.frame_room(name),
            film=self.film is not None,
            channels=self.channels,
            secure=self.secure,
        )


def check_options(cover: Path, cover_kind: str, options: SealedOptions) -> None:
    """Refuses for films what only pictures can do."""
    if cover_kind == FILM and options.at_most_safe:
        raise CapacityError(f"{cover}: how much is hard to find in a film was not measured", "hide in a picture")
    if cover_kind == FILM and options.resize:
        raise ConfigError(f"resize: {cover} is a film, and only pictures are resized")


def open_cover(path: Path, cover_kind: str, key: Key, side: int | None = None) -> SealedCover:
    """Opens a cover.

    Args:
        key: the container's film key.
        side: pixels to which the longer side of a picture is reduced; None: it is not.
    Raises:
        ConfigError: it has no more pixels than that.
        MediaError: it can't be read, has a palette, or is too large for the memory that is free.
    """
    if cover_kind == FILM:
        info, channels = scan(path), 1 if is_grey_film(path) else 3
        return SealedCover(path, info.height, info.width, key, len(info.pts), info, channels=channels)
    refuse_palette(path)
    _check_memory(path)
    pixels, profile = read_resized(path, side)
    return SealedCover(path, *pixels.shape[:2], key, pixels=pixels, profile=profile, channels=channels_of(pixels))


def _check_memory(path: Path) -> None:
    """Refuses a picture that can't be hidden in, whatever is hidden, in the memory that is free; its size is read only.

    Raises:
        MediaError: it is one, or no picture.
    """
    with open_picture(path) as image:
        width, height = image.size
    needed, free = _WORKING_BYTES * width * height, psutil.virtual_memory().available
    if needed > free:
        message = f"{path}: hiding in {width}×{height} pixels takes {needed / 1e9:.1f} GB of memory"
        raise MediaError(message, f"{free / 1e9:.1f} GB are free: close other programs, or take a smaller cover")


def bytes_room(
    height: int, width: int, name: str = DATA_NAME, key: Key = ANY_KEY, frames: int = 1, channels: int = 3
) -> int:
    """Bytes that the sealed method can hide in a picture or film of this size under this file name.

    Args:
        key: film key; if it is for a recipient, there is less room.
        frames: 1 for a picture.
        channels: 1 for a grey picture, which stays grey.
    Raises:
        CapacityError: there is not even room for the header.
    """
    return full_room(frames, frame_room(height, width, name, key, frames > 1, channels))


def empty_record_bytes(name: str, key: Key, spread: bool = False) -> int:
    """Bytes of the record of an empty file of this name, or of a share of it."""
    empty = Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File(name, 0, bytes(32), int(spread))), 0)
    return len(format_record(empty, key))


def frame_room(height: int, width: int, name: str, key: Key, spread: bool, channels: int) -> int:
    """Bytes of a file, or of a share of it, that fit into a frame; errors as `bytes_room`."""
    needed = empty_record_bytes(name, key, spread)
    most = room(height, width, key, channels)
    if needed > most:
        raise too_small(height, width, needed, key=key, channels=channels)
    return most - needed


def secure_payload(samples: int) -> SecurePayload:
    """Bytes that are hard to find in a cover of so many samples that shows no lossy compression.

    The best detector calls 53 % right at 0.05 bit per sample of a photograph of 256², 62 % at 0.1, 77 % at 0.2 and 91 %
    at 0.4 (reports/shipped/steganalysis; docs/security.md, "Detection").
    """
    return SecurePayload(samples, _RATE, _MEASURED)


def sealed_room(cover: CoverSize, name: str = "") -> int:
    """Bytes of a file of this name that fit into a cover; 0 if there is not even room for the header."""
    try:
        return bytes_room(cover.height, cover.width, name, frames=cover.frames, channels=cover.channels)
    except CapacityError:
        return 0
