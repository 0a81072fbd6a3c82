import copy
import hashlib
import pickle
import stat
import traceback
import unicodedata

import pytest

from stegnet.core.errors import KeyFileError
from stegnet.keys import Key, Passphrase, keys, make_key_file, read_key
from stegnet.keys.keys import ContainerKeys, KeyRing, film_key, is_anchor
from tests.format import by_the_book
from tests.format.by_the_book import FILM_SECRET, SECRET, commitment, hkdf

SALT = bytes(range(16))
PLAIN, ANCHOR = bytes([200]) + SALT[1:], bytes([3]) + SALT[1:]


@pytest.fixture(scope="module")
def opened() -> Key:
    return Passphrase("Käse").derive(SALT)


def test_subkeys_are_hkdf(key):
    film_id = bytes(range(7, 23))
    assert key.lead(SALT) == hkdf(SECRET, b"stegnet/2/lead", SALT)
    assert key.record(SALT) == hkdf(SECRET, b"stegnet/2/record", SALT)
    assert key.positions(SALT) == hkdf(SECRET, b"stegnet/2/positions", SALT)
    assert key.mac(SALT) == hkdf(SECRET, b"stegnet/2/mac", SALT)
    assert key.shuffle(film_id, 258) == hkdf(SECRET, b"stegnet/2/shuffle" + bytes(6) + b"\1\2", film_id)
    assert key.commitment(film_id) == commitment(SECRET, film_id)


def test_no_two_subkeys_are_the_same(key):
    salts = [bytes([number]) * 16 for number in range(3)]
    subkeys = [derive(salt) for derive in (key.lead, key.record, key.positions, key.mac) for salt in salts]
    subkeys += [key.commitment(salt) for salt in salts]
    subkeys += [key.shuffle(salt, index) for salt in salts for index in (0, 1, 256, 2**24)]
    assert len(set(subkeys)) == len(subkeys) == 27


def test_a_key_is_never_shown():
    key = Key(b"0123456789abcdef0123456789abcdef")
    assert str(key) == repr(key) == f"{key}" == "Key(...)"
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_has_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Key(bytes(size))


def test_a_passphrase_is_scrypt(opened):
    text = "Käse".encode()
    secret = hashlib.scrypt(text, salt=SALT, n=1 << 17, r=8, p=1, maxmem=1 << 28, dklen=32)
    assert opened.record(SALT) == Key(secret).record(SALT)


def test_keyboards_do_not_matter(opened):
    decomposed = unicodedata.normalize("NFD", "Käse")
    assert decomposed != "Käse"
    assert Passphrase(decomposed).derive(SALT).record(SALT) == opened.record(SALT)


def test_the_film_key_is_hkdf_of_the_film_secret():
    assert film_key(FILM_SECRET).record(SALT) == Key(by_the_book.film_key(FILM_SECRET)).record(SALT)


@pytest.mark.parametrize("first", range(256))
def test_one_frame_in_64_is_an_anchor(first):
    assert is_anchor(bytes([first]) + bytes(15)) == (first < 4)


def same(one: Key, other: Key) -> bool:
    return one.lead(SALT) == other.lead(SALT)


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


@pytest.fixture
def worked(monkeypatch) -> list[bytes]:
    """Salts on which a passphrase is worked on, which takes no time."""
    salts = []

    class Scrypt:
        def __init__(self, salt, **_):
            self._salt = salt

        def derive(self, text):
            salts.append(self._salt)
            return hashlib.sha256(self._salt + text).digest()

    monkeypatch.setattr("stegnet.keys.keys.Scrypt", Scrypt)
    return salts


def test_the_keys_of_a_film_with_a_passphrase(worked):
    passphrase = Passphrase("x")
    container = passphrase.new_keys(lambda size: FILM_SECRET[:size])
    assert container.secret == FILM_SECRET and same(container.film, film_key(FILM_SECRET))
    assert container.of_frame(PLAIN, False) is container.film
    assert worked == []
    for salt, first in ((PLAIN, True), (ANCHOR, True), (ANCHOR, False)):
        assert same(container.of_frame(salt, first), passphrase.derive(salt))


