"""Python API, whose names are exported by the package `stegnet`.

Covers, secrets and containers are paths, bytes of files, or pictures as numpy arrays, (H, W, 3) uint8, sRGB in 0..255.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self, TypedDict, Unpack

import numpy as np

from stegnet import files
from stegnet.core.arguments import checked
from stegnet.core.disk import local_path, temporary_folder
from stegnet.core.errors import CapacityError, MediaError, called
from stegnet.core.names import FILM, PICTURE
from stegnet.core.parallel import Progress, no_progress
from stegnet.core.process_settings import blas_in_one_thread
from stegnet.core.text import brief_repr
from stegnet.formats.opened_file import FileInMemory
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import AUTO, Context, Fit
from stegnet.image.pictures import png_bytes, read_picture, write_png
from stegnet.keys import Identity, Key, KeySource, Passphrase, Recipient
from stegnet.methods.registry import method_for
from stegnet.results import OutputTarget, Report

if TYPE_CHECKING:
    from stegnet.files import Info

Image = np.ndarray  # (H, W, 3) uint8, sRGB
Source = Image | Path | bytes | str | PathLike[str]
MethodName = Literal["auto", "sealed", "jpeg", "h264", "sound", "transparent", "network", "robust"]


class HideOptions(TypedDict, total=False):
    """Options of the methods, by the names of `stegnet hide --help-all`; a method refuses those that it lacks."""

    at_most_safe: bool
    strip_metadata: bool
    compress: bool
    longer: Literal["refuse", "cut"]
    sound: bool
    any_quality: bool
    quality: int | None
    resize: int | None
    channel: str | None
    channel_file: tuple[str | PathLike[str]] | None
    survive: str | PathLike[str] | None
    container_psnr: float | None
    verify: bool


class AlbumOptions(HideOptions, total=False):
    """Options of `hide_album`: a method, whether to replace files, and the method's own."""

    method: MethodName
    overwrite: bool


@dataclass(frozen=True, repr=False)
class Revealed:
    """A revealed secret.

    Attributes:
        kind: "picture" or "film" for the method "network", or "file", which may be a picture: see `picture`.
        name: the hidden file's own name, which its sender chose: do not write to it unchecked. None: it has no name.
        data: bytes of the file, of the picture as PNG, or of the film as Matroska; None: see `path`.
        path: the file that was written, if one was requested.
        trouble: one line for each way in which the container was altered after hiding; if alteration can be detected,
            empty means that it was not altered.
        notes: one line each, for information.
    """

    kind: Literal["picture", "film", "file"]
    name: str | None
    data: bytes | None
    path: Path | None
    trouble: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    __repr__ = brief_repr

    @property
    @blas_in_one_thread
    def picture(self) -> Image:
        """The secret as a picture, (H, W, 3) uint8, if it is one or is a file of one.

        Raises:
            MediaError: it is not a picture.
        """
        if self.data is None:
            return read_picture(self._written)
        with _as_file(self.data, "revealed") as path:
            return read_picture(path)

    @property
    def text(self) -> str:
        """The secret as text, if it is a file in UTF-8.

        Raises:
            UnicodeDecodeError: it is not UTF-8.
        """
        data = self._written.read_bytes() if self.data is None else self.data
        return data.decode()

    @property
    def _written(self) -> Path:
        """File of a secret that was not returned."""
        assert self.path is not None
        return self.path


