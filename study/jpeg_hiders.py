"""Ways to hide in a JPEG's luma that the stage jpeg_steganalysis compares: stegnet's, and published ones.

nsF5, UERD and J-UNIWARD are simulated by the package conseal, as an ideal code would change coefficients; steghide is
the program, if it is installed. A rate is in bits for each of luma's coefficients that is not 0, the first of blocks
not counted, and counts all bits that are hidden: of stegnet, the record with its tag, the lead and the MAC.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from conseal.nsF5 import simulate_single_channel as nsf5
from conseal.simulate import ternary
from conseal.uerd import simulate_single_channel as uerd
from PIL import Image

from stegnet.core.pixels import encode_jpeg
from stegnet.image.jpeg_coefficients import read_jpeg
from stegnet.keys import KEY_BYTES, ContainerKeys, Key, Randomness, seeded
from stegnet.media.cover import Cover
from stegnet.media.jpeg_cover import JpegCover, jpeg_cover
from stegnet.methods.jpeg import USUAL_QUALITY
from stegnet.sealing import LEAD_BITS, MAC_BITS, SEED_BYTES, TAG_BYTES, SealOptions, seal
from stegnet.sealing.jpeg_samples import (
    coefficient_costs,
    fixed_samples,
    juniward,
    medium_of,
    samples_of,
    with_samples,
)
from study.jpeg_features import Luma, from_zigzag, luma_of

NOTHING, JPEG, WHILE_SAVING = "nothing", "jpeg", "jpeg, cover not a JPEG"
OWN = (JPEG, WHILE_SAVING)
NSF5, UERD, JUNIWARD, STEGHIDE = "nsF5", "UERD", "J-UNIWARD", "steghide"
LEAST_BITS = LEAD_BITS + MAC_BITS + 8 * TAG_BYTES  # of a container of the method jpeg
_FINEST = 98  # quality that the method jpeg makes
_SECRET = 32  # bytes of a program's random passphrase

# Of a cover, (H, W, 3) uint8, the quality of the JPEG, the rate, and a seed: the luma of the container.
Hider = Callable[[np.ndarray, int, float, int], Luma]


@dataclass(frozen=True)
class JpegCase:
    """A method at a quality and a rate, and the features that it is attacked by."""

    quality: int
    method: str
    rate: float
    features: str


def saved_luma(picture: np.ndarray, quality: int) -> Luma:
    """Luma of a picture that was saved as JPEG, 4:2:0."""
    with TemporaryDirectory() as folder:
        return luma_of(read_jpeg(_saved(picture, quality, Path(folder))), quality)


def cover_luma(picture: np.ndarray, quality: int) -> Luma:
    """Luma of what the method jpeg hides in where the cover is a JPEG of this quality: at 99 and 100, saved at 95."""
    with TemporaryDirectory() as folder:
        return luma_of(_cover(_saved(picture, quality, Path(folder)), quality).picture, quality)


def hide_in_jpeg(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """The method jpeg in a cover that is a JPEG."""
    with TemporaryDirectory() as folder:
        return _sealed(_saved(picture, quality, Path(folder)), quality, rate, seed)


def hide_while_saving(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """The method jpeg in a cover that is a PNG: what was rounded is known."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cover.png"
        Image.fromarray(picture).save(path)
        return _sealed(path, quality, rate, seed)


def hide_by_nsf5(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """nsF5 (Fridrich, Pevný and Kodovský 2007, ACM MM&Sec)."""
    cover = saved_luma(picture, quality)
    return Luma(nsf5(cover.coefficients, rate, seed=seed), cover.table, quality)


def hide_by_uerd(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """UERD (Guo, Ni, Su, Tang and Shi 2015, IEEE TIFS 10(12))."""
    cover = saved_luma(picture, quality)
    return Luma(uerd(cover.coefficients, cover.table, rate, seed=seed), cover.table, quality)


def hide_by_juniward(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """J-UNIWARD, as the method jpeg computes its costs."""
    with TemporaryDirectory() as folder:
        jpeg = read_jpeg(_saved(picture, quality, Path(folder)))
    cover, costs = luma_of(jpeg, quality), juniward(jpeg.decoded_luma.shown, jpeg.steps(0))
    costs = from_zigzag(costs.astype(np.float64))
    changes = ternary(rhos=(costs, costs), alpha=rate, n=cover.nonzero, seed=seed)
    return Luma(cover.coefficients + changes, cover.table, quality)


def hide_by_steghide(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """steghide 0.5.1, in all components."""
    random = seeded(seed)
    with TemporaryDirectory() as folder:
        cover, secret, out = _saved(picture, quality, Path(folder)), Path(folder) / "secret", Path(folder) / "out.jpg"
        count = luma_of(read_jpeg(cover), quality).nonzero
        secret.write_bytes(random(int(rate * count / 8)))
        options = ["-p", random(_SECRET).hex(), "-Z", "-N", "-K", "-q"]
        subprocess.run([STEGHIDE, "embed", "-cf", cover, "-ef", secret, "-sf", out, *options], check=True)
        return luma_of(read_jpeg(out), quality)


HIDERS: dict[str, Hider] = {
    NOTHING: lambda picture, quality, rate, seed: cover_luma(picture, quality),
    JPEG: hide_in_jpeg,
    WHILE_SAVING: hide_while_saving,
    NSF5: hide_by_nsf5,
    UERD: hide_by_uerd,
    JUNIWARD: hide_by_juniward,
    STEGHIDE: hide_by_steghide,
}


def available(method: str) -> bool:
    """Returns whether a method can be measured here."""
    return method != STEGHIDE or shutil.which(STEGHIDE) is not None


def sealed_planes(cover: JpegCover, record: bytes, keys: ContainerKeys, random: Randomness) -> list[np.ndarray]:
    """Return the planes of a cover with a record of any bytes, as the method jpeg seals it."""
    picture = cover.picture
    samples = samples_of(picture)
    fixed = fixed_samples(picture)
    options = SealOptions(True, clustered=False, medium=medium_of(picture), fixed=fixed if fixed.any() else None)
    seal(samples, record, keys, random(SEED_BYTES), coefficient_costs(picture, cover.errors), options)
    return with_samples(picture, samples)


def _sealed(path: Path, quality: int, rate: float, seed: int) -> Luma:
    """The luma of a container of the method jpeg, under a key of its own."""
    cover, random = _cover(path, quality), seeded(seed)
    plain = luma_of(cover.picture, quality)
    size = max(round((rate * plain.nonzero - LEAST_BITS) / 8), 0)
    keys = Key(random(KEY_BYTES)).new_keys(random)
    planes = sealed_planes(cover, random(size), keys, random)
    return Luma(from_zigzag(planes[0]), plain.table, quality)


def _cover(path: Path, quality: int) -> JpegCover:
    with Cover(path) as cover:
        return jpeg_cover(cover, quality if quality <= _FINEST else USUAL_QUALITY)


def _saved(picture: np.ndarray, quality: int, folder: Path) -> Path:
    path = folder / "cover.jpg"
    path.write_bytes(encode_jpeg(picture, quality))
    return path
