"""Makes steps.json: `python -m tests.codec.make_steps`.

What each step on the way into a container gives, with fixed randomness. The containers beside it (`make_vectors`) say
what a reader must answer; with these, another program that reads and writes the format finds out where it differs.
Bytes are hexadecimal digits, pictures their sizes and the base64 of their samples.
"""

import base64
import json
import random
from pathlib import Path

import numpy as np

from stegnet.codec import Key, Passphrase, hide_picture
from stegnet.codec.frame import pack_means
from stegnet.codec.record import PICTURE, Header, Pictures, Record, format_record
from stegnet.codec.seal import seal
from stegnet.media import resize
from tests.codec import by_the_book, make_vectors
from tests.codec.by_the_book import FILM_ID, NONCE, SALT, SECRET
from tests.codec.make_vectors import PASSPHRASE, WEIGHTS

FILE = Path(__file__).parent / "steps.json"
SIZE = 40, 48  # rows and columns
BLOCKS = 2, 3


def steps() -> dict[str, object]:
    """All of them, by name."""
    key = Key(SECRET)
    return {
        "about": __doc__.partition("\n\n")[2],
        "key": SECRET.hex(),
        "passphrase": PASSPHRASE,
        "film_id": FILM_ID.hex(),
        "nonce": NONCE.hex(),
        "salt": SALT.hex(),
        "subkeys": subkeys(key),
        "shuffled": shuffled(key.shuffle(FILM_ID, 5)),
        "thumbnail": packed(),
        "record": record(key),
        "sealed": [sealed(key, 0, False), sealed(key, 100, True)],
        "hidden": [
            hidden(1, key, {"key": SECRET.hex()}),
            hidden(4, Passphrase(PASSPHRASE), {"passphrase": PASSPHRASE}),
        ],
        "resized": [
            resized(*sizes) for sizes in ((20, 30, 40, 48), (60, 50, 24, 16), (17, 23, 17, 64), (9, 40, 80, 7))
        ],
    }


def subkeys(key: Key) -> dict[str, str]:
    """Those of the key, and one of the passphrase's."""
    found = {
        "lead": key.lead(),
        "record": key.record(),
        "positions": key.positions(),
        "positions_of_record": key.positions(NONCE),
        "mac": key.mac(),
        "commitment": key.commitment(FILM_ID),
        "shuffle_of_frame_5": key.shuffle(FILM_ID, 5),
        "lead_by_passphrase": Passphrase(PASSPHRASE).unlock(SALT).lead(),
    }
    return {name: value.hex() for name, value in found.items()}


def shuffled(stream_key: bytes) -> dict[str, object]:
    """A plane whose sample at n is n + 1, shuffled, by the book."""
    rows, cols = BLOCKS
    count = rows * cols
    stream = by_the_book.stream(stream_key, 9 * count)
    words = [int.from_bytes(stream[8 * n : 8 * n + 8], "little") for n in range(count)]
    permutation = sorted(range(count), key=lambda n: words[n])
    turns = list(stream[8 * count :])
    plane = np.arange(64 * count).reshape(8 * rows, 8 * cols) + 1
    shown = np.zeros_like(plane)
    for place, (origin, turn) in enumerate(zip(permutation, turns, strict=True)):
        block = at(plane, origin, cols)
        block = np.rot90(block.T if turn & 4 else block, turn & 3)
        at(shown, place, cols)[:] = -block if turn & 8 else block
    return {"rows": rows, "cols": cols, "permutation": permutation, "plane": shown.ravel().tolist()}


def at(plane: np.ndarray, index: int, cols: int) -> np.ndarray:
    """Block number `index` of a plane."""
    y, x = 8 * (index // cols), 8 * (index % cols)
    return plane[y : y + 8, x : x + 8]


def packed() -> dict[str, object]:
    """Block means, and their bytes: zlib may pack them otherwise elsewhere, but must unpack these."""
    means = make_vectors.secret(7, 9)
    return {"means": picture(means), "packed": pack_means(means).hex()}


def record(key: Key) -> dict[str, object]:
    """That of a picture with the detail layer."""
    described = Pictures(97, 61, 1, 1, 1, True, 8, WEIGHTS)
    data = format_record(Record(Header(FILM_ID, PICTURE, 1, described), 0, thumbnail=b"means"), key)
    fields = {"width": 97, "height": 61, "detail": True, "block": 8, "weights": WEIGHTS, "thumbnail": b"means".hex()}
    return {"fields": fields, "bytes": data.hex()}


def sealed(key: Key, size: int, leaning: bool) -> dict[str, object]:
    """A picture before and after a record of so many bytes went in; some samples are 0 and 255."""
    draw = random.Random(size).randbytes
    before = np.frombuffer(draw(3 * SIZE[0] * SIZE[1]), np.uint8).reshape(*SIZE, 3) // 64 * 85
    lean = np.frombuffer(draw(before.size), np.uint8).reshape(before.shape) % 2 * 2 - 1 if leaning else None
    after, data = before.copy(), draw(size)
    seal(after, data, key, NONCE, SALT, None if lean is None else lean.astype(np.int8))
    up = "" if lean is None else base64.b64encode((lean == 1).astype(np.uint8).tobytes()).decode()
    return {"before": picture(before), "record": data.hex(), "leans_up": up, "after": picture(after)}


def hidden(seed: int, secret_key: Key | Passphrase, given: dict[str, str]) -> dict[str, object]:
    """A container by the ideal network (`make_vectors`), and the random bytes that were drawn, in order."""
    drawn: list[str] = []
    source = random.Random(seed).randbytes

    def draw(size: int) -> bytes:
        drawn.append(source(size).hex())
        return bytes.fromhex(drawn[-1])

    cover, secret = make_vectors.cover(SIZE[0] + 3, SIZE[1] + 5), make_vectors.secret(*SIZE, seed)
    container = hide_picture(make_vectors.network(False), cover, secret, secret_key, draw)
    return {
        "given": given,
        "random": drawn,
        "cover": picture(cover),
        "secret": picture(secret),
        "container": picture(container),
    }


def resized(height: int, width: int, new_height: int, new_width: int) -> dict[str, object]:
    """A picture and the same stretched."""
    old = make_vectors.secret(height, width)
    return {"from": picture(old), "to": picture(resize(old, new_height, new_width))}


def picture(samples: np.ndarray) -> dict[str, object]:
    """(H, W, 3) uint8."""
    height, width, _ = samples.shape
    return {"width": width, "height": height, "samples": base64.b64encode(samples.tobytes()).decode()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(steps(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