class Session:
    """Networks and the device that computes them, for many calls; they are loaded when first needed.

    As a context manager, it gives back the networks' memory at the end of the block.

    Args:
        weights: file of a pair, or of a modem; None: those in the package.
        device: "auto" uses a CUDA device if available, else the CPU; or "cpu", "cuda", "cuda:1", …
        precision: "auto" uses bfloat16 where it is fast, else 32 bits; or "bf16", "fp32".
        backend: "torch" or "onnx"; "auto" uses PyTorch if it is installed and a CUDA device is available, else ONNX
            Runtime.
        progress: called with the phase ("hide", "verify"), frames done, and frames in all (0: unknown).

    Methods raise WeightsError, ConfigError or PackageError if the networks can't be loaded this way, and TypeError or
    ValueError for an argument of the wrong kind.
    """

    def __init__(
        self,
        *,
        weights: str | PathLike[str] | None = None,
        device: str = "auto",
        precision: str = "auto",
        backend: str = "auto",
        progress: Progress = no_progress,
    ) -> None:
        if not callable(progress):
            raise TypeError(f"progress: must be a function, is {type(progress).__name__}")
        self._context = Context(
            checked("weights", weights, Path | None),
            checked("device", device, str),
            checked("precision", precision, str),
            checked("backend", backend, str),
            progress=progress,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.networks.clear()

    def hide(
        self,
        cover: Source,
        secret: Source,
        to: str | PathLike[str] | None = None,
        *,
        key: KeySource,
        method: MethodName = "auto",
        overwrite: bool = False,
        **options: Unpack[HideOptions],
    ) -> Report:
        """Hide a secret in a picture, film or sound.

        Args:
            cover: a picture, film, WAV or FLAC: its path, its bytes, or a picture as an array, (H, W, 3) uint8, sRGB;
                not changed.
            secret: the path or the bytes of any file, or a picture as an array like that.
            to: file to write; None: the container is in the report, as an array, (H, W, 3) uint8, if the cover is one,
                else as bytes. Keep every bit of it, unless the method is "robust".
            key: a Key, a Passphrase, or a Recipient.
            method: "sealed" hides a file byte for byte, as do "jpeg", "h264", "sound" and "transparent" in a cover that
                stays a JPEG, MP4, WAV, FLAC or transparent PNG; "network" hides a picture or film by neural networks,
                "robust" a picture or small file by bits that survive JPEG or H.264. "auto" is "robust" if `survive` or
                `container_psnr` is given. Otherwise it is the method that keeps the cover's format, or "sealed", and
                compresses secrets that do not fit; "network" if the secret can't be compressed into the cover.
            overwrite: replace an existing file.
            options: of the methods, which refuse those that they lack; in brackets, who has them, if not all. None is
                the default that follows from cover and channel.

                - at_most_safe (bool): hide no more than is hard to find in an original: compress a picture, refuse a
                  larger file [all but "network" and "robust"].
                - strip_metadata (bool): leave out place, date, camera and software.
                - compress (bool): False refuses a secret that does not fit as it is, True hides a compressed copy of a
                  picture or film then [all but "network"; False by default in "sealed", "transparent", "sound"].
                - longer ("refuse" or "cut"): of a film with more frames than its cover ["network"].
                - sound (bool): hide the secret film's sound, too ["network"].
                - any_quality (bool): hide a secret even if it is revealed below 22 dB PSNR ["network"].
                - quality (int): 50 to 98, of JPEGs that are made of other covers; 95 by default ["jpeg"].
                - resize (int): reduce a picture first, to so many pixels on its longer side ["sealed", "robust",
                  "jpeg"].
                - survive (str): the channel that the container survives, such as "jpeg:75+resize:0.5" or "messenger"
                  ["robust"]; or the Path of a channel's file: what arrives through it is the container ["jpeg"].
                - channel (str): a command that does what the container goes through, with {in} and {out} ["jpeg"].
                - channel_file (tuple of a path): the file of a channel, as `survive` takes it ["jpeg"].
                - container_psnr (float): 32, 38 or 42 dB of a full container against its cover ["robust"].
                - verify (bool): open the container before it gets its name; True by default.

        Raises:
            MediaError: a file can't be read, or the container can't be written, as when `to` exists without
                `overwrite`.
            CapacityError: the secret does not fit or survive, or a network would reveal it below 22 dB PSNR.
            ConfigError: there is no such method, option or channel, or an option is out of its range.
            WeightsError: the networks can't be loaded.
            TypeError, ValueError: an argument is of the wrong type; an array of the wrong shape.

        Warns:
            UserWarning: the passphrase is weak, the cover gives its container away, or a copy is hidden.
        """
        _check_hiding_key(key)
        out = checked("to", to, Path | None)
        force = checked("overwrite", overwrite, bool)
        chosen, typed = method_for("file", options, out.suffix.lower() if out else "", checked("method", method, str))
        with (
            blas_in_one_thread,
            _as_file(cover, "cover") as cover_path,
            _as_secret(secret) as secret_file,
            temporary_folder() as folder,
        ):
            job = HideJob(chosen, typed, replace(self._context, warn=_warn))
            path = out or folder / f"container{job.suffix_of(cover_path)}"
            report = hide_file(job, cover_path, secret_file, OutputTarget(path, force), key)
            if report.changed_secret:
                _warn(report.changed_secret)
            if out:
                return replace(report, path=path)
            container = read_picture(path) if isinstance(cover, np.ndarray) else path.read_bytes()
            return replace(report, container=container)

    def hide_album(
        self,
        covers: str | PathLike[str],
        secret: Source,
        to: str | PathLike[str],
        *,
        key: KeySource,
        enough: int | None = None,
        **options: Unpack[AlbumOptions],
    ) -> list[Report]:
        """Divide a secret over all pictures and sounds in a folder; `reveal` joins them again.

        Args:
            covers: the folder; its files are not changed.
            secret: the path or the bytes of any file, or a picture as an array, (H, W, 3) uint8, sRGB.
            to: folder for the containers, created if missing.
            key: a Key, a Passphrase, or a Recipient.
            enough: number of containers, of any choice, that suffice; None: all are needed.
            options: `method`, `overwrite`, and those of the method, as for `hide`.

        Returns:
            A report for each container, with its `path`.

        Raises:
            MediaError: a file can't be read, or the folder can't be written.
            CapacityError: the secret does not fit.
            ConfigError: the method or option is unknown, the method makes no albums, or `enough` is impossible.

        Warns:
            UserWarning: the passphrase is weak.
        """
        _check_hiding_key(key)
        given = dict(options)
        method = checked("method", given.pop("method", AUTO), str)
        force = checked("overwrite", given.pop("overwrite", False), bool)
        folder = OutputTarget(checked("to", to, Path), force)
        pictures = checked("covers", covers, Path)
        needed = checked("enough", enough, int | None)
        chosen, typed = method_for("file", given, "", method)
        with blas_in_one_thread, _as_file(secret, "secret") as secret_path:
            plan = files.plan_album(pictures, secret_path, needed)
            with files.results_folder(folder.path, pictures):
                job = HideJob(chosen, typed, self._context)
                outcomes = files.make_album(plan, folder, key, job)
        reports = []
        for outcome in outcomes:
            _, report = outcome.written
            reports.append(report)
        return reports

    def reveal(
        self,
        container: Source,
        to: str | PathLike[str] | None = None,
        *,
        key: KeySource,
        strict: bool = False,
        lossless: bool = False,
        overwrite: bool = False,
    ) -> Revealed:
        """Reveal the secret in a picture, film, sound or album.

        Args:
            container: its path, its bytes, or a picture as an array, (H, W, 3) uint8; or the path of a folder that
                holds an album.
            to: file to write, readable by its owner only: .png, .jpg, .webp or .avif for a picture, .mkv or .mp4 for a
                film, any name for another file; or an existing folder. None: the secret is returned.
            key: the key it was hidden with; for a recipient, its Identity.
            strict: refuse a container that is not exactly as it was hidden, if alteration can be detected.
            lossless: keep every bit of a picture (.png, .webp) or film; otherwise .mp4 is for watching.
            overwrite: as in `hide`.

        Raises:
            MediaError: the container can't be read, or the file can't be written.
            RevealError: the key is wrong, nothing is hidden, or the container was altered beyond reading; these causes
                can't be told apart.
            WeightsError: it was hidden with other weights.
        """
        _check_key(key, Identity)
        target = checked("to", to, Path | None)
        force = checked("overwrite", overwrite, bool)
        exact = checked("strict", strict, bool)
        every_bit = checked("lossless", lossless, bool)
        with blas_in_one_thread, _as_file(container, "container") as path, temporary_folder() as folder:
            with files.open_hidden(path, key, self._context) as opened:
                hidden = files.find(opened, self._context)
                suffix = {PICTURE: ".png", FILM: ".mkv"}.get(hidden.kind, ".bin")
                out = target or folder / f"revealed{suffix}"
                report = files.write_hidden(hidden, OutputTarget(out, force, lossless=every_bit), exact)
            data = None if target else out.read_bytes()
            written = report.path if target else None
            return Revealed(hidden.kind, hidden.name, data, written, report.trouble, report.notes)

    def info(self, file: Source, *, key: KeySource | None = None, survive: Path | None = None) -> "Info":
        """Describe a file: its capacity or, with the key, the secret in it, like `stegnet info`.

        Args:
            file: a picture, film or sound: its path, its bytes, or a picture as an array, (H, W, 3) uint8, sRGB.
            key: the key of a container, a Key, a Passphrase or an Identity; None: its capacity is described.
            survive: the file of a channel: the capacity through it is described.

        Raises:
            MediaError: the file can't be read.
            RevealError: nothing opens with this key.
        """
        if key is not None:
            _check_key(key, Identity)
        channel = checked("survive", survive, Path | None)
        with blas_in_one_thread, _as_file(file, "file") as path:
            return files.file_info(path, key, self._context, channel)

    def capacity(self, cover: Source) -> list[Fit]:
        """Return what fits into a picture, film or sound, by method.

        Args:
            cover: its path, its bytes, or a picture as an array, (H, W, 3) uint8, sRGB.

        Raises:
            MediaError: the file can't be read.
            CapacityError: it was not measured, as of a large file that is nearly blank.
        """
        info = self.info(cover)
        if "unmeasured" in info:
            raise CapacityError(f"what fits was not measured: {info['unmeasured']}")
        return info["fits"]


_session = Session()
hide: Final = _session.hide
hide_album: Final = _session.hide_album
reveal: Final = _session.reveal
info: Final = _session.info
capacity: Final = _session.capacity


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=2)


