"""Each step on the way into a robust container is that of robust_steps.json, and of docs/format.md."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.names import USUAL_NAME
from stegnet.hiding import CoverSize
from stegnet.keys import Key, Passphrase
from stegnet.methods import METHODS
from stegnet.methods.robust import (
    BlockPlacement,
    OperatingPoint,
    RobustOptions,
    coded_bits,
    dither_of,
    file_bytes,
    own_grid,
    parse_content,
    region_means,
    robust_key,
    textures,
    used_blocks,
)
from stegnet.methods.robust.grid import Grid, canonical_grids, salts_of_copies
from stegnet.sealing import RepeatAccumulateCode, encode_message, message_capacity
from tests.format.test_steps import picture
from tests.support.jpegs import encode_jpeg, through_jpeg

FOLDER = Path(__file__).parent
STEPS = json.loads((FOLDER / "robust_steps.json").read_text(encoding="utf-8"))
CONTAINER, CONTENTS, RESIZED = STEPS["container"], STEPS["contents"], STEPS["resized"]
KEY, PASSPHRASE = Key(bytes.fromhex(STEPS["key"])), Passphrase(STEPS["passphrase"])
NONCE, RATE = bytes.fromhex(STEPS["nonce"]), STEPS["rate"]
RUNG = OperatingPoint("jpeg-75", STEPS["rung"]["first"], STEPS["rung"]["bits"], 38.0, 74, 86)
SALT = bytes.fromhex(CONTAINER["salts"][0])
SIDE = 8  # of a block


def digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def message(bits: int) -> np.ndarray:
    """The first bits of SHA-256 of 0, 1, 2, …, each in four bytes."""
    count = -(-bits // 256)
    data = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(count))
    return np.unpackbits(np.frombuffer(data, np.uint8))[:bits]


def test_codes():
    for step in STEPS["codes"]:
        code = RepeatAccumulateCode(step["n"], step["k"], step["rate"])
        assert digest(np.packbits(code.encode(message(code.k)))) == step["codeword"]
    for step in STEPS["codings"]:
        capacity = message_capacity(step["places"], step["rate"])
        assert capacity == step["room"]
        coded = encode_message(message(capacity), step["places"], step["rate"])
        assert digest(np.packbits(coded)) == step["coded"]


def test_salts_keys_and_places():
    cover = picture(STEPS["picture"])
    shape = cover.shape[0] // SIDE, cover.shape[1] // SIDE
    means = region_means(cover[: shape[0] * SIDE, : shape[1] * SIDE])
    assert means.tolist() == pytest.approx(CONTAINER["means"], abs=1e-9)
    assert [salt.hex() for salt in own_grid(*cover.shape[:2]).salts(cover)] == CONTAINER["salts"]
    assert KEY.robust(b"dither", SALT).hex() == CONTAINER["dither_key"]
    assert KEY.robust(b"record", SALT, bytes(8)).hex() == CONTAINER["record_key"]
    assert robust_key(PASSPHRASE, SALT).robust(b"dither", SALT).hex() == CONTAINER["dither_key_by_passphrase"]
    assert digest(dither_of(shape, KEY, SALT).astype("<u4")) == CONTAINER["dither"]
    assert digest(BlockPlacement(shape, RUNG, KEY, SALT).header_places.astype("<u4")) == CONTAINER["header_places"]


@pytest.mark.parametrize("textured", [False, True])
def test_shares_of_blocks(textured):
    """As they come, or chosen by texture."""
    given, found = CONTAINER["shares"], textures(picture(CONTAINER["textured"]["picture"]))
    assert found.reshape(-1).tolist() == CONTAINER["textured"]["texture"]
    placement = BlockPlacement((given["rows"], given["cols"]), RUNG, KEY, SALT, found if textured else None)
    content = bytes.fromhex(CONTAINER["content"])
    for share, step in enumerate((CONTAINER["textured"] if textured else given)["each"]):
        assert digest(placement.record_places(share, bytes(1) + NONCE).astype("<u4")) == step["record_places"]
        assert digest(np.packbits(used_blocks(placement, NONCE, share))) == step["used_blocks"]
        assert placement.capacity(RATE, share) == step["room"]
        assert digest(np.packbits(coded_bits(placement, RATE, content, NONCE, share))) == step["bits"]


def test_resized_copies():
    for step in RESIZED["grids"]:
        grids = {(grid.height, grid.width) for grid in canonical_grids(*step["copy"])}
        assert sorted(grids, key=lambda size: (-max(size), min(size))) == [tuple(size) for size in step["canonical"]]
    copy, grid = picture(RESIZED["picture"]), Grid(*RESIZED["canonical"], own=False)
    salts = list(salts_of_copies(copy))
    assert [salt.hex() for salt in salts] == RESIZED["salts"]
    for used, name in ((KEY, "dither_key"), (robust_key(PASSPHRASE, salts[0]), "dither_key_by_passphrase")):
        assert used.robust(b"dither", grid.full(salts[0])).hex() == RESIZED[name]
    for area, expected in zip(grid.areas(copy), RESIZED["areas"], strict=True):
        assert np.array_equal(area, picture(expected))


@pytest.mark.parametrize("depth", [8, 10])
def test_a_picture(depth):
    given = CONTENTS[f"picture of {depth} bits"]
    revealed, expected = parse_content(bytes.fromhex(given["content"]), 1000).decoded(), picture(given["revealed"])
    assert revealed.shape == expected.shape
    assert np.abs(revealed.astype(int) - expected).max() <= 2


def test_forecasts():
    """Of the shipped modem, in 640×480 pixels: content that survives, which is a file with its header and name."""
    for step in STEPS["forecasts"]:
        options = RobustOptions(survive=step["channel"])
        told = METHODS["robust"].room(CoverSize(480, 640), USUAL_NAME, options)
        assert told.bytes == step["room"] - file_bytes(USUAL_NAME, 0)


def test_jpegs():
    for step in STEPS["jpeg"]:
        shown = picture(step["picture"])
        for name, expected in step["files"].items():
            quality, full = int(name.split()[0]), name.endswith("4:4:4")
            file = np.frombuffer(encode_jpeg(shown, quality, full_chroma=full), np.uint8)
            found = {"file": digest(file), "decoded": digest(through_jpeg(shown, quality, full_chroma=full))}
            assert found == expected
