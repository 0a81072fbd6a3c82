"""Each step on the way into a container is that of steps.json, and of docs/format.md; its records open."""

import base64
import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.keystream import apply, draw, draw_mask
from stegnet.core.pixels import enlarge
from stegnet.image import resize
from stegnet.keys import Key, KeyRing, Passphrase
from stegnet.record import Header, Pictures, Record, decode_base, encode_base, format_record, least_base
from stegnet.sealing import frame_salt, idle_samples, record_capacity, trellis, unseal
from tests.support.sealing import FILM_ID, KEY, apart, lead_of, mac_of, sides, zones

FOLDER = Path(__file__).parent
STEPS = json.loads((FOLDER / "steps.json").read_text(encoding="utf-8"))
PAGE = (FOLDER / "../../docs/format.md").resolve().read_text(encoding="utf-8")
FILM_SECRET, SALT = (bytes.fromhex(STEPS[name]) for name in ("film_secret", "salt"))
SHUFFLE = KEY.shuffle(FILM_ID, 5)
ONE = Fraction(1)


def picture(plain: dict) -> np.ndarray:
    samples = np.frombuffer(base64.b64decode(plain["samples"]), np.uint8)
    return samples.reshape(plain["height"], plain["width"], 3)


def test_subkeys():
    given = STEPS["subkeys"]
    for name in ("lead", "record", "positions", "mac"):
        assert getattr(KEY, name)(SALT).hex() == given[name]
    assert SHUFFLE.hex() == given["shuffle_of_frame_5"]
    phrase = Passphrase(STEPS["passphrase"])
    film = phrase.new_keys(lambda size: FILM_SECRET).film
    for derived, name in ((film, "film_by_film_secret"), (phrase.derive(SALT), "frame_by_passphrase")):
        assert derived.lead(SALT) == Key(bytes.fromhex(given[name])).lead(SALT)


def test_shuffle_and_mask():
    given = STEPS["shuffled"]
    shuffle = draw(SHUFFLE, given["rows"], given["cols"])
    assert shuffle.permutation.tolist() == given["permutation"]
    plane = np.arange(1.0, len(given["plane"]) + 1).reshape(8 * shuffle.rows, 8 * shuffle.cols, 1)
    assert apply(plane, shuffle).reshape(-1).tolist() == given["plane"]
    mask = draw_mask(draw(SHUFFLE, 1, 2), slice(0, 8), 16)
    assert (mask.reshape(-1) * 65536).tolist() == STEPS["mask"]["words"]


def test_a_base_of_block_means():
    given, shown = STEPS["means"], enlarge(picture(STEPS["means"]["means"]))
    height, width = shown.shape[:2]
    for field in (bytes.fromhex(given["field"]), encode_base(shown, "means", 0, 1 << 20)[0]):
        assert np.array_equal(decode_base(field, "means", height, width).picture, shown)
    assert decode_base(bytes.fromhex(given["field"]), "means", height, width).gain == given["gain"]


def test_record():
    given = dict(STEPS["record"]["fields"])
    coded = bytes.fromhex(given.pop("base_field"))
    header = Header(FILM_ID, "picture", 1, Pictures(hidden=1, time_base=ONE, rate=ONE, **given))
    assert format_record(Record(header, 0, base=coded), FILM_SECRET).hex() == STEPS["record"]["bytes"]


@pytest.mark.parametrize("sealed", STEPS["sealed"], ids=lambda sealed: f"{len(sealed['record']) // 2}-{sealed['code']}")
def test_sealed(sealed):
    """Of a frame that a writer made: which samples are where, and what is in them."""
    after, (grey, height) = picture(sealed["after"]), divmod(sealed["code"], 16)
    record, code = (bytes.fromhex(sealed[name]) for name in ("record", "sealed_record"))
    assert idle_samples(after.size)[:40].tolist() == sealed["first_salt_samples"]
    assert frame_salt(after).hex() == frame_salt(picture(sealed["before"])).hex() == sealed["salt"]
    found = zones(after)
    found["lead"], found["mac"] = apart(found["lead"], 27), apart(found["mac"], 21)
    found["record"] = found["record"][found["record"] % 3 == 1] if grey else found["record"]
    assert {name: zone[:40].tolist() for name, zone in found.items()} == sealed["zones"]
    assert {name: zone.size for name, zone in found.items()} == sealed["sizes_of_zones"]
    assert apart(sides(after), 21)[:40].tolist() == sealed["sides"]
    assert lead_of(after).hex() == sealed["lead"]
    for data, trits in (
        (lead_of(after), "trits_of_lead"),
        (code, "trits"),
        (bytes.fromhex(sealed["mac"]), "trits_of_mac"),
    ):
        assert trellis.to_trits(data)[:40].tolist() == sealed[trits]
    plan = trellis.layout(trellis.count_trits(len(code)), found["record"].size, height)
    assert (plan.lanes, plan.rows, np.diff(plan.starts).tolist()) == tuple(
        sealed[name] for name in ("lanes", "rows", "sums_of_rows")
    )
    first = sealed["elements_of_first_sums"]
    assert plan.sums(np.arange(found["record"].size))[: len(first), :, 0].tolist() == first
    assert np.array_equal(mac_of(after), trellis.to_trits(bytes.fromhex(sealed["mac"])))
    opened = unseal(after, KeyRing(KEY), first=True)
    assert (opened.record, opened.whole) == (record, True)


def test_resized():
    for step in STEPS["resized"]:
        given, wanted = picture(step["from"]), picture(step["to"])
        assert np.array_equal(resize(given, *wanted.shape[:2]), wanted)


def test_the_pages_columns():
    rows = re.findall(r"\n(\d)  ([\d ]+)(?=\n)", PAGE)
    assert {int(height): tuple(map(int, row.split())) for height, row in rows} == trellis.COLUMNS


@pytest.mark.parametrize(("kind", "side"), [("none", 22), ("means", 23), ("coded", 43)])
def test_the_smallest_square_cover_of_a_picture(kind: str, side: int):
    small, enough = (128 + least_base(kind, size // 8 * 8, size // 8 * 8) for size in (side - 1, side))
    assert (record_capacity(side - 1, side - 1) or 0) < small
    assert (record_capacity(side, side) or 0) >= enough


def test_the_least_samples():
    assert record_capacity(1, 237) is None and record_capacity(1, 238) is not None  # 711 and 714 samples
