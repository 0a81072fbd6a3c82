"""Recipients: by recipient.json, nothing that gives them away, and films that open by any of their anchors."""

import json
from collections.abc import Iterable
from functools import partial
from operator import eq
from pathlib import Path

import numpy as np
import pytest

from stegnet import CapacityError, KeyFileError, RevealError
from stegnet.keys import (
    Identity,
    Key,
    Passphrase,
    Recipient,
    export_secret,
    import_secret,
    make_identity_file,
    read_identity,
    read_key,
    read_recipient,
)
from stegnet.keys.elligator import coordinate
from stegnet.keys.keyfiles import shown_text
from stegnet.keys.keys import KeyRing, is_anchor
from stegnet.media import read_frames, read_picture
from stegnet.methods.sealed import bytes_room, embed_file, extract_file, hide_bytes, reveal_bytes
from stegnet.results import OutputTarget
from stegnet.sealing.carriers import frame_salt, order_of, public_order, zones_of
from stegnet.sealing.record_zone import read_ephemeral
from stegnet.sealing.seal import unseal
from tests.keys.test_elligator import ORDER, P, ladder

FORMAT = Path(__file__).parents[1] / "format"
VALUES = json.loads((FORMAT / "recipient.json").read_text(encoding="utf-8"))
FILLER = 12345  # of the vector's ephemeral key
A = 486662  # of the curve
SECRET = bytes.fromhex(VALUES["identity"])
DATA, SALT = b"for Bob", bytes(range(16))
LOW_ORDER = [bytes(32), b"\1" + bytes(31), bytes.fromhex("ec" + "ff" * 30 + "7f")]
IDENTITY = Identity(SECRET)
RECIPIENT = Recipient(IDENTITY.recipient.public, bytes(32))


@pytest.fixture(scope="module")
def cover(picture) -> np.ndarray:
    return picture(60, 80)


def derived(container: np.ndarray) -> Key:
    """The key of a container."""
    salt = frame_salt(container)
    return IDENTITY.derive(salt, partial(read_ephemeral, container, salt))


def test_the_vector():
    container = read_picture(FORMAT / "recipient.png")
    salt = bytes.fromhex(VALUES["salt"])
    assert frame_salt(container) == salt
    assert IDENTITY.recipient.public.hex() == VALUES["recipient"]
    key = derived(container)
    number = sum(int(trit) * 3**place for place, trit in enumerate(key.ephemeral))
    assert (number % 2**256).to_bytes(32, "little").hex() == VALUES["ephemeral"]
    assert number >> 256 == FILLER
    assert coordinate(bytes.fromhex(VALUES["ephemeral"])).hex() == VALUES["point"]
    assert key.record(SALT) == Key(bytes.fromhex(VALUES["frame_key"])).record(SALT)
    zones = zones_of(container.size, ephemeral=True)
    numbers = public_order(container.size, key.recipient, salt).numbers(zones.public)
    assert list(numbers[numbers % 3 == 1][:8]) == VALUES["first_samples"]
    assert list(order_of(container.size, key, salt).numbers(zones.ephemeral)) == list(numbers)
    assert reveal_bytes(container, IDENTITY) == VALUES["data"].encode()


def test_a_container_for_a_recipient(cover):
    """Another of the same has nothing in common with it."""
    container, other = (hide_bytes(cover, DATA, RECIPIENT, name="x") for _ in range(2))
    assert list(derived(container).ephemeral) != list(derived(other).ephemeral)
    orders = [public_order(cover.size, RECIPIENT.public, frame_salt(each)) for each in (cover, container, other)]
    assert len({tuple(order.runs) for order in orders}) == 3
    assert np.abs(container.astype(int) - cover).max() <= 2
    assert reveal_bytes(container, IDENTITY) == DATA
    assert reveal_bytes(container, RECIPIENT) == DATA, "what this object hid"
    public = RECIPIENT.public
    for other in (Identity(bytes(32)), Recipient(public), Key(public), Key(SECRET), Passphrase(str(RECIPIENT))):
        with pytest.raises(RevealError, match="nothing here opens with this key"):
            reveal_bytes(container, other)


def trits_of(recipient: Recipient, salt: bytes) -> tuple[int, ...]:
    return tuple(recipient.derive(salt).ephemeral)


@pytest.fixture(scope="module")
def trits() -> np.ndarray:
    """Ephemeral keys of many salts, (600, 192)."""
    return np.array([trits_of(RECIPIENT, number.to_bytes(16, "big")) for number in range(600)])


def test_the_ephemeral_key_is_another_for_each_salt(trits):
    """Each trit is as often 0 as 1 and 2; the same object derives the same again, another one does not."""
    assert len(np.unique(trits, axis=0)) == 600
    for value in range(3):
        assert np.abs((trits == value).sum(0) - 200).max() < 5 * (600 * 2 / 9) ** 0.5
    assert trits_of(RECIPIENT, bytes(16)) == tuple(trits[0]) != trits_of(Recipient(RECIPIENT.public), bytes(16))


