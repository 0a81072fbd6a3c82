"""The JPEG that is sent so that the one that arrives is the container: itself, or by a channel that can be run here.

Through a channel, what arrives of the cover is sealed in, at the cost of the steps of the cover's own coefficients that
bring it about (`stegnet.image.transcoded_blocks`). Then the channel judges: where a block does not arrive as it
should, other steps are tried, and what stays out of reach is sealed around.

Butora, Puteaux, Bas 2022, "Errorless robust JPEG steganography using outputs of JPEG coders" (arXiv 2211.04750), call
such a channel an oracle: whoever can ask it what arrives can send what arrives as it should.
"""

import shlex
import subprocess
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.image.jpeg_coefficients import JpegPicture, read_jpeg
from stegnet.image.transcoded_blocks import Blocks
from stegnet.keys import ContainerKeys, Randomness
from stegnet.media.jpeg_cover import JpegCover
from stegnet.sealing import SEED_BYTES, Costs, SealOptions, idle_samples, seal
from stegnet.sealing.jpeg_carriers import CARRIED, WET, coefficient_costs, medium_of, samples_of, with_samples

_TIMEOUT = 300  # seconds that a command may take for a picture
_NO_INPUT = {"stdin": subprocess.DEVNULL}
_SURVIVE = 'use `survive="CHANNEL"`, such as jpeg:75+resize:0.5'
_CAUTION, _CLIPPED = 4, 8  # how much dearer blocks are in which other coefficients move, or colours clip
_DEAREST = 300  # cost of what can be reached: less than of what can't
_SEALINGS, _RUNS = 64, 4  # of a record, and of the channel for each
_SEARCHED, _RESTART = 300, 10  # changes that are tried in a block, and after how many from the start again
_STEPPED, _TOWARDS = 0.02, 0.7  # shares of coefficients that step at random, and of those that do as they should
_LEAST_TRIED, _TRIED = 1 << 21, 400  # coefficients whose steps are tried, and for each byte of a record
_KNOWN = 0.5  # least share of blocks whose arrival is computed rightly
_BUT_FIRST = (np.arange(64) > 0).astype(np.int16)  # coefficients that are stepped
_FINER = 'send the cover once and hide in what arrives; or use `survive="CHANNEL"`'
_STRAINED = 1.33  # coefficients that change in what is sent for each that changes in what arrives; detectors find more
_MILDER = 'use a smaller secret, a larger cover or one of much higher quality; or use `survive="CHANNEL"`'


class ChannelSimulator(ABC):
    """A channel that the sender can run as often as is needed."""

    def __call__(self, sent: bytes) -> JpegPicture:
        """Sends a JPEG through the channel, in a private folder that is removed; returns what arrives.

        It raises a ConfigError if the command can't be run, a MediaError if it makes no JPEG of the same size.
        """
        with temporary_folder() as folder:
            before, after = folder / "sent.jpg", folder / "received.jpg"
            before.write_bytes(sent)
            self.run(before, after)
            return _received(read_jpeg(before), after)

    @abstractmethod
    def run(self, sent: Path, received: Path) -> None:
        """Writes what arrives of a file; errors as of a call."""


