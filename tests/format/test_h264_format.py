"""H.264 films as docs/format.md says: the vectors, which an implementation of that page alone has read."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from stegnet import Key, RevealError, Session

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "h264_vectors"
ANSWERED = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
VECTORS = {vector["film"]: vector for vector in ANSWERED["vectors"]}
SECRET, HIDDEN = bytes.fromhex(ANSWERED["key"]), ANSWERED["hidden"].encode()


def test_each_vector_has_an_answer():
    assert {path.name for path in FOLDER.iterdir()} == {*VECTORS, "answers.json"}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name):
    altered = VECTORS[name]["answer"] == "altered"
    told = Session().info(FOLDER / name, key=Key(SECRET))
    assert (told["method"], told["whole"], told["hidden_name"]) == ("h264", not altered, ANSWERED["name"])
    assert told["hidden_sha256"] == sha256(HIDDEN).hexdigest()
    revealed = Session().reveal(FOLDER / name, key=Key(SECRET))
    assert (revealed.data, bool(revealed.trouble)) == (HIDDEN, altered)
    with pytest.raises(RevealError):
        Session().reveal(FOLDER / name, key=Key(bytes(32)))
