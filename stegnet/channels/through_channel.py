"""Planning the JPEG to send so that the one that arrives through a channel is the container.

Without a channel, the JPEG that is sent arrives unchanged. For one, the cover is brought into its form
(`channel_cover`). The record is sealed in the blocks that arrive as they are sent, by changes after which they still
do, at the costs of a sender who has the picture before JPEG. At last the file is sent through the channel, as simulated
or by the command: where a block does not arrive as planned, other changes are made.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stegnet.channels.channel_cover import BY_MODEM, DEAREST, ChannelCover, channel_cover
from stegnet.core.errors import CapacityError
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import FileInMemory
from stegnet.jpeg.coefficients import JpegPicture
from stegnet.jpeg.medium import JpegMedium
from stegnet.jpeg.samples import fixed_samples, rules_of, samples_of, with_samples
from stegnet.keys import ContainerKeys, Randomness
from stegnet.media.cover import Cover
from stegnet.record import Record, format_record
from stegnet.sealing import SEED_BYTES, WET, Costs, SealOptions, idle_samples, seal

if TYPE_CHECKING:
    from stegnet.channels.transit import Transit


class ThroughChannel(JpegMedium):
    """The coefficients of a JPEG that arrive through a channel that is exact."""

    def __init__(self, made: ChannelCover) -> None:
        super().__init__(replace(made.cover, picture=made.sent))
        self._made = made
        self.container = made.cover

    def sealed(self, record: Record, keys: ContainerKeys, randomness: Randomness) -> np.ndarray:
        """Return the luma to send, as `JpegMedium.sealed`.

        Raises CapacityError if too few arriving values can be chosen.
        """
        sealings = 24  # of the record, at most
        data = format_record(record, keys.secret)
        arrived = self._made.arrived
        seed = randomness(SEED_BYTES)
        options = _options(arrived, self._made.unusable)
        costs = Costs(*map(np.copy, self._made.costs))
        before = samples_of(arrived)
        failures: list[int] = []
        while len(failures) < sealings and not _is_hopeless(failures):
            samples = seal(before, data, keys, seed, costs, options)
            if options.decoys:  # decoys determine all other places, and stay as they are
                idle = idle_samples(samples.size)
                before.reshape(-1)[idle] = samples.reshape(-1)[idle]
                before = self._without_failing(before)
                options = replace(options, decoys=False)
                if not np.array_equal(before.reshape(-1)[idle], samples.reshape(-1)[idle]):
                    continue
            container = replace(arrived, planes=tuple(with_samples(arrived, samples)))
            luma, failed = self._sendable(container)
            if not failed.any():
                planes = [luma, *self._made.sent.planes[1:]]
                self.arrives_otherwise = not all(map(np.array_equal, planes, container.planes))
                return luma

            failures.append(int(np.count_nonzero(failed)))
            moved = (container.planes[0] != arrived.planes[0]).reshape(-1, 64)[:, 1:]
            changed = moved & failed[:, None]
            sides = [side.reshape(changed.shape) for side in costs]
            crowded = moved.any(1)[:, None] & ~moved  # changes beside others are the ones that fail
            for side in sides:
                side[crowded] = np.where(side[crowded] < WET, 4 * np.minimum(side[crowded], DEAREST // 4), WET)
                side[changed] = WET
        hint = Text("use a smaller secret or a larger cover; or ", BY_MODEM)
        raise CapacityError("what is sent controls too little of what arrives", hint)

    def _without_failing(self, decoys: np.ndarray) -> np.ndarray:
        """Return samples without the decoy changes of blocks that would not arrive as sent."""
        unchanged = samples_of(self._made.arrived)
        luma = with_samples(self._made.arrived, decoys)[0].reshape(-1, 64)
        by_block = (decoys != unchanged).reshape(-1, 63)
        numbers = np.flatnonzero(by_block.any(1))
        failing = numbers[~(self._made.arrive_unchanged(luma[numbers], numbers) & self._made.stays[numbers])]
        kept = decoys.copy()
        kept.reshape(-1, 63)[failing] = unchanged.reshape(-1, 63)[failing]
        return kept

    def arriving(self, written: Cover) -> FileInMemory:
        """Return what arrives of the file, by the channel's command if there is one."""
        transit = self._made.transit
        arrived = (transit.command or transit.simulator).arriving(written.read_bytes())
        return FileInMemory(written.path.name, arrived.with_planes(arrived.planes))

    def _sendable(self, container: JpegPicture) -> tuple[np.ndarray, np.ndarray]:
        """Return the luma to send, (rows, columns, 64) int16, and a mask of blocks that don't arrive so, (n,) bool."""
        made = self._made
        target = container.planes[0].reshape(-1, 64)
        moved = (container.planes[0] != made.arrived.planes[0]).any(2).reshape(-1)
        luma = np.where(moved[:, None], target, made.sent.planes[0].reshape(-1, 64)).reshape(made.sent.planes[0].shape)
        failed = moved & ~made.stays
        numbers = np.flatnonzero(moved)
        failed[numbers[~made.arrive_unchanged(target[numbers], numbers)]] = True
        if not failed.any():
            got = made.transit.simulator.arriving(made.sent.with_planes([luma, *made.sent.planes[1:]]))
            wrong = _unequal_blocks(got, container)
            failed = wrong & moved if (wrong & moved).any() else wrong
        return luma, failed


def through(transit: "Transit", cover: Cover, side: int | None, has_quality: bool) -> ThroughChannel:
    """Return the medium of a picture that is sent through a channel; errors are those of `channel_cover`.

    Args:
        transit: the channel.
        cover: opened picture.
        side: longer side in pixels that it is reduced to; None: it stays as large.
        has_quality: a quality was asked for, of which the report says that the channel has its own.
    """
    made = channel_cover(cover, transit, side)
    if has_quality:
        unused = Text(Setting("quality", "Q", quoted=False), " has no effect: the channel has its own")
        made = replace(made, cover=replace(made.cover, notes=(unused, *made.cover.notes)))
    return ThroughChannel(made)


def _is_hopeless(failures: list[int]) -> bool:
    """Return whether blocks that fail get no fewer, given their number after each sealing."""
    sealings = 4  # that are compared
    few = 50  # blocks, for which it is worth going on
    fewer = 0.7
    return len(failures) > sealings and failures[-1] > max(few, fewer * failures[-1 - sealings])


def _unequal_blocks(one: JpegPicture, other: JpegPicture) -> NDArray[np.bool_]:
    """Return the luma blocks in which two JPEGs of the same shapes differ, in luma or chroma, (n,) bool."""
    shape = one.planes[0].shape[:2]
    unequal = np.zeros(shape, bool)
    for mine, theirs in zip(one.planes, other.planes, strict=True):
        found = (mine != theirs).any(2)
        for axis in range(2):
            found = found.repeat(-(-shape[axis] // found.shape[axis]), axis)
        unequal |= found[: shape[0], : shape[1]]
    return unequal.reshape(-1)


def _options(jpeg: JpegPicture, unusable: NDArray[np.bool_] | None = None) -> SealOptions:
    fixed = fixed_samples(jpeg)
    if unusable is not None:
        fixed |= unusable
    return SealOptions(True, clustered=False, rules=rules_of(jpeg), fixed=fixed if fixed.any() else None)
