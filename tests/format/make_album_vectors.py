"""Writes albums by the book: python -m tests.format.make_album_vectors"""

import hashlib
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from tests.format import by_the_book
from tests.format.album_by_the_book import Page, pages, record
from tests.format.by_the_book import FILM_ID, FILM_SECRET, NO_FILM_SECRET, SECRET
from tests.format.seal_by_the_book import frame_salt
from tests.format.vector_parts import cover

FOLDER, ANSWERS = Path(__file__).parent / "album_vectors", "answers.json"
NAME, DATA, PASSPHRASE = b"big.bin", bytes(range(200)), "Sesam, öffne dich"
SPARE = [2, 5, 5, 3, 4, 0]
# Album: what its pictures carry, shares that are needed, pictures that are enough, and those that are there; any key
# but that of a file is the passphrase.
ALBUMS = {
    "spare": (SPARE, 9, 4, "file", [0, 1, 2, 3, 4, 5]),
    "spare_enough": (SPARE, 9, 4, "file", [3, 4, 0, 5]),
    "spare_too_few": (SPARE, 9, 4, "file", [0, 3, 5]),
    "all": ([20, 100, 80], 0, 0, "file", [2, 0, 1]),
    "all_but_one": ([20, 100, 80], 0, 0, "file", [2, 0]),
    "passphrase": ([1, 2], 1, 1, "passphrase", [1]),
}


def album(counts: list[int], needed: int, enough: int, film_id: bytes = FILM_ID) -> list[Page]:
    """The pages of an album."""
    common = len(DATA), hashlib.sha256(DATA).digest(), NAME, needed, enough
    return pages(DATA, (film_id, 5 if needed else 3, len(counts), *common), counts)


def picture(page: Page, key: str, draw: random.Random) -> np.ndarray:
    """A container of a page, a little larger for each."""
    before = by_the_book.with_dummies(cover(40 + page.index, 52 + 3 * page.index, page.index), draw, 0.2)
    by_passphrase = key == "passphrase"
    film = by_the_book.film_key(FILM_SECRET) if by_passphrase else SECRET
    own = by_the_book.scrypt(PASSPHRASE, frame_salt(before)) if by_passphrase else SECRET
    how = {"code": 3, "film_secret": FILM_SECRET if by_passphrase else NO_FILM_SECRET}
    return by_the_book.write(before, record(film, page), own, draw.randbytes(12), **how)


def albums(folder: Path) -> dict[str, dict[str, object]]:
    """Writes them, each into a folder; the answer to each: the key, and the file's SHA-256 or "nothing"."""
    answers = {}
    for name, (counts, needed, enough, key, there) in ALBUMS.items():
        draw, made = random.Random(name), album(counts, needed, enough)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for place, index in enumerate(there):
            Image.fromarray(picture(made[index], key, draw)).save(folder / name / f"{place}.png")
        held = sum(counts[index] for index in there)
        whole = held >= (needed or len(DATA))
        found = hashlib.sha256(DATA).hexdigest() if whole else "nothing"
        answers[name] = {"key": SECRET.hex() if key == "file" else PASSPHRASE, "answer": found}
    return answers


if __name__ == "__main__":
    text = json.dumps(albums(FOLDER), indent=1, ensure_ascii=False)
    (FOLDER / ANSWERS).write_text(f"{text}\n", encoding="utf-8")
