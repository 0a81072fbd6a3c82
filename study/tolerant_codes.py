"""How many tolerant containers of JPEGs do not arrive: thousands of simulated ones, at the codes that are chosen.

python -m study.tolerant_codes

A moved block has a geometric number of moved coefficients, three on average. Costs play no part: moved coefficients add
their syndrome to the trits of a random record, whatever the samples are.
"""

from dataclasses import dataclass

import numpy as np

from stegnet.core.parallel import parallel_map, thread_count
from stegnet.sealing import decode_message, encode_message, least_places, message_capacity, trellis
from stegnet.sealing.tolerant import FORMAT, LEAD_CODE, CodedZone, CodeRates, count_trits, design_errors, sealed_size
from stegnet.sealing.tolerant_rates import CHANGES, MovedCoefficients, choose_rates


@dataclass(frozen=True)
class SimulatedChannel:
    """A channel for containers of one size."""

    samples: int
    record_size: int
    moved: MovedCoefficients
    rates: CodeRates

    def trial(self, seed: int) -> bool:
        """Return whether the lead and the record of one container arrive."""
        random = np.random.default_rng([seed, self.record_size, int(self.moved.share * 1e6)])
        steps = self._moved_samples(random)
        numbers = random.permutation(self.samples)
        lead_trits = FORMAT.lead_width_of(self.samples) * count_trits(FORMAT.lead_bits)
        stream_key = random.bytes(32)
        lead = CodedZone(FORMAT.lead_bits, numbers[:lead_trits], 1, stream_key)
        message = random.integers(0, 2, 8 * FORMAT.lead_bytes).astype(np.uint8)
        read = LEAD_CODE.decode(self._received(lead, LEAD_CODE.encode(message), steps, random, 0.2), 40)
        if read is None or not np.array_equal(read, message):
            return False

        rate = self.rates.rate
        bits = least_places(8 * sealed_size(self.record_size), rate)
        count = self.rates.width * count_trits(bits)
        zone = CodedZone(bits, numbers[lead_trits : lead_trits + count], self.rates.height, stream_key)
        message = random.integers(0, 2, message_capacity(bits, rate)).astype(np.uint8)
        coded = encode_message(message, bits, rate)
        read = decode_message(self._received(zone, coded, steps, random, design_errors(rate)), rate)
        return read is not None and np.array_equal(read, message)

    def _moved_samples(self, random: np.random.Generator) -> np.ndarray:
        """Return what is added to each sample, modulo 3."""
        steps = np.zeros((self.samples // FORMAT.coefficients, FORMAT.coefficients), np.uint8)
        blocks = random.poisson(self.moved.share * self.samples / self.moved.run)
        for block in random.integers(0, len(steps), blocks):
            count = min(random.geometric(1 / self.moved.run), FORMAT.coefficients)
            steps[block, random.permutation(FORMAT.coefficients)[:count]] = random.integers(1, 3, count)
        return steps.reshape(-1)

    def _received(
        self, zone: CodedZone, coded: np.ndarray, steps: np.ndarray, random: np.random.Generator, wrong: float
    ) -> np.ndarray:
        added = steps[zone.numbers].copy()
        lost = random.random(added.size) < self._lost(zone) / added.size
        added[lost] = random.integers(1, 3, np.count_nonzero(lost))
        syndrome = trellis.read(added, zone.layout).reshape(-1)[: zone.trits]
        return zone.ratios_of((zone.trits_of(coded) + syndrome) % 3, wrong)

    def _lost(self, zone: CodedZone) -> float:
        return self.moved.share_of_changes * CHANGES[zone.height - 1] * zone.trits


def lost_containers(samples: int, record_size: int, moved: MovedCoefficients, count: int) -> int | None:
    """Return the number of simulated containers that do not arrive; None if no codes are promised."""
    rates = choose_rates(samples, record_size, moved)
    if rates is None:
        return None
    channel = SimulatedChannel(samples, record_size, moved, rates)
    return sum(not arrived for arrived in parallel_map(channel.trial, range(count), thread_count()))


def main() -> None:
    """Print a table of channels and sizes."""
    photograph = 20 * 30_000  # samples of 1600×1200 pixels
    count = 1000
    for samples in (photograph, photograph // 8):
        for share in (1e-4, 3e-4, 1e-3, 2e-3):
            for size in (136, 1000, 5000):
                moved = MovedCoefficients(share)
                print(samples, share, size, choose_rates(samples, size, moved), end=" ")
                print(lost_containers(samples, size, moved, count), "of", count, flush=True)


if __name__ == "__main__":
    main()
