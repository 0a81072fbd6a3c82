"""Makes the test vectors of near-lossless pictures: `python -m tests.format.make_near_lossless_vectors`.

They are written by the book, slowly and not by stegnet, and nothing is left to chance; only libjxl, which codes most
levels, may code otherwise elsewhere. Others are coded by the network (`predicted_by_the_book`). answers.json is like
that of `vectors/`; "within" is the largest error in levels, and "damaged" is the answer to levels that are not those of
the record.
"""

import hmac
import json
import struct
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from imagecodecs import jpegxl_encode

from stegnet.image import write_png
from tests.format.make_two_layer_vectors import (
    ANSWERS,
    FILM_ID,
    ROWS,
    SECRET,
    Frame,
    Values,
    moved,
    slopes,
    subkey,
    trits_of,
)
from tests.format.predicted_by_the_book import Network, predicted

FOLDER = Path(__file__).parent / "near_lossless_vectors"
WIDTH, HEIGHT = 24, 16  # of the hidden picture
CONTAINER = 48, 64  # rows and columns
TOO_LARGE = 1024, 769  # more than 256 times the container's pixels
CODE = 3  # height of the code
GREY = 16  # is added to the code of a grey record
Steps = tuple[int, int, int]  # of the upper and the lower rows, and the number of the upper ones
EXACT: Steps = (1, 1, 0)


