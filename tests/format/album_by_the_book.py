"""Albums of docs/format.md, written down a second time without a line of stegnet."""

import hashlib
import struct
from collections import Counter
from typing import NamedTuple

import numpy as np

from tests.format.by_the_book import commitment, film_key, scrypt
from tests.format.seal_by_the_book import frame_salt, read, read_lead
from tests.format.spread_by_the_book import value_at


class Page(NamedTuple):
    """A picture's record.

    Attributes:
        album: what all pictures of an album have in common: film id, kind, pictures, size, SHA-256, name, and of kind 5
            the shares needed and the pictures that are enough.
        start: offset of the bytes that follow, or number of the first share.
    """

    album: tuple[bytes, int, int, int, bytes, bytes, int, int]
    index: int
    start: int
    data: bytes


def record(key: bytes, page: Page) -> bytes:
    """The bytes of a record.

    Args:
        key: of the film.
    """
    film_id, kind, pictures, size, digest, name, needed, enough = page.album
    start = struct.pack(">16s32sBII", film_id, commitment(key, film_id), kind, pictures, page.index)
    described = struct.pack(">Q32sI", size, digest, len(name)) + name
    place = struct.pack(">HIH", needed, enough, page.start) if kind == 5 else struct.pack(">Q", page.start)
    return start + described + place + page.data


def parse(plain: bytes) -> Page:
    film_id, _, kind, pictures, index = struct.unpack(">16s32sBII", plain[:57])
    size, digest, length = struct.unpack(">Q32sI", plain[57:101])
    name, rest = plain[101 : 101 + length], plain[101 + length :]
    needed, enough, start = struct.unpack(">HIH", rest[:8]) if kind == 5 else (0, 0, *struct.unpack(">Q", rest[:8]))
    return Page((film_id, kind, pictures, size, digest, name, needed, enough), index, start, rest[8:])


def pages(data: bytes, album: tuple, counts: list[int]) -> list[Page]:
    """Those of a file of which each picture carries so many bytes (kind 3) or shares (kind 5)."""
    needed, made, start = album[6], [], 0
    size = -(-len(data) // needed) if needed else 1
    blocks = {k: data[k * size : (k + 1) * size].ljust(size, b"\0") for k in range(needed)}
    for index, count in enumerate(counts):
        numbers = range(start, start + count)
        part = b"".join(value_at(number, blocks) for number in numbers) if needed else data[start : start + count]
        made.append(Page(album, index, start, part))
        start += count
    return made


def joined(found: list[Page]) -> bytes | None:
    """The file of the album that most pages are of; None if they are too few."""
    ((album, _),) = Counter(page.album for page in found).most_common(1)
    _, _, _, size, digest, _, needed, _ = album
    own = [page for page in found if page.album == album]
    if not needed:
        parts = dict(sorted((page.start, page.data) for page in own if page.data))
        file = b"".join(parts.values())
    else:
        length = -(-size // needed)
        shares = {
            page.start + place // length: page.data[place : place + length]
            for page in own
            for place in range(0, len(page.data), length)
        }
        if len(shares) < needed:
            return None
        some = {number: shares[number] for number in sorted(shares, reverse=True)[:needed]}
        file = b"".join(value_at(k, some) for k in range(needed))[:size]
    return file if hashlib.sha256(file).digest() == digest else None


def read_page(picture: np.ndarray, key: bytes | None, passphrase: str, context: bytes = b"") -> Page | None:
    """The page in a picture, opened by itself.

    Args:
        key: None: the passphrase.
    """
    secret, own = bytes(16), key
    if key is None:
        own = scrypt(passphrase, frame_salt(picture))
        opened = read_lead(picture, own)
        secret = opened[1][6:] if opened else secret
    found = read(picture, own, secret, context=context)
    if found is None:
        return None
    page = parse(found[0])
    whose = film_key(secret) if key is None else key
    return page if found[0][16:48] == commitment(whose, page.album[0]) else None