@contextmanager
def _as_file(source: Source, name: str) -> Iterator[Path]:
    """Yield the path of a source; bytes and arrays are in a temporary file, readable by its owner only, for the block.

    Raises:
        TypeError: the source is neither a path, bytes nor an array.
        ValueError: the source is an array, but not a picture.
        StegnetError: an error of the block; its subject is `name` instead of the temporary file.
    """
    if isinstance(source, str | PathLike):
        yield local_path(source)
        return
    with temporary_folder() as folder:
        if isinstance(source, bytes):
            path = folder / name
            path.write_bytes(source)
        else:
            path = folder / f"{name}.png"
            write_png(path, _picture(name, source))
        with called(name, path):
            yield path


@contextmanager
def _as_secret(source: Source) -> Iterator[Path | FileInMemory]:
    """Yield a secret: a path, or bytes and arrays in memory. Errors are those of `_as_file`."""
    if isinstance(source, str | PathLike):
        try:
            yield local_path(source)
        except MediaError as error:
            if isinstance(source, str) and error.subject == str(Path(source)) and not os.path.lexists(source):
                error.problem += "; a text is given as bytes: b'...'"
            raise
    elif isinstance(source, bytes):
        yield FileInMemory("secret", source)
    else:
        file = FileInMemory("secret.png", png_bytes(_picture("secret", source)))
        with called("secret", file.name):
            yield file


def _picture(name: str, array: object) -> Image:
    """Return a picture as a contiguous array; errors are those of `_as_file`."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: must be a path, bytes or a numpy array, is {type(array).__name__}")
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueError(f"{name}: must be (H, W, 3) uint8, is {array.shape} {array.dtype}")
    return np.ascontiguousarray(array)


def _check_hiding_key(key: KeySource) -> None:
    _check_key(key, Recipient)
    if isinstance(key, Passphrase) and (weakness := key.weakness()):
        warnings.warn(weakness, stacklevel=3)


def _check_key(key: KeySource, last: type[KeySource]) -> None:
    """Raise TypeError if the value is not a key; the message does not show the value, which may be a passphrase."""
    if not isinstance(key, Key | Passphrase | last):
        known = f"a stegnet.Key, a stegnet.Passphrase or a stegnet.{last.__name__}"
        given = type(key).__name__
        ways = ': stegnet.Passphrase("...") for a passphrase, stegnet.read_key("FILE") for a key file'
        raise TypeError(f"key: must be {known}, is {given}{ways if isinstance(key, str | bytes | PathLike) else ''}")
