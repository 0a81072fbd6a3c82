"""The values of steps.json, which other programs are checked against, are those of the book and of stegnet."""

import base64
import json

import numpy as np
import pytest

from stegnet.core.shuffle import apply, draw, draw_mask
from stegnet.keys import Key, Passphrase
from stegnet.keys.keys import ContainerKeys, KeyRing, film_key
from stegnet.record.base import decode_base
from stegnet.record.record import PICTURE, Header, Pictures, Record, format_record
from stegnet.sealing import trellis
from stegnet.sealing.carriers import frame_salt
from stegnet.sealing.seal import UnsealedRecord, unseal
from tests.format import make_steps
from tests.format.by_the_book import FILM_ID, SECRET

STEPS = json.loads(make_steps.FILE.read_text(encoding="utf-8"))


def picture(plain: dict) -> np.ndarray:
    samples = np.frombuffer(base64.b64decode(plain["samples"]), np.uint8)
    return samples.reshape(plain["height"], plain["width"], 3)


def test_made_again_they_are_the_same():
    made = json.loads(json.dumps(make_steps.steps()))
    made["means"]["field"] = STEPS["means"]["field"]  # another zlib may pack the same otherwise
    assert made == STEPS


def test_subkeys(key):
    salt, wanted = bytes.fromhex(STEPS["salt"]), STEPS["subkeys"]
    for name in ("lead", "record", "positions", "mac"):
        assert getattr(key, name)(salt).hex() == wanted[name], name
    assert key.commitment(FILM_ID).hex() == wanted["commitment"]
    assert key.shuffle(FILM_ID, 5).hex() == wanted["shuffle_of_frame_5"]
    by_secret, by_passphrase = film_key(bytes.fromhex(STEPS["film_secret"])), Passphrase(STEPS["passphrase"])
    assert by_secret.lead(salt) == Key(bytes.fromhex(wanted["film_by_film_secret"])).lead(salt)
    assert by_passphrase.derive(salt).lead(salt) == Key(bytes.fromhex(wanted["frame_by_passphrase"])).lead(salt)


def test_shuffle(key):
    shuffled = STEPS["shuffled"]
    shuffle = draw(key.shuffle(FILM_ID, 5), shuffled["rows"], shuffled["cols"])
    plane = np.arange(len(shuffled["plane"]), dtype=np.float32).reshape(8 * shuffled["rows"], -1, 1) + 1
    assert apply(plane, shuffle).ravel().astype(int).tolist() == shuffled["plane"]


def test_mask(key):
    mask = STEPS["mask"]
    shuffle = draw(key.shuffle(FILM_ID, 5), mask["rows"], mask["cols"])
    found = draw_mask(shuffle, slice(0, 8 * mask["rows"]), 8 * mask["cols"])
    assert (found.ravel() * 65536).astype(int).tolist() == mask["words"]


def test_means():
    means, field = picture(STEPS["means"]["means"]), bytes.fromhex(STEPS["means"]["field"])
    base = decode_base(field, "means", 8 * means.shape[0], 8 * means.shape[1])
    np.testing.assert_array_equal(base.picture, means.repeat(8, 0).repeat(8, 1))
    assert base.gain == STEPS["means"]["gain"]


def test_record(key):
    fields = STEPS["record"]["fields"]
    described = Pictures(fields["width"], fields["height"], 1, 1, 1, fields["base"], fields["block"], fields["weights"])
    base = bytes.fromhex(fields["base_field"])
    assert (
        format_record(Record(Header(FILM_ID, PICTURE, 1, described), 0, base=base), key).hex()
        == (STEPS["record"]["bytes"])
    )


@pytest.mark.parametrize("sealed", STEPS["sealed"], ids=lambda sealed: f"{len(sealed['record']) // 2}-{sealed['code']}")
def test_sealed(key, sealed):
    after, data, secret = (
        picture(sealed["after"]),
        bytes.fromhex(sealed["record"]),
        bytes.fromhex(sealed["film_secret"]),
    )
    assert frame_salt(after).hex() == frame_salt(picture(sealed["before"])).hex() == sealed["salt"]
    code = bytes.fromhex(sealed["sealed_record"])
    assert trellis.to_trits(code)[: len(sealed["trits"])].tolist() == sealed["trits"]
    plan = trellis.layout(trellis.count_trits(len(code)), sealed["sizes_of_zones"]["record"], sealed["code"] % 16)
    widths = np.diff(plan.starts).tolist()
    assert (plan.lanes, plan.rows, widths) == (sealed["lanes"], sealed["rows"], sealed["sums_of_rows"])
    assert unseal(after, KeyRing.of(ContainerKeys(key, secret)), first=True) == UnsealedRecord(data, True)
    if any(secret):
        assert unseal(after, KeyRing(Key(SECRET)), first=True) is None
