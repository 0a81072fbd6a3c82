"""Arrival through a channel: simulated, as learned from examples, or by a command that does what the channel does.

Butora, Puteaux, Bas 2022, "Errorless robust JPEG steganography using outputs of JPEG coders" (arXiv 2211.04750), call
such a channel an oracle: a sender who can query it can send a picture that arrives as intended.
"""

import io
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from stegnet.channels.jpeg_form import JpegForm, in_form, jpeg_of
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import ConfigError, MediaError
from stegnet.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.jpeg.libjpeg import DctMethod, encode_planes


@dataclass(frozen=True)
class Simulation:
    """A program that decodes a JPEG as libjpeg does, and saves its pixels in a known form."""

    form: JpegForm
    dct: DctMethod

    def arriving(self, sent: bytes) -> JpegPicture:
        """Return the coefficients of the JPEG that arrives of one that is sent."""
        with Image.open(io.BytesIO(sent)) as image:
            return saved_by(self.form, self.dct, np.asarray(image.convert("L" if self.form.is_grey else "RGB")))


def saved_by(form: JpegForm, dct: DctMethod, pixels: np.ndarray) -> JpegPicture:
    """Return (H, W, 3) uint8 or (H, W) grey pixels as saved in a form by libjpeg's DCT of this name."""
    jpeg = in_form(form, jpeg_of(form.saved(pixels), "the simulated JPEG"))
    if dct == "islow":
        return jpeg
    steps = [np.array(table) for table in form.steps]
    return replace(jpeg, planes=encode_planes(form.stored(pixels), steps, form.sampling, dct))


class Command:
    """A command that is run without a shell for each picture; {in} and {out} stand for the names of files.

    Raises:
        ConfigError: {in}, {out} or a quotation mark is missing.
    """

    def __init__(self, text: str) -> None:
        try:
            self._arguments = shlex.split(text)
        except ValueError as error:
            raise ConfigError(f"{text!r} can't be split into arguments ({error})", parameter="channel") from error
        for place in ("{in}", "{out}"):
            if not any(place in argument for argument in self._arguments):
                hint = "such as: convert {in} -quality 72 {out}"
                raise ConfigError(f"the command has no {place}, which stands for a file", hint, parameter="channel")

    def arriving(self, sent: bytes) -> JpegPicture:
        """Send a JPEG through the command, in a private folder that is removed, and return what arrives.

        Raises:
            ConfigError: the command can't be run.
            MediaError: it fails, or makes no JPEG.
        """
        with temporary_folder() as folder:
            before = folder / "sent.jpg"
            after = folder / "received.jpg"
            before.write_bytes(sent)
            self.run(before, after)
            try:
                return read_jpeg(after)
            except MediaError as error:
                problem = f"what arrives is not a JPEG that can be read ({error.problem})"
                raise MediaError(problem, subject="channel") from error

    def run(self, sent: Path, received: Path) -> None:
        """Run the command, which may take 300 seconds at most; errors are those of `arriving`."""
        timeout = 300  # seconds that a command may take for a picture
        arguments = [each.replace("{in}", str(sent)).replace("{out}", str(received)) for each in self._arguments]
        program = self._arguments[0]
        try:
            done = subprocess.run(
                arguments, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout
            )
        except OSError as error:
            raise ConfigError(f"{program}: can't be run ({error.strerror})", parameter="channel") from error
        except subprocess.TimeoutExpired as error:
            raise MediaError(f"{program}: took more than {timeout} seconds", subject="channel") from error
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no error message"]
            raise MediaError(f"{program}: failed with exit code {done.returncode}: {last[0]}", subject="channel")
        if not received.is_file():
            raise MediaError(f"{program}: wrote no {{out}}", subject="channel")


def same_tables(one: JpegPicture, other: JpegPicture) -> bool:
    """Return whether two JPEGs have the same number of blocks and the same quantisation tables."""
    shapes = [[plane.shape for plane in each.planes] for each in (one, other)]
    return shapes[0] == shapes[1] and all(
        np.array_equal(one.quanta(number), other.quanta(number)) for number in range(len(one.planes))
    )
