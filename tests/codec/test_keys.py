import copy
import hashlib
import pickle
import stat
import traceback
import unicodedata

import pytest

from stegnet.codec import Key, Passphrase, keys, make_key_file, read_key
from stegnet.core.errors import KeyFileError
from tests.codec.by_the_book import SECRET, commitment, hkdf

SALT = bytes(range(16))


@pytest.fixture(scope="module")
def opened() -> Key:
    return Passphrase("Käse").unlock(SALT)


def test_subkeys_are_hkdf(key):
    film_id, nonce = bytes(range(7, 23)), bytes(range(12))
    assert key.lead() == hkdf(SECRET, b"stegnet/1/lead")
    assert key.record() == hkdf(SECRET, b"stegnet/1/record")
    assert key.positions() == hkdf(SECRET, b"stegnet/1/positions")
    assert key.positions(nonce) == hkdf(SECRET, b"stegnet/1/positions", nonce)
    assert key.mac() == hkdf(SECRET, b"stegnet/1/mac")
    assert key.shuffle(film_id, 258) == hkdf(SECRET, b"stegnet/1/shuffle" + bytes(6) + b"\1\2", film_id)
    assert key.commitment(film_id) == commitment(SECRET, film_id)


def test_no_two_subkeys_are_the_same(key):
    subkeys = [key.lead(), key.record(), key.positions(), key.mac()]
    subkeys += [key.positions(bytes([n]) * 12) for n in range(1, 4)]
    subkeys += [key.commitment(bytes([film]) * 16) for film in range(3)]
    subkeys += [key.shuffle(bytes([film]) * 16, index) for film in range(3) for index in (0, 1, 256, 2**24)]
    assert len(set(subkeys)) == len(subkeys)


def test_a_key_is_never_shown():
    key = Key(b"0123456789abcdef0123456789abcdef")
    assert str(key) == repr(key) == f"{key}" == "Key(...)"
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_has_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Key(bytes(size))


def test_a_key_file_needs_no_salt(key):
    assert key.unlock(SALT) is key


def test_a_passphrase_is_scrypt(opened):
    text = "Käse".encode()
    secret = hashlib.scrypt(text, salt=SALT, n=1 << 17, r=8, p=1, maxmem=1 << 28, dklen=32)
    assert opened.record() == Key(secret).record()


def test_keyboards_do_not_matter(opened):
    decomposed = unicodedata.normalize("NFD", "Käse")
    assert decomposed != "Käse"
    assert Passphrase(decomposed).unlock(SALT).record() == opened.record()


def test_a_salt_is_worked_on_once(monkeypatch):
    worked = []

    class Scrypt:
        def __init__(self, salt, **_):
            self._salt = salt

        def derive(self, text):
            worked.append(self._salt)
            return self._salt * 2

    monkeypatch.setattr("stegnet.codec.keys.Scrypt", Scrypt)
    passphrase, other = Passphrase("x"), bytes(16)
    keys = [passphrase.unlock(salt) for salt in (SALT, SALT, other, other, SALT)]
    assert worked == [SALT, other, SALT]
    assert [key.record() for key in keys] == [Key(salt * 2).record() for salt in (SALT, SALT, other, other, SALT)]


def test_a_passphrase_is_never_shown():
    passphrase = Passphrase("s3cr3t")
    assert str(passphrase) == repr(passphrase) == f"{passphrase}" == "Passphrase(...)"
    assert not hasattr(passphrase, "__dict__")


@pytest.mark.parametrize("text", ["", "x" * 1025, "ä" * 513, "a\udcff"])
def test_invalid_passphrases(text):
    with pytest.raises(KeyFileError, match="passphrase") as caught:
        Passphrase(text)
    assert "xx" not in caught.value.as_text()


@pytest.mark.parametrize("text", ["x", " ", "x" * 1024, "ä" * 512, "\0", "🗝"])
def test_valid_passphrases(text):
    Passphrase(text)


def test_a_key_file_round_trip(tmp_path):
    make_key_file(tmp_path / "k", lambda count: bytes(range(count)))
    assert read_key(tmp_path / "k").record() == Key(bytes(range(32))).record()


def test_key_files_are_random_and_private(tmp_path):
    for name in "ab":
        make_key_file(tmp_path / name)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert len((tmp_path / name).read_bytes()) == 32
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_a_key_file_is_never_overwritten(tmp_path):
    make_key_file(tmp_path / "k")
    before = (tmp_path / "k").read_bytes()
    with pytest.raises(KeyFileError, match="exists already"):
        make_key_file(tmp_path / "k")
    assert (tmp_path / "k").read_bytes() == before


def test_a_key_file_without_a_folder(tmp_path):
    with pytest.raises(KeyFileError, match="can't be written"):
        make_key_file(tmp_path / "folder" / "k")


@pytest.mark.parametrize("size", [0, 31, 33, 1000])
def test_another_length_is_no_key(tmp_path, size):
    (tmp_path / "k").write_bytes((b"s3cr3t" * 200)[:size])
    with pytest.raises(KeyFileError, match="not a key file") as caught:
        read_key(tmp_path / "k")
    assert "s3cr3t" not in caught.value.as_text()


def test_no_key_file(tmp_path):
    with pytest.raises(KeyFileError, match="no such key file"):
        read_key(tmp_path / "k")
    with pytest.raises(KeyFileError, match="can't be read"):
        read_key(tmp_path)


def test_a_key_file_may_be_named_by_text(tmp_path):
    make_key_file(str(tmp_path / "k"))
    assert read_key(str(tmp_path / "k")).record() == read_key(tmp_path / "k").record()


@pytest.mark.parametrize("secret", [Key(bytes(32)), Passphrase("x")])
def test_a_secret_can_not_be_pickled(secret):
    for way in (copy.copy, copy.deepcopy, *(lambda it, n=n: pickle.dumps(it, n) for n in range(6))):
        with pytest.raises(TypeError, match=f"a {type(secret).__name__} can't be pickled"):
            way(secret)


def _not_text():
    Passphrase(CANARY + "\udcff")


def _too_long():
    Passphrase(CANARY * 200)


def _no_memory():
    Passphrase(CANARY).unlock(SALT)


def _short_key():
    Key(CANARY.encode())


def _short_file():
    read_key("k")


CANARY = "c4n4ry"


@pytest.mark.parametrize("fail", [_not_text, _too_long, _no_memory, _short_key, _short_file])
def test_no_traceback_holds_a_secret(tmp_path, monkeypatch, fail):
    """Neither in the text of an error, chained ones too, nor among the local variables of any frame."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k").write_text(CANARY)
    monkeypatch.setitem(keys._SCRYPT, "n", 1 << 40)
    with pytest.raises((KeyFileError, ValueError, MemoryError)) as caught:
        fail()
    error = caught.value
    assert error.__cause__ is error.__context__ is None
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "keys.py" in shown
    assert CANARY not in shown.replace("CANARY", "").split("keys.py", 1)[1]


@pytest.mark.parametrize(
    ("text", "weak"),
    [
        ("password1", True),
        ("Käse", True),
        ("x" * 1024, True),
        ("20.11.1987", True),
        ("plunge acrobat lentil mosaic trophy urge", False),
        ("x8#Lq~2vR9!mZt", False),
    ],
)
def test_a_weak_passphrase(text, weak):
    told = Passphrase(text).weakness()
    assert bool(told) == weak
    assert text not in told
