"""The test vectors of docs/format.md: the program gives each container the answer that its answers.json says."""

import json
from fractions import Fraction
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from stegnet import RevealError, Session
from stegnet.files import reveal_file
from stegnet.hiding import Context
from stegnet.image import read_picture
from stegnet.keys import Key, Passphrase
from stegnet.methods.robust import (
    OperatingPoint,
    PictureModem,
    PictureReader,
    RobustPicture,
    parse_content,
    read_film,
)
from stegnet.methods.sealed import reveal_bytes
from stegnet.networks import Network, Pool, reveal_picture
from stegnet.record import Diagnosis, open_container
from stegnet.results import OutputTarget
from stegnet.video import read_frames, read_sound, scan
from tests.support.pairs import FiveLevels, FivePhases, network_of

FOLDER, ANSWERS = Path(__file__).parent, "answers.json"
KINDS = ("altered", "unreadable", "lost", "moved", "repeated", "foreign")
REFUSED = "nothing can be revealed"
SESSION = Session(device="cpu")


def answers(folder: str) -> Any:
    return json.loads((FOLDER / folder / ANSWERS).read_text(encoding="utf-8"))


SEALED, ROBUST = answers("vectors")["vectors"], answers("robust_vectors")
ROBUST_FILMS = answers("film_vectors")["vectors"]
ALBUMS, JPEGS, SOUNDS, H264 = (answers(f"{kind}_vectors") for kind in ("album", "jpeg", "sound", "h264"))
NAMES: dict[str, list[str]] = {
    "vectors": [vector["file"] for vector in SEALED],
    "robust_vectors": [vector["file"] for vector in ROBUST["vectors"]],
    "film_vectors": [*(vector["file"] for vector in ROBUST_FILMS), "encoded.mp4"],
    "album_vectors": [*ALBUMS],
    "jpeg_vectors": [*JPEGS],
    "sound_vectors": [*SOUNDS],
    "h264_vectors": [vector["film"] for vector in H264["vectors"]],
}
PICTURES = [vector for vector in SEALED if vector["file"].endswith(".png")]
SPREAD = [vector for vector in SEALED if vector["file"].startswith("spread")]
FILMS = [vector for vector in SEALED if vector not in PICTURES + SPREAD]


def title(vector: dict) -> str:
    return f"{vector['file']}-{vector['answer']}"


def unlocking(vector: dict) -> Key | Passphrase:
    return Key(bytes.fromhex(vector["key"])) if "key" in vector else Passphrase(vector["passphrase"])


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def network(vector: dict) -> Network:
    """The ideal one."""
    pair = FivePhases() if vector.get("period") else FiveLevels()
    return network_of(pair, vector.get("base", "none"), 50)


def said(container: Path, vector: dict) -> dict[str, list[int]]:
    """What has become of a film's frames, by index."""
    with open_container(container, unlocking(vector)) as opened:
        found = opened.inspect().diagnosis
    return {kind: list(getattr(found, kind)) for kind in KINDS if getattr(found, kind)}


def test_each_vector_has_an_answer():
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert folders - {"__pycache__", "forever"} == NAMES.keys()
    for folder, names in NAMES.items():
        assert {path.name for path in (FOLDER / folder).iterdir()} == {*names, ANSWERS}


@pytest.mark.parametrize("vector", PICTURES, ids=title)
def test_picture(vector):
    container = read_picture(FOLDER / "vectors" / vector["file"])
    if vector["answer"] == "nothing":
        with pytest.raises(RevealError, match=REFUSED):
            reveal_picture(network(vector), container, unlocking(vector))
    elif "base" not in vector:
        assert [digest(reveal_bytes(container, unlocking(vector)))] == vector["shown"]
    else:
        revealed = reveal_picture(network(vector), container, unlocking(vector))
        assert revealed.whole == (vector["answer"] == "whole")
        assert [digest(revealed.picture.tobytes())] == vector["shown"]


@pytest.mark.slow
@pytest.mark.parametrize("vector", FILMS, ids=title)
def test_film(tmp_path, vector):
    container, out = FOLDER / "vectors" / vector["file"], OutputTarget(tmp_path / "out.mkv")
    reveal = partial(reveal_file, container, out, unlocking(vector), context=Context.of(network(vector)))
    if vector["answer"] == "nothing":
        with pytest.raises(RevealError, match=REFUSED):
            reveal()
        return
    assert said(container, vector) == vector["said"]
    report = reveal()
    told = {kind: tuple(indices) for kind, indices in vector["said"].items()}
    assert report.trouble == Diagnosis((), **told).lines()
    assert bool(report.trouble) == (vector["answer"] == "altered")
    assert [digest(frame.tobytes()) for frame in read_frames(out.path)] == vector["shown"]
    assert str(container) not in {file.path for file in psutil.Process().open_files()}
    assert scan(out.path).aspect == Fraction(*vector.get("aspect", (1, 1)))
    assert digest(b"".join(packet.data for packet in read_sound(out.path))) == vector["sound"]


