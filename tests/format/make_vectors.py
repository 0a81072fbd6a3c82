"""Makes the test vectors of docs/format.md: `python -m tests.format.make_vectors`.

Containers, each with one thing wrong, and answers.json, which says what a reader must answer. They are written by the
book (`by_the_book`), not by stegnet, and the answers follow from how each container is made. Nothing is left to chance,
so that the same pixels come out again; only zlib may compress otherwise elsewhere, and FFmpeg wrap the same frames in
other bytes.

The networks are ideal ones, of five levels: level = round(4 · (hidden + ½)), within 0 and 4; revealed is level / 4 − ½.
Where no period is given, the level is kept in the low four bits of a sample as 3 · level + 1, and read as
⌊low bits / 3⌋. With a period of 16 levels, it is ⌊y / 3.2⌋, where y is the sample less its mask, modulo 16.
"""

import base64
import json
import random
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from stegnet.media import FilmWriter, SoundPacket, SoundTrack, write_png
from tests.format import by_the_book, seal_by_the_book, spread_by_the_book
from tests.format.by_the_book import FILM_SECRET, NO_FILM_SECRET, SECRET
from tests.format.vector_parts import (
    AVIF,
    PERIOD,
    coded_base,
    cover,
    fields_of,
    hide,
    hide_masked,
    means_of,
    no_base,
    picture_in,
    refreshed,
    secret,
    shown,
    stepped,
    with_other_mac_bit,
)

FOLDER = Path(__file__).parent / "vectors"
ANSWERS = "answers.json"
KEY, WRONG_KEY = SECRET.hex(), bytes(range(1, 33)).hex()
PASSPHRASE = "zwei Käse"

PICTURE = 40, 48  # rows and columns
FRAME = 32, 40
FRAMES, HIDDEN = 5, 4
MILLISECOND = Fraction(1, 1000)
STAMPS = [-7, 3, 13, 33]  # of the hidden frames, in milliseconds
ANCHOR = 2  # frame of the film by passphrase
SPREAD, SPREAD_FRAMES = bytes(range(60, 160)), 6  # a file, and the frames of its film
TEMPLATE = (
    "d7810173c58800000000000000019c810022b59c83756e64888100868d415f50434d2f494e542f4c4954838102e1919f8101b58840bf4000"
    "0000000062648108"
)
TRACK = SoundTrack("pcm_u8", MILLISECOND, 8000, "1 channels", b"", bytes.fromhex(TEMPLATE))
PACKETS = [SoundPacket(0, 10 * n, 10 * n, 10, True, bytes([120 + n]) * 80) for n in range(HIDDEN)]


@dataclass(frozen=True)
class Vector:
    """A container, and what a reader must answer.

    Attributes:
        file: its name.
        answer: "whole", "altered", "lost" where too many frames of a file are, or "nothing" where nothing opens.
        frames: of the container; one for a picture.
        shown: SHA-256 of the revealed pictures' RGB samples, in order; of a file, that of its bytes.
        base: "none", "means" or "coded"; None for a file.
        period: of the network in levels, if it has one.
        key, passphrase: hexadecimal digits, or text; one of the two.
        said: of a film's frames, by index: what has become of them.
        sound: SHA-256 of the bytes of the sound packets that come back, one after the other.
    """

    file: str
    answer: str
    frames: list[np.ndarray]
    shown: list[str]
    base: str | None = "none"
    period: int | None = None
    key: str | None = KEY
    passphrase: str | None = None
    said: dict[str, list[int]] | None = None
    sound: str | None = None


