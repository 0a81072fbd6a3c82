import pickle

import pytest
from cryptography.exceptions import InvalidTag

from stegnet.cluster.envelope import Receiver, Secrets, seal
from stegnet.keys import Identity, Key, Passphrase

KEY, SEED = bytes(range(32)), bytes(range(50, 82))


SOURCES = [Key(KEY), Passphrase("zwölf Boxkämpfer"), Identity(KEY).recipient]


@pytest.mark.parametrize("source", SOURCES, ids=["key", "passphrase", "recipient"])
def test_the_receiver_alone_opens_an_envelope(source):
    receiver, other = Receiver(), Receiver()
    envelope = seal(Secrets(source, SEED), receiver.public)
    opened = receiver.open(envelope)
    assert opened.seed == SEED and type(opened.source) is type(source)
    keys = [each if isinstance(each, Key) else each.derive(bytes(16)) for each in (opened.source, source)]
    assert keys[0].mac(b"salt") == keys[1].mac(b"salt")
    with pytest.raises(InvalidTag):
        other.open(envelope)
    with pytest.raises(InvalidTag):
        receiver.open(envelope[:-1] + bytes([envelope[-1] ^ 1]))


def test_an_envelope_shows_nothing():
    receiver = Receiver()
    first, second = (seal(Secrets(Key(KEY), SEED), receiver.public) for _ in range(2))
    assert KEY not in first and SEED not in first and first[:32] != second[:32]


def test_secrets_are_not_shown():
    secrets = Secrets(Key(KEY), SEED)
    assert repr(secrets) == str(secrets) == "Secrets(...)"
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(secrets)


def test_randomness_follows_from_seed_number_and_draw():
    def drawn(seed: bytes, number: int) -> tuple[bytes, ...]:
        draw = Secrets(Key(KEY), seed).randomness(number)
        return draw(16), draw(32), draw(32)

    assert drawn(SEED, 3) == drawn(SEED, 3)
    assert [len(part) for part in drawn(SEED, 3)] == [16, 32, 32]
    parts = [part[:16] for seed, number in ((SEED, 3), (SEED, 4), (KEY, 3)) for part in drawn(seed, number)]
    assert len(set(parts)) == len(parts)
