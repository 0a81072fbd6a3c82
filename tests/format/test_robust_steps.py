"""The values of robust_steps.json, which other programs are checked against, are those of stegnet."""

import base64
import json

import numpy as np

from stegnet.methods.robust.content import RobustFile, parse_content
from tests.format import make_robust_steps

STEPS = json.loads(make_robust_steps.FILE.read_text(encoding="utf-8"))
PICTURE = STEPS["contents"]["picture"]


def test_made_again_they_are_the_same():
    made = json.loads(json.dumps(make_robust_steps.steps()))
    made["contents"]["picture"] = PICTURE  # another AV1 encoder may give other bytes
    assert made == STEPS


def test_contents():
    revealed, shown = parse_content(bytes.fromhex(PICTURE["content"]), 1000), PICTURE["revealed"]
    expected = np.frombuffer(base64.b64decode(shown["samples"]), np.uint8)
    assert isinstance(revealed, np.ndarray)
    assert revealed.shape == (shown["height"], shown["width"], 3)
    assert np.abs(revealed.reshape(-1).astype(int) - expected).max() <= 2
    file = STEPS["contents"]["file"]
    assert parse_content(bytes.fromhex(file["content"]), 0) == RobustFile(file["name"], bytes.fromhex(file["data"]))
