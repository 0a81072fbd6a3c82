"""The values of steps.json, which other programs are checked against, are those of the book and of stegnet."""

import base64
import json

import numpy as np
import pytest

from stegnet.keys import Key
from stegnet.keys.keys import ContainerKeys, KeyRing
from stegnet.sealing import trellis
from stegnet.sealing.carriers import frame_salt
from stegnet.sealing.seal import UnsealedRecord, unseal
from tests.format import make_steps
from tests.format.by_the_book import SECRET

STEPS = json.loads(make_steps.FILE.read_text(encoding="utf-8"))


def picture(plain: dict) -> np.ndarray:
    samples = np.frombuffer(base64.b64decode(plain["samples"]), np.uint8)
    return samples.reshape(plain["height"], plain["width"], 3)


def test_made_again_they_are_the_same():
    made = json.loads(json.dumps(make_steps.steps()))
    made["means"]["field"] = STEPS["means"]["field"]  # another zlib may pack the same otherwise
    assert made == STEPS


@pytest.mark.parametrize("sealed", STEPS["sealed"], ids=lambda sealed: f"{len(sealed['record']) // 2}-{sealed['code']}")
def test_sealed(key, sealed):
    after, data = picture(sealed["after"]), bytes.fromhex(sealed["record"])
    secret = bytes.fromhex(sealed["film_secret"])
    assert frame_salt(after).hex() == frame_salt(picture(sealed["before"])).hex() == sealed["salt"]
    code = bytes.fromhex(sealed["sealed_record"])
    assert trellis.to_trits(code)[: len(sealed["trits"])].tolist() == sealed["trits"]
    plan = trellis.layout(trellis.count_trits(len(code)), sealed["sizes_of_zones"]["record"], sealed["code"] % 16)
    widths = np.diff(plan.starts).tolist()
    assert (plan.lanes, plan.rows, widths) == (sealed["lanes"], sealed["rows"], sealed["sums_of_rows"])
    assert unseal(after, KeyRing.of(ContainerKeys(key, secret)), first=True) == UnsealedRecord(data, True)
    if any(secret):
        assert unseal(after, KeyRing(Key(SECRET)), first=True) is None