def pictures() -> list[Vector]:
    """Those of one frame."""
    hidden, base = secret(*PICTURE), no_base(*PICTURE)
    good = picture_in(cover(*PICTURE), hidden, base, random.Random(1), 3)
    found, zones, nonce = shown(hidden, base), by_the_book.zones(good, SECRET), random.Random(2).randbytes(12)
    fields = by_the_book.parse(by_the_book.read(good, SECRET)[0])
    size = len(fields.join()) + 16

    def nothing(name: str, container: np.ndarray) -> Vector:
        return Vector(f"{name}.png", "nothing", [container], [])

    def sealed_again(**what: object) -> np.ndarray:
        """A frame that is right but for one field of its record, or for what its lead says."""
        lead = {name: what.pop(name) for name in ("version", "code", "size", "film_secret") if name in what}
        return by_the_book.write(good, replace(fields, **what).join(), SECRET, nonce, **{"code": 2} | lead)

    def altered(name: str, container: np.ndarray) -> Vector:
        return Vector(f"{name}.png", "altered", [container], [found])

    return [
        Vector("good.png", "whole", [good], [found]),
        replace(nothing("good", good), key=WRONG_KEY),
        with_means(),
        with_coded_base(),
        with_period(),
        large(),
        by_passphrase(),
        *files(),
        nothing("plain_cover", cover(*PICTURE)),
        nothing("lead_bit", stepped(good, zones.lead[100])),
        nothing("record_bit", stepped(good, zones.record[500])),
        nothing("salt_bit", stepped(good, seal_by_the_book.salt_samples(good.size)[77])),
        altered("mac_bit", with_other_mac_bit(good)),
        altered("pixel_bit", stepped(good, seal_by_the_book.free_samples(good.size)[-1])),
        altered("by_48", stepped(good, zones.record[500], 48)),  # the same bit, trit and level
        nothing("version", sealed_again(version=1)),
        nothing("height", sealed_again(code=7)),
        nothing("no_such_code", sealed_again(code=3 + 32)),
        nothing("length", sealed_again(size=size + 1)),
        nothing("too_long", sealed_again(size=seal_by_the_book.largest_record(len(zones.record)) + 17)),
        nothing("film_secret", sealed_again(film_secret=FILM_SECRET)),
        nothing("commitment", sealed_again(commitment=by_the_book.commitment(bytes(32), fields.film_id))),
        nothing("kind", sealed_again(kind=0)),
        nothing("frames", sealed_again(frames=0)),
        nothing("flags", sealed_again(flags=3)),
        nothing("block", sealed_again(block=12)),
        nothing("width", sealed_again(width=0)),
        nothing("time_base", sealed_again(time_base=(1, 0))),
        nothing("base_of_none", sealed_again(base=b"x")),
        nothing("damaged_means", sealed_again(flags=1, base=b"\x28x")),
        nothing("gain", sealed_again(flags=1, base=b"\x80" + means_of(hidden).field[1:])),
        nothing("damaged_avif", sealed_again(flags=2, base=b"\x28" + AVIF[:-20])),
        nothing("tracks", sealed_again(tracks=b"x")),
        nothing("packets", sealed_again(rest=b"x")),
    ]


def with_means() -> Vector:
    """The base is block means."""
    noise = np.frombuffer(random.Random(53).randbytes(3 * PICTURE[0] * PICTURE[1]), np.uint8)
    picture = secret(*PICTURE) // 2 + noise.reshape(*PICTURE, 3) // 4
    base = means_of(picture)
    container = picture_in(cover(*PICTURE), picture, base, random.Random(3), 4)
    return Vector("means.png", "whole", [container], [shown(picture, base)], "means")


def with_coded_base() -> Vector:
    """The base is an AVIF file."""
    base, tint = coded_base(), np.indices((*PICTURE, 3)).sum(0) * 7 % 41 - 20
    picture = (base.picture + tint).clip(0, 255).astype(np.uint8)
    container = picture_in(cover(*PICTURE), picture, base, random.Random(31), 5)
    return Vector("coded.png", "whole", [container], [shown(picture, base)], "coded")


def with_period() -> Vector:
    """The network counts modulo 16, and a mask hides what samples mean; some are near 0 or 255."""
    picture, base, draw = secret(*PICTURE, 5), no_base(*PICTURE), random.Random(33)
    noise = np.frombuffer(draw.randbytes(picture.size), np.uint8).reshape(picture.shape)
    film_id = draw.randbytes(16)
    container = hide_masked(noise, picture, base, by_the_book.shuffle_key(SECRET, film_id, 0))
    container = by_the_book.with_dummies(container, draw, 0.2)
    record = fields_of(film_id, SECRET, *PICTURE, base).join()
    container = by_the_book.write(container, record, SECRET, draw.randbytes(12), code=2)
    return Vector("period.png", "whole", [container], [shown(picture, base)], period=PERIOD)