def hidden() -> np.ndarray:
    """A picture with smooth and with random parts, black and white ones too."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([x * 13 - 20, y * 20 - 10, 255 - x * 5 - y * 7], -1).clip(0, 255)
    picture[4:8, 4:12] = np.frombuffer(sha256(b"random").digest() * 3, np.uint8).reshape(4, 8, 3)
    return picture.astype(np.uint8)


def step_of_rows(steps: Steps) -> np.ndarray:
    upper, lower, rows = steps
    return np.where(np.arange(HEIGHT) < rows, upper, lower)[:, None, None]


def levels_of(picture: np.ndarray, steps: Steps) -> np.ndarray:
    step = step_of_rows(steps)
    return ((picture.astype(int) + step // 2) // step).astype(np.uint8)


def shown_of(picture: np.ndarray, steps: Steps) -> np.ndarray:
    return np.minimum(levels_of(picture, steps).astype(int) * step_of_rows(steps), 255).astype(np.uint8)


def coded(levels: np.ndarray, **options: Any) -> bytes:
    return bytes(jpegxl_encode(np.ascontiguousarray(levels), **({"lossless": True, "effort": 7} | options)))


def record_of(
    data: bytes, steps: Steps = EXACT, *, size: tuple[int, int] = (WIDTH, HEIGHT), coder: int = 1, frames: int = 1
) -> bytes:
    """The record of a near-lossless picture, of kind 6."""
    commitment = hmac.digest(subkey("commitment"), FILM_ID, "sha256")
    head = FILM_ID + commitment + struct.pack(">BII", 6, frames, 0)
    return head + struct.pack(">BIIBBI", coder, *size, *steps) + data


def container_of(cover: np.ndarray, record: bytes) -> Frame:
    """A container of a record in one layer."""
    frame = Frame(cover)
    trits: Values | None = None
    code = CODE + (GREY if cover.shape[2] == 1 else 0)
    fields = struct.pack(">BBI", 1, code, len(record) + 16) + bytes(16)
    for tries in count():
        nonce = tries.to_bytes(12, "big")
        lead = nonce + AESGCM(subkey("lead", frame.salt)).encrypt(nonce, fields, None)
        sealed = AESGCM(subkey("record", frame.salt)).encrypt(nonce, record, lead)
        trits = trits_of(sealed, is_padded=False, is_beyond=False)
        if trits is not None:
            break
    assert trits is not None
    frame.write_coded(trits, CODE, 1, ROWS)
    frame.write_lead(lead)
    frame.write_mac()
    return frame


def main() -> None:
    """Write all files."""
    colour, picture = slopes(*CONTAINER), hidden()
    grey = np.repeat(picture[..., 1:2], 3, axis=2)
    whole: dict[str, tuple[np.ndarray, np.ndarray, Steps]] = {
        "exact": (colour, picture, EXACT),
        "finer_above": (colour, picture, (3, 5, 7)),
        "coarser_above": (colour, picture, (8, 3, 15)),
        "no_upper_rows": (colour, picture, (64, 4, 0)),
        "coarsest": (colour, picture, (64, 64, 0)),
        "grey": (colour[..., 1:2], grey, (3, 3, 0)),
    }
    frames = {
        name: container_of(cover, record_of(coded(levels_of(secret, steps)), steps))
        for name, (cover, secret, steps) in whole.items()
    }
    network = Network()
    restored: dict[str, tuple[np.ndarray, Steps]] = {}
    by_network: dict[str, Steps] = {
        "network_exact": EXACT,
        "network": (3, 5, 6),
        "network_coarsest": (1, 5, 0),
        "network_one_level": (3, 3, 0),
    }
    for name, steps in by_network.items():
        coded_by_it, shifts = predicted(levels_of(picture, steps), steps, network)
        restored[name] = (shown_of(picture, steps) + shifts).clip(0, 255).astype(np.uint8), steps
        frames[name] = container_of(colour, record_of(coded_by_it, steps, coder=2))
    good = frames["finer_above"]
    partner = 1 - 2 * ((good.values[good.mac[0]] + good.sides[0]) % 2)
    altered = {"mac_bit": moved(good, good.mac[0], partner)}

    data = coded(picture)
    coarse = coded(levels_of(picture, (3, 3, 0)))
    learnt = predicted(picture, EXACT, network)[0]
    beyond = levels_of(picture, (3, 3, 0))
    beyond[-1, -1, 2] = 86
    nothing = {
        "coder_0": record_of(data, coder=0),
        "coder_3": record_of(data, coder=3),
        "frames_2": record_of(data, frames=2),
        "width_0": record_of(data, size=(0, HEIGHT)),
        "height_0": record_of(data, size=(WIDTH, 0)),
        "too_large": record_of(data, size=TOO_LARGE),
        "upper_step_0": record_of(coarse, (0, 3, 0)),
        "upper_step_65": record_of(coarse, (65, 3, 0)),
        "lower_step_0": record_of(coarse, (3, 0, HEIGHT - 1)),
        "lower_step_65": record_of(coarse, (3, 65, HEIGHT - 1)),
        "rows_16": record_of(coarse, (3, 3, HEIGHT)),
        "short": record_of(b"")[:-1],
    }
    damaged = {
        "no_levels": record_of(b""),
        "turned": record_of(coded(picture.swapaxes(0, 1))),
        "wider": record_of(data, size=(WIDTH + 1, HEIGHT)),
        "level_86": record_of(coded(beyond), (3, 3, 0)),
        "truncated": record_of(data[: len(data) // 2]),
        "lossy": record_of(coded(picture, lossless=False, distance=1.0)),
        "one_channel": record_of(coded(np.ascontiguousarray(picture[..., 1]))),
        "network_truncated": record_of(learnt[:-2], coder=2),
        "network_longer": record_of(learnt + bytes(2), coder=2),
        "network_odd": record_of(learnt + bytes(1), coder=2),
        "network_turned": record_of(predicted(picture.swapaxes(0, 1), EXACT, network)[0], coder=2),
        "network_of_jpeg_xl": record_of(data, coder=2),
        "jpeg_xl_of_network": record_of(learnt, coder=1),
        "network_step_7": record_of(learnt, (7, 7, 0), coder=2),
        "network_step_2": record_of(learnt, (2, 2, 0), coder=2),
        "network_empty": record_of(b"", coder=2),
        "four_channels": record_of(coded(np.dstack([picture, picture[..., 0]]))),
    }
    pictures = {name: (shown_of(secret, steps), steps) for name, (_, secret, steps) in whole.items()}
    pictures |= restored
    pictures |= dict.fromkeys(altered, pictures["finer_above"])
    answers: dict[str, dict[str, Frame]] = {"whole": frames, "altered": altered}
    for answer, records in (("nothing", nothing), ("damaged", damaged)):
        answers[answer] = {name: container_of(colour, record) for name, record in records.items()}
    FOLDER.mkdir(exist_ok=True)
    vectors = []
    for answer, made in answers.items():
        for name, frame in made.items():
            pixels = np.array(frame.values, np.uint8).reshape(frame.picture.shape)
            write_png(FOLDER / f"{name}.png", np.repeat(pixels, 3 // frame.picture.shape[2], 2))
            vector: dict[str, Any] = {"file": f"{name}.png", "key": SECRET.hex(), "answer": answer, "shown": []}
            if name in pictures:
                shown, steps = pictures[name]
                vector["shown"] = [sha256(shown.tobytes()).hexdigest()]
                vector["within"] = int(step_of_rows(steps).max()) // 2 + (name in restored and 5 in steps)
            vectors.append(vector)
    (FOLDER / ANSWERS).write_text(json.dumps({"vectors": vectors}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