class Command(ChannelSimulator):
    """A command that is run, by no shell, for each picture; {in} and {out} stand for the names of files.

    It raises a ConfigError if one of both is missing, or a quotation mark.
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
        arguments = [each.replace("{in}", str(sent)).replace("{out}", str(received)) for each in self._arguments]
        program = self._arguments[0]
        try:
            done = subprocess.run(arguments, check=False, capture_output=True, timeout=_TIMEOUT, **_NO_INPUT)
        except OSError as error:
            raise ConfigError(f"channel: {program}: can't be run ({error.strerror})") from error
        except subprocess.TimeoutExpired as error:
            raise MediaError(f"channel: {program}: took more than {_TIMEOUT} seconds") from error
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no error message"]
            raise MediaError(f"channel: {program}: failed with exit code {done.returncode}: {last[0]}")
        if not received.is_file():
            raise MediaError(f"channel: {program}: wrote no {{out}}")


class Copy(ChannelSimulator):
    """A channel that decodes a JPEG and saves it with the tables and the sampling of one that arrived.

    It raises a MediaError if one can't be read, or what arrived is not what saving so makes of the other.
    """

    def __init__(self, sent: Path, received: Path) -> None:
        arrived = _received(read_jpeg(sent), received)
        with Image.open(received) as image:
            self._mode, sampling = image.mode, get_sampling(image)
            self._saved = {"qtables": image.quantization, "subsampling": sampling}
        share = 1.0 if sampling < 0 else unequal_share(arrived, self(sent.read_bytes()))
        if share:
            message = f"{received}: is not {sent} saved once with its tables: {share:.2%} of the blocks differ"
            raise MediaError(message, f"give a command that does what the site does; or {_SURVIVE}")

    def run(self, sent: Path, received: Path) -> None:
        with Image.open(sent) as image:
            image.convert(self._mode).save(received, "JPEG", **self._saved)


def simulator_of(command: str | None, example: tuple[Path, Path] | None) -> ChannelSimulator | None:
    """The channel that a command is, or the files of an example show; None without, an error with both."""
    if command is not None and example is not None:
        raise ConfigError("channel: give either a command or a pair of files")
    if command is not None:
        return Command(command)
    return None if example is None else Copy(*map(Path, example))


def unequal_share(one: JpegPicture, other: JpegPicture) -> float:
    """Share of the blocks of all components that differ, 0 to 1; 1 if their tables or shapes do."""
    shapes = [[plane.shape for plane in each.planes] for each in (one, other)]
    if shapes[0] != shapes[1] or any((one.steps(each) != other.steps(each)).any() for each in range(len(one.planes))):
        return 1.0
    unequal = [(mine != theirs).any(2) for mine, theirs in zip(one.planes, other.planes, strict=True)]
    return sum(map(np.count_nonzero, unequal)) / sum(each.size for each in unequal)


def _received(sent: JpegPicture, path: Path) -> JpegPicture:
    """A file that arrived, by its coefficients; a MediaError, if it is no JPEG, or its size is another one."""
    try:
        received = read_jpeg(path)
    except MediaError as error:
        reason = str(error).removeprefix(f"{path}: ")
        message = f"channel: what arrives is not a JPEG that can be read ({reason})"
        raise MediaError(message, _SURVIVE) from error
    sizes = [f"{each.file.width}×{each.file.height}" for each in (sent, received)]
    if sizes[0] != sizes[1] or sent.planes[0].shape != received.planes[0].shape:
        raise MediaError(f"channel: it makes {sizes[1]} pixels of {sizes[0]}, and must keep the size", _SURVIVE)
    return received


class ChannelPlan:
    """A container that arrives as it is sent.

    The cover is the JPEG that is sent; the record is sealed in the carrier, which is what arrives of it.
    """

    strained = False  # it takes so many changes of what is sent that it is easily found; known after `planes`

    def __init__(self, cover: JpegCover) -> None:
        self.cover = self.carrier = cover

    def planes(self, record: bytes, keys: ContainerKeys, randomness: Randomness) -> list[np.ndarray]:
        """The planes to send; errors as of a channel, if there is one."""
        return sealed_planes(self.cover, record, keys, randomness)

    def check(self, sent: bytes) -> None:
        """Runs the file through the channel, if there is one; a MediaError, if it does not arrive as it should."""


class ThroughChannel(ChannelPlan):
    """A container that arrives through a channel; a MediaError, if it is not one that JPEGs can be planned for."""

    def __init__(self, cover: JpegCover, simulator: ChannelSimulator) -> None:
        super().__init__(cover)
        self._simulator, received = simulator, simulator(cover.picture.file.data)
        if unequal_share(received, simulator(cover.picture.file.data)):
            raise MediaError("channel: two runs on the same file give different results, so nothing can be planned")
        self._received, self._blocks = received, Blocks(cover.picture, received)
        if self._blocks.known.mean() < _KNOWN:
            raise MediaError("channel: the channel must only re-encode the JPEG", _SURVIVE)
        self.carrier = replace(cover, picture=received, errors=None)
        self._container: JpegPicture | None = None

    def planes(self, record: bytes, keys: ContainerKeys, randomness: Randomness) -> list[np.ndarray]:
        """The planes to send, as `ChannelPlan.planes`; CapacityError if too little of what arrives can be chosen."""
        received, seed = self._received, randomness(SEED_BYTES)
        random = np.random.default_rng(np.frombuffer(randomness(SEED_BYTES), np.uint32))
        options = SealOptions(True, clustered=False, medium=medium_of(received))
        costs = self._costs(max(_LEAST_TRIED, _TRIED * len(record)))
        before, usual = samples_of(received), Costs(*map(np.copy, costs))
        for _ in range(_SEALINGS):
            samples = before.copy()
            seal(samples, record, keys, seed, costs, options)
            if options.decoys:  # they decide on all other places, and stay as they are
                idle = idle_samples(samples.size)
                before.reshape(-1)[idle] = samples.reshape(-1)[idle]
                options = replace(options, decoys=False)
            wanted = with_samples(received, samples)
            moved = (wanted[0] != received.planes[0]).reshape(-1, 64)[:, 1:]
            luma, failed = self._settled(wanted, random)
            if not failed.any():
                self._container = replace(received, planes=tuple(wanted))
                sent, arriving = np.count_nonzero(luma != self._blocks.own), np.count_nonzero(moved)
                self.strained = bool(sent > _STRAINED * arriving)
                return self._with_luma(luma)
            changed, levels = moved & failed[:, None], [side.reshape(moved.shape) for side in costs]
            if all((side[changed] == WET).all() for side in levels):  # no other places are left
                seed, before = randomness(SEED_BYTES), samples_of(received)
                options = replace(options, decoys=True)
                for side, first in zip(costs, usual, strict=True):
                    np.copyto(side, first, where=side < WET)
            crowded = moved.any(1)[:, None] & ~moved  # changes beside others are those that fail
            for side in levels:
                side[crowded] = np.where(side[crowded] < WET, np.minimum(2 * side[crowded], _DEAREST), WET)
                side[changed] = WET
        ratio = np.median(received.steps(0) / self.cover.picture.steps(0))
        if ratio < 1:
            raise CapacityError("the cover was saved in coarser steps than the channel's", _FINER)
        hint = _MILDER if ratio == 1 else _FINER
        raise CapacityError("what is sent controls too little of what arrives", hint)

    def check(self, sent: bytes) -> None:
        assert self._container is not None
        if unequal_share(self._simulator(sent), self._container):
            raise MediaError("channel: in the final check, the container arrived differently")

    def _costs(self, most: int) -> Costs:
        """Costs of the steps that are sent; the highest for those out of reach, or beyond so many of the cheapest."""
        own = coefficient_costs(self.cover.picture, self.cover.errors)
        up, down = (each.reshape(-1, CARRIED) for each in own)
        lower = np.minimum(up, down)
        dearest = np.partition(lower, min(most, lower.size) - 1, None)[min(most, lower.size) - 1]
        self._reach = self._blocks.reach(np.pad(lower <= dearest, ((0, 0), (1, 0))))
        steps = self._reach[..., 1:]
        usual = self.cover.picture.steps(0)[1:].mean() / self._received.steps(0)[1:].mean()
        sure = (steps != 0).mean((0, 2))[:, None] + 0.01  # of a block: its other coefficients hardly move
        sure = np.minimum(sure / np.median(sure[self._blocks.known]), 1) ** _CAUTION
        sure[self._blocks.clipped] /= _CLIPPED
        found = []
        for side in range(2):
            once = np.where(steps[side] > 0, up, down) * (min(usual, 1) / 2) * np.abs(steps[side])
            levels = np.where(steps[side] != 0, np.clip(once / sure, 1, _DEAREST), WET).astype(np.uint16)
            found.append(levels.reshape(len(self._received.planes[0]), -1, 1))
        return Costs(*found)

    def _settled(self, wanted: list[np.ndarray], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Luma to send, (n, 64) int16, and the blocks of which it does not arrive, (n,) bool."""
        blocks, target = self._blocks, wanted[0].reshape(-1, 64)
        failed, luma, first = np.zeros(len(target), bool), blocks.own.copy(), blocks.own.copy()
        numbers = np.flatnonzero((target != blocks.arrived).any(1))
        # Steps of the coefficients of blocks, each by which its own arrives, or nearly so.
        change = target[numbers] - blocks.arrived[numbers]
        ratio = self._received.steps(0) / self.cover.picture.steps(0)
        near = np.rint(target[numbers] * ratio - blocks.own[numbers]).astype(np.int16)
        up, down = (side[numbers] for side in self._reach)
        known = np.where(change == 1, up, np.where(change == -1, down, 0))
        first[numbers] += np.where(known != 0, known, np.where(change != 0, near, 0)).astype(np.int16)
        todo, shape = numbers, wanted[0].shape[:2]
        for _ in range(_RUNS):
            luma[todo], right = self._searched(todo, first[todo], target[todo], random)
            failed[todo[~right]] = True
            if failed.any():
                return luma, failed
            arrived = self._simulator(self.cover.picture.with_planes(self._with_luma(luma)))
            if unequal_share(arrived, replace(self._received, planes=arrived.planes)):
                raise MediaError("channel: its quantisation tables depend on the picture, so nothing can be planned")
            wrong, *others = (_unequal(*pair, shape) for pair in zip(arrived.planes, wanted, strict=True))
            failed = np.logical_or.reduce([wrong & np.isin(np.arange(len(wrong)), numbers, invert=True), *others])
            todo = np.flatnonzero(wrong)
            if failed.any() or not todo.size:
                return luma, failed
            first[todo] = luma[todo] + _few_steps(first[todo].shape, random) * _BUT_FIRST
        return luma, wrong

    def _searched(
        self, numbers: np.ndarray, first: np.ndarray, target: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of blocks, (m, 64) int16, that are computed to arrive as the target, and whether they are."""
        found, right = first.copy(), np.zeros(len(numbers), bool)
        for turn in range(_SEARCHED):
            left = np.flatnonzero(~right)
            if not left.size:
                break
            if turn % _RESTART == 0:
                found[left] = first[left]
            short = target[left] - self._blocks.received(numbers[left], found[left])
            right[left] = (short == 0).all(1)
            towards = np.sign(short) * (random.random(short.shape) < _TOWARDS)
            steps = towards.astype(np.int16) + _few_steps(short.shape, random)
            found[left] += steps * _BUT_FIRST * ~right[left][:, None]
        return found, right

    def _with_luma(self, luma: np.ndarray) -> list[np.ndarray]:
        first, *others = self.cover.picture.planes
        return [luma.reshape(first.shape), *others]


def _unequal(one: np.ndarray, other: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Blocks of luma at which the blocks of two planes differ, (n,) bool; `shape` is that of luma, in blocks."""
    found = (one != other).any(2)
    for axis in range(2):
        found = found.repeat(-(-shape[axis] // found.shape[axis]), axis)
    return found[: shape[0], : shape[1]].reshape(-1)


def _few_steps(shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Random steps of about one of 64 coefficients, (m, 64) int16."""
    return (random.integers(-1, 2, shape) * (random.random(shape) < _STEPPED)).astype(np.int16)


def sealed_planes(cover: JpegCover, record: bytes, keys: ContainerKeys, randomness: Randomness) -> list[np.ndarray]:
    """The planes of a cover with a record sealed in its luma."""
    samples, options = samples_of(cover.picture), SealOptions(True, clustered=False, medium=medium_of(cover.picture))
    seal(samples, record, keys, randomness(SEED_BYTES), coefficient_costs(cover.picture, cover.errors), options)
    return with_samples(cover.picture, samples)
