"""Planning the JPEG to send so that the one that arrives through a channel is the container.

Without a channel, the JPEG that is sent arrives unchanged. If the channel decodes a JPEG and saves it with other
tables, and the sender can run it, the record is sealed in the JPEG that the channel makes of the cover. A change
costs as much as the steps of the cover's own coefficients that cause it. The result is then sent through the channel:
if a block does not arrive as planned, other steps are tried, and the record is sealed around blocks that can't be
reached.

Butora, Puteaux, Bas 2022, "Errorless robust JPEG steganography using outputs of JPEG coders" (arXiv 2211.04750), call
such a channel an oracle: a sender who can query it can send a picture that arrives as intended.

A channel treats each block independently. The block that arrives is computed, and so are the steps of the coefficients
sent that move one arriving coefficient by one, and no other. The DCT is computed as libjpeg does, in integers, bit for
bit, so that the channel's rounding is predicted exactly. "islow" is the usual method: Loeffler, Ligtenberg, Moschytz
1989, "Practical fast 1-D DCT algorithms with 11 multiplications" (ICASSP), in 13 bits. "ifast" is the method of
ImageMagick: Arai, Agui, Nakajima 1988, "A fast DCT-SQ scheme for images" (Transactions of the IEICE E71), in 8 bits,
with truncated products. Arrays of the DCT are (8, 8, n) int32: rows, columns, blocks.
"""

import shlex
import subprocess
from abc import ABC, abstractmethod
from dataclasses import replace
from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.parallel import parallel_map, thread_count
from stegnet.core.pixels import BLOCK, ZIGZAG, by_block
from stegnet.core.text import Setting, Text
from stegnet.image.jpeg_coefficients import JpegPicture, read_jpeg
from stegnet.image.pictures import open_picture
from stegnet.keys import ContainerKeys, Randomness
from stegnet.media.cover import check_input
from stegnet.media.jpeg_cover import JpegCover
from stegnet.sealing import SEED_BYTES, Costs, SealOptions, idle_samples, seal
from stegnet.sealing.jpeg_carriers import (
    CARRIED,
    WET,
    coefficient_costs,
    fixed_samples,
    medium_of,
    samples_of,
    with_samples,
)

_SURVIVE = Text("use ", Setting("survive", "CHANNEL"), ", such as jpeg:75+resize:0.5")
_DEAREST = 300  # cost of steps within reach, at most; steps out of reach cost more
# share of coefficients that step towards the target
_TOWARDS = 0.7
_BUT_FIRST = (np.arange(64) > 0).astype(np.int16)  # 1 for coefficients that may step: all but the first
# bits of constants; bits that the first pass of islow keeps in addition
_BITS = 13
_MORE = 2
# Scales of ifast's outputs in each direction.
_SCALES = np.array([1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379])
_MIDDLE = 128
_PEAK = 255
_LUMA = (19595, 38470, 7471)  # weights in 65,536ths, as libjpeg computes luma


class ChannelSimulator(ABC):
    """A channel that the sender can run as often as necessary."""

    def __call__(self, sent: bytes) -> JpegPicture:
        """Send a JPEG through the channel, in a private folder that is removed, and return the JPEG that arrives.

        Raises:
            ConfigError: the command can't be run.
            MediaError: it makes no JPEG of the same size.
        """
        with temporary_folder() as folder:
            before = folder / "sent.jpg"
            after = folder / "received.jpg"
            before.write_bytes(sent)
            self.run(before, after)
            return _received(read_jpeg(before), after)

    @abstractmethod
    def run(self, sent: Path, received: Path) -> None:
        """Write the JPEG that the channel makes of a file; errors are those of a call."""


class Command(ChannelSimulator):
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
            if not any(place in each for each in self._arguments):
                hint = "such as: convert {in} -quality 72 {out}"
                raise ConfigError(f"the command has no {place}, which stands for a file", hint, parameter="channel")

    def run(self, sent: Path, received: Path) -> None:
        """Run the command, which may take 300 seconds at most; errors are those of a call."""
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