def test_a_film_opens_by_its_first_frame(worked):
    ring = KeyRing(Passphrase("x"))
    assert ring.locked
    (tried,) = ring.candidates(PLAIN, True)
    assert same(tried, Passphrase("x").derive(PLAIN))
    assert ring.accept(FILM_SECRET)
    assert not ring.locked and same(ring.film, film_key(FILM_SECRET))
    assert not ring.accept(bytes(16)), "a frame of another film"
    worked.clear()
    assert next(ring.candidates(PLAIN, False)) is ring.film
    assert worked == []
    (tried,) = ring.candidates(ANCHOR, False)
    assert worked == [ANCHOR]


def test_without_its_first_frame_a_film_opens_by_an_anchor(worked):
    ring = KeyRing(Passphrase("x"))
    assert list(ring.candidates(PLAIN, False)) == []
    (tried,) = ring.candidates(ANCHOR, False)
    assert same(tried, Passphrase("x").derive(ANCHOR))
    assert ring.accept(FILM_SECRET)
    assert same(ring.film, film_key(FILM_SECRET))


def test_a_first_frame_that_was_moved(worked):
    """Neither an anchor nor under the film's key: the passphrase is tried, for a few frames."""
    ring = KeyRing(Passphrase("x"))
    ring.accept(FILM_SECRET)
    moved, derived = ring.candidates(PLAIN, False)
    assert moved is ring.film
    assert same(derived, Passphrase("x").derive(PLAIN))
    worked.clear()
    for _ in range(50):
        assert 1 <= len(list(ring.candidates(PLAIN, False))) <= 2
    assert len(worked) == 7
    assert len(list(ring.candidates(ANCHOR, False))) == 1, "anchors are tried all the same"


def test_a_passphrase_that_opens_nothing_is_tried_nine_times(worked):
    ring = KeyRing(Passphrase("x"))
    list(ring.candidates(ANCHOR, True))
    assert not ring.exhausted
    for number in range(100):
        list(ring.candidates(bytes([number % 256]) + SALT[1:], False))
        list(ring.candidates(ANCHOR, False))
    assert ring.exhausted and ring.locked
    assert len(worked) == 9


def test_the_ring_of_a_writer_knows_the_film_key(worked):
    for source in (Passphrase("x"), Key(SECRET)):
        container = source.new_keys(lambda size: FILM_SECRET[:size])
        ring = KeyRing.of(container)
        assert ring.film is container.film and not ring.locked
        assert ring.accept(container.secret)
    assert worked == []


def test_rings_and_keys_of_containers_show_nothing():
    for source in (Passphrase("c4n4ry"), Key(b"c4n4ry" + bytes(26))):
        container = source.new_keys(lambda size: b"c4n4ry" + bytes(size - 6))
        assert isinstance(container, ContainerKeys)
        for secret in (container, KeyRing.of(container), KeyRing(source)):
            assert "c4n4ry" not in f"{secret!r} {secret}"


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
    assert read_key(tmp_path / "k").record(SALT) == Key(bytes(range(32))).record(SALT)


def test_key_files_are_random_and_private(tmp_path):
    for name in "ab":
        make_key_file(tmp_path / name)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert (
            (tmp_path / name)
            .read_text()
            .startswith("# stegnet key: whoever has it can reveal what it hides\nSTEGNET-KEY-1")
        )
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
    assert read_key(str(tmp_path / "k")).record(SALT) == read_key(tmp_path / "k").record(SALT)


SECRETS = [Key(bytes(32)), Passphrase("x"), KeyRing(Key(bytes(32))), Key(bytes(32)).new_keys(bytes)]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: type(secret).__name__)
def test_a_secret_can_not_be_pickled(secret):
    for way in (copy.copy, copy.deepcopy, *(lambda it, n=n: pickle.dumps(it, n) for n in range(6))):
        with pytest.raises(TypeError, match=f"a {type(secret).__name__} can't be pickled"):
            way(secret)


def _not_text():
    Passphrase(CANARY + "\udcff")


def _too_long():
    Passphrase(CANARY * 200)


def _no_memory():
    Passphrase(CANARY).derive(SALT)


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
