"""The Python API; its names are exported by the package `stegnet`.

Pictures are numpy arrays, (H, W, 3) uint8, sRGB in 0..255; films and other files are paths.
"""

import warnings
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from stegnet.core.card import SHIPPED
from stegnet.core.errors import MediaError
from stegnet.core.samples import is_grey
from stegnet.files.files import hide_file, picture_quality, reveal_file
from stegnet.keys import Identity, Key, KeySource, Passphrase, Recipient
from stegnet.media import FILM
from stegnet.media.inputs import input_kind
from stegnet.methods.automatic import hide_automatically
from stegnet.methods.network import HideOptions, Network, Revealed, hide_picture, reveal_picture
from stegnet.methods.network.film import Longer
from stegnet.methods.network.frame import grey_refused
from stegnet.methods.robust.modems import SHIPPED_MODEMS
from stegnet.methods.robust.pictures import JPEG, RobustOptions, hide_robust_file
from stegnet.methods.sealed.embed import embed_file
from stegnet.results import OutputTarget, Report
from stegnet.results.output import Progress, no_progress

File = str | PathLike[str]
Method = Literal["auto", "sealed", "network", "robust"]


def load(
    weights: File | None = None, device: str = "auto", precision: str = "auto", backend: str = "auto"
) -> "LoadedPair":
    """Loads a hide/reveal pair, once: in less than a second with ONNX Runtime, in seconds with PyTorch.

    Args:
        weights: a weights file; None loads the one in the package.
        device: "auto" uses a CUDA device if available, else the CPU; or "cpu", "cuda", "cuda:1", …
        precision: "auto" uses bfloat16 where it is fast, else 32 bits; or "bf16", "fp32".
        backend: "torch" or "onnx"; "auto" uses PyTorch if it is installed and a CUDA device is available, else ONNX
            Runtime.
    Raises:
        WeightsError: no such file, not a weights file of stegnet, or (ONNX) not exported.
        ConfigError: unavailable device, unknown precision or backend, or a combination that is not supported.
        PackageError: the backend is not installed.
    """
    return LoadedPair(Network.load(SHIPPED if weights is None else Path(weights), device, precision, backend))