class Copy(ChannelSimulator):
    """A channel that decodes a JPEG and saves it with the tables and the sampling of one that arrived.

    Raises:
        MediaError: a file can't be read, or the one that arrived is not the one sent, saved this way.
    """

    def __init__(self, sent: Path, received: Path) -> None:
        check_input(received)  # `received` may not exist, since no command wrote it
        arrived = _received(read_jpeg(sent), received)
        with open_picture(received) as image:
            self._mode = image.mode
            sampling = get_sampling(image)
            assert isinstance(image, JpegImageFile), "its coefficients were read"
            self._saved = {"qtables": image.quantization, "subsampling": sampling}
        share = 1.0 if sampling < 0 else unequal_share(arrived, self(sent.read_bytes()))
        if share:
            problem = f"is not {sent} saved once with its tables: {share:.2%} of the blocks differ"
            hint = Text("give a command that does what the site does; or ", _SURVIVE)
            raise MediaError(problem, hint, subject=received)

    def run(self, sent: Path, received: Path) -> None:
        """Decode the JPEG, and save it with the tables and the sampling of the one that arrived."""
        with open_picture(sent) as image:
            image.convert(self._mode).save(received, "JPEG", **self._saved)


def simulator_of(command: str | None, example: tuple[Path, Path] | None) -> ChannelSimulator | None:
    """Return the channel of a command, or of a pair of example files; None without either.

    Raises:
        ConfigError: both are given, or as `Command`.
        MediaError: as `Copy`.
    """
    if command is not None and example is not None:
        raise ConfigError("give either a command or a pair of files", parameter="channel")
    if command is not None:
        return Command(command)
    return None if example is None else Copy(*map(Path, example))


def unequal_share(one: JpegPicture, other: JpegPicture) -> float:
    """Return the share of blocks of all components that differ, 0 to 1; 1 if their tables or shapes differ."""
    shapes = [[plane.shape for plane in each.planes] for each in (one, other)]
    if shapes[0] != shapes[1] or any((one.steps(each) != other.steps(each)).any() for each in range(len(one.planes))):
        return 1.0
    unequal = [(mine != theirs).any(2) for mine, theirs in zip(one.planes, other.planes, strict=True)]
    count: int = sum(blocks.size for blocks in unequal)
    return sum(int(np.count_nonzero(blocks)) for blocks in unequal) / count


def _received(sent: JpegPicture, path: Path) -> JpegPicture:
    """Return the coefficients of a file that arrived. Raises MediaError if it is no JPEG, or has another size."""
    try:
        received = read_jpeg(path)
    except MediaError as error:
        problem = f"what arrives is not a JPEG that can be read ({error.problem})"
        raise MediaError(problem, _SURVIVE, subject="channel") from error
    sizes = [f"{each.file.width}×{each.file.height}" for each in (sent, received)]
    if sizes[0] != sizes[1] or sent.planes[0].shape != received.planes[0].shape:
        raise MediaError(
            f"it makes {sizes[1]} pixels of {sizes[0]}, and must keep the size", _SURVIVE, subject="channel"
        )
    return received


class ChannelPlan:
    """A container that arrives as it is sent.

    The cover is the JPEG that is sent. The record is sealed in the carrier, the JPEG that arrives.
    """

    strained = False  # so much of what is sent changes that it is easy to find; known after `planes`

    def __init__(self, cover: JpegCover) -> None:
        self.cover = self.carrier = cover

    def planes(self, record: bytes, keys: ContainerKeys, randomness: Randomness) -> list[np.ndarray]:
        """Return the planes to send; raises the errors of the channel, if there is one."""
        return sealed_planes(self.cover, record, keys, randomness)

    def check(self, sent: bytes) -> None:
        """Check that the file arrives as planned; does nothing without a channel. Raises MediaError if it does not."""


