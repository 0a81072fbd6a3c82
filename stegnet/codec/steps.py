"""Steps of samples: changes, parities of groups, and random bits for the samples that carry nothing."""

from hashlib import sha256

import numpy as np

from stegnet.codec import trellis
from stegnet.codec.carriers import BLOCK, LEAD_BITS, MAC_BITS, Plan, Zones, idle_samples, keystream, zones_of

_LEAST_CHANGED = 4  # salt samples


def changed(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Values, uint8, after changes of −1, 0 and 1; where these would leave the range, the other way by 2."""
    result = values.astype(np.int16) + changes
    return np.where(result < 0, 2, np.where(result > 255, 253, result)).astype(np.uint8)


def parities_of(values: np.ndarray, groups: int) -> np.ndarray:
    """Parity of the lowest bits of each group, (groups,) uint8; every groups-th value belongs to one."""
    return np.bitwise_xor.reduce(values.reshape(-1, groups), 0) & 1


def write_parities(values: np.ndarray, bits: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
    """Sets the parities of the groups to bits, by a step of the cheapest sample where one is wrong."""
    cheapest = np.minimum(up, down).reshape(-1, bits.size).argmin(0) * bits.size + np.arange(bits.size)
    chosen = cheapest[parities_of(values, bits.size) != bits]
    before = values[chosen]
    rises = (before == 0) | (up[chosen] < down[chosen]) & (before != 255)
    values[chosen] = np.where(rises, before + 1, before - 1)


def refresh(samples: np.ndarray, up: np.ndarray, down: np.ndarray, plan: Plan, seed: bytes) -> None:
    """Hides random bits in the samples that carry nothing, as densely as elsewhere, so that they don't stand out.

    They are drawn again until some salt samples have changed, so that no salt repeats.
    """
    idle, salts, zones = idle_samples(samples.size), samples.size // BLOCK, zones_of(samples.size)
    changes = np.zeros(idle.size, np.int8)
    while np.count_nonzero(changes[:salts]) < min(_LEAST_CHANGED, salts):
        stream = keystream(seed, 9 * idle.size)
        order = np.frombuffer(stream, "<u8", idle.size).argsort()
        random = np.frombuffer(stream, np.uint8, offset=8 * idle.size)
        shuffled = idle[order]
        changes[order] = _random_changes(samples[shuffled], up[shuffled], down[shuffled], zones, plan, random)
        seed = sha256(seed).digest()
    for offset in (1, 2) if plan.grey else ():
        other = idle[:salts] // 3 * 3 + (idle[:salts] + offset) % 3
        samples[other] = changed(samples[other], changes[:salts])
    samples[idle] = changed(samples[idle], changes)


def _random_changes(
    values: np.ndarray, up: np.ndarray, down: np.ndarray, zones: Zones, plan: Plan, random: np.ndarray
) -> np.ndarray:
    """Changes, (n,) int8, that write random bits to values: parities and trits in the shares of a whole frame."""
    parities = LEAD_BITS + MAC_BITS
    groups = max(1, _in_part(parities, values.size, zones.record.stop, random[0]))
    split = groups * (zones.mac.stop // parities)
    head, tail = values[:split].copy(), values[split:]
    write_parities(head, random[2 : 2 + groups] & 1, up[:split], down[:split])
    most = tail.size - max(1, tail.size // trellis.LEAST_ROWS)
    trits = min(_in_part(plan.trits, tail.size, plan.places, random[1]), most)
    own = trellis.layout(trits, tail.size, plan.height)
    assert own is not None
    ties = np.zeros(tail.size, np.uint16)  # the order is random
    changes = trellis.write(tail, random[random.size - trits :] % 3, own, up[split:], down[split:], ties)
    return np.concatenate([head.astype(np.int16) - values[:split], changes]).astype(np.int8)


def _in_part(count: int, part: int, whole: int, random: int) -> int:
    """The share of `count` in a part, rounded up or down by a random byte, so that it is right on average."""
    return (256 * count * part + int(random) * whole) // (256 * whole)
