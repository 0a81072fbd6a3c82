"""Which key opens which frame, and that no secret is ever shown; tests/format/test_steps.py has what is derived."""

import copy
import hashlib
import os
import pickle
import traceback
from functools import partial
from itertools import product

import pytest

from stegnet import KeyFileError
from stegnet.keys import (
    Identity,
    Key,
    KeyRing,
    Passphrase,
    Recipient,
    make_identity_file,
    make_key_file,
    read_identity,
    read_key,
    read_recipient,
    shown_text,
)
from stegnet.keys.sources import _SCRYPT
from tests.support.sealing import FILM_SECRET

SALT, CANARY = bytes(range(16)), "c4n4ry"
PLAIN, ANCHOR = bytes([200]) + SALT[1:], bytes([3]) + SALT[1:]
IDENTITY = Identity(bytes(range(1, 33)))


def same(one: Key, other: Key) -> bool:
    return one.lead(SALT) == other.lead(SALT)


def test_what_is_no_key_and_no_passphrase():
    for size in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Key(bytes(size))
    for text in ("", "x" * 1025, "ä" * 513, "a\udcff", "\0"):
        with pytest.raises(KeyFileError, match="passphrase") as caught:
            Passphrase(text)
        assert "xx" not in caught.value.as_text()
    with pytest.raises(TypeError, match="must be str, is bytes"):
        Passphrase(b"words")
    for text in ("x", " ", "x" * 1024, "ä" * 512, "\t", "🗝"):
        Passphrase(text)


def test_accents_may_be_typed_as_one_character_or_two():
    """Keyboards of macOS and Windows differ in that; the key is the same."""
    composed, decomposed = "caf\u00e9 na\u00efve", "cafe\u0301 nai\u0308ve"
    assert composed != decomposed
    assert same(Passphrase(decomposed).derive(SALT), Passphrase(composed).derive(SALT))


# Which key opens which frame


def test_a_key_file_is_the_key_of_every_frame(key):
    container, ring = key.new_keys(lambda size: pytest.fail("nothing is drawn")), KeyRing(key)
    assert (container.secret, container.anchors, container.film) == (bytes(16), None, key)
    assert not ring.locked and ring.film is key
    for salt in (PLAIN, ANCHOR):
        for first in (False, True):
            assert container.of_frame(salt, first) is key
            assert list(ring.candidates(salt, first)) == [key]
    assert not ring.exhausted
    assert ring.accept(bytes(16))
    assert not ring.accept(FILM_SECRET)


class Phrase(Passphrase):
    """One that takes no time, and remembers the salts on which it was worked on."""

    def __init__(self) -> None:
        super().__init__("x")
        self.worked: list[bytes] = []

    def derive(self, salt: bytes, ephemeral=None) -> Key:
        self.worked.append(salt)
        return Key(hashlib.sha256(salt).digest())


def film_key() -> Key:
    return Phrase().new_keys(lambda size: FILM_SECRET[:size]).film


def test_the_keys_of_a_film_with_a_passphrase():
    """Each first byte of a salt below 4 makes an anchor."""
    passphrase = Phrase()
    container = passphrase.new_keys(lambda size: FILM_SECRET[:size])
    assert container.secret == FILM_SECRET
    ring = KeyRing(container)
    assert ring.film is container.film and not ring.locked and ring.accept(FILM_SECRET)
    of_film = [first for first in range(256) if container.of_frame(bytes([first]) + SALT[1:], False) is container.film]
    assert of_film == [*range(4, 256)]
    for salt, first in ((PLAIN, True), (ANCHOR, True), (ANCHOR, False)):
        assert same(container.of_frame(salt, first), passphrase.derive(salt))


@pytest.mark.parametrize(("salt", "first"), [(PLAIN, True), (ANCHOR, False)], ids=["first frame", "anchor"])
def test_a_film_opens_by_its_first_frame_or_an_anchor(salt, first):
    """A first frame that was moved is neither an anchor nor under the film's key: a few frames are tried."""
    passphrase = Phrase()
    ring = KeyRing(passphrase)
    assert ring.locked and list(ring.candidates(PLAIN, False)) == []
    (tried,) = ring.candidates(salt, first)
    assert same(tried, passphrase.derive(salt))
    assert ring.accept(FILM_SECRET)
    assert not ring.locked and same(ring.film, film_key())
    assert not ring.accept(bytes(16)), "a frame of another film"
    passphrase.worked.clear()
    assert next(ring.candidates(PLAIN, False)) is ring.film
    assert passphrase.worked == []
    (tried,) = ring.candidates(ANCHOR, False)
    assert passphrase.worked == [ANCHOR]
    moved, derived = ring.candidates(PLAIN, False)
    assert moved is ring.film and same(derived, passphrase.derive(PLAIN))
    passphrase.worked.clear()
    for _ in range(50):
        assert 1 <= len(list(ring.candidates(PLAIN, False))) <= 2
    assert len(passphrase.worked) == 7
    assert len(list(ring.candidates(ANCHOR, False))) == 1, "anchors are tried all the same"


