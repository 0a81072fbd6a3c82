"""Recipients of docs/format.md a second time, without a line of stegnet; and their test vector.

`python -m tests.format.recipients_by_the_book` makes recipient.json and recipient.png.
"""

import json
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from PIL import Image

from tests.format import by_the_book
from tests.format import seal_by_the_book as book
from tests.format.by_the_book import FILM_ID, FILM_SECRET, SECRET

FOLDER = Path(__file__).parent
VALUES, CONTAINER = FOLDER / "recipient.json", FOLDER / "recipient.png"
EPHEMERAL = bytes(range(0xE0, 0x100))  # any 32 bytes stand for a point
FILLER = 12345
P, A = 2**255 - 19, 486662


def map_to_curve(number: int) -> int:
    """map_to_curve_elligator2_curve25519 of RFC 9380 (appendix G.2.1), without its last steps, which find y."""
    c3, c4 = pow(2, (P - 1) // 4, P), (P - 5) // 8
    tv1 = 2 * number * number % P
    xd = tv1 + 1
    x1n = -A % P
    tv2 = xd * xd % P
    gxd = tv2 * xd % P
    gx1 = A * tv1 % P
    gx1 = gx1 * x1n % P
    gx1 = (gx1 + tv2) * x1n % P
    tv3 = gxd * gxd % P
    tv2 = tv3 * tv3 % P
    tv3 = tv3 * gxd * gx1 % P
    y11 = pow(tv2 * tv3, c4, P) * tv3 % P
    y12 = y11 * c3 % P
    y1 = y11 if y11 * y11 * gxd % P == gx1 else y12
    x2n = x1n * tv1 % P
    xn = x1n if y1 * y1 * gxd % P == gx1 else x2n
    return xn * pow(xd, -1, P) % P


def point(disguised: bytes) -> bytes:
    number = int.from_bytes(disguised, "little") & (1 << 254) - 1
    return map_to_curve(number).to_bytes(32, "little")


def public(identity: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(identity).public_key().public_bytes_raw()


def frame_key(identity: bytes, disguised: bytes) -> bytes:
    shared = X25519PrivateKey.from_private_bytes(identity).exchange(X25519PublicKey.from_public_bytes(point(disguised)))
    return book.hkdf(shared, b"stegnet/2/recipient", disguised + public(identity))


def ephemeral_greens(picture: np.ndarray, recipient: bytes) -> list[int]:
    zone = book.samples_of_runs(picture, book.ephemeral_runs(picture, recipient))
    return book.record_samples(zone, 16, picture.shape[2])


def ephemeral_lanes(greens: list[int]) -> book.Lanes:
    """The order in which 192 trits, as many as those of 38 bytes, lie in the green samples of the zone."""
    return book.lanes(38, len(greens))


def read_ephemeral(picture: np.ndarray, recipient: bytes) -> bytes:
    greens = ephemeral_greens(picture, recipient)
    (lane,) = ephemeral_lanes(greens).rows
    inside = book.sums_of(picture.reshape(-1), greens, lane)
    number = sum(book.syndrome(inside, row, 6) * 3**row for row in range(192))
    return (number % 2**256).to_bytes(32, "little")


def write(picture: np.ndarray, record: bytes, identity: bytes, disguised: bytes, nonce: bytes) -> np.ndarray:
    """Seals a record for an identity's recipient, by the film secret of the vectors."""
    picture, recipient = picture.copy(), public(identity)
    greens, number = ephemeral_greens(picture, recipient), int.from_bytes(disguised, "little") + FILLER * 2**256
    trits = [number // 3**place % 3 for place in range(192)]
    book.write_trits(picture.reshape(-1), greens, ephemeral_lanes(greens), trits, 6)
    own = frame_key(identity, disguised)
    return book.write(picture, record, own, nonce, film_secret=FILM_SECRET, recipient=recipient)


def read(picture: np.ndarray, identity: bytes) -> tuple[bytes, bool] | None:
    """The record in a picture, and whether its MAC holds."""
    picture, recipient = book.samples_of(picture), public(identity)
    own = frame_key(identity, read_ephemeral(picture, recipient))
    _, fields = book.read_lead(picture, own, recipient) or (b"", bytes(22))
    return book.read(picture, own, fields[6:], recipient)


def main() -> None:
    cover = np.random.default_rng(7).integers(0, 256, (40, 48, 3), np.uint8)
    name, data = "note.txt", b"for the holder of the identity\n"
    record = by_the_book.file_record(by_the_book.film_key(FILM_SECRET), FILM_ID, name.encode(), data)
    container = write(cover, record, SECRET, EPHEMERAL, book.NONCE)
    Image.fromarray(container).save(CONTAINER)
    values = {
        "about": "A container for a recipient (docs/format.md): recipient.png",
        "identity": SECRET.hex(),
        "recipient": public(SECRET).hex(),
        "salt": book.frame_salt(container).hex(),
        "ephemeral": EPHEMERAL.hex(),
        "point": point(EPHEMERAL).hex(),
        "frame_key": frame_key(SECRET, EPHEMERAL).hex(),
        "first_samples": ephemeral_greens(container, public(SECRET))[:8],
        "name": name,
        "data": data.decode(),
    }
    VALUES.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
