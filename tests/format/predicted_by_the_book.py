"""Levels coded by the network, by the book: docs/format.md, "Levels predicted by a network".

Slow, in Python's integers, and not by stegnet: the graphs are computed by NumPy, as the package onnx defines them.
"""

import math
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

WEIGHTS = Path(__file__).parents[2] / "stegnet/weights"
NAME = "multiscale"
WHOLE = 1 << 16
STATE = 1 << 32
Interval = tuple[int, int]


def rounded(value: float) -> int:
    return math.floor(value + 0.5)


class Network:
    """The shipped network."""

    def __init__(self) -> None:
        files = [WEIGHTS / f"{NAME}.{graph}.onnx" for graph in ("pass1", "pass2", "pass3", "mixture")]
        self.graphs = [ReferenceEvaluator(onnx.load(file)) for file in files]
        self.id = sha256((WEIGHTS / f"{NAME}.safetensors").read_bytes()).digest()[:4]

    def __call__(self, graph: int, **inputs: np.ndarray) -> list[np.ndarray]:
        given = {name: value.astype(np.float32 if value.ndim else np.int64) for name, value in inputs.items()}
        return [np.array(output[0]).astype(int) for output in self.graphs[graph].run(None, given)]


def uniform(level: int, top: int) -> Interval:
    first = level * WHOLE // (top + 1)
    return first, (level + 1) * WHOLE // (top + 1) - first


