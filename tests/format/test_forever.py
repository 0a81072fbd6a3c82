"""Containers that were once written can be read by every later version.

Neither this test nor the folder `forever` is ever edited: containers of new kinds are only added to both.
"""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from stegnet import Session
from stegnet.image import read_picture
from stegnet.keys import Identity, Key, Passphrase

FOLDER = Path(__file__).parent / "forever"
CONTAINERS = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))["containers"]
MOST_ERROR = 2.0  # levels, on average: engines round otherwise


def key_of(container: dict) -> Key | Passphrase | Identity:
    if "passphrase" in container:
        return Passphrase(container["passphrase"])
    if "identity" in container:
        return Identity(bytes.fromhex(container["identity"]))
    return Key(bytes.fromhex(container["key"]))


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container["file"])
def test_container(container):
    found = Session(device="cpu").reveal(FOLDER / container["file"], key=key_of(container))
    assert not found.trouble
    if "picture" in container:
        wanted = read_picture(FOLDER / container["picture"])
        assert np.abs(found.picture.astype(float) - wanted).mean() < MOST_ERROR
    else:
        assert (found.name, sha256(found.data).hexdigest()) == ("note.txt", container["sha256"])
