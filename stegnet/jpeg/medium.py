"""The luma coefficients of a JPEG as a medium: a JPEG that stays the JPEG it was (`stegnet.jpeg.samples`)."""

from functools import cached_property
from pathlib import Path

import numpy as np

from stegnet.core.pixels import in_block_rows
from stegnet.core.text import Text
from stegnet.hiding.medium import SampleMedium, WrittenMedium
from stegnet.image.pictures import pixel_strips
from stegnet.jpeg.cover import JpegCover
from stegnet.jpeg.samples import (
    CARRIED,
    COEFFICIENTS,
    coefficient_costs,
    fixed_samples,
    rules_of,
    samples_of,
    with_samples,
)
from stegnet.keys import ContainerKeys, Key, Randomness
from stegnet.media.cover import Cover
from stegnet.record import Record
from stegnet.results import NEXT_STEP, OR_ALBUM, Changes, SecurePayload
from stegnet.sealing import Costs, SampleRules, most_fixed, record_capacity

# Rates in bits per nonzero luma coefficient without the first of each block.
_MOST_RATE = 1.0  # of a record
# Of a record, per free coefficient and times the square of their share: more might leave no way around the others.
_MOST_BESIDE = 0.7
_RATE = 0.025  # that is hard to find, at this mean quantum:
_QUANTUM = 29.0
_HIGHEST_RATE = 0.1  # that is hard to find, at any quantum and with side information
_MEASURED = 17_000  # nonzero coefficients of the covers in the measurements