class ThroughChannel(ChannelPlan):
    """A container that arrives through a channel. Raises MediaError if no JPEG can be planned for the channel."""

    def __init__(self, cover: JpegCover, simulator: ChannelSimulator) -> None:
        known = 0.5  # least share of blocks whose arrival is predicted correctly
        super().__init__(cover)
        self._simulator = simulator
        received = simulator(cover.picture.file.data)
        if unequal_share(received, simulator(cover.picture.file.data)):
            raise MediaError("channel: two runs on the same file give different results, so nothing can be planned")
        self._received = received
        self._blocks = Blocks(cover.picture, received)
        if self._blocks.known.mean() < known:
            raise MediaError("channel: the channel must only re-encode the JPEG", _SURVIVE)
        self.carrier = replace(cover, picture=received, errors=None)
        self._container: JpegPicture | None = None

    def planes(self, record: bytes, keys: ContainerKeys, randomness: Randomness) -> list[np.ndarray]:
        """Return the planes to send, as `ChannelPlan.planes`.

        Raises CapacityError if too few arriving values can be chosen.
        """
        sealings = 64  # of the record, at most
        least_tried = 1 << 21  # coefficients whose steps are tried, at least
        tried = 400  # coefficients whose steps are tried for each byte of a record
        finer = Text("send the cover once and hide in what arrives; or use ", Setting("survive", "CHANNEL"))
        strained = 1.33  # sent coefficients that change for each arriving one, above which detectors find more
        milder = Text(
            "use a smaller secret, a larger cover or one of much higher quality; or use ", Setting("survive", "CHANNEL")
        )
        received = self._received
        seed = randomness(SEED_BYTES)
        random = np.random.default_rng(np.frombuffer(randomness(SEED_BYTES), np.uint32))
        options = _options(received)
        costs = self._costs(max(least_tried, tried * len(record)))
        before = samples_of(received)
        usual = Costs(*map(np.copy, costs))
        for _ in range(sealings):
            samples = before.copy()
            seal(samples, record, keys, seed, costs, options)
            if options.decoys:  # decoys determine all other places, and stay as they are
                idle = idle_samples(samples.size)
                before.reshape(-1)[idle] = samples.reshape(-1)[idle]
                options = replace(options, decoys=False)
            wanted = with_samples(received, samples)
            moved = (wanted[0] != received.planes[0]).reshape(-1, 64)[:, 1:]
            luma, failed = self._settled(wanted, random)
            if not failed.any():
                self._container = replace(received, planes=tuple(wanted))
                sent = np.count_nonzero(luma != self._blocks.own)
                arriving = np.count_nonzero(moved)
                self.strained = bool(sent > strained * arriving)
                return self._with_luma(luma)
            changed = moved & failed[:, None]
            levels = [side.reshape(moved.shape) for side in costs]
            if all((side[changed] == WET).all() for side in levels):  # no other places are left
                seed = randomness(SEED_BYTES)
                before = samples_of(received)
                options = replace(options, decoys=True)
                for side, first in zip(costs, usual, strict=True):
                    np.copyto(side, first, where=side < WET)
            crowded = moved.any(1)[:, None] & ~moved  # changes next to other changes are the ones that fail
            for side in levels:
                side[crowded] = np.where(side[crowded] < WET, np.minimum(2 * side[crowded], _DEAREST), WET)
                side[changed] = WET
        ratio = np.median(received.steps(0) / self.cover.picture.steps(0))
        if ratio < 1:
            raise CapacityError("the cover was saved in coarser steps than the channel's", finer)
        hint = milder if ratio == 1 else finer
        raise CapacityError("what is sent controls too little of what arrives", hint)

    def check(self, sent: bytes) -> None:
        """Send the file through the channel once more. Raises MediaError if it arrives otherwise than planned."""
        assert self._container is not None
        if unequal_share(self._simulator(sent), self._container):
            raise MediaError("channel: in the final check, the container arrived differently")

    def _costs(self, most: int) -> Costs:
        """Return the costs of the steps to send, examining only the `most` cheapest.

        Steps that are out of reach, or not examined, get the highest cost.
        """
        # Exponent that makes blocks dearer in which other coefficients move; factor for blocks whose colours clip.
        caution = 4
        clipped = 8
        own = coefficient_costs(self.cover.picture, self.cover.errors)
        up, down = (each.reshape(-1, CARRIED) for each in own)
        lower = np.minimum(up, down)
        dearest = np.partition(lower, min(most, lower.size) - 1, None)[min(most, lower.size) - 1]
        self._reach = self._blocks.reach(np.pad(lower <= dearest, ((0, 0), (1, 0))))
        steps = self._reach[..., 1:]
        usual = self.cover.picture.steps(0)[1:].mean() / self._received.steps(0)[1:].mean()
        # Share of a block's steps within reach: where it is high, other coefficients hardly move.
        sure = (steps != 0).mean((0, 2))[:, None] + 0.01
        sure = np.minimum(sure / np.median(sure[self._blocks.known]), 1) ** caution
        sure[self._blocks.clipped] /= clipped
        found = []
        for side in range(2):
            once = np.where(steps[side] > 0, up, down) * (min(usual, 1) / 2) * np.abs(steps[side])
            levels = np.where(steps[side] != 0, np.clip(once / sure, 1, _DEAREST), WET).astype(np.uint16)
            found.append(levels.reshape(len(self._received.planes[0]), -1, 1))
        return Costs(*found)

    def _settled(self, wanted: list[np.ndarray], random: "np.random.Generator") -> tuple[np.ndarray, np.ndarray]:
        """Return the luma to send, (n, 64) int16, and a mask of the blocks that do not arrive as planned, (n,) bool."""
        runs = 4
        blocks = self._blocks
        target = wanted[0].reshape(-1, 64)
        failed = np.zeros(len(target), bool)
        luma = blocks.own.copy()
        first = blocks.own.copy()
        numbers = np.flatnonzero((target != blocks.arrived).any(1))
        # First guess: the steps that move the arriving coefficient as wanted, or nearly so.
        change = target[numbers] - blocks.arrived[numbers]
        ratio = self._received.steps(0) / self.cover.picture.steps(0)
        near = np.rint(target[numbers] * ratio - blocks.own[numbers]).astype(np.int16)
        up, down = (side[numbers] for side in self._reach)
        known = np.where(change == 1, up, np.where(change == -1, down, 0))
        first[numbers] += np.where(known != 0, known, np.where(change != 0, near, 0)).astype(np.int16)
        todo = numbers
        shape = wanted[0].shape[:2]
        for _ in range(runs):
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
        self, numbers: np.ndarray, first: np.ndarray, target: np.ndarray, random: "np.random.Generator"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients of blocks, (m, 64) int16, that should arrive as the target, and whether they do."""
        # changes that are tried in a block, and the number after which the search restarts
        searched = 300
        restart = 10
        found = first.copy()
        right = np.zeros(len(numbers), bool)
        for turn in range(searched):
            left = np.flatnonzero(~right)
            if not left.size:
                break
            if turn % restart == 0:
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
    """Return the luma blocks in which two planes differ, (n,) bool; `shape` is the shape of luma, in blocks."""
    found: np.ndarray = (one != other).any(2)
    for axis in range(2):
        found = found.repeat(-(-shape[axis] // found.shape[axis]), axis)
    return found[: shape[0], : shape[1]].reshape(-1)


def _few_steps(shape: tuple[int, int], random: "np.random.Generator") -> np.ndarray:
    """Return random steps of −1 or 1 of about one in 75 coefficients, (m, 64) int16."""
    stepped = 0.02  # share of coefficients that are drawn; two thirds of them step
    steps: np.ndarray = (random.integers(-1, 2, shape) * (random.random(shape) < stepped)).astype(np.int16)
    return steps


def sealed_planes(cover: JpegCover, record: bytes, keys: ContainerKeys, randomness: Randomness) -> list[np.ndarray]:
    """Return the planes of a cover with a record sealed in its luma."""
    picture = cover.picture
    samples = samples_of(cover.picture)
    seal(samples, record, keys, randomness(SEED_BYTES), coefficient_costs(picture, cover.errors), _options(picture))
    return with_samples(picture, samples)


def _options(jpeg: JpegPicture) -> SealOptions:
    fixed = fixed_samples(jpeg)
    return SealOptions(True, clustered=False, medium=medium_of(jpeg), fixed=fixed if fixed.any() else None)


def _quantised_slow(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Quantise pixels, −128 to 127, by libjpeg's islow and a quantisation table, (8, 8) int."""
    rows = _slow(pixels.swapaxes(0, 1), _BITS - _MORE).swapaxes(0, 1)
    return _quantised(_slow(rows, _BITS + _MORE), 8 * steps)


