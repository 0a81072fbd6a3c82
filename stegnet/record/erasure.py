"""An erasure code over GF(2⁸) (Reed, Solomon 1960; docs/format.md, "Spread files"): any K shares give all others.

Share number x is P(x), byte by byte, where P is a polynomial of degree below K; bytes and numbers are elements of the
field. Sums are XOR; products are looked up.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

SHARES = 256  # at most: elements of the field
_POLYNOMIAL = 0x11D
_ORDER = 255  # of the field's multiplicative group


def value_at(number: int, numbers: Sequence[int], shares: Iterable[bytes]) -> bytes:
    """The share of this number, given K shares by Lagrange's formula.

    Args:
        number: 0 to 255.
        numbers: of the given shares, K different ones.
        shares: of equal length.
    """
    total: np.ndarray | int = 0
    for weight, share in zip(_weights(number, tuple(numbers)), shares, strict=True):
        total = total ^ np.frombuffer(share.translate(_TIMES[weight]), np.uint8)
    return np.asarray(total, np.uint8).tobytes()


@lru_cache(maxsize=SHARES)
def _weights(number: int, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """The factor of each given share in the sum: Π (x − xₘ) / (xᵢ − xₘ), over all m but i."""
    if number in numbers:
        return tuple(int(number == each) for each in numbers)
    points = np.array(numbers)
    above = _LOGS[points ^ number]
    below = _LOGS[points[:, None] ^ points].sum(1)  # that of 0, on the diagonal, counts as 0
    return tuple(_POWERS[(above.sum() - above - below) % _ORDER].tolist())


def _field() -> tuple[np.ndarray, np.ndarray]:
    """Powers of 2, (255,), and their logarithms, (256,); the entry of 0 is 0."""
    powers, logs, power = np.zeros(_ORDER, np.uint8), np.zeros(SHARES, np.int64), 1
    for exponent in range(_ORDER):
        powers[exponent], logs[power] = power, exponent
        power <<= 1
        power ^= _POLYNOMIAL * (power >= SHARES)
    return powers, logs


def _products() -> tuple[bytes, ...]:
    """For each element, its products with 0 to 255."""
    table = _POWERS[(_LOGS[:, None] + _LOGS) % _ORDER]
    table[0] = table[:, 0] = 0
    return tuple(row.tobytes() for row in table)


_POWERS, _LOGS = _field()
_TIMES = _products()