def large() -> Vector:
    """So large that groups have several samples, and sums several elements; and there is a margin."""
    picture, base = secret(96, 96), no_base(96, 96)
    container = picture_in(cover(98, 99), picture, base, random.Random(32), 6)
    return Vector("large.png", "whole", [container], [shown(picture, base)])


def by_passphrase() -> Vector:
    """Its frame key comes from passphrase and salt, its film key from the film secret."""
    picture, base, draw = secret(*PICTURE, 2), no_base(*PICTURE), random.Random(4)
    key, film_id = by_the_book.film_key(FILM_SECRET), draw.randbytes(16)
    container = hide(cover(*PICTURE), picture, base, by_the_book.shuffle_key(key, film_id, 0))
    container = by_the_book.with_dummies(container, draw, 0.2)
    frame_key = by_the_book.scrypt(PASSPHRASE, by_the_book.frame_salt(container))
    record = fields_of(film_id, key, *PICTURE, base).join()
    container = by_the_book.write(container, record, frame_key, draw.randbytes(12), code=1, film_secret=FILM_SECRET)
    found = [shown(picture, base)]
    return Vector("passphrase.png", "whole", [container], found, key=None, passphrase=PASSPHRASE)


def files() -> list[Vector]:
    """Bytes in black and in white pictures, where samples go to 2 and 253; and bits that fill up the last trits."""

    def vector(name: str, value: int, size: int, **what: int) -> Vector:
        draw = random.Random(name)
        data, plain = draw.randbytes(size), np.full((32, 40, 3), value, np.uint8)
        record = by_the_book.file_record(SECRET, draw.randbytes(16), b"note.bin", data)
        assert (len(record) + 16) * 8 % 19
        container = by_the_book.with_dummies(plain, draw, 0.5)
        container = by_the_book.write(container, record, SECRET, draw.randbytes(12), **what)
        return Vector(f"{name}.png", "whole", [container], [by_the_book.digest(data)], None)

    filled = vector("filled", 100, 20, filler=1)
    return [
        vector("black", 0, 450, code=1),
        vector("white", 255, 60, code=6),
        vector("grey", 77, 12, code=16 + 4),
        replace(filled, answer="nothing", shown=[]),
        in_grey("in_grey", 4),
        in_grey("in_grey_as_grey", 16 + 2),
    ]


def in_grey(name: str, code: int) -> Vector:
    """Bytes in a grey picture, which has a single channel; written as RGB, it is the same."""
    draw = random.Random(name)
    data, height, width = draw.randbytes(40), 48, 56
    channel = np.frombuffer(draw.randbytes(height * width), np.uint8).reshape(height, width, 1)
    record = by_the_book.file_record(SECRET, draw.randbytes(16), b"note.bin", data)
    written = by_the_book.with_dummies(channel, draw, 0.5)
    written = by_the_book.write(written, record, SECRET, draw.randbytes(12), code=code)
    return Vector(f"{name}.png", "whole", [written.repeat(3, 2)], [by_the_book.digest(data)], None)


def film_frames(seed: int, passphrase: str | None = None) -> list[np.ndarray]:
    """Five frames, four of which hide one, with sound; by a key file, or by a passphrase, with one anchor."""
    draw = random.Random(seed)
    film_secret = FILM_SECRET if passphrase else NO_FILM_SECRET
    key, film_id = by_the_book.film_key(FILM_SECRET) if passphrase else SECRET, draw.randbytes(16)
    frames = []
    for index in range(FRAMES):
        container = cover(*FRAME, index)
        if index < HIDDEN:
            base, shuffle_key = no_base(*FRAME), by_the_book.shuffle_key(key, film_id, index)
            container = hide(container, secret(*FRAME, index), base, shuffle_key)
        container = refreshed(container, draw, passphrase is not None and index == ANCHOR)
        frame_key = key
        if passphrase and index in (0, ANCHOR):
            frame_key = by_the_book.scrypt(passphrase, by_the_book.frame_salt(container))
        record, nonce = film_record(film_id, key, index), draw.randbytes(12)
        frames.append(by_the_book.write(container, record, frame_key, nonce, code=index + 1, film_secret=film_secret))
    return frames