def _quantised_fast(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Quantise by libjpeg's ifast; else as `_quantised_slow`."""
    scales = np.rint(np.outer(_SCALES, _SCALES) * (1 << 14)).astype(np.int64)
    return _quantised(_fast(_fast(pixels.swapaxes(0, 1)).swapaxes(0, 1)), (steps * scales + (1 << 10)) >> 11)


def _quantised(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    """Return values divided and rounded, halves away from 0."""
    divisors = divisors.astype(np.int32)[..., None]
    rounded: np.ndarray = np.sign(values) * ((np.abs(values) + divisors // 2) // divisors)
    return rounded


def _descaled(values: np.ndarray, bits: int) -> np.ndarray:
    return (values + (1 << (bits - 1))) >> bits


def _odd(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, ...]:
    """Apply the rotations of the odd half, which are the same in both directions."""
    z1 = (a + d) * -7373
    z2 = (b + c) * -20995
    z3 = a + c
    z4 = b + d
    z5 = (z3 + z4) * 9633
    z3 = z3 * -16069 + z5
    z4 = z4 * -3196 + z5
    return a * 2446 + z1 + z3, b * 16819 + z2 + z4, c * 25172 + z2 + z3, d * 12299 + z1 + z4


def _inverse(values: np.ndarray, bits: int) -> np.ndarray:
    """Apply the inverse DCT along the first axis."""
    z1 = (values[2] + values[6]) * 4433
    low, high = z1 - values[6] * 15137, z1 + values[2] * 6270
    both = (values[0] + values[4]) << _BITS
    between = (values[0] - values[4]) << _BITS
    even = both + high, between + low, between - low, both - high
    odd = _odd(values[7], values[5], values[3], values[1])[::-1]
    halves = [(one + other, one - other) for one, other in zip(even, odd, strict=True)]
    return _descaled(np.stack([first for first, _ in halves] + [last for _, last in halves[::-1]]), bits)


def _sums(values: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the sums and differences of opposite ends of the first axis."""
    pairs = [(values[place], values[7 - place]) for place in range(4)]
    return [one + other for one, other in pairs], [one - other for one, other in pairs]


def _slow(values: np.ndarray, bits: int) -> np.ndarray:
    """Apply the forward DCT along the first axis. The first pass shifts whole sums up, the second down."""
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums(values)
    t10 = s0 + s3
    t13 = s0 - s3
    t11 = s1 + s2
    t12 = s1 - s2
    z1 = (t12 + t13) * 4433
    odd = _odd(d3, d2, d1, d0)
    second = _descaled(z1 + t13 * 6270, bits)
    sixth = _descaled(z1 - t12 * 15137, bits)
    seventh, fifth, third, first = (_descaled(each, bits) for each in odd)
    sums = t10 + t11, t10 - t11
    top, middle = (each << _MORE if bits < _BITS else _descaled(each, _MORE) for each in sums)
    return np.stack([top, first, second, third, middle, fifth, sixth, seventh])


def _fast(values: np.ndarray) -> np.ndarray:
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums(values)
    t10 = s0 + s3
    t13 = s0 - s3
    t11 = s1 + s2
    t12 = s1 - s2
    z1 = ((t12 + t13) * 181) >> 8
    a = d3 + d2
    b = d2 + d1
    c = d1 + d0
    z5 = ((a - c) * 98) >> 8
    z2 = ((a * 139) >> 8) + z5
    z4 = ((c * 334) >> 8) + z5
    z3 = (b * 181) >> 8
    z11 = d0 + z3
    z13 = d0 - z3
    return np.stack([t10 + t11, z11 + z4, t13 + z1, z13 - z2, t10 - t11, z13 + z2, t13 - z1, z11 - z4])


class Blocks:
    """Luma blocks that are sent, and the blocks that arrive.

    Args:
        sent: the cover.
        received: the JPEG that arrived.

    Attributes:
        own, arrived: coefficients of both, (n, 64) int16.
        known: the blocks whose arrival is predicted correctly, (n,) bool.
        clipped: the blocks with a colour at or near an end of its range, where chroma may change with luma, (n,) bool.
    """

    def __init__(self, sent: JpegPicture, received: JpegPicture) -> None:
        self.own, self.arrived = (each.planes[0].reshape(-1, 64) for each in (sent, received))
        self._sent_steps = sent.steps(0).astype(np.int32)
        self._steps = received.steps(0)
        self._colours, self._offset, self.clipped = _colours(sent)
        everything = np.arange(len(self.own))
        self.known = np.zeros(len(self.own), bool)
        for self._quantised in (_quantised_slow, _quantised_fast):
            predicted = np.concatenate([self.received(part, self.own[part]) for part in _parts(everything)])
            known = (predicted == self.arrived).all(1)
            if known.sum() >= self.known.sum():
                self.known, usual = known, self._quantised
        self._quantised = usual

    def received(self, numbers: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """Return the coefficients that arrive, (m, 64) int16, if the blocks with these numbers are sent as `blocks`."""
        columns = _inverse(_natural((blocks * self._sent_steps).T), _BITS - _MORE)
        pixels = np.clip(_inverse(columns.swapaxes(0, 1), _BITS + _MORE + 3).swapaxes(0, 1), -128, 127)
        shown = pixels + _natural(self._offset[:, numbers], pixels=True)
        clipped = np.flatnonzero(self.clipped[numbers])
        if clipped.size:  # in these blocks, luma is computed from colours clipped to 0 to 255
            grey = pixels[..., clipped] + _MIDDLE
            some = numbers[clipped]
            colours = (np.clip(grey + _natural(each[:, some], pixels=True), 0, _PEAK) for each in self._colours)
            luma = sum(weight * each for weight, each in zip(_LUMA, colours, strict=True))
            shown[..., clipped] = ((luma + (1 << 15)) >> 16) - _MIDDLE
        found = self._quantised(shown, _natural(self._steps[:, None])[..., 0])
        return found.reshape(64, -1)[ZIGZAG].T.astype(np.int16)

    def reach(self, worth: np.ndarray) -> np.ndarray:
        """Return the steps of each sent coefficient that move the arriving one, alone, by +1 and by −1.

        The result is (2, n, 64) int16; 0 where there are no such steps. Only coefficients in `worth`, (n, 64) bool, are
        tried.
        """
        tries = 3  # step counts that are tried for a coefficient
        found = np.zeros((2, *self.own.shape), np.int16)

        def fill(part: np.ndarray) -> None:
            for side, number, place in product(range(2), range(tries), range(1, 64)):
                left = part[(found[side, part, place] == 0) & worth[part, place]]
                right, steps = self._tried(left, place, (1, -1)[side], number)
                found[side, right, place] = steps

        for _ in parallel_map(fill, _parts(np.flatnonzero(self.known)), thread_count()):
            pass
        return found

    def _tried(self, part: np.ndarray, place: int, direction: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the blocks in which a coefficient moves alone, and its steps: the fewest possible plus `number`."""
        most = 1023  # largest coefficient to send
        ratio = self._steps[place] / self._sent_steps[place]
        own = self.own[part, place]
        wanted = self.arrived[part, place] + direction
        first = np.ceil(direction * (wanted * ratio - own) - ratio / 2 - 0.02)
        steps = direction * (np.maximum(first, 1) + number).astype(np.int16)
        inside = (np.abs((own + steps) / ratio - wanted) < 0.6) & (np.abs(own + steps) <= most)
        part = part[inside]
        steps = steps[inside]
        moved = self.own[part]
        moved[:, place] += steps
        after = self.received(part, moved)
        after[:, place] -= direction
        right = (after == self.arrived[part]).all(1)
        return part[right], steps[right]


def _parts(numbers: np.ndarray) -> list[np.ndarray]:
    at_once = 1 << 11  # blocks that are computed at once
    return np.array_split(numbers, -(-len(numbers) // at_once) or 1)


def _colours(jpeg: JpegPicture) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return the differences of red, green and blue from luma, before clipping, as libjpeg computes them.

    Returns:
        Three (64, n) int16; the gain of luma by the conversion to colours and back, (64, n) int8; and whether a colour
        of a block clips, (n,) bool.
    """
    near = 4  # levels from black or white, within which a colour may clip
    rows, cols, _ = jpeg.planes[0].shape
    with Image.open(BytesIO(jpeg.file.data)) as image:
        image.draft("YCbCr", image.size)
        decoded = np.asarray(image).reshape(image.height, image.width, -1)
    beyond = ((0, BLOCK * rows - len(decoded)), (0, BLOCK * cols - decoded.shape[1]))
    planes = [np.pad(decoded[..., each], beyond, mode="edge").astype(np.int32) for each in range(decoded.shape[2])]
    luma, blue, red = planes if len(planes) == 3 else (planes[0], *[np.full_like(planes[0], _MIDDLE)] * 2)
    blue = blue - _MIDDLE
    red = red - _MIDDLE
    half = 1 << 15
    added = [(91881 * red + half) >> 16, (half - 22554 * blue - 46802 * red) >> 16, (116130 * blue + half) >> 16]
    red_share, green_share, blue_share = _LUMA
    gained = (red_share * added[0] + green_share * added[1] + blue_share * added[2] + half) >> 16
    clipped = np.logical_or.reduce([(luma + each < near) | (luma + each > _PEAK - near) for each in added])
    *added, gained = (
        np.ascontiguousarray(by_block(each.astype(np.int16)).reshape(-1, 64).T) for each in (*added, gained)
    )
    return added, gained.astype(np.int8), by_block(clipped).any(2).ravel()


def _natural(zigzag: np.ndarray, pixels: bool = False) -> np.ndarray:
    """Return (64, n) as (8, 8, n) int32. The input is in zigzag order, unless it is pixels."""
    found = np.empty(zigzag.shape, np.int32)
    found[slice(None) if pixels else ZIGZAG] = zigzag
    return found.reshape(BLOCK, BLOCK, -1)
