"""The values of robust_steps.json, which other programs are checked against, are those of stegnet."""

import base64
import copy
import json

import numpy as np
import pytest

from stegnet.methods.robust.content import RobustFile, parse_content
from tests.format import make_robust_steps

STEPS = json.loads(make_robust_steps.FILE.read_text(encoding="utf-8"))
PICTURES = [STEPS["contents"][f"picture of {depth} bits"] for depth in (8, 10)]


def test_made_again_they_are_the_same():
    made = json.loads(json.dumps(make_robust_steps.steps()))
    for steps in (made, expected := copy.deepcopy(STEPS)):  # another AV1 encoder may give other bytes
        for name in ("picture of 8 bits", "picture of 10 bits"):
            del steps["contents"][name]["content"], steps["contents"][name]["revealed"]
    assert made == expected


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture(picture):
    revealed, shown = parse_content(bytes.fromhex(picture["content"]), 1000), picture["revealed"]
    expected = np.frombuffer(base64.b64decode(shown["samples"]), np.uint8)
    assert isinstance(revealed, np.ndarray)
    assert revealed.shape == (shown["height"], shown["width"], 3)
    assert np.abs(revealed.reshape(-1).astype(int) - expected).max() <= 2


def test_a_file():
    file = STEPS["contents"]["file"]
    assert parse_content(bytes.fromhex(file["content"]), 0) == RobustFile(file["name"], bytes.fromhex(file["data"]))
