"""Makes the test vectors of docs/format.md: `python -m tests.codec.make_vectors`.

Containers, each with one thing wrong, and answers.json, which says what a reader must answer. The answers are not what
stegnet answers: they follow from how each container is made. Nothing is left to chance, so that the same pixels come
out again; only zlib may compress otherwise elsewhere, and FFmpeg wrap the same frames in other bytes.

The network is an ideal one, of five levels (`FiveLevels` in tests/support/pairs.py): level =
round(4 · (hidden + ½)), within 0 and 4, is kept in the low four bits of a sample as 3 · level + 1; revealed is
⌊low bits / 3⌋ / 4 − ½.
"""

import json
import random
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from stegnet.codec import Key, Network, Passphrase, hide_picture
from stegnet.codec.frame import hide_frame
from stegnet.codec.record import FILM, Header, Pictures, Record
from stegnet.codec.sound import format_packets
from stegnet.media import FilmWriter, SoundPacket, SoundTrack, write_png
from tests.codec import by_the_book
from tests.codec.by_the_book import SECRET
from tests.support.pairs import FiveLevels

FOLDER = Path(__file__).parent / "vectors"
ANSWERS = "answers.json"
KEY, WRONG_KEY = SECRET.hex(), bytes(range(1, 33)).hex()
PASSPHRASE = "zwei Käse"
WEIGHTS = "5e" * 32