def film_record(film_id: bytes, key: bytes, index: int) -> bytes:
    """Of one frame; `key` is the film's."""
    plain = asdict(TRACK) | {
        "time_base": [1, 1000],
        "extradata": "",
        "template": base64.b64encode(TRACK.template).decode(),
    }
    tracks = by_the_book.zlib.compress(json.dumps([plain], sort_keys=True, separators=(",", ":")).encode(), 9)
    sound = b"".join(
        by_the_book.pack_packet(packet.track, packet.key, (packet.pts, packet.dts), packet.duration, 0, packet.data)
        for packet in PACKETS[index : index + 1]
    )
    height, width = FRAME
    picture = fields_of(film_id, key, height, width, no_base(*FRAME))
    described = replace(picture, kind=2, frames=FRAMES, index=index, hidden=HIDDEN, tracks=tracks, rest=sound)
    stamp = STAMPS[index] if index < HIDDEN else 0
    return replace(described, time_base=(1, 1000), rate=(100, 1), stamp=stamp).join()


def vector_of(name: str, frames: list[np.ndarray], shown_frames: list[int], **said: list[int]) -> Vector:
    """Of a film, by the indices of the frames that come back."""
    sound = b"".join(PACKETS[index].data for index in shown_frames)
    hashes = [shown(secret(*FRAME, index), no_base(*FRAME)) for index in shown_frames]
    answer = "altered" if said else "whole"
    return Vector(f"{name}.mkv", answer, frames, hashes, said=said, sound=by_the_book.digest(sound))


def films() -> list[Vector]:
    """Those of several frames, by a key file."""
    good, other = film_frames(5), film_frames(6)

    def with_frame(index: int, frame: np.ndarray) -> list[np.ndarray]:
        return [*good[:index], frame, *good[index + 1 :]]

    first = by_the_book.parse(by_the_book.read(good[0], SECRET)[0])
    theirs = by_the_book.read(other[0], SECRET)[0]
    header = by_the_book.write(good[0], theirs, SECRET, random.Random(7).randbytes(12))
    shorter = replace(first, frames=FRAMES + 1).join()
    disagreeing = by_the_book.write(good[0], shorter, SECRET, random.Random(8).randbytes(12))
    record = stepped(good[0], by_the_book.zones(good[0], SECRET).record[1000])
    pixel = stepped(good[2], seal_by_the_book.free_samples(good[2].size)[-1])
    return [
        vector_of("film", good, [0, 1, 2, 3]),
        replace(vector_of("film", good, []), answer="nothing", key=WRONG_KEY, said=None, sound=None),
        vector_of("film_pixel_bit", with_frame(2, pixel), [0, 1, 2, 3], altered=[2]),
        vector_of("film_mac_bit", with_frame(4, with_other_mac_bit(good[4])), [0, 1, 2, 3], altered=[4]),
        vector_of("film_record_bit", with_frame(0, record), [1, 2, 3], unreadable=[0]),
        vector_of("film_swapped", [good[0], good[2], good[1], *good[3:]], [0, 1, 3], moved=[2]),
        vector_of("film_dropped", [*good[:1], *good[2:]], [0, 2, 3], lost=[1]),
        vector_of("film_repeated", [*good[:2], *good[1:]], [0, 1, 2, 3], repeated=[1]),
        vector_of("film_other_frame", with_frame(1, other[1]), [0, 2, 3], unreadable=[1]),
        vector_of("film_frame_put_in", [*good[:1], other[1], *good[1:]], [0, 1, 2, 3], foreign=[1]),
        vector_of("film_other_header", with_frame(0, header), [1, 2, 3], unreadable=[0]),
        vector_of("film_two_headers", with_frame(0, disagreeing), [1, 2, 3], unreadable=[0]),
        vector_of("film_truncated", good, [0, 1, 2], lost=[3, 4]),
    ]