def mixed(level: int, top: int, means: list[int], scales: list[int], weights: list[int]) -> tuple[Interval, int]:
    """The interval of a level, and the expected level, in steps of 1/32."""
    powers = [rounded(WHOLE * math.exp(-(max(weights) - weight) / 8)) for weight in weights]
    shares = [power * (1 << 15) // sum(powers) for power in powers]

    def below(at: int) -> int:
        if at == 0 or at > top:
            return 0 if at == 0 else WHOLE
        total = 0
        for mean, scale, share in zip(means, scales, shares, strict=True):
            argument = (32 * at - 16 - mean) * rounded((1 << 14) * math.exp(-scale / 8)) // 512
            argument = min(max(argument, -12 * 1024), 12 * 1024 - 1)
            total += rounded(WHOLE / (1 + math.exp(-(argument + 0.5) / 1024))) * share
        return total // (1 << 15) * (WHOLE - 2 * (top + 1)) // WHOLE + 2 * at

    expected = sum(share * mean for share, mean in zip(shares, means, strict=True)) // (1 << 15)
    return (below(level), below(level + 1) - below(level)), expected


def shift(level: int, top: int, means: list[int], scales: list[int], weights: list[int]) -> int:
    """The likeliest place of a sample in its level of five values."""
    powers = [rounded(WHOLE * math.exp(-(max(weights) - weight) / 8)) for weight in weights]
    shares = [power * (1 << 15) // sum(powers) for power in powers]

    def below(value: int) -> int:
        """Of a value from 0 to 255, of which the outer ones have all that lies beyond."""
        if value <= 0 or value > 255:
            return 0 if value <= 0 else WHOLE * sum(shares)
        total = 0
        for mean, scale, share in zip(means, scales, shares, strict=True):
            argument = (32 * (value + 2) - 80 - 5 * mean) * rounded((1 << 14) * math.exp(-scale / 8)) // 2560
            argument = min(max(argument, -12 * 1024), 12 * 1024 - 1)
            total += rounded(WHOLE / (1 + math.exp(-(argument + 0.5) / 1024))) * share
        return total

    values = [value for value in range(5 * level - 2, 5 * level + 3) if 0 <= value <= 255]
    masses = {value - 5 * level: below(value + 1) - below(value) for value in values}
    whole = max(sum(masses.values()), 1)
    return min(max((2 * sum(at * mass for at, mass in masses.items()) + whole) // (2 * whole), -1), 1)


def code(intervals: list[Interval]) -> bytes:
    """rANS of intervals: a state of 48 bits, words of 16."""
    words = []
    state = STATE
    for first, frequency in reversed(intervals):
        if state >= frequency * STATE:
            words.append(state % WHOLE)
            state //= WHOLE
        state = state // frequency * WHOLE + state % frequency + first
    for _ in range(3):
        words.append(state % WHOLE)
        state //= WHOLE
    return b"".join(word.to_bytes(2, "little") for word in reversed(words))


def intervals_of(levels: np.ndarray, error: int, network: Network, shifts: np.ndarray) -> list[Interval]:
    """The intervals of a part of a picture, (H, W, 3), whose step is 2 · error + 1; fills in the shifts of step 5."""
    top = (255 + error) // (2 * error + 1)
    grids = [levels.astype(int)]
    while min(grids[-1].shape[:2]) >= 5:
        grids.append(grids[-1][::2, ::2])
    found = [uniform(int(level), top) for level in grids[-1].transpose(2, 0, 1).flat]
    for depth in range(len(grids) - 2, -1, -1):
        grid = grids[depth]
        rows, columns = -(-grid.shape[0] // 2), -(-grid.shape[1] // 2)
        phases = [grid[row::2, column::2] for row, column in ((0, 0), (1, 1), (0, 1), (1, 0))]
        for number in range(3):
            filled = [
                phase[np.minimum(np.arange(rows), len(phase) - 1)][
                    :, np.minimum(np.arange(columns), phase.shape[1] - 1)
                ]
                for phase in phases[: number + 1]
            ]
            known = np.concatenate(filled, 2).transpose(2, 0, 1)[None]
            assert rows * columns <= 1 << 17  # one strip
            computed = network(number, known=known, film=np.array(3 * error + min(depth, 2)))
            row, column = ((1, 1), (0, 1), (1, 0))[number]
            stride = 1 << depth
            own = shifts[::stride, ::stride][row::2, column::2]
            found += strip(phases[number + 1], number, computed, top, network, own)
    return found


def strip(
    wanted: np.ndarray,
    number: int,
    computed: list[np.ndarray],
    top: int,
    network: Network,
    shifts: np.ndarray,
) -> list[Interval]:
    """The intervals of a pass."""
    found = []
    linear, features = computed
    height, width = wanted.shape[:2]
    seen = np.zeros((6, height, width), int)
    errors: list[np.ndarray] = []
    for order, colour in enumerate((1, 0, 2)):
        (output,) = network(
            3, features=features[None, :, :height, :width], seen=seen[None], which=np.array(3 * number + order)
        )
        error = np.zeros((height, width), int)
        for row in range(height):
            for column in range(width):
                here = output[:, row, column].tolist()
                shared = sum(here[9 + which] * int(earlier[row, column]) for which, earlier in enumerate(errors))
                centre = int(linear[colour, row, column]) + (shared + 16) // 32
                means = [min(max(centre + offset, -(1 << 15)), 1 << 15) for offset in here[:3]]
                level = int(wanted[row, column, colour])
                interval, expected = mixed(level, top, means, here[3:6], here[6:9])
                found.append(interval)
                if top == 51:
                    shifts[row, column, colour] = shift(level, top, means, here[3:6], here[6:9])
                error[row, column] = min(max((32 * level - expected + 1) // 2, -512), 512)
        errors.append(error)
        if order < 2:
            distance = np.abs(error)
            seen[3 * order : 3 * order + 3] = error // 4, distance // 4, np.minimum(4 * distance, 64)
    return found


def predicted(levels: np.ndarray, steps: tuple[int, int, int], network: Network) -> tuple[bytes, np.ndarray]:
    """Levels, (H, W, 3), of steps of upper and lower rows, and the number of upper rows, as the network codes them.

    Also the shifts, (H, W, 3), with which they are restored.
    """
    upper, lower, rows = steps
    found = []
    shifts = np.zeros(levels.shape, int)
    for step, part in ((upper, slice(0, rows)), (lower, slice(rows, None))):
        if len(levels[part]):
            found += intervals_of(levels[part], step // 2, network, shifts[part])
    return network.id + code(found), shifts
