"""Makes the test vectors of tolerant JPEG containers: `python -m tests.format.make_tolerant_vectors`.

Most have one thing wrong. They are written by the book (`tolerant_by_the_book`), not by stegnet but for the JPEG's
entropy coding, and nothing is left to chance. answers.json has the key and what a reader must answer: a record in hex,
or null.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from PIL import Image

from stegnet.image.jpeg_coefficients import read_jpeg
from tests.format import tolerant_by_the_book as book
from tests.format.tolerant_by_the_book import Keys

FOLDER = Path(__file__).parent / "tolerant_vectors"
ANSWERS = "answers.json"
SECRET = bytes(range(32))
PASSPHRASE = "correct horse"
RECORD = bytes(range(44))


def moved(luma: np.ndarray, share: float) -> np.ndarray:
    """A luma of which a share of all coefficients, the first of each block included, have moved by one."""
    random = np.random.default_rng(1)
    steps = random.choice([-1, 1], luma.shape) * (random.random(luma.shape) < share)
    return (luma + steps).astype(np.int16)


def near_an_edge(luma: np.ndarray, table: np.ndarray) -> np.ndarray:
    """A luma whose second region's mean is just below an edge of its step."""
    luma = luma.copy()
    region = luma[1:8, 8:16, 0]  # of 32×32 blocks
    mean = 128 + region.mean() * int(table[0]) / 8
    wanted = (round(mean / 16) * 16 - 0.05 - 128) * 8 / int(table[0]) * region.size
    rest = round(wanted) - int(region.sum())
    for place in range(abs(rest)):
        region[place // 8 % 7, place % 8] += np.sign(rest)
    return luma


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    random = np.random.default_rng(7)
    down, across = np.mgrid[:256, :256]
    pixels = 128 + 70 * np.sin(down / 40) * np.cos(across / 30) + random.normal(0, 6, (256, 256))
    pixels[:60, 196:] += 120
    cover = FOLDER / "cover.jpg"
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(cover, quality=80)
    jpeg = read_jpeg(cover)
    luma, table = jpeg.planes[0], jpeg.steps(0)
    salt = next(book.salts(luma, table))
    keys = Keys(SECRET, salt)
    scrypt = Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1)
    by_passphrase = Keys(scrypt.derive(PASSPHRASE.encode()), salt)
    good = book.write(luma, table, keys, RECORD, (32, 2, 3))

    edge = near_an_edge(luma, table)
    over_edge = book.write(edge, table, Keys(SECRET, next(book.salts(edge, table))), RECORD, (32, 2, 3))
    over_edge[3:6, 9:14, 0] += 1  # moves the mean by more than 0.05 levels

    damaged = book.write(luma, table, keys, RECORD, (32, 2, 3), len(RECORD) + 29)  # the tag covers another length
    lumas = {
        "cover.jpg": luma,
        "good.jpg": good,
        "moved.jpg": moved(good, 1e-3),
        "destroyed.jpg": moved(good, 0.1),
        "over_an_edge.jpg": over_edge,
        "lowest_height.jpg": book.write(luma, table, keys, RECORD, (24, 1, 2)),
        "merged.jpg": book.write(luma, table, keys, RECORD, (58, 5, 6)),
        "highest.jpg": book.write(luma, table, keys, RECORD, (58, 6, 4)),
        "repeated.jpg": book.write(luma, table, keys, RECORD, (8, 3, 0)),
        "empty.jpg": book.write(luma, table, keys, b"", (32, 2, 3)),
        "passphrase.jpg": book.write(luma, table, by_passphrase, RECORD, (32, 4, 3)),
        "rate_0.jpg": book.write(luma, table, keys, RECORD, (0, 2, 3)),
        "rate_59.jpg": book.write(luma, table, keys, RECORD, (59, 2, 3)),
        "height_0.jpg": book.write(luma, table, keys, RECORD, (32, 0, 3)),
        "height_7.jpg": book.write(luma, table, keys, RECORD, (32, 7, 3)),
        "width_12.jpg": book.write(luma, table, keys, RECORD, (32, 2, 12)),
        "too_long.jpg": book.write(luma, table, keys, RECORD, (32, 2, 3), 1 << 20),
        "too_short.jpg": book.write(luma, table, keys, RECORD, (32, 2, 3), 27),
        "other_length.jpg": damaged,
    }
    nothing = {"cover.jpg", "destroyed.jpg", "too_long.jpg", "too_short.jpg", "other_length.jpg"}
    answers = {}
    for name, written in lumas.items():
        data = jpeg.with_planes([written]) if name != "cover.jpg" else cover.read_bytes()
        (FOLDER / name).write_bytes(data)
        wrong = name in nothing or name.startswith(("rate", "height", "width"))
        record = b"" if name == "empty.jpg" else RECORD
        answers[name] = {
            "key": PASSPHRASE if name == "passphrase.jpg" else SECRET.hex(),
            "answer": None if wrong else record.hex(),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    (FOLDER / ANSWERS).write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