class JpegMedium(SampleMedium):
    """The coefficients of a JPEG that arrives as it is sent.

    Attributes:
        cover: the JPEG that is sent.
        container: the JPEG that arrives.
        arrives_otherwise: True if the channel changes coefficients of what is sent: only what arrives is the container.
    """

    larger = Text("use a larger JPEG, one with more detail", OR_ALBUM)
    tells_share = False
    arrives_otherwise = False
    _fixed_bits: np.ndarray | None = None

    def __init__(self, cover: JpegCover) -> None:
        self.cover = self.container = cover
        self.history = cover.history
        self.condition = cover.condition

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels; they are decoded when first asked for, since they take 3 bytes each."""
        height, width = self.cover.file.pixels.shape[:2]
        return height, width

    @property
    def pixel_count(self) -> int:
        """The number of pixels, none of which is decoded for it."""
        return self.cover.picture.file.height * self.cover.picture.file.width

    @property
    def samples(self) -> np.ndarray:  # type: ignore[override]  # made when asked for, and not kept
        """Coefficients of luma, (rows, 63 · columns, 1) uint8."""
        return samples_of(self.cover.picture)

    @cached_property
    def rules(self) -> SampleRules:  # type: ignore[override]  # made when first asked for
        """The kind of samples, whose context is all that carries nothing."""
        return rules_of(self.cover.picture)

    @property
    def fixed(self) -> np.ndarray | None:  # type: ignore[override]  # unpacked when asked for, and not kept
        """Coefficients of the container that must not change, (rows, 63 · columns, 1) bool; None: all may."""
        fixed = self._fixed()
        return fixed if fixed.any() else None

    def _fixed(self) -> np.ndarray:
        """Return the mask of these coefficients, which are found once, and kept eight in a byte."""
        picture = self.container.picture
        if self._fixed_bits is None:
            self._fixed_bits = np.packbits(fixed_samples(picture))
        rows, cols, _ = picture.planes[0].shape
        return np.unpackbits(self._fixed_bits, count=rows * cols * CARRIED).view(bool).reshape(rows, -1, 1)

    @property
    def secure(self) -> SecurePayload:  # type: ignore[override]  # it depends on the cover
        """Bytes that are hard to find in it.

        The best published detector, SRNet trained on ten thousand pictures of 256², is right in 68 % of cases at 0.1
        bit for each nonzero coefficient at quality 75 and in 56 % at 95; with side information, in 54 % at 0.2 (Butora,
        Fridrich 2019 and Cogranne et al. 2019, in docs/security.md). The rate at which it is right in 55 % of cases is
        roughly inverse to the mean quantum: 0.025 at a quantum of 29. With side information, 0.2 is the highest
        rate that is published or measured (54 %). No rate above half of that counts as hard to find.
        """
        rate = _HIGHEST_RATE
        if self.container.errors is None:
            rate = min(rate, _RATE * _QUANTUM / float(self.container.picture.quanta(0).mean()))
        return SecurePayload(self._used, rate, _MEASURED)

    @cached_property
    def _used(self) -> int:
        """Number of its coefficients that carry."""
        return self._count_used(self.container.usable)

    def record_capacity(self, key: Key) -> int | None:
        """Return the bytes of a record that fit into the JPEG; None, too, if too many of its coefficients are fixed."""
        cover = self.container
        luma = cover.picture.planes[0]
        fixed = self._fixed()
        stay = np.count_nonzero(fixed)
        if stay / fixed.size > most_fixed(fixed.size, COEFFICIENTS):
            return None

        most = int(self._used * _MOST_RATE) // 8
        if cover.usable is not None:  # those nearby can't be used, either
            share = self._used / max(self._count_used(None), 1)
            most = int(most * share * min(1, 2 * share))

        if stay:
            free = fixed.size - stay
            most = min(most, int(free * (free / fixed.size) ** 2 * _MOST_BESIDE) // 8)
        in_all = record_capacity(luma.shape[0], luma.shape[1] * CARRIED, key, 1, COEFFICIENTS)
        return None if in_all is None else min(in_all, most)

    def _count_used(self, usable: np.ndarray | None) -> int:
        """Return the number of nonzero coefficients that may change, without the first of each block."""
        luma = self.container.picture.planes[0]
        fixed = self._fixed().reshape(*luma.shape[:2], CARRIED)

        def count(part: slice) -> int:
            used = np.greater(luma[part, :, 1:] != 0, fixed[part])
            return int(np.count_nonzero(used if usable is None else used & usable[part]))

        return sum(in_block_rows(count, len(luma)))

    def costs(self) -> Costs:
        costs = coefficient_costs(self.cover.picture, self.cover.errors)
        self.cover.picture.forget_luma()  # nothing else asks for it, and sealing needs the memory
        return costs

    def sealed(self, record: Record, keys: ContainerKeys, randomness: Randomness) -> np.ndarray:
        """Return the luma to send, (rows, columns, 64) int16; raises the errors of the channel, if there is one."""
        return with_samples(self.cover.picture, super().sealed(record, keys, randomness))[0]

    def file_of(self, luma: np.ndarray) -> bytes:
        """Return the JPEG to send with other luma."""
        return self.cover.picture.with_planes([luma, *self.cover.picture.planes[1:]])

    def write(self, part: Path, sealed: np.ndarray) -> WrittenMedium:
        """Write the cover's JPEG with the luma coefficients `sealed`, (rows, columns, 64) int16; all else stays."""
        planes = [sealed, *self.cover.picture.planes[1:]]
        changes = write_jpeg(part, self.cover, planes)
        notes = self.cover.notes
        if self.arrives_otherwise:
            only_the_copy = "only the copy that arrives is whole: this file is revealed as altered, or not at all"
            notes = (*notes, Text(only_the_copy, kind=NEXT_STEP))
        return WrittenMedium(notes, {"container_psnr": changes.psnr, "changed_pixels": changes.pixels})


def write_jpeg(part: Path, cover: JpegCover, planes: list[np.ndarray]) -> Changes:
    """Write a JPEG with these coefficients whose other bytes are its cover's, as `NewContainer.write` does.

    Args:
        part: file to write.
        cover: the JPEG whose other bytes are kept.
        planes: coefficients by component, (rows, columns, 64) int16 each.

    Returns:
        The changes of the pixels that viewers show.
    """
    part.write_bytes(cover.picture.with_planes(planes))
    with Cover(part, quiet=True) as written:
        changes = Changes()
        shown = cover.file.pixels  # decoded now: a decoder takes more memory than the pixels
        for rows, pixels in pixel_strips(written):
            changes.add(shown[rows], pixels)
        return changes
