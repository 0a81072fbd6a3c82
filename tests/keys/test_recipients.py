import copy
import json
from collections.abc import Iterable
from operator import eq
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.errors import CapacityError, KeyFileError, RevealError
from stegnet.keys import (
    Identity,
    Key,
    Passphrase,
    Recipient,
    make_identity_file,
    read_identity,
    read_key,
    read_recipient,
)
from stegnet.keys.elligator import coordinate
from stegnet.keys.keyfiles import shown_text
from stegnet.keys.keys import KeyRing, is_anchor
from stegnet.keys.recipients import export_secret, import_secret
from stegnet.media import read_frames, read_picture
from stegnet.methods.sealed import bytes_room, embed_file, extract_file, hide_bytes, reveal_bytes
from stegnet.results import OutputTarget
from stegnet.sealing.carriers import frame_salt, order_of, public_order, zones_of
from stegnet.sealing.seal import unseal
from tests.format import recipients_by_the_book as book
from tests.keys.test_elligator import ORDER, ladder

VALUES = json.loads(book.VALUES.read_text())
SECRET = bytes.fromhex(VALUES["identity"])
DATA, SALT = b"for Bob", bytes(range(16))
LOW_ORDER = [bytes(32), b"\1" + bytes(31), bytes.fromhex("ec" + "ff" * 30 + "7f")]


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity(SECRET)


@pytest.fixture(scope="module")
def recipient(identity) -> Recipient:
    return Recipient(identity.recipient.public, bytes(32))


@pytest.fixture
def cover(picture) -> np.ndarray:
    return picture(60, 80)


def test_the_values_of_the_book(identity):
    container = read_picture(book.CONTAINER)
    salt = bytes.fromhex(VALUES["salt"])
    assert frame_salt(container) == salt
    assert identity.recipient.public.hex() == VALUES["recipient"]
    key = identity.derive(salt, container)
    number = sum(int(trit) * 3**place for place, trit in enumerate(key.ephemeral))
    assert (number % 2**256).to_bytes(32, "little").hex() == VALUES["ephemeral"]
    assert number >> 256 == book.FILLER
    assert coordinate(bytes.fromhex(VALUES["ephemeral"])).hex() == VALUES["point"]
    assert key.record(SALT) == Key(bytes.fromhex(VALUES["frame_key"])).record(SALT)
    zones = zones_of(container.size, ephemeral=True)
    numbers = public_order(container.size, key.recipient, salt).numbers(zones.public)
    assert list(numbers[numbers % 3 == 1][:8]) == VALUES["first_samples"]
    assert list(order_of(container.size, key, salt).numbers(zones.ephemeral)) == list(numbers)


def test_the_container_of_the_book(identity):
    assert reveal_bytes(read_picture(book.CONTAINER), identity) == VALUES["data"].encode()


def test_the_book_reads_our_containers(cover, recipient):
    record, whole = book.read(hide_bytes(cover, DATA, recipient, name="x"), SECRET)
    assert whole
    assert record.endswith(DATA)


def test_a_container_for_a_recipient(cover, identity, recipient):
    container = hide_bytes(cover, DATA, recipient)
    assert np.abs(container.astype(int) - cover).max() <= 2
    assert reveal_bytes(container, identity) == DATA
    assert reveal_bytes(container, recipient) == DATA, "what this object hid"


def test_nobody_else_opens_it(cover, identity, recipient):
    container, public = hide_bytes(cover, DATA, recipient), recipient.public
    for other in (Identity(bytes(32)), Recipient(public), Key(public), Key(SECRET), Passphrase(str(recipient))):
        with pytest.raises(RevealError, match="nothing here opens with this key"):
            reveal_bytes(container, other)


def test_nothing_repeats(cover, identity, recipient):
    """Of two containers with the same cover, recipient and secret."""
    keys = []
    for _ in range(2):
        container = hide_bytes(cover, DATA, recipient)
        keys.append(identity.derive(frame_salt(container), container))
    assert list(keys[0].ephemeral) != list(keys[1].ephemeral)
    orders = [public_order(cover.size, recipient.public, frame_salt(each)) for each in (cover, container)]
    assert list(orders[0].runs) != list(orders[1].runs)


def test_the_ephemeral_key_is_another_for_each_salt(recipient):
    found = {trits_of(recipient, bytes([number]) * 16) for number in range(40)}
    assert len(found) == 40
    assert trits_of(recipient, SALT) == trits_of(recipient, SALT)
    assert trits_of(Recipient(recipient.public), SALT) != trits_of(recipient, SALT)


def trits_of(recipient: Recipient, salt: bytes) -> tuple[int, ...]:
    return tuple(recipient.derive(salt).ephemeral)


def test_each_trit_is_as_often_0_as_1_and_2(recipient):
    found = np.array([trits_of(recipient, number.to_bytes(16, "big")) for number in range(600)])
    for value in range(3):
        assert np.abs((found == value).sum(0) - 200).max() < 5 * (600 * 2 / 9) ** 0.5


def test_ephemeral_keys_are_any_32_bytes(recipient):
    """All that their randomness decides is random: the highest bits, which of two numbers, which point of low order."""

    def share(found: Iterable[bool]) -> float:
        return sum(found) / len(numbers)

    trits = [trits_of(recipient, number.to_bytes(16, "big")) for number in range(200)]
    numbers = [sum(trit * 3**place for place, trit in enumerate(map(int, some))) % 2**256 for some in trits]
    points = [int.from_bytes(coordinate(number.to_bytes(32, "little")), "little") for number in numbers]
    firsts = [-book.A * pow(1 + 2 * (number % 2**254) ** 2, -1, book.P) % book.P for number in numbers]
    for bit in (254, 255):
        assert share(number >> bit & 1 for number in numbers) == pytest.approx(0.5, abs=0.18)
    assert share(map(eq, points, firsts)) == pytest.approx(0.5, abs=0.18)
    assert share(ladder(ORDER, point) != 0 for point in points) == pytest.approx(0.75, abs=0.16)


