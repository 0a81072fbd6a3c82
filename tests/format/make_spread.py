"""Makes spread.json, shares of files by the book: `python -m tests.format.make_spread`."""

import json
import random
from pathlib import Path

from tests.format import spread_by_the_book

FOLDER = Path(__file__).parent
# Frames of a film, shares needed of a group, bytes of the file: one group, and three.
CASES = [(2, 1, 34), (5, 3, 100), (9, 9, 80), (256, 7, 20), (600, 2, 11)]


def steps() -> list[dict[str, object]]:
    """All cases; data, ids and shares in hexadecimal digits."""
    made = []
    for frames, needed, size in CASES:
        draw = random.Random(frames)
        data, film_id = draw.randbytes(size), draw.randbytes(16)
        shares = [share.hex() for share in spread_by_the_book.shares(data, film_id, frames, needed)]
        step = {"frames": frames, "needed": needed, "film_id": film_id.hex(), "data": data.hex(), "shares": shares}
        made.append(step)
    return made


if __name__ == "__main__":
    (FOLDER / "spread.json").write_text(json.dumps(steps(), indent=1) + "\n", encoding="utf-8")