PICTURE = 40, 48  # rows and columns
FRAME = 48, 64
FRAMES, HIDDEN = 5, 4
MILLISECOND = Fraction(1, 1000)
STAMPS = [-7, 3, 13, 33]  # of the hidden frames, in milliseconds
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
        answer: "whole", "altered", or "nothing" where nothing opens.
        key, passphrase: hexadecimal digits, or text; one of the two.
        frames: of the container; one for a picture.
        shown: SHA-256 of the revealed pictures' RGB samples, in order.
        said: of a film's frames, by index: what has become of them.
        sound: SHA-256 of the bytes of the sound packets that come back, one after the other.
    """

    file: str
    answer: str
    frames: list[np.ndarray]
    shown: list[str]
    key: str | None = KEY
    passphrase: str | None = None
    said: dict[str, list[int]] | None = None
    sound: str | None = None


def network(detail: bool) -> Network:
    """The ideal one."""
    return Network.of(FiveLevels(), WEIGHTS, detail=detail, block=8, device="cpu", precision="fp32")


def cover(height: int, width: int, shift: int = 0) -> np.ndarray:
    """Slopes, in whole numbers."""
    y, x = np.mgrid[:height, :width]
    return (np.stack([x * 3 + y, 200 - y * 2, x + y * 4], -1) + shift).astype(np.uint8)


def secret(height: int, width: int, shift: int = 0) -> np.ndarray:
    """Squares in a few colours."""
    y, x = np.mgrid[:height, :width]
    squares = ((x + shift) // 6 * 5 + (y + shift) // 5 * 3) % 11
    return np.stack([squares * 23, 250 - squares * 20, 60 + squares * 9], -1).astype(np.uint8)


def five_levels(picture: np.ndarray) -> str:
    """What a reader shows of a secret without the detail layer."""
    return by_the_book.digest(np.rint(np.rint(picture / 255 * 4) * 255 / 4).astype(np.uint8).tobytes())


def flipped(picture: np.ndarray, place: int) -> np.ndarray:
    """With the lowest bit of one sample turned over."""
    picture = picture.copy()
    picture.reshape(-1)[place] ^= 1
    return picture


def slightly_flipped(picture: np.ndarray, places: list[int]) -> np.ndarray:
    """At the first of the places where that leaves the hidden level as it is."""
    levels = picture.reshape(-1) % 16 // 3, (picture.reshape(-1) ^ 1) % 16 // 3
    return flipped(picture, next(place for place in places if levels[0][place] == levels[1][place]))


def parts(container: np.ndarray) -> dict[str, list[int]]:
    """Where each part of a frame sits, by the book; `free` is all the rest."""
    lead, mac = by_the_book.lead_and_mac_places(container.size, SECRET)
    nonce = by_the_book.bytes_of([container.reshape(-1)[place] & 1 for place, _ in lead[:96]])
    size = len(by_the_book.read(container, SECRET)[0]) + 16
    places = {
        "salt": by_the_book.salt_places(container.size),
        "lead": [place for place, _ in lead],
        "mac": [place for place, _ in mac],
        "record": [place for place, _ in by_the_book.record_places(container.size, SECRET, nonce, size)],
    }
    taken = {place for part in places.values() for place in part}
    return places | {"free": [place for place in range(container.size) if place not in taken]}


def pictures() -> list[Vector]:
    """Those of one frame."""
    hidden = secret(*PICTURE)
    good = hide_picture(network(False), cover(*PICTURE), hidden, Key(SECRET), random.Random(1).randbytes)
    shown, places, nonce = [five_levels(hidden)], parts(good), random.Random(2).randbytes(12)
    record, _ = by_the_book.read(good, SECRET)
    fields = by_the_book.parse(record)

    def nothing(name: str, container: np.ndarray) -> Vector:
        return Vector(f"{name}.png", "nothing", [container], [])

    def sealed_again(**what: object) -> np.ndarray:
        """A frame that is right but for one field of its record, or for what its lead says."""
        lead = {name: what.pop(name) for name in ("version", "size") if name in what}
        return by_the_book.write(good, replace(fields, **what).join(), SECRET, nonce, **lead)

    def altered(name: str, part: str) -> Vector:
        return Vector(f"{name}.png", "altered", [slightly_flipped(good, places[part])], shown)

    return [
        Vector("good.png", "whole", [good], shown),
        replace(nothing("good", good), key=WRONG_KEY),
        detailed(),
        by_passphrase(),
        nothing("plain_cover", cover(*PICTURE)),
        nothing("lead_bit", flipped(good, places["lead"][100])),
        nothing("record_bit", flipped(good, places["record"][500])),
        altered("mac_bit", "mac"),
        altered("salt_bit", "salt"),
        altered("pixel_bit", "free"),
        nothing("version", sealed_again(version=2)),
        nothing("length", sealed_again(size=len(record) + 17)),
        nothing("commitment", sealed_again(commitment=by_the_book.commitment(bytes(32), fields.film_id))),
        nothing("kind", sealed_again(kind=0)),
        nothing("frames", sealed_again(frames=0)),
        nothing("flags", sealed_again(flags=2)),
        nothing("block", sealed_again(block=12)),
        nothing("width", sealed_again(width=0)),
        nothing("time_base", sealed_again(time_base=(1, 0))),
        nothing("thumbnail", sealed_again(thumbnail=b"x")),
        nothing("tracks", sealed_again(tracks=b"x")),
        nothing("packets", sealed_again(rest=b"x")),
    ]


def detailed() -> Vector:
    """With the detail layer; what is shown is worked out in whole numbers, and never falls between two levels."""
    noise = np.frombuffer(random.Random(53).randbytes(3 * PICTURE[0] * PICTURE[1]), np.uint8)
    picture = secret(*PICTURE) // 2 + noise.reshape(*PICTURE, 3) // 4
    container = hide_picture(network(True), cover(*PICTURE), picture, Key(SECRET), random.Random(3).randbytes)
    sums = sums_of_blocks(picture)
    means = (sums + 32) // 64
    exact = np.clip((picture - sums / 64) / 255 + 0.5, 0, 1) * 4
    levels = np.rint(exact).astype(int)
    shown = (64 * levels - sums_of_blocks(levels)) * 255 + 256 * means  # in 256ths
    assert not (sums % 64 == 32).any()
    assert (np.abs(exact % 1 - 0.5) > 1e-4).all()
    assert not (shown % 256 == 128).any()
    shown = ((shown + 128) // 256).clip(0, 255).astype(np.uint8)
    return Vector("detail.png", "whole", [container], [by_the_book.digest(shown.tobytes())])


def sums_of_blocks(picture: np.ndarray) -> np.ndarray:
    """At each pixel, the sum of its 8×8 block."""
    height, width, _ = picture.shape
    sums = picture.astype(int).reshape(height // 8, 8, width // 8, 8, 3).sum((1, 3))
    return sums.repeat(8, 0).repeat(8, 1)


def by_passphrase() -> Vector:
    """Its key comes from the salt."""
    hidden = secret(*PICTURE, 2)
    passphrase = Passphrase(PASSPHRASE)
    container = hide_picture(network(False), cover(*PICTURE), hidden, passphrase, random.Random(4).randbytes)
    return Vector("passphrase.png", "whole", [container], [five_levels(hidden)], None, PASSPHRASE)


def film(seed: int) -> list[np.ndarray]:
    """Five frames, four of which hide one, with sound."""
    draw, key = random.Random(seed).randbytes, Key(SECRET)
    height, width = FRAME
    described = Pictures(width, height, HIDDEN, MILLISECOND, Fraction(100), False, 8, WEIGHTS, (TRACK,))
    header = Header(draw(16), FILM, FRAMES, described)
    frames = []
    for index in range(FRAMES):
        hides = index < HIDDEN
        data = format_packets(PACKETS[index : index + 1]) if hides else b""
        record = Record(header, index, STAMPS[index] if hides else 0, b"", data)
        picture = secret(*FRAME, index) if hides else None
        salt = draw(16) if index == 0 else None
        frames.append(hide_frame(network(False), key, cover(*FRAME, index), picture, record, draw(12), salt))
    return frames


def films() -> list[Vector]:
    """Those of several frames."""
    good, other = film(5), film(6)

    def vector(name: str, frames: list[np.ndarray], shown: list[int], **said: list[int]) -> Vector:
        sound = b"".join(PACKETS[index].data for index in shown)
        hashes = [five_levels(secret(*FRAME, index)) for index in shown]
        answer = "altered" if said else "whole"
        return Vector(f"{name}.mkv", answer, frames, hashes, said=said, sound=by_the_book.digest(sound))

    def with_frame(index: int, frame: np.ndarray) -> list[np.ndarray]:
        return [*good[:index], frame, *good[index + 1 :]]

    first = by_the_book.parse(by_the_book.read(good[0], SECRET)[0])
    theirs = by_the_book.read(other[0], SECRET)[0]
    header = by_the_book.write(good[0], theirs, SECRET, random.Random(7).randbytes(12))
    shorter = replace(first, frames=FRAMES + 1).join()
    disagreeing = by_the_book.write(good[0], shorter, SECRET, random.Random(8).randbytes(12))
    sound = parts(good[0])["record"][8 * (len(first.join()) - 5)]  # a bit of the packet that the first frame carries
    pixel, mac = (slightly_flipped(good[index], parts(good[index])[part]) for index, part in ((2, "free"), (4, "mac")))
    return [
        vector("film", good, [0, 1, 2, 3]),
        replace(vector("film", good, []), answer="nothing", key=WRONG_KEY, said=None, sound=None),
        vector("film_pixel_bit", with_frame(2, pixel), [0, 1, 2, 3], altered=[2]),
        vector("film_mac_bit", with_frame(4, mac), [0, 1, 2, 3], altered=[4]),
        vector("film_sound_bit", with_frame(0, flipped(good[0], sound)), [1, 2, 3], unreadable=[0]),
        vector("film_swapped", [good[0], good[2], good[1], *good[3:]], [0, 1, 3], moved=[2]),
        vector("film_dropped", [*good[:1], *good[2:]], [0, 2, 3], lost=[1]),
        vector("film_repeated", [*good[:2], *good[1:]], [0, 1, 2, 3], repeated=[1]),
        vector("film_other_frame", with_frame(1, other[1]), [0, 2, 3], unreadable=[1]),
        vector("film_frame_put_in", [*good[:1], other[1], *good[1:]], [0, 1, 2, 3], foreign=[1]),
        vector("film_other_header", with_frame(0, header), [1, 2, 3], unreadable=[0]),
        vector("film_two_headers", with_frame(0, disagreeing), [1, 2, 3], unreadable=[0]),
        vector("film_truncated", good, [0, 1, 2], lost=[3, 4]),
    ]


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
    vectors = pictures() + films()
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
    fields = {name: getattr(vector, name) for name in ("file", "key", "passphrase", "answer", "said", "shown", "sound")}
    return {name: value for name, value in fields.items() if value is not None}


if __name__ == "__main__":
    write_all(FOLDER)