def films_by_passphrase() -> list[Vector]:
    """Those of several frames that only frame 0 and an anchor open."""
    good, other = film_frames(9, PASSPHRASE), film_frames(10, PASSPHRASE)
    without = [*good[1:ANCHOR], *good[ANCHOR + 1 :]]
    vectors = [
        vector_of("film_by_passphrase", good, [0, 1, 2, 3]),
        vector_of("film_without_first", good[1:], [1, 2, 3], lost=[0]),
        vector_of("film_first_moved", [*good[1:], good[0]], [1, 2, 3], moved=[0]),
        vector_of("film_other_anchor", [*good[:2], other[ANCHOR], *good[3:]], [0, 1, 3], unreadable=[2]),
        replace(vector_of("film_without_anchor", without, []), answer="nothing", said=None, sound=None),
    ]
    return [replace(vector, key=None, passphrase=PASSPHRASE) for vector in vectors]


def spread_frames(needed: int, filler: bytes = b"", record_needed: int | None = None) -> list[np.ndarray]:
    """Six frames of a spread file.

    Args:
        needed: shares that give it back.
        filler: at the end of shares.
        record_needed: what records say instead.
    """
    draw, frames = random.Random(11), []
    film_id = draw.randbytes(16)
    for index, share in enumerate(spread_by_the_book.shares(SPREAD, film_id, SPREAD_FRAMES, needed)):
        place = SPREAD_FRAMES, index, needed if record_needed is None else record_needed
        record = spread_by_the_book.record(SECRET, film_id, b"note.bin", SPREAD, place, share + filler)
        container = by_the_book.with_dummies(cover(24, 32, index), draw, 0.2)
        frames.append(by_the_book.write(container, record, SECRET, draw.randbytes(12), code=2))
    return frames


def spread_files() -> list[Vector]:
    """A file in a film, three frames of which give it back; the others may be lost or altered."""
    good, found = spread_frames(3), [by_the_book.digest(SPREAD)]
    bad = [stepped(frame, by_the_book.zones(frame, SECRET).record[300]) for frame in good]

    def vector(name: str, answer: str, frames: list[np.ndarray], **said: list[int]) -> Vector:
        shown_file = [] if answer in ("lost", "nothing") else found
        return Vector(f"{name}.mkv", answer, frames, shown_file, None, said=None if answer == "nothing" else said)

    return [
        vector("spread", "whole", good),
        vector("spread_lost", "altered", [good[i] for i in (1, 1, 4, 5)], repeated=[1], lost=[0, 2, 3]),
        vector("spread_unreadable", "altered", [*bad[:2], good[2], bad[3], *good[4:]], unreadable=[0, 1, 3]),
        vector("spread_too_few", "lost", [bad[0], good[1], *bad[2:5], good[5]], unreadable=[0, 2, 3, 4]),
        vector("spread_needed_none", "nothing", spread_frames(3, record_needed=0)),
        vector("spread_needed_too_many", "nothing", spread_frames(6, record_needed=7)),
        vector("spread_length", "nothing", spread_frames(3, filler=b"x")),
    ]


def all_vectors() -> list[Vector]:
    """In the order of answers.json."""
    return pictures() + films() + films_by_passphrase() + spread_files()


def write_film(path: Path, frames: list[np.ndarray]) -> None:
    """A frame every ten milliseconds."""
    height, width, _ = frames[0].shape
    with FilmWriter(path, width, height, Fraction(100)) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, Fraction(index, 100))
    if "truncated" in path.name:
        with av.open(str(path)) as whole:
            places = [packet.pos for packet in whole.demux(video=0) if packet.size]
        path.write_bytes(path.read_bytes()[: places[3] + 20])


def write_all(folder: Path) -> None:
    """All files."""
    folder.mkdir(exist_ok=True)
    vectors = all_vectors()
    for vector in vectors:
        path = folder / vector.file
        if vector.key == WRONG_KEY:
            continue
        if path.suffix == ".png":
            write_png(path, vector.frames[0])
        else:
            write_film(path, vector.frames)
    answers = {"about": __doc__.partition("\n\n")[2], "vectors": [described(vector) for vector in vectors]}
    (folder / ANSWERS).write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def described(vector: Vector) -> dict[str, object]:
    """As it stands in answers.json."""
    names = "file", "key", "passphrase", "base", "period", "answer", "said", "shown", "sound"
    return {name: value for name in names if (value := getattr(vector, name)) is not None}


if __name__ == "__main__":
    write_all(FOLDER)
