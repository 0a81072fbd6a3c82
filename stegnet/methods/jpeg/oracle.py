"""A picture's channel that the sender can run: a command, or the recompression that a pair of files shows.

Butora, Puteaux, Bas 2022, "Errorless robust JPEG steganography using outputs of JPEG coders" (arXiv 2211.04750), call
it an oracle: whoever can ask it what arrives can send what arrives as it should.
"""

import shlex
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from stegnet.core.errors import ConfigError, MediaError
from stegnet.core.temporary import temporary_folder
from stegnet.media.jpeg import JpegPicture, read_jpeg
from stegnet.methods.jpeg import JpegOptions

_TIMEOUT = 300  # seconds that a command may take for a picture
_NO_INPUT = {"stdin": subprocess.DEVNULL}
_SURVIVE = "hide what survives that, such as the channel jpeg:75+resize:0.5"


class Oracle(ABC):
    """A channel that the sender can run as often as is needed."""

    def __call__(self, sent: bytes) -> JpegPicture:
        """Sends a JPEG through the channel, in a private folder that is removed; returns what arrives.

        Raises:
            ConfigError: the command can't be run.
            MediaError: it fails, or what arrives is no JPEG of the same size.
        """
        with temporary_folder() as folder:
            before, after = folder / "sent.jpg", folder / "received.jpg"
            before.write_bytes(sent)
            self.run(before, after)
            return _same_size(read_jpeg(before), after)

    @abstractmethod
    def run(self, sent: Path, received: Path) -> None:
        """Writes what arrives of a file; errors as of a call."""


class Command(Oracle):
    """A command that is run, by no shell, for each picture.

    Args:
        text: its arguments, quoted as for a shell; {in} and {out} stand for the names of files.

    Raises:
        ConfigError: one of both is missing, or a quotation mark.
    """

    def __init__(self, text: str) -> None:
        try:
            self._arguments = shlex.split(text)
        except ValueError as error:
            raise ConfigError(f"channel: {text!r} can't be split into arguments ({error})") from error
        for place in ("{in}", "{out}"):
            if not any(place in each for each in self._arguments):
                hint = "such as: convert {in} -quality 72 {out}"
                raise ConfigError(f"channel: the command has no {place}, which stands for a file", hint)

    def run(self, sent: Path, received: Path) -> None:
        names = {"{in}": str(sent), "{out}": str(received)}
        arguments = [_replaced(each, names) for each in self._arguments]
        program = self._arguments[0]
        try:
            done = subprocess.run(arguments, check=False, capture_output=True, timeout=_TIMEOUT, **_NO_INPUT)
        except OSError as error:
            raise ConfigError(f"channel: {program}: can't be run ({error.strerror})") from error
        except subprocess.TimeoutExpired as error:
            raise MediaError(f"channel: {program}: took more than {_TIMEOUT} seconds") from error
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
            raise MediaError(f"channel: {program}: failed with exit code {done.returncode}: {last[0]}")
        if not received.is_file():
            raise MediaError(f"channel: {program}: wrote no {{out}}")


class Copy(Oracle):
    """A channel that decodes a JPEG and saves it with the tables and the sampling of one that arrived.

    Args:
        sent, received: a JPEG, and what arrived of it.

    Raises:
        MediaError: one can't be read, or what arrived is not what saving so makes of the other.
    """

    def __init__(self, sent: Path, received: Path) -> None:
        arrived = _same_size(read_jpeg(sent), received)
        with Image.open(received) as image:
            self._mode, sampling = image.mode, get_sampling(image)
            self._saved = {"qtables": image.quantization, "subsampling": sampling}
        share = 1.0 if sampling < 0 else unequal_share(arrived, self(sent.read_bytes()))
        if share:
            raise MediaError(
                f"{received}: is not {sent} saved once with its tables: {share:.2%} of the blocks differ",
                f"give a command that does what the site does; or {_SURVIVE}",
            )

    def run(self, sent: Path, received: Path) -> None:
        with Image.open(sent) as image:
            image.convert(self._mode).save(received, "JPEG", **self._saved)


def oracle_of(options: JpegOptions) -> Oracle | None:
    """The channel that options name, if any.

    Raises:
        ConfigError: they name two, or one that can't be.
        MediaError: as `Copy`.
    """
    if options.channel is not None and options.channel_from is not None:
        raise ConfigError("channel: give either a command or a pair of files")
    if options.channel is not None:
        return Command(options.channel)
    return None if options.channel_from is None else Copy(*map(Path, options.channel_from))


def unequal_share(one: JpegPicture, other: JpegPicture) -> float:
    """Share of the blocks of all components that differ, 0 to 1; 1 if their tables or shapes do."""
    shapes = [[plane.shape for plane in each.planes] for each in (one, other)]
    if shapes[0] != shapes[1] or any((one.steps(each) != other.steps(each)).any() for each in range(len(one.planes))):
        return 1.0
    unequal = [(mine != theirs).any(2) for mine, theirs in zip(one.planes, other.planes, strict=True)]
    return sum(map(np.count_nonzero, unequal)) / sum(each.size for each in unequal)


def _replaced(argument: str, names: dict[str, str]) -> str:
    for place, name in names.items():
        argument = argument.replace(place, name)
    return argument


def _same_size(sent: JpegPicture, path: Path) -> JpegPicture:
    """A file that arrived, by its coefficients.

    Raises:
        MediaError: it is no JPEG, or its size is another one.
    """
    try:
        received = read_jpeg(path)
    except MediaError as error:
        raise MediaError(
            f"channel: what arrives is no JPEG that can be read ({_reason(error, path)})", _SURVIVE
        ) from error
    sizes = [f"{each.file.width}×{each.file.height}" for each in (sent, received)]
    if sizes[0] != sizes[1] or sent.planes[0].shape != received.planes[0].shape:
        raise MediaError(f"channel: it makes {sizes[1]} pixels of {sizes[0]}, and must keep the size", _SURVIVE)
    return received


def _reason(error: MediaError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")