@pytest.mark.parametrize("vector", SPREAD, ids=title)
def test_file_spread_over_a_film(tmp_path, vector):
    container, out = FOLDER / "vectors" / vector["file"], OutputTarget(tmp_path / "out")
    refused = {"nothing": REFUSED, "lost": "the file needs 3 of its 6 frames, and 2 can be read"}
    if vector["answer"] != "nothing":
        assert said(container, vector) == vector["said"]
    if vector["answer"] in refused:
        with pytest.raises(RevealError, match=refused[vector["answer"]]):
            reveal_file(container, out, unlocking(vector))
        return
    report = reveal_file(container, out, unlocking(vector))
    assert [digest(out.path.read_bytes())] == vector["shown"]
    assert bool(report.trouble) == (vector["answer"] == "altered")


@pytest.mark.parametrize("name", ALBUMS)
def test_album(name):
    given, answer = ALBUMS[name]["key"], ALBUMS[name]["answer"]
    key = Passphrase(given) if name == "passphrase" else Key(bytes.fromhex(given))
    if answer == "nothing":
        with pytest.raises(RevealError, match=r"the album needs (4|all) of its"):
            Session().reveal(FOLDER / "album_vectors" / name, key=key)
        return
    found = Session().reveal(FOLDER / "album_vectors" / name, key=key)
    assert (found.name, digest(found.data)) == ("big.bin", answer)


@pytest.mark.parametrize(
    ("method", "name", "answer"),
    [
        *(("jpeg", *vector) for vector in JPEGS.items()),
        *(("sound", *vector) for vector in SOUNDS.items()),
        *(pytest.param("h264", each["film"], each["answer"], marks=pytest.mark.slow) for each in H264["vectors"]),
    ],
)
def test_file_in_samples_of_its_own(method, name, answer):
    """Implementations of docs/format.md alone have read the films."""
    file, key = FOLDER / f"{method}_vectors" / name, Key(bytes(range(32)))
    if answer != "nothing":
        told, found = SESSION.info(file, key=key), SESSION.reveal(file, key=key)
        altered = answer == "altered"
        assert (told["method"], told["whole"], told["hidden_name"]) == (method, not altered, "note.txt")
        assert (found.name, bool(found.trouble)) == ("note.txt", altered)
        whole = {"jpeg": JPEGS["full.jpg"], "sound": SOUNDS["stereo.wav"], "h264": H264["vectors"][0]["answer"]}
        assert digest(found.data) == told["hidden_sha256"] == (whole[method] if altered else answer)
        key = Key(bytes(32))
    with pytest.raises(RevealError, match=REFUSED):
        SESSION.reveal(file, key=key)


class IdealEngine:
    """Reads the bits of the robust vectors' modem, which their answers.json describes."""

    backend, device, precision = "numpy", "cpu", "fp32"

    def reveal(self, container: np.ndarray, dither: np.ndarray) -> np.ndarray:
        rows, cols = (side // 8 for side in container.shape[:2])
        green = np.rint(container[..., 1] * 255).reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3).reshape(rows, cols, 64)
        ratios = 8 * np.sin(2 * np.pi * (green / 16 - dither))
        return np.concatenate([ratios[..., :bits] for bits in ROBUST["rungs"]], 2).astype(np.float32)

    def pool(self, pixels: int) -> Pool:
        return Pool(2)


SMALL, LARGE = ROBUST["rungs"]
RUNGS = OperatingPoint("small", 0, SMALL, 38.0, 1, 100), OperatingPoint("large", SMALL, LARGE, 38.0, 1, 100)
IDEAL = PictureModem(IdealEngine(), RUNGS)  # type: ignore[arg-type]  # only the methods that reading calls


def robust_picture(vector: dict) -> tuple[bytes | None, int]:
    """The content of a picture of the ideal modem, and the picture's pixels."""
    container = read_picture(FOLDER / "robust_vectors" / vector["file"])
    return PictureReader(IDEAL, unlocking(vector)).read(container), container[..., 0].size


def robust_film(vector: dict) -> tuple[bytes | None, int]:
    """The content of a film, whose frames are one below the other in a picture, and 0 pixels, as of all films."""
    pixels = read_picture(FOLDER / "film_vectors" / vector["file"])
    frames = list(pixels.reshape(-1, vector["height"], *pixels.shape[1:]))
    found = read_film((frame for frame in frames), unlocking(vector))
    return found.message if found else None, 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "vector"),
    [*((robust_picture, vector) for vector in ROBUST["vectors"]), *((robust_film, vector) for vector in ROBUST_FILMS)],
    ids=lambda each: title(each) if isinstance(each, dict) else each.__name__,
)
def test_robust(read, vector):
    content, area = read(vector)
    try:
        found = content and parse_content(content, area)
        if isinstance(found, RobustPicture):
            found = found.decoded()
    except ValueError:
        found = None
    if vector["answer"] == "nothing":
        assert found is None
    elif vector["answer"] == "file":
        assert (found.name, found.data) == (vector["name"], bytes.fromhex(vector["bytes"]))
    else:
        assert found.shape == (vector["height"], vector["width"], 3)
        assert found.mean((0, 1)) == pytest.approx(vector["means"], abs=0.6)  # decoders differ by rounding
