"""Makes robust_steps.json: `python -m tests.format.make_robust_steps`.

What each step on the way into a robust container gives, with fixed randomness, for other programs that read and write
the format. Bytes are hexadecimal digits, pictures their sizes and the base64 of their samples; long results are the
SHA-256 of 32-bit little-endian numbers, or of bits packed into bytes.
"""

import base64
import hashlib
import json
import struct
from pathlib import Path

import numpy as np

from stegnet.core.card import SHIPPED_MODEM
from stegnet.core.jpeg import encode_jpeg, through_jpeg
from stegnet.keys.keys import Key, Passphrase
from stegnet.media import resize
from stegnet.media.forecast import picture_quality
from stegnet.media.pictures.bare_avif import BareCoder, as_file
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.content import file_content, parse_content
from stegnet.methods.robust.fec import Code, Coding
from stegnet.methods.robust.grid import Grid, canonical_grids, salts_of_copies
from stegnet.methods.robust.modem import BLOCK, Rung, read_rungs
from stegnet.methods.robust.pictures import CONTAINER_PSNR, forecast_room
from stegnet.methods.robust.record import (
    Blocks,
    coded_bits,
    dither_of,
    robust_key,
    used_blocks,
)
from stegnet.methods.robust.regions import region_means, robust_salts, textures
from stegnet.methods.robust.survival import choose_rung

FILE = Path(__file__).parent / "robust_steps.json"
PASSPHRASE = "zwei Käse"
SECRET = bytes(range(32))
NONCE = bytes(range(0xB0, 0xB7))
CODES = ((384, 64, 10), (100, 25, 16), (97, 30, 20), (640, 320, 32), (1000, 900, 58), (31, 1, 3), (65_536, 45_056, 44))
CODINGS = ((1000, 20), (1003, 7), (70_001, 44), (131_073, 30))
RUNG = Rung("jpeg-75", 0, 22, 38.0, 74, 86)
RATE = 30
QUALITIES = (95, 75, 50, 30)
CHANNELS = ("jpeg:50", "jpeg:75", "jpeg:90", "jpeg:95", "messenger")
WIDTH, HEIGHT = 640, 480
COPIES = (480, 640), (3000, 4000), (1200, 801), (333, 1000), (130, 129), (1600, 1600), (721, 1279), (60, 100)
ROWS, COLS, SHARES_USED = 12, 16, 10  # of blocks, and numbers of shares of them
CANONICAL = Grid(48, 72, own=False)  # smaller than any that is searched


def steps() -> dict[str, object]:
    """All of them, by name."""
    picture = waves(61, 83)
    return {
        "about": __doc__.partition("\n\n")[2],
        "key": SECRET.hex(),
        "passphrase": PASSPHRASE,
        "nonce": NONCE.hex(),
        "rung": {"first": RUNG.first, "bits": RUNG.bits},
        "rate": RATE,
        "picture": shown(picture),
        "codes": [code(*numbers) for numbers in CODES],
        "codings": [coding(*numbers) for numbers in CODINGS],
        "container": container(picture),
        "resized": resized(waves(61, 90)),
        "contents": contents(picture),
        "forecasts": [forecast(channel) for channel in CHANNELS],
        "jpeg": [saved(each) for each in (picture, waves(32, 48), waves(9, 17))],
    }


def waves(height: int, width: int) -> np.ndarray:
    """A picture with mean lumas near edges of their steps, and with colours that leave the range."""
    y, x = np.mgrid[:height, :width]
    planes = [120.5 + (60 + 50 * c) * np.sin((x * (c + 2) + y * (3 - c)) / 9 + c) for c in range(3)]
    return np.stack(planes, -1).clip(0, 255).astype(np.uint8)


def code(n: int, k: int, rate: int) -> dict[str, object]:
    return {"n": n, "k": k, "rate": rate, "codeword": digest(np.packbits(Code(n, k, rate).encode(message(k))))}


def coding(places: int, rate: int) -> dict[str, object]:
    used = Coding(places, rate)
    coded = digest(np.packbits(used.encode(message(used.room))))
    return {"places": places, "rate": rate, "room": used.room, "coded": coded}


def message(bits: int) -> np.ndarray:
    """The first bits of SHA-256 of 0, 1, 2, …, each in four bytes."""
    count = -(-bits // 256)
    data = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(count))
    return np.unpackbits(np.frombuffer(data, np.uint8))[:bits]


def container(picture: np.ndarray) -> dict[str, object]:
    """Each step with the likeliest salt of a picture."""
    salts = list(robust_salts(picture))
    shape = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    salt, used = salts[0], Key(SECRET)
    places, content = Blocks(shape, RUNG, used, salt).places, file_content("a", b"b")
    by_passphrase = robust_key(Passphrase(PASSPHRASE), salt)
    rough = waves(ROWS * BLOCK, COLS * BLOCK)
    chosen = textures(rough)
    each, textured = ([of_share(share, content, salt, some) for share in range(SHARES_USED)] for some in (None, chosen))
    return {
        "means": [round(mean, 9) for mean in region_means(picture[: shape[0] * BLOCK, : shape[1] * BLOCK]).tolist()],
        "salts": [each.hex() for each in salts],
        "dither_key": used.robust(b"dither", salt).hex(),
        "record_key": used.robust(b"record", salt, bytes(8)).hex(),
        "dither_key_by_passphrase": by_passphrase.robust(b"dither", salt).hex(),
        "dither": digest(dither_of(shape, used, salt).astype("<u4")),
        "header_places": digest(places.header.astype("<u4")),
        "content": content.hex(),
        "shares": {"rows": ROWS, "cols": COLS, "each": each},
        "textured": {"picture": shown(rough), "texture": chosen.reshape(-1).tolist(), "each": textured},
    }


