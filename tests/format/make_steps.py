"""Makes steps.json: `python -m tests.format.make_steps`.

What each step on the way into a container gives, with fixed randomness, by the book. The containers beside it
(`make_vectors`) say what a reader must answer; with these, another program that reads and writes the format finds out
where it differs. Which sample of a group or sum is stepped is the writer's to decide: `after` is one container of many
that hold the same. Bytes are hexadecimal digits, pictures their sizes and the base64 of their samples.
"""

import base64
import json
import random
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stegnet.media import resize
from tests.format import by_the_book, vector_parts
from tests.format.by_the_book import FILM_ID, FILM_SECRET, NO_FILM_SECRET, NONCE, SECRET
from tests.format.make_vectors import PASSPHRASE
from tests.format.seal_by_the_book import (
    hkdf,
    lanes,
    lead_fields,
    make_lead,
    make_mac,
    record_samples,
    salt_samples,
    trits_of,
)

FILE = Path(__file__).parent / "steps.json"
SALT = bytes(range(0xD0, 0xE0))  # for the table of keys; those of frames come from their samples
BLOCKS = 2, 3
SHOWN = 40  # elements of each zone, and trits


def steps() -> dict[str, object]:
    """All of them, by name."""
    return {
        "about": __doc__.partition("\n\n")[2],
        "key": SECRET.hex(),
        "passphrase": PASSPHRASE,
        "film_id": FILM_ID.hex(),
        "film_secret": FILM_SECRET.hex(),
        "nonce": NONCE.hex(),
        "salt": SALT.hex(),
        "subkeys": subkeys(),
        "shuffled": shuffled(by_the_book.shuffle_key(SECRET, FILM_ID, 5)),
        "mask": mask(by_the_book.shuffle_key(SECRET, FILM_ID, 5)),
        "means": means(),
        "record": record(),
        "sealed": [
            sealed((40, 48), 0, 1),
            sealed((40, 48), 100, 2),
            sealed((33, 47), 600, 3),  # more than a sample for each row, but not two
            sealed((40, 48), 967, 4),  # as much as fits
            sealed((64, 96), 100, 5),  # sums of several elements
            sealed((100, 100), 300, 6),  # groups of two
            sealed((40, 48), 100, 3, FILM_SECRET),
            sealed((40, 48), 100, 16 + 4),
        ],
        "resized": [
            resized(*sizes) for sizes in ((20, 30, 40, 48), (60, 50, 24, 16), (17, 23, 17, 64), (9, 40, 80, 7))
        ],
    }


def subkeys() -> dict[str, str]:
    """Those of the key, for frames of this salt, and those of the passphrase."""
    found = {name: hkdf(SECRET, f"stegnet/2/{name}".encode(), SALT) for name in ("lead", "record", "positions", "mac")}
    found |= {
        "commitment": by_the_book.commitment(SECRET, FILM_ID),
        "shuffle_of_frame_5": by_the_book.shuffle_key(SECRET, FILM_ID, 5),
        "film_by_film_secret": by_the_book.film_key(FILM_SECRET),
        "frame_by_passphrase": by_the_book.scrypt(PASSPHRASE, SALT),
    }
    return {name: value.hex() for name, value in found.items()}


def shuffled(stream_key: bytes) -> dict[str, object]:
    """A plane whose sample at n is n + 1, shuffled."""
    rows, cols = BLOCKS
    permutation, turns = by_the_book.draw_shuffle(stream_key, rows * cols)
    plane = np.arange(64 * rows * cols).reshape(8 * rows, 8 * cols, 1) + 1
    shown = by_the_book.shuffle(plane, permutation, turns, cols)
    return {"rows": rows, "cols": cols, "permutation": permutation, "plane": shown.ravel().tolist()}


def mask(stream_key: bytes) -> dict[str, object]:
    """That of a hidden area of one row of blocks, in words."""
    words = by_the_book.draw_mask(stream_key, 8, 16).ravel() * 65536
    return {"rows": 1, "cols": 2, "words": [int(word) for word in words]}


def means() -> dict[str, object]:
    """Block means, and the field of a record with a gain of 2: zlib may pack them otherwise elsewhere."""
    picture_of_means = vector_parts.secret(7, 9)
    field = vector_parts.means_of(picture_of_means.repeat(8, 0).repeat(8, 1)).field
    return {"means": picture(picture_of_means), "gain": 2, "field": field.hex()}


def record() -> dict[str, object]:
    """That of a picture with a coded base."""
    base = vector_parts.coded_base()
    data = vector_parts.fields_of(FILM_ID, SECRET, 61, 97, base).join()
    fields = {"width": 97, "height": 61, "base": "coded", "block": 8, "weights": vector_parts.WEIGHTS}
    return {"fields": fields | {"base_field": base.field.hex()}, "bytes": data.hex()}


def sealed(size: tuple[int, int], length: int, code: int, film_secret: bytes = NO_FILM_SECRET) -> dict[str, object]:
    """A picture before and after a record of so many bytes went in; some samples are 0 and 255.

    Its salt samples have been changed before.
    """
    draw = random.Random(f"{size}, {length}")
    before = np.frombuffer(draw.randbytes(3 * size[0] * size[1]), np.uint8).reshape(*size, 3) // 64 * 85
    data, salt, zones = draw.randbytes(length), by_the_book.frame_salt(before), by_the_book.zones(before, SECRET)
    lead = make_lead(SECRET, salt, NONCE, lead_fields(length + 16, code, film_secret))
    cipher = AESGCM(hkdf(SECRET, b"stegnet/2/record", salt)).encrypt(NONCE, data, lead)
    after = by_the_book.write(before, data, SECRET, NONCE, code=code, film_secret=film_secret)
    zone = record_samples(zones.record, code, 3)
    arranged = lanes(length + 16, len(zone))
    first = arranged.rows[0]
    return {
        "before": picture(before),
        "record": data.hex(),
        "code": code,
        "film_secret": film_secret.hex(),
        "first_salt_samples": salt_samples(before.size)[:SHOWN],
        "salt": salt.hex(),
        "zones": {"lead": zones.lead[:SHOWN], "mac": zones.mac[:SHOWN], "record": zone[:SHOWN]},
        "sizes_of_zones": {"lead": len(zones.lead), "mac": len(zones.mac), "record": len(zone)},
        "sides": zones.sides[:SHOWN],
        "lead": lead.hex(),
        "sealed_record": cipher.hex(),
        "trits": trits_of(cipher)[:SHOWN],
        "lanes": len(arranged.rows),
        "rows": len(first),
        "sums_of_rows": [len(row) for row in first],
        "elements_of_first_sums": first[0][:4],
        "mac": make_mac(after, SECRET).hex(),
        "after": picture(after),
    }


def resized(height: int, width: int, new_height: int, new_width: int) -> dict[str, object]:
    """A picture and the same stretched."""
    old = vector_parts.secret(height, width)
    return {"from": picture(old), "to": picture(resize(old, new_height, new_width))}


def picture(samples: np.ndarray) -> dict[str, object]:
    """(H, W, 3) uint8."""
    height, width, _ = samples.shape
    return {"width": width, "height": height, "samples": base64.b64encode(samples.tobytes()).decode()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(steps(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
