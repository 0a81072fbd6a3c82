"""The values of steps.json, which another program is checked against, are those of this one."""

import json

import numpy as np

from stegnet.codec.frame import unpack_means
from tests.codec import make_steps, make_vectors

STEPS = json.loads(make_steps.FILE.read_text(encoding="utf-8"))


def test_steps():
    made = json.loads(json.dumps(make_steps.steps()))
    made["thumbnail"]["packed"] = STEPS["thumbnail"]["packed"]  # another zlib may pack the same otherwise
    assert made == STEPS


def test_thumbnail():
    means = unpack_means(bytes.fromhex(STEPS["thumbnail"]["packed"]), 7, 9)
    np.testing.assert_array_equal(means, make_vectors.secret(7, 9))