def test_ephemeral_keys_are_any_32_bytes(trits):
    """All that their randomness decides is random: the highest bits, which of two numbers, which point of low order."""

    def share(found: Iterable[bool]) -> float:
        return sum(found) / len(numbers)

    numbers = [sum(trit * 3**place for place, trit in enumerate(map(int, some))) % 2**256 for some in trits[:200]]
    points = [int.from_bytes(coordinate(number.to_bytes(32, "little")), "little") for number in numbers]
    firsts = [-A * pow(1 + 2 * (number % 2**254) ** 2, -1, P) % P for number in numbers]
    for bit in (254, 255):
        assert share(number >> bit & 1 for number in numbers) == pytest.approx(0.5, abs=0.18)
    assert share(map(eq, points, firsts)) == pytest.approx(0.5, abs=0.18)
    assert share(ladder(ORDER, point) != 0 for point in points) == pytest.approx(0.75, abs=0.16)


def test_each_sample_of_the_ephemeral_key_counts(cover):
    whole = hide_bytes(cover, DATA, RECIPIENT)
    zones = zones_of(cover.size, ephemeral=True)
    numbers = public_order(cover.size, RECIPIENT.public, frame_salt(whole)).numbers(zones.public)
    for number in numbers[numbers % 3 == 1][0:300:17]:
        container = whole.copy()
        container.reshape(-1)[number] ^= 1
        with pytest.raises(RevealError):
            reveal_bytes(container, IDENTITY)


def test_room_is_left_for_the_ephemeral_key(cover, picture):
    film_key, size = RECIPIENT.new_keys(bytes).film, cover.shape[:2]
    most = bytes_room(*size, "x", film_key)
    assert bytes_room(*size, "x") - 210 < most < bytes_room(*size, "x") - 190
    full = hide_bytes(cover, b"\1" * most, RECIPIENT, name="x")
    assert reveal_bytes(full, IDENTITY) == b"\1" * most
    with pytest.raises(CapacityError, match=f"there is room for {most}"):
        hide_bytes(cover, b"\1" * (most + 1), RECIPIENT, name="x")
    for small in ((1, 1), (16, 15), (20, 17), (23, 24)):
        with pytest.raises(RevealError):
            reveal_bytes(picture(*small), IDENTITY)
        with pytest.raises(CapacityError):
            hide_bytes(picture(*small), b"", RECIPIENT)


@pytest.mark.slow
def test_films(tmp_path, make_film, monkeypatch):
    """All frames; without the first, by an anchor, which half of all are here; and verified on hiding."""
    monkeypatch.setattr("stegnet.keys.keys._ANCHORS", 128)
    cover, secret, out = tmp_path / "cover.mkv", tmp_path / "secret", tmp_path / "c.mkv"
    make_film(cover, 12)
    secret.write_bytes(DATA * 100)
    assert embed_file(cover, secret, OutputTarget(out), RECIPIENT).frames == 12
    extract_file(out, OutputTarget(tmp_path / "back"), IDENTITY)
    assert (tmp_path / "back").read_bytes() == DATA * 100
    first, *rest = read_frames(out)
    assert len({frame_salt(frame) for frame in (first, *rest)}) == 12
    ring, anchor = KeyRing(IDENTITY), next(index for index, frame in enumerate(rest) if is_anchor(frame_salt(frame)))
    read = [unseal(frame, ring, first=False) for frame in rest]
    assert [index for index, each in enumerate(read) if each is not None and each.whole] == list(range(anchor, 11))


def test_recipients_that_everybody_could_read():
    for public in LOW_ORDER:
        with pytest.raises(KeyFileError, match="is no public key"):
            Recipient(public)


def test_sources_as_bytes(cover):
    again = [import_secret(export_secret(source)) for source in (IDENTITY, RECIPIENT)]
    assert again[0].recipient.public == again[1].public == RECIPIENT.public
    assert trits_of(again[1], SALT) == trits_of(RECIPIENT, SALT)
    assert reveal_bytes(hide_bytes(cover, DATA, again[1]), again[0]) == DATA
    for source in (Key(bytes(range(32))), Passphrase("Käse")):
        copied = import_secret(export_secret(source))
        assert type(copied) is type(source)
        assert export_secret(copied) == export_secret(source)


def test_files(tmp_path):
    path = tmp_path / "id"
    recipient = make_identity_file(path, lambda size: SECRET[:size])
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(recipient) in path.read_text() and str(recipient).startswith("stegnet1")
    assert read_identity(path).recipient.public.hex() == VALUES["recipient"]
    assert shown_text(path) == str(recipient)
    (tmp_path / "recipient").write_text(f"# Bob\n{recipient}\n")
    for text in (str(recipient), str(recipient).upper(), str(tmp_path / "recipient"), tmp_path / "recipient"):
        assert read_recipient(text).public == recipient.public


def test_wrong_files(tmp_path):
    identity, recipient, key = (tmp_path / name for name in ("identity", "recipient", "key"))
    text = str(make_identity_file(identity))
    recipient.write_text(text)
    key.write_bytes(bytes(range(32)))
    for read, path, problem in (
        (read_identity, recipient, "a recipient, not an identity file"),
        (read_identity, key, "not an identity file"),
        (read_identity, tmp_path / "none", "no such identity file"),
        (read_recipient, identity, "an identity, not a recipient"),
        (read_recipient, key, "not a recipient"),
        (read_recipient, tmp_path / "none", "no such file, and no recipient"),
        (read_key, identity, "an identity, not a key file"),
        (read_key, recipient, "a recipient, not a key file"),
    ):
        with pytest.raises(KeyFileError, match=f"{Path(path).name}: {problem}") as caught:
            read(path)
        assert text not in caught.value.as_text() and identity.read_text()[-60:] not in caught.value.as_text()
    with pytest.raises(KeyFileError, match="the recipient: a recipient that was damaged or cut"):
        read_recipient(text[:-1])