def test_the_zones_do_not_overlap(cover, recipient):
    key, zones = recipient.derive(SALT), zones_of(cover.size, ephemeral=True)
    order = order_of(cover.size, key, SALT)
    numbers = [order.numbers(zone) for zone in (zones.lead, zones.mac, zones.record, zones.ephemeral)]
    assert len(np.unique(np.concatenate(numbers))) == sum(map(len, numbers)) == zones_of(cover.size).record.stop


@pytest.mark.parametrize("element", range(0, 300, 17))
def test_each_sample_of_the_ephemeral_key_counts(cover, identity, recipient, element):
    container = hide_bytes(cover, DATA, recipient)
    salt, samples = frame_salt(container), container.reshape(-1)
    zones = zones_of(cover.size, ephemeral=True)
    numbers = public_order(cover.size, recipient.public, salt).numbers(zones.public)
    samples[numbers[numbers % 3 == 1][element]] ^= 1
    with pytest.raises(RevealError):
        reveal_bytes(container, identity)


def test_room_is_left_for_the_ephemeral_key(cover, identity, recipient):
    film_key = recipient.new_keys(bytes).film
    most = bytes_room(*cover.shape[:2], "x", film_key)
    assert bytes_room(*cover.shape[:2], "x") - 210 < most < bytes_room(*cover.shape[:2], "x") - 190
    full = hide_bytes(cover, b"\1" * most, recipient, name="x")
    assert reveal_bytes(full, identity) == b"\1" * most
    with pytest.raises(CapacityError, match=f"there is room for {most}"):
        hide_bytes(cover, b"\1" * (most + 1), recipient, name="x")


@pytest.mark.parametrize("size", [(1, 1), (16, 15), (20, 17), (23, 24)])
def test_frames_without_room(size, identity, recipient, picture):
    with pytest.raises(RevealError):
        reveal_bytes(picture(*size), identity)
    with pytest.raises(CapacityError):
        hide_bytes(picture(*size), b"", recipient)


@pytest.mark.slow
def test_films(tmp_path, make_film, identity, recipient):
    """All frames; without the first, by an anchor; and verified on hiding."""
    cover, secret, out = tmp_path / "cover.mkv", tmp_path / "secret", tmp_path / "c.mkv"
    make_film(cover, 12)
    secret.write_bytes(DATA * 100)
    report = embed_file(cover, secret, OutputTarget(out), recipient)
    assert report.frames == 12
    extract_file(out, OutputTarget(tmp_path / "back"), identity)
    assert (tmp_path / "back").read_bytes() == DATA * 100
    assert len({frame_salt(frame) for frame in read_frames(out)}) == 12


@pytest.mark.slow
def test_a_film_without_its_beginning(tmp_path, make_film, monkeypatch, identity, recipient):
    """Here half of all frames are anchors; all frames from the first of them on are read."""
    monkeypatch.setattr("stegnet.keys.keys._ANCHORS", 128)
    cover, secret, out = tmp_path / "cover.mkv", tmp_path / "secret", tmp_path / "c.mkv"
    make_film(cover, 12)
    secret.write_bytes(DATA * 100)
    embed_file(cover, secret, OutputTarget(out), recipient)
    ring, rest = KeyRing(identity), list(read_frames(out))[1:]
    anchor = next(index for index, frame in enumerate(rest) if is_anchor(frame_salt(frame)))
    read = [unseal(frame, ring, first=False) for frame in rest]
    assert [index for index, each in enumerate(read) if each is not None and each.whole] == list(range(anchor, 11))


def test_an_anchor_opens_a_film_without_its_beginning(cover, identity, recipient):
    keys = recipient.new_keys(bytes)
    anchor = bytes([3]) + bytes(15)
    assert keys.of_frame(anchor, False).ephemeral is not None
    assert keys.of_frame(b"\5" + bytes(15), False) is keys.film
    ring = KeyRing(identity)
    assert list(ring.candidates(b"\5" + bytes(15), False, cover)) == []
    assert len(list(ring.candidates(anchor, False, cover))) == 1


@pytest.mark.parametrize("public", LOW_ORDER)
def test_a_recipient_that_everybody_could_read(public):
    with pytest.raises(KeyFileError, match="is no public key"):
        Recipient(public)


def test_secrets_are_not_shown(identity, recipient):
    assert "stegnet1" in str(recipient)
    for source in (identity, recipient):
        assert SECRET.hex() not in repr(source) and bytes(32).hex() not in repr(source)
        with pytest.raises(TypeError, match="can't be pickled"):
            copy.copy(source)


def test_sources_as_bytes(cover, identity, recipient):
    again = [import_secret(export_secret(source)) for source in (identity, recipient)]
    assert again[0].recipient.public == again[1].public == recipient.public
    assert trits_of(again[1], SALT) == trits_of(recipient, SALT)
    assert reveal_bytes(hide_bytes(cover, DATA, again[1]), again[0]) == DATA


def test_files(tmp_path):
    path = tmp_path / "id"
    recipient = make_identity_file(path, lambda size: SECRET[:size])
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(recipient) in path.read_text()
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