def test_a_passphrase_that_opens_nothing_is_tried_nine_times():
    passphrase = Phrase()
    ring = KeyRing(passphrase)
    list(ring.candidates(ANCHOR, True))
    assert not ring.exhausted
    for number in range(100):
        list(ring.candidates(bytes([number]) + SALT[1:], False))
        list(ring.candidates(ANCHOR, False))
    assert ring.exhausted and ring.locked
    assert len(passphrase.worked) == 9


# Files


def test_no_error_shows_what_is_in_a_file(tmp_path):
    """Of no key, or a key or identity where another is asked for; tests/transcripts has the messages."""
    identity, key, other = (tmp_path / name for name in ("identity", "key", "other"))
    make_identity_file(identity)
    make_key_file(key)
    secrets = [path.read_text().split()[-1] for path in (identity, key)]
    for size in (0, 31, 33, 1000):
        other.write_bytes((CANARY.encode() * 200)[:size])
        for read, path in product((read_identity, read_recipient, read_key), (identity, key, other)):
            if (read, path) not in ((read_identity, identity), (read_key, key)):
                with pytest.raises(KeyFileError, match=path.name) as caught:
                    read(path)
                assert not any(secret in caught.value.as_text() for secret in (*secrets, CANARY))


def test_a_key_from_a_pipe_is_read_once(tmp_path):
    """As a shell gives it for <(…)."""
    make_key_file(tmp_path / "k")
    out, into = os.pipe()
    os.write(into, (tmp_path / "k").read_bytes())
    os.close(into)
    shown = shown_text(f"/dev/fd/{out}")
    os.close(out)
    assert shown in (tmp_path / "k").read_text().splitlines()


# Secrets stay secret


def sources() -> list[object]:
    """One of each class that holds a secret, which is the canary or derived from it."""
    passphrase, key = Passphrase(CANARY), Key(CANARY.encode() + bytes(26))
    recipient = Recipient(IDENTITY.recipient.public, CANARY.encode() + bytes(26))
    found: list[Passphrase | Key | Recipient | Identity] = [passphrase, key, recipient, IDENTITY]
    containers = [source.new_keys(lambda size: CANARY.encode() + bytes(size - 6)) for source in found]
    return [*found, *containers, *map(KeyRing, containers), KeyRing(passphrase)]


@pytest.mark.parametrize("secret", sources(), ids=lambda secret: type(secret).__name__)
def test_no_secret_is_shown_pickled_or_copied(secret):
    assert not hasattr(secret, "__dict__") or type(secret).__name__ == "ContainerKeys"
    shown = f"{secret!r} {secret}"
    for hidden in (CANARY, CANARY.encode().hex(), bytes(range(1, 33)).hex(), "\\x01\\x02"):
        assert hidden not in shown
    for way in (copy.copy, copy.deepcopy, *(partial(pickle.dumps, protocol=number) for number in range(6))):
        with pytest.raises(TypeError, match=f"a {type(secret).__name__} can't be pickled"):
            way(secret)


FAILURES = {
    "not text": lambda: Passphrase(CANARY + "\udcff"),
    "too long": lambda: Passphrase(CANARY * 200),
    "no memory": lambda: Passphrase(CANARY).derive(SALT),
    "short key": lambda: Key(CANARY.encode()),
    "short file": lambda: read_key("k"),
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_no_traceback_holds_a_secret(tmp_path, monkeypatch, fail):
    """Neither in the text of an error, chained ones too, nor among the local variables of any frame."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k").write_text(CANARY)
    monkeypatch.setitem(_SCRYPT, "n", 1 << 40)
    with pytest.raises((KeyFileError, ValueError, MemoryError)) as caught:
        fail()
    error = caught.value
    assert error.__cause__ is error.__context__ is None
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "keys.py" in shown
    assert CANARY not in shown.replace("CANARY", "").split("keys.py", 1)[1]
