"""Writes JPEG containers by the book: python -m tests.format.make_jpeg_vectors"""

import io
import json
import math
import random
from pathlib import Path

import numpy as np
from PIL import Image

from tests.format import seal_by_the_book as book
from tests.format.by_the_book import FILM_ID, NONCE, SECRET, digest, file_record
from tests.format.jpeg_by_the_book import Coefficients

FOLDER, ANSWERS = Path(__file__).parent / "jpeg_vectors", "answers.json"
NAME, DATA = b"note.txt", b"in the picture's own coefficients"
FULL, HALF, GREY = [(1, 1)] * 3, [(2, 2), (1, 1), (1, 1)], [(1, 1)]
# File: sampling factors, and options of Pillow that make its cover.
KINDS = {
    "half": (HALF, {"subsampling": "4:2:0"}),
    "full": (FULL, {"subsampling": "4:4:4"}),
    "grey": (GREY, {}),
}


def photograph(height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8 of waves, and noise that always is the same."""
    noise = random.Random(1)
    wave = [
        [[math.sin(x / 5 + c) + math.cos(y / 7 - c) for c in range(3)] for x in range(width)] for y in range(height)
    ]
    shaken = [[[128 + 40 * value + noise.gauss(0, 12) for value in pixel] for pixel in row] for row in wave]
    return np.clip(np.rint(shaken), 0, 255).astype(np.uint8)


def cover(kind: str) -> bytes:
    """A JPEG of 75×61 pixels."""
    picture, file = Image.fromarray(photograph(61, 75)), io.BytesIO()
    picture = picture.convert("L") if kind == "grey" else picture
    picture.save(file, "JPEG", quality=92, **KINDS[kind][1])
    return file.getvalue()


def containers(folder: Path) -> dict[str, str]:
    """Writes them; the answer to each: the digest of what is in it, "altered", or "nothing"."""
    answers = {}
    for kind, (sampling, _) in KINDS.items():
        (folder / "cover.jpg").write_bytes(cover(kind))
        made = Coefficients(folder / "cover.jpg", sampling)
        before = book.with_dummies(made.samples, random.Random(2), 0.05)
        context = made.context
        made.step(book.write(before, file_record(SECRET, FILM_ID, NAME, DATA), SECRET, NONCE, code=4, context=context))
        made.save(folder / f"{kind}.jpg")
        answers[f"{kind}.jpg"] = digest(DATA)
        if kind == "half":
            made.planes[1][0, 0].flat[9] += 1
            made.save(folder / "chroma.jpg")
            made.planes[1][0, 0].flat[9] -= 1
            made.planes[0][2, 2].flat[0] -= 1
            made.save(folder / "brighter.jpg")
            answers |= {"chroma.jpg": "altered", "brighter.jpg": "altered"}
    (folder / "cover.jpg").unlink()
    return answers


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(containers(FOLDER), indent=2)
    (FOLDER / ANSWERS).write_text(f"{text}\n", encoding="utf-8")
