"""Error correction: against a dense reference over GF(2), and against the limit of the channel."""

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from stegnet.methods.robust.fec import HIGHEST, LONGEST, LOWEST, Code, Coding

CODES = [(384, 64, 10), (100, 25, 16), (97, 30, 20), (640, 320, 32), (500, 320, 41), (1000, 900, 58), (31, 1, 3)]


def words(n: int, k: int, first: int, rows: int, cols: int) -> np.ndarray:
    """The public random words of docs/format.md, "Error correction"."""
    seed = b"stegnet/2/code" + b"".join(number.to_bytes(4, "big") for number in (n, k, first))
    cipher = Cipher(algorithms.AES256(hashlib.sha256(seed).digest()), modes.CTR(bytes(16)))
    return np.frombuffer(cipher.encryptor().update(bytes(8 * rows * cols)), "<u8").reshape(rows, cols)


def parity_matrix(n: int, k: int, rate: int) -> np.ndarray:
    """(n − k, n) over GF(2), written from the text of the format, edge by edge."""
    checks = n - k
    if rate <= 28:
        degree, favoured = 12, 3 * k // 8
    elif rate <= 35:
        degree, favoured = 8, 2 * k // 5
    else:
        degree, favoured = 12, k // 4 if rate <= 44 else k // 6
    matrix = np.zeros((checks, n), np.uint8)
    for first, count, edges in ((0, favoured, min(degree, checks)), (favoured, k - favoured, 3)):
        for band, row in enumerate(words(n, k, first, edges, count)):
            start, end = checks * band // edges, checks * (band + 1) // edges
            for place, bit in enumerate(np.argsort(row, kind="stable")):
                matrix[start + place * (end - start) // count, first + bit] ^= 1
    for check in range(checks):
        matrix[check, k + check] ^= 1
        if check:
            matrix[check, k + check - 1] ^= 1
    return matrix


def received(bits: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """Log-likelihood ratios of bits after white Gaussian noise."""
    return 2 * (2.0 * bits - 1 + deviation * random.normal(size=bits.size)) / deviation**2


def capacity(deviation: float) -> float:
    """Of the binary-input channel with white Gaussian noise, in bits (integrated numerically)."""
    noise = np.linspace(-8, 8, 4001)
    density = np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi) * (noise[1] - noise[0])
    return 1 - float((density * np.logaddexp(0, -2 * (1 + deviation * noise) / deviation**2)).sum() / np.log(2))


@pytest.mark.parametrize(("n", "k", "rate"), CODES)
def test_codewords_satisfy_every_check(n, k, rate):
    """And no message bit has two edges to a check."""
    messages = np.random.default_rng(n).integers(0, 2, (5, k), dtype=np.uint8)
    matrix = parity_matrix(n, k, rate).astype(int)
    assert set(matrix[:, :k].sum(0)) <= {3, 8, 12, n - k}
    for message in messages:
        codeword = Code(n, k, rate).encode(message)
        assert np.array_equal(codeword[:k], message)
        assert not (matrix @ codeword % 2).any()


@pytest.mark.parametrize(
    ("n", "k", "rate", "expected"),
    [(384, 64, 10, "192a08fe3521900d"), (1000, 500, 32, "8a54c8793c3dcd5e"), (65_536, 45_056, 44, "89efd3c1382b24b1")],
)
def test_vectors(n, k, rate, expected):
    """The codeword of the first k bits of SHAKE256("message"), its bits packed into bytes: the start of its SHA-256."""
    message = np.unpackbits(np.frombuffer(hashlib.shake_256(b"message").digest(k // 8 + 1), np.uint8))[:k]
    codeword = np.packbits(Code(n, k, rate).encode(message))
    assert hashlib.sha256(codeword.tobytes()).hexdigest()[:16] == expected


def test_the_decoder_corrects_what_hard_decisions_get_wrong():
    code, random = Code(2000, 1000, 32), np.random.default_rng(1)
    message = random.integers(0, 2, code.k, dtype=np.uint8)
    ratios = received(code.encode(message), 0.85, random)
    wrong = ((ratios > 0) != code.encode(message)).mean()
    assert 0.08 < wrong < 0.16
    assert np.array_equal(code.decode(ratios), message)


@pytest.mark.parametrize(("rate", "deviation"), [(16, 1.29), (32, 0.85), (48, 0.60)])
def test_close_to_capacity(rate, deviation):
    """At 4,608 bits, 19 of 20 messages come back where capacity is at most 36 % above the rate."""
    assert rate / 64 < capacity(deviation) < 1.36 * rate / 64
    code, random = Code(4608, 4608 * rate // 64, rate), np.random.default_rng(2)
    right = 0
    for _ in range(20):
        message = random.integers(0, 2, code.k, dtype=np.uint8)
        right += np.array_equal(code.decode(received(code.encode(message), deviation, random)), message)
    assert right >= 19


def test_noise_is_no_codeword():
    random = np.random.default_rng(3)
    assert all(Code(2000, 1000, 32).decode(3 * random.normal(size=2000), 30) is None for _ in range(5))


@pytest.mark.parametrize("places", [200, 4096, LONGEST + 1])
@pytest.mark.parametrize("rate", [LOWEST + 4, 15, 16, 40, HIGHEST])
def test_coding_fills_its_places(places, rate):
    coding, random = Coding(places, rate), np.random.default_rng(places)
    assert 0.9 * rate / 64 - 0.03 < coding.room / places <= rate / 64
    message = random.integers(0, 2, coding.room, dtype=np.uint8)
    coded = coding.encode(message)
    assert coded.shape == (places,)
    assert np.array_equal(coding.decode(8 * (2.0 * coded - 1)), message)


def test_repetition_below_the_lowest_rate():
    """At an eighth of the rate 1/4, the same ratios are added up, and so many more errors are corrected."""
    coding, random = Coding(8000, 4), np.random.default_rng(5)
    message = random.integers(0, 2, coding.room, dtype=np.uint8)
    ratios = received(coding.encode(message), 2.4, random)
    assert ((ratios > 0) != coding.encode(message)).mean() > 0.3
    assert np.array_equal(coding.decode(ratios), message)


def test_bits_left_over_are_zero():
    coding = Coding(2 * LONGEST + 1, 32)
    assert coding.room % 3 == 0
    assert not coding.encode(np.ones(coding.room, np.uint8))[coding.places // 3 * 3 :].any()
