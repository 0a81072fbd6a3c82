"""The JPEG that a robust container is written as: the cover's own, but for the blocks that carry something."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from stegnet.core.jpeg import BLOCK
from stegnet.core.samples import strips
from stegnet.core.temporary import temporary_folder
from stegnet.media import read_cover
from stegnet.media.cover import Cover
from stegnet.media.jpeg import JpegCover, coefficients, dct_basis
from stegnet.media.jpeg.markers import parse_jpeg
from stegnet.media.pictures.pictures import exif_orientation

_LUMA = np.float32([0.299, 0.587, 0.114])
_MIDDLE, _PEAK = 128, 255
_MOST = np.array([2047, *[1023] * 63])  # coefficients that a JPEG of 8 bits has codes for
# Mean step of luma at quality 92, and what is left of the room below: measured from 75 to 95, through 75 to 95.
_FINE, _COARSE_SHARE = 9.0, 0.7
_TURN = Image.Transpose
_BACK = {  # by EXIF's orientation, what turns upright pixels back to those stored
    2: _TURN.FLIP_LEFT_RIGHT, 3: _TURN.ROTATE_180, 4: _TURN.FLIP_TOP_BOTTOM, 5: _TURN.TRANSPOSE, 6: _TURN.ROTATE_90,
    7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_270,
}  # fmt: skip


def usual_share(cover: Cover | None) -> float:
    """Share of the usual room that a cover has: less where it is a JPEG of coarse steps, which stay.

    Raises:
        MediaError: it is a JPEG that can't be read.
    """
    if cover is None or not cover.is_jpeg:
        return 1.0
    file = parse_jpeg(cover.read_bytes(), str(cover))
    return 1.0 if np.mean(file.quantisation[file.components[0].table]) < _FINE else _COARSE_SHARE


@dataclass(frozen=True, eq=False)
class OwnJpeg:
    """A cover's own JPEG, with other coefficients of luma where a container differs from what viewers show of it.

    Attributes:
        cover: it, or the JPEG that was made of it.
    """

    cover: JpegCover

    def planes(self, container: np.ndarray) -> list[np.ndarray]:
        """The planes of a container, (H, W, 3) uint8."""
        luma, *others = self.cover.picture.planes
        added = np.zeros([BLOCK * side for side in luma.shape[:2]], np.float32)
        change = self._stored(_luma_between(self.cover.shown, container))
        added[: len(change), : change.shape[1]] = change
        exact = coefficients(added) / self.cover.picture.steps(0).astype(np.float32)
        changes = (exact != 0).any(2)
        exact = exact[changes] + (0 if self.cover.errors is None else self.cover.errors[changes])
        luma = luma.copy()
        luma[changes] = np.clip(luma[changes] + np.rint(exact), -_MOST, _MOST)
        return [luma, *others]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Pixels that viewers show of a container, (H, W, 3) uint8; of other shapes, those that its tables leave."""
        if picture.shape != self.cover.shown.shape:
            return self._rounded(picture)
        with temporary_folder() as folder:
            path = folder / "container.jpg"
            path.write_bytes(self.cover.picture.with_planes(self.planes(picture)))
            return read_cover(path)[0]

    def _stored(self, upright: np.ndarray) -> np.ndarray:
        """Pixels, (H, W) float32, as they are stored."""
        with Image.open(BytesIO(self.cover.picture.file.data)) as image:
            turn = _BACK.get(exif_orientation(image))
        return upright if turn is None else np.asarray(Image.fromarray(upright).transpose(turn))

    def _rounded(self, picture: np.ndarray) -> np.ndarray:
        """A picture, (H, W, 3) uint8, of whole blocks, whose luma is rounded as this JPEG's."""
        steps, luma = self.cover.picture.steps(0).astype(np.float32), picture @ _LUMA - _MIDDLE
        rounded = np.rint(coefficients(luma) / steps) * steps @ dct_basis().astype(np.float32)
        rows, cols = (side // BLOCK for side in luma.shape)
        shown = rounded.reshape(rows, cols, BLOCK, BLOCK).swapaxes(1, 2).reshape(luma.shape)
        return np.rint((picture + (shown - luma)[..., None]).clip(0, _PEAK)).astype(np.uint8)


def _luma_between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Differences of luma, (H, W) float32, of two pictures, (H, W, 3) uint8."""
    found = np.empty(before.shape[:2], np.float32)
    for rows in strips(*found.shape):
        found[rows] = (after[rows].astype(np.float32) - before[rows]) @ _LUMA
    return found