def of_share(share: int, content: bytes, salt: bytes, chosen: np.ndarray | None) -> dict[str, object]:
    """Carriers if a share of the blocks is used, in the order of `Blocks.places`."""
    all_blocks = Blocks((ROWS, COLS), RUNG, Key(SECRET), salt, chosen)
    carried = used_blocks(all_blocks, NONCE, share)
    bits = coded_bits(all_blocks, RATE, content, NONCE, share)
    return {
        "record_places": digest(all_blocks.places.record(share, bytes(1) + NONCE).astype("<u4")),
        "used_blocks": digest(np.packbits(carried)),
        "room": all_blocks.room(RATE, share),
        "bits": digest(np.packbits(bits)),
    }


def resized(picture: np.ndarray) -> dict[str, object]:
    """Canonical sizes that are tried of copies, and what is read of one at such a size."""
    salts = list(salts_of_copies(picture))
    used = robust_key(Passphrase(PASSPHRASE), salts[0])
    return {
        "picture": shown(picture),
        "grids": [{"copy": copy, "canonical": searched(*copy)} for copy in COPIES],
        "salts": [each.hex() for each in salts],
        "canonical": [CANONICAL.height, CANONICAL.width],
        "dither_key": Key(SECRET).robust(b"dither", CANONICAL.full(salts[0])).hex(),
        "dither_key_by_passphrase": used.robust(b"dither", CANONICAL.full(salts[0])).hex(),
        "areas": [shown(np.asarray(area)) for area in CANONICAL.areas(picture)],
    }


def searched(height: int, width: int) -> list[list[int]]:
    """Heights and widths of the canonical sizes of a copy, the largest first; of equally long ones, the lower first."""
    grids = {(grid.height, grid.width) for grid in canonical_grids(height, width)}
    return [list(size) for size in sorted(grids, key=lambda size: (-max(size), min(size)))]


def contents(picture: np.ndarray) -> dict[str, object]:
    """Contents of a file and of a picture, and what the picture is when it is revealed."""
    return {
        "file": {"name": "Käse.txt", "data": "000102", "content": file_content("Käse.txt", bytes(range(3))).hex()},
        "picture of 8 bits": coded_picture(picture, 8),
        "picture of 10 bits": coded_picture(picture, 10),
    }


def coded_picture(picture: np.ndarray, depth: int) -> dict[str, object]:
    """Content of a picture at half its size, whose samples have so many bits, what is revealed, and an AVIF file."""
    height, width = picture.shape[:2]
    half = resize(picture, (height + 1) // 2, (width + 1) // 2)
    data = (BareCoder.quick(6) if depth == 8 else BareCoder.thorough(2)).to_fit(half, 500)
    body = struct.pack(">HHB", height, width, 4) + data
    content = struct.pack(">BBH", {8: 1, 10: 3}[depth], 0, len(body)) + body
    revealed = parse_content(content + bytes(3), 1000)
    assert isinstance(revealed, np.ndarray)
    return {"content": content.hex(), "revealed": shown(revealed), "avif": as_file(b"AV1", 5, 7, depth).hex()}


def forecast(name: str) -> dict[str, object]:
    """The shipped modem's rung for a large secret, its usual room in bytes, and the quality of a picture of so many."""
    rung = choose_rung(read_rungs(SHIPPED_MODEM), parse_channel(name), CONTAINER_PSNR)
    room = forecast_room(rung, HEIGHT, WIDTH)
    assert room is not None
    quality = picture_quality(room, WIDTH, HEIGHT)
    return {"channel": name, "rung": rung.name, "room": room, "quality": quality}


def saved(picture: np.ndarray) -> dict[str, object]:
    """A picture as JPEG by libjpeg, and what a decoder shows of it, by quality and chroma."""
    files = {
        f"{quality} {'4:4:4' if full else '4:2:0'}": {
            "file": digest(np.frombuffer(encode_jpeg(picture, quality, full_chroma=full), np.uint8)),
            "decoded": digest(through_jpeg(picture, quality, full_chroma=full)),
        }
        for quality in QUALITIES
        for full in (False, True)
    }
    return {"picture": shown(picture), "files": files}


def shown(picture: np.ndarray) -> dict[str, object]:
    samples = base64.b64encode(picture.tobytes()).decode()
    return {"height": picture.shape[0], "width": picture.shape[1], "samples": samples}


def digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def main() -> None:
    FILE.write_text(json.dumps(steps(), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
