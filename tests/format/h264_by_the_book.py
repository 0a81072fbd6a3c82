"""H.264 films of docs/format.md, read a second time: from packets to the samples of groups, which stegnet unseals.

Slices are read by `h264_slices_by_the_book`. Left out is the check that a standard encoder gives a slice byte for byte:
the vectors' slices are such.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from stegnet.keys import Key, KeyRing
from stegnet.record import Gathering
from stegnet.record.record import parse_record
from stegnet.sealing import CarrierModel, unseal
from tests.format.h264_cabac_by_the_book import Cabac
from tests.format.h264_cavlc_by_the_book import Cavlc
from tests.format.h264_headers_by_the_book import Bits, Pps, Sps, pps_of, read_header, read_pps, read_sps
from tests.format.h264_slices_by_the_book import LUMA_4X4, LUMA_8X8, Level

SLICES, IDR, SPS, PPS = (1, 5), 5, 7, 8  # types of NAL units
CARRIERS, LEVELS = 65_536, 4096  # of a group; for each sample of one that a bit of lead or MAC has


class Film:
    """An MP4 of H.264, taken apart by FFmpeg.

    Attributes:
        sets: its parameter sets, NAL units.
        pictures: NAL units of each, in decoding order.
    """

    def __init__(self, path: Path) -> None:
        with av.open(str(path), options={"ignore_editlist": "1"}) as film:
            track = film.streams.video[0]
            self._set_up(track.codec_context.extradata)
            self.pictures = [self._units(bytes(packet)) for packet in film.demux(track) if packet.size]

    def _set_up(self, avcc: bytes) -> None:
        """Reads the decoder configuration record (ISO/IEC 14496-15)."""
        self.length, self.sets, at = (avcc[4] & 3) + 1, [], 5
        for mask in (31, 255):
            count, at = avcc[at] & mask, at + 1
            for _ in range(count):
                (size,) = struct.unpack(">H", avcc[at : at + 2])
                self.sets.append(avcc[at + 2 : at + 2 + size])
                at += 2 + size

    def _units(self, packet: bytes) -> list[bytes]:
        units = []
        while packet:
            end = self.length + int.from_bytes(packet[: self.length], "big")
            units.append(packet[self.length : end])
            packet = packet[end:]
        return units


# Carriers


class Parameters:
    """The parameter sets that are in force."""

    def __init__(self) -> None:
        self.sps: dict[int, Sps] = {}
        self.pps: dict[int, Pps] = {}

    def take(self, unit: bytes) -> None:
        if unit[0] & 31 == SPS:
            self.sps |= [read_sps(unit)]
        if unit[0] & 31 == PPS:
            self.pps |= [read_pps(unit)]

    def levels(self, unit: bytes) -> list[Level]:
        """Those of a slice."""
        pps, bits = self.pps[pps_of(unit)], Bits(unit)
        sps = self.sps[pps.sps]
        header = read_header(bits, unit, sps, pps)
        return (Cabac if pps.cabac else Cavlc)(bits, header, sps, pps).read()


@dataclass(frozen=True)
class Pictures:
    """A group of pictures, or several.

    Attributes:
        samples: of their carriers.
        hashes: G of each.
    """

    samples: bytes
    hashes: bytes

    def __add__(self, other: "Pictures") -> "Pictures":
        return Pictures(self.samples + other.samples, self.hashes + other.hashes)

    @property
    def context(self) -> bytes:
        return hashlib.sha256(b"stegnet/2/h264" + self.hashes).digest()


def kinds(units: list[bytes]) -> list[int]:
    return [unit[0] & 31 for unit in units]


def groups_of_pictures(film: Film) -> list[Pictures]:
    """Those of a film, in order."""
    parameters, found, carried, hashes = Parameters(), [], b"", b""
    for unit in film.sets:
        parameters.take(unit)
    for picture, after in zip(film.pictures, [*film.pictures[1:], None], strict=True):
        ends = after is None or IDR in kinds(after)
        samples, own = of_picture(picture, ends, parameters)
        carried, hashes = carried + samples, hashes + own
        if ends:
            found.append(Pictures(carried, hashlib.sha256(hashes).digest()))
            carried, hashes = b"", b""
    return found


def of_picture(units: list[bytes], ends: bool, parameters: Parameters) -> tuple[bytes, bytes]:
    """The samples of its carriers, and P."""
    for unit in units:
        parameters.take(unit)
    slices = [unit for unit in units if unit[0] & 31 in SLICES]
    free, samples, rest = ends or not any(unit[0] & 0x60 for unit in slices), b"", b""
    for unit in slices:
        levels = parameters.levels(unit) if free else []
        carriers = [level.value for level in levels if is_carrier(level)]
        samples += bytes((value + 127 + (value < 0)) % 256 for value in carriers)
        rest += besides(unit, levels) if carriers else unit
    return samples, hashlib.sha256(rest).digest()


def is_carrier(level: Level) -> bool:
    return level.kind in (LUMA_4X4, LUMA_8X8) and not level.intra


def besides(unit: bytes, levels: list[Level]) -> bytes:
    """Bytes of a slice that has carriers, as they are hashed."""
    count, rest = len(levels), [level.value for level in levels if not is_carrier(level)]
    return b"".join(
        (
            unit[:1],
            struct.pack(f"<{count}I", *(level.address for level in levels)),
            bytes(level.kind for level in levels),
            bytes(level.place for level in levels),
            bytes(level.block for level in levels),
            struct.pack(f"<{len(rest)}i", *rest),
        )
    )


# Groups


def group_at(pictures: list[Pictures], first: int) -> tuple[Pictures, int]:
    """The group that begins there, and where the next one does."""
    found, at = pictures[first], first + 1
    while len(found.samples) < CARRIERS and at < len(pictures):
        found, at = found + pictures[at], at + 1
    return found, at


def frame_of(group: Pictures) -> np.ndarray:
    """(S, 1, 1) uint8."""
    return np.frombuffer(group.samples, np.uint8).reshape(-1, 1, 1)


def open_group(group: Pictures, key: bytes) -> tuple[bytes, bool] | None:
    """Its record, and whether its MAC holds.

    Args:
        key: of the frame.
    """
    found = unseal(frame_of(group), KeyRing(Key(key)), first=True, medium=CarrierModel(LEVELS, group.context))
    return found and (found.record, found.whole)


def read_film(pictures: list[Pictures], key: bytes) -> list[tuple[bytes, bool]]:
    """The records of a film's groups that open with a key file, and whether their MACs hold."""
    records, at = [], 0
    while at < len(pictures):
        after = group_at(pictures, at)[1]
        for first in range(at, after):  # the film may have been cut there
            group, end = group_at(pictures, first)
            if found := open_group(group, key):
                records.append(found)
                after = end
                break
        at = after
    return records


def hidden_file(records: list[bytes], key: bytes) -> tuple[str, bytes] | None:
    """Name and content of the file that they hold; None where they do not hold all of it.

    Args:
        key: of the film.
    """
    parsed = [parse_record(plain, Key(key)) for plain in records]
    header, data = parsed[0].header, parsed[0].data
    if header.spread is not None:
        gathering = Gathering(header.spread, out := io.BytesIO())
        for record in parsed:
            gathering.add(record.index, record.data)
        gathering.restore()
        data = out.getvalue()
    return (header.secret.name, data) if hashlib.sha256(data).digest() == header.secret.digest else None