class LoadedPair:
    """A hide/reveal pair that is ready to compute, made by `stegnet.load`.

    All methods raise ValueError or TypeError for an argument of the wrong kind.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    @property
    def weights(self) -> str:
        """Id of the weights, 64 hexadecimal digits: revealing needs the weights used for hiding."""
        return self._network.weights

    def hide(self, cover: np.ndarray, secret: np.ndarray, key: KeySource, *, force: bool = False) -> np.ndarray:
        """Hides one picture in another.

        Args:
            cover: (H, W, 3) uint8; not changed.
            secret: (h, w, 3) uint8, of any size; it is revealed at its own size.
            key: a Key, a Passphrase, or a Recipient.
            force: skip measuring the quality of the revealed secret.
        Returns:
            The container, (H, W, 3) uint8: keep every bit of it.
        Raises:
            CapacityError: the cover is too small, or grey, or the revealed secret would be below 22 dB PSNR.
        Warns:
            UserWarning: the revealed secret is below 30 dB PSNR, or the passphrase is weak.
        """
        _check_key(key, hiding=True)
        cover, secret = _picture("cover", cover), _picture("secret", secret)
        if is_grey(cover):
            raise grey_refused()
        container = hide_picture(self._network, cover, secret, key)
        if not force:
            for line in picture_quality(self._network, container, secret, key, force).warnings():
                warnings.warn(line, stacklevel=2)
        return container

    def reveal(self, container: np.ndarray, key: KeySource) -> Revealed:
        """Reveals a hidden picture.

        Args:
            container: (H, W, 3) uint8, as returned by `hide`.
            key: the one it was hidden with; for a recipient, its Identity.
        Returns:
            `picture`, (h, w, 3) uint8, and `whole`: True if the container is exactly as it was hidden.
        Raises:
            RevealError: wrong key, nothing hidden, or altered beyond reading; which of them can't be known.
            WeightsError: hidden with other weights.
        """
        _check_key(key)
        return reveal_picture(self._network, _picture("container", container), key)

    def hide_film(
        self,
        cover: File,
        secret: File,
        out: File,
        key: KeySource,
        *,
        longer: Longer = "refuse",
        sound: bool = True,
        verify: bool = True,
        force: bool = False,
        progress: Progress = no_progress,
    ) -> Report:
        """Hides one film in another, a secret frame in each frame of the cover.

        Args:
            cover, secret: films of any size and rate.
            out: the file to write, .mkv or .mp4.
            key: a Key, a Passphrase, or a Recipient.
            longer: "refuse" a secret of more frames than its cover, or "cut" it.
            sound: hide the secret's sound too.
            verify: read the container back and compare it.
            force: overwrite an existing file, and accept a revealed secret below 22 dB PSNR.
            progress: called with the phase ("hide", "verify"), frames done, and frames in all.
        Returns:
            A report; `secret_psnr` is the quality of the revealed secret.
        Raises:
            MediaError: a film can't be read, or the container not written.
            CapacityError: the cover is too small or too short, or the revealed secret would be below 22 dB PSNR.
        """
        for film in (cover, secret):
            _check_film(Path(film))
        options = HideOptions(longer, sound, verify, force=force)
        _check_key(key, hiding=True)
        target = OutputTarget(Path(out), force)
        return hide_file(lambda: self._network, Path(cover), Path(secret), target, key, options, progress=progress)

    def reveal_film(
        self,
        container: File,
        out: File,
        key: KeySource,
        *,
        strict: bool = False,
        lossless: bool = False,
        force: bool = False,
        progress: Progress = no_progress,
    ) -> Report:
        """Reveals a hidden film at its own size, with its own time stamps and sound.

        Args:
            container: a film that `hide_film` wrote.
            out: the file to write: .mkv for its exact frames, or .mp4 for watching: H.264 4:2:0, hardly different, with
                sound that browsers and phones play.
            key: the one it was hidden with; for a recipient, its Identity.
            strict: refuse a container that is not exactly as it was hidden; else `trouble` of the report lists the
                damage.
            lossless: write the exact frames to .mp4, too.
            force: overwrite an existing file.
            progress: called with the phase ("reveal", "check"), frames done, and frames in all (0: unknown).
        Raises:
            MediaError: the container can't be read, or the film not written.
            RevealError: wrong key, nothing hidden, or (if strict) altered.
            WeightsError: hidden with other weights.
        """
        _check_film(Path(container))
        choices = {"strict": strict, "lossless": lossless, "force": force, "progress": progress}
        return self.reveal_file(container, out, key, **choices)

    def hide_file(
        self,
        cover: File,
        secret: File,
        out: File,
        key: KeySource,
        *,
        method: Method = "auto",
        compress: bool = False,
        survive: str | None = None,
        container_psnr: float | None = None,
        verify: bool = True,
        force: bool = False,
        progress: Progress = no_progress,
    ) -> Report:
        """Hides a file in a picture or film.

        Args:
            cover: a picture or film.
            secret: any file; for "network" a picture or film like the cover.
            out: the file to write: .png (or .jpg: "robust") for a picture, .mkv or .mp4 for a film.
            key: a Key, a Passphrase, or a Recipient.
            method: "sealed" hides the file byte for byte, "network" by the network, "robust" by bits that survive JPEG,
                a picture made to fit and a small file as it is; "auto" is "robust" if `out` is a JPEG, or `survive` or
                `container_psnr` is given; else "sealed", compressed if it does not fit otherwise, and "network" if it
                can't be compressed into the cover.
            compress: with "sealed", compress a picture or film that does not fit; "auto" and "robust" do so anyway.
            survive: with "robust", the channel: "jpeg:75" (the default), any other quality, or "messenger", each also
                with "+resize:0.5" or another factor for resized copies, or with "+crop" for copies cropped or shifted
                by up to 8 pixels; of a film, "h264:23" (the default), or any other constant rate factor from 18 to 28.
            container_psnr: with "robust", quality of the container in dB; the nearest that the weights offer is taken.
                By default 42 if the file fits so, else 38.
            verify, force, progress: as `hide_film`.
        Raises:
            MediaError: a file can't be read, or the container not written.
            CapacityError: the secret does not fit into the cover, would be revealed below 22 dB PSNR, or does not
                survive.
            ConfigError: there is no such channel.
        """
        if method == "auto" and (survive or container_psnr or Path(out).suffix.lower() in JPEG):
            method = "robust"
        if method not in get_args(Method):
            raise ValueError(f"method: must be auto, sealed, network or robust, is {method!r}")
        if (survive or container_psnr) and method != "robust":
            raise ValueError("survive and container_psnr go with robust")
        if compress and method == "network":
            raise ValueError("compress does not go with network")
        _check_key(key, hiding=True)
        cover, secret, target = Path(cover), Path(secret), OutputTarget(Path(out), force)
        if method == "sealed":
            return embed_file(cover, secret, target, key, compress=compress, verify=verify, progress=progress)
        if method == "robust":
            wanted = RobustOptions(survive, container_psnr, verify)
            return hide_robust_file(SHIPPED_MODEMS, cover, secret, target, key, wanted, progress=progress)
        options, hide = (
            HideOptions(verify=verify, force=force),
            hide_file if method == "network" else hide_automatically,
        )
        return hide(lambda: self._network, cover, secret, target, key, options, progress=progress)

    def reveal_file(
        self,
        container: File,
        out: File | None,
        key: KeySource,
        *,
        strict: bool = False,
        lossless: bool = False,
        force: bool = False,
        progress: Progress = no_progress,
    ) -> Report:
        """Reveals what is hidden in a picture or film; arguments and errors as `reveal_film`.

        Args:
            out: the file to write: .png, .jpg, .webp or .avif for a picture, .mkv or .mp4 for a film, any name for
                another file. None: the hidden file's own name, made harmless, or else revealed.png or revealed.mp4, in
                the current folder; a hidden text is not written.
            lossless: keep every bit of a picture (.png, .webp) or film; else .mp4 is for watching.
        Returns:
            A report; `path` is the file that was written, `text` a hidden text if `out` is None.
        """
        _check_key(key)
        target = OutputTarget(Path(out or ""), force, lossless=lossless, named=out is not None)
        return reveal_file(lambda: self._network, Path(container), target, key, strict, progress)


def _picture(name: str, array: np.ndarray) -> np.ndarray:
    """The array, contiguous in memory.

    Raises:
        TypeError: not an array.
        ValueError: not a picture.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: must be a numpy array (H, W, 3) uint8, is {type(array).__name__}")
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueError(f"{name}: must be (H, W, 3) uint8, is {array.shape} {array.dtype}")
    return np.ascontiguousarray(array)


def _check_key(key: KeySource, hiding: bool = False) -> None:
    """Refuses what is not a key, and warns of a weak passphrase on hiding.

    The message does not show the value: it may be a passphrase.
    """
    kinds = Key | Passphrase | (Recipient if hiding else Identity)
    if not isinstance(key, kinds):
        last = "Recipient" if hiding else "Identity"
        known = f"a stegnet.Key, a stegnet.Passphrase or a stegnet.{last}"
        raise TypeError(f"key: must be {known}, is {type(key).__name__}")
    if hiding and isinstance(key, Passphrase) and (weakness := key.weakness()):
        warnings.warn(weakness, stacklevel=3)


def _check_film(path: Path) -> None:
    if input_kind(path) != FILM:
        raise MediaError(f"{path}: is a picture, not a film", "hide_file and reveal_file take both")
