import hashlib
import hmac
import stat

import pytest

from stegnet.codec import Key, make_key_file, read_key
from stegnet.errors import KeyFileError


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869, one block of SHA-256."""
    pseudorandom = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(pseudorandom, info + b"\1", hashlib.sha256)


def test_subkeys_are_hkdf(key):
    secret, film_id = bytes(range(32)), bytes(16)
    assert key.record() == hkdf(secret, bytes(32), b"stegnet/1/record")
    assert key.shuffle(film_id, 258) == hkdf(secret, film_id, b"stegnet/1/shuffle" + bytes(6) + b"\1\2")


def test_subkeys_differ(key):
    subkeys = [key.record()] + [key.shuffle(bytes([film]) * 16, index) for film in range(3) for index in range(3)]
    assert len(set(subkeys)) == len(subkeys)


def test_a_key_is_never_shown():
    key = Key(b"0123456789abcdef0123456789abcdef")
    assert str(key) == repr(key) == f"{key}" == "Key(...)"
    assert not hasattr(key, "__dict__")


def test_a_key_file_comes_back(tmp_path):
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
    (tmp_path / "k").write_bytes(b"s3cr3t" * 200)
    (tmp_path / "k").write_bytes((tmp_path / "k").read_bytes()[:size])
    with pytest.raises(KeyFileError, match="not a key file") as caught:
        read_key(tmp_path / "k")
    assert "s3cr3t" not in f"{caught.value}{caught.value.hint}"


def test_no_key_file(tmp_path):
    with pytest.raises(KeyFileError, match="no such key file"):
        read_key(tmp_path / "k")
    with pytest.raises(KeyFileError, match="can't be read"):
        read_key(tmp_path)
