"""Searches, orders, costs and steps of samples, and rows of PNGs, in NumPy: the oracle of _kernels.c."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stegnet.kernels.arrays import F32, I8, I32, I64, U8, U16, U64, Bools

# As in _kernels.c.
_SHARP = 1 << 20
# Of the order of samples:
_RUN = 32  # consecutive data samples that stay together
_STRIDE = 31  # samples in a block, one of them a salt sample
_SALT = 15  # its place


def smooth(picture: U8, width: int, out: I32) -> None:
    texture = np.zeros(out.shape, np.int32)
    for channel in np.moveaxis(picture.astype(np.int16), 2, 0):
        padded = np.pad(channel, 1, mode="symmetric")
        rows = 2 * padded[1:-1] - padded[:-2] - padded[2:]
        texture += np.abs(2 * rows[:, 1:-1] - rows[:, :-2] - rows[:, 2:])
    out[:] = _box(_SHARP // np.maximum(_box(texture, 1), 1), 7)


def _box(values: I32, reach: int) -> I32:
    """Return sums over squares with sides of 2·reach + 1, (H, W) int32; borders are mirrored."""
    size = 2 * reach + 1
    padded = np.pad(values, (reach + 1, reach), mode="symmetric")
    down = np.cumsum(padded, 0, dtype=np.int32)
    across = np.cumsum(down[size:] - down[:-size], 1, dtype=np.int32)
    return across[:, size:] - across[:, :-size]


def search(
    missing: U8, up: U16, down: U16, changes: I8, starts: I64, columns: U16, height: int, first: int, step: int
) -> None:
    states = 3**height
    most_states = 1 << 15  # of the lanes that are searched together
    most_decisions = 64 << 20  # bytes, one for each direction
    group = max(1, min(most_states // states, most_decisions // (2 * states * len(changes))))
    moves = _moves(columns.tobytes(), height)
    rows = [slice(start, end) for start, end in pairwise(starts.tolist())]
    for start in range(first, missing.shape[1], group * step):
        part = slice(start, start + group * step, step)
        _search_some(missing[:, part], up[:, part], down[:, part], changes[:, part], rows, moves)


_Moves = tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]


@lru_cache(maxsize=8)
def _moves(columns: bytes, height: int) -> _Moves:
    """Return for each column, uint16, the states from which +1 leads to each state, and those from which −1 does."""
    powers = 3 ** np.arange(height)
    states = np.arange(3**height)[:, None] // powers % 3
    digits_of_each = np.frombuffer(columns, np.uint16).astype(np.intp)[:, None] // powers % 3
    return tuple(((states - digits) % 3 @ powers, (states + digits) % 3 @ powers) for digits in digits_of_each)


def _search_some(missing: U8, up: U16, down: U16, changes: I8, rows: list[slice], moves: _Moves) -> None:
    """Run the Viterbi search over some lanes, and write their changes."""
    unreachable = 40_000  # cost of a state
    # A state whose cost exceeds the best one's by more is dropped. An unreachable state stays above that bound, since a
    # row adds at most the cost of a sample that must not change.
    pruned_above = 30_000
    length, lane_count = changes.shape
    states = len(moves[0][0])
    lanes = np.arange(lane_count)
    costs = np.full((states, lane_count), unreachable, np.uint16)
    costs[0] = 0
    raised, lowered = np.empty((2, length, states, lane_count), bool)

    # Forwards: the cheapest way to each state, row after row.
    for row, wanted in zip(rows, missing, strict=True):
        costs = _through_row(costs, (up[row], down[row]), (raised[row], lowered[row]), moves)
        # Keep the states whose lowest digit is what the row must add, and shift them by that digit.
        kept = np.where(wanted == 0, costs[::3], np.where(wanted == 1, costs[1::3], costs[2::3]))
        kept -= kept.min(0)
        costs = np.full_like(costs, unreachable)
        costs[: len(kept)] = np.where(kept > pruned_above, unreachable, kept)

    # Backwards: the decisions on the way to the cheapest state at the end.
    state = costs[: states // 3].argmin(0)
    for row, wanted in zip(reversed(rows), reversed(missing), strict=True):
        state = 3 * state + wanted
        for place in range(row.stop - 1, row.start - 1, -1):
            before_up, before_down = moves[place - row.start]
            falls = lowered[place][state, lanes]
            rises = raised[place][state, lanes] & ~falls
            changes[place] = rises.astype(np.int8) - falls
            state = np.where(rises, before_up[state], np.where(falls, before_down[state], state))


def _through_row(costs: U16, steps: tuple[U16, U16], decisions: tuple[Bools, Bools], moves: _Moves) -> U16:
    """Return the costs of all states, (states, lanes), after a row; record the decisions that led there."""
    costs = costs.copy()
    by_up = np.empty_like(costs)
    by_down = np.empty_like(costs)
    for up, down, raised, lowered, (before_up, before_down) in zip(*steps, *decisions, moves, strict=False):
        np.take(costs, before_up, 0, out=by_up, mode="clip")
        by_up += up
        np.take(costs, before_down, 0, out=by_down, mode="clip")
        by_down += down
        np.less(by_up, costs, out=raised)
        np.minimum(by_up, costs, out=by_up)
        np.less(by_down, by_up, out=lowered)
        np.minimum(by_down, by_up, out=costs)
    return costs


def syndrome(values: U8, merged: int, starts: I64, columns: U16, height: int, trits: U8) -> None:
    rows, lanes = trits.shape
    lane_values = (values.reshape(-1, merged, lanes).sum(1, dtype=np.int64) % 3).astype(np.uint8)
    sums = np.zeros((rows + height - 1, lanes), np.uint16)
    widths = np.diff(starts)
    for place in range(widths.max()):
        wide = np.flatnonzero(widths > place)
        of_place = lane_values[starts[wide] + place]
        for digit in range(height):
            factor = int(columns[place]) // 3**digit % 3
            if factor:
                sums[wide + digit] += of_place << (factor - 1)
    trits[:] = sums[:rows] % 3


def _samples_of(data_samples: I32) -> I32:
    """Convert numbers among the data samples to sample numbers."""
    samples: I32 = data_samples + (data_samples + _SALT) // (_STRIDE - 1)
    return samples


def numbers(runs: I64, first: int, out: I32) -> None:
    first_run = first // _RUN
    end_run = -(-(first + out.size) // _RUN)
    starts = runs[first_run:end_run, None].astype(np.int32) * _RUN
    data_samples = (starts + np.arange(_RUN, dtype=np.int32)).astype(np.int32, copy=False).reshape(-1)
    out[:] = _samples_of(data_samples[first - first_run * _RUN :][: out.size])


def greens(runs: I64, first: int, count: int, channels: int, out: I32) -> int:
    of_all = np.empty(count, np.int32)
    numbers(runs, first, of_all)
    found = of_all[of_all % channels == channels // 2]
    out[: found.size] = found
    return int(found.size)


def mark(runs: I64, first: int, count: int, samples: int, marks: U8) -> None:
    marked = np.empty(count, np.int32)
    numbers(runs, first, marked)
    is_marked = np.zeros(samples, bool)
    is_marked[marked] = True
    marks |= np.packbits(is_marked, bitorder="little")


def _are_free(free: U8, samples: I32) -> Bools:
    """Return whether the bits of samples are set in a mask of `mark`."""
    are_set: Bools = (free[samples >> 3] >> (samples & 7) & 1).astype(bool)
    return are_set


def final(
    samples: U8,
    costs: U16,
    ties: U16,
    mirror: bool,
    edge: int,
    shift: int,
    high: int,
    wet: int,
    most: int,
    together: int,
    out: U16,
) -> None:
    items = (out.size, -1)
    by_item = np.broadcast_to(costs.reshape(items), (out.size, together))
    finished = np.minimum(by_item >> shift, high) + ((ties.reshape(items) >> 13) ^ (7 if mirror else 0))
    finished[(samples.reshape(items) == edge) | (by_item >= wet)] = most
    out[:] = (finished.max(1) if together > 1 else finished).reshape(out.shape)


def gather(samples: U8, numbers: I32, out: U8) -> None:
    out[:] = samples[numbers]


def price(
    numbers: I32,
    size: int,
    up: U16,
    down: U16,
    free: U8,
    beside: int,
    dear: int,
    together: int,
    shift: int,
    out_up: U16,
    out_down: U16,
) -> None:
    items = (numbers // together - shift // together) % up.size
    out_up[:] = up[items]
    out_down[:] = down[items]
    if free.size:
        is_stuck = ~(_are_free(free, numbers - beside) & _are_free(free, numbers + beside))
        out_up[is_stuck] = dear
        out_down[is_stuck] = dear


def merge(
    samples: U8,
    numbers: I32,
    merged: int,
    lanes: int,
    ties: U16,
    up: U16,
    down: U16,
    free: U8,
    beside: int,
    dear: int,
    together: int,
    shift: int,
    out: U8,
    raised: U64,
    lowered: U64,
) -> None:
    members = np.arange(merged, dtype=np.uint64)[:, None]
    by_member = (-1, merged, lanes)
    totals = (samples[numbers] % 3).reshape(by_member).sum(1, dtype=np.min_scalar_type(2 * merged))
    out[:] = (totals % 3).reshape(-1)
    up_costs, down_costs = np.empty((2, numbers.size), np.uint16)
    price(numbers, samples.size, up, down, free, beside, dear, together, shift, up_costs, down_costs)
    for costs, steps in ((up_costs, raised), (down_costs, lowered)):
        steps[:] = (_steps(costs, ties).reshape(by_member) | members).min(1).reshape(-1)


def merge_runs(
    samples: U8,
    ranks: I32,
    first: int,
    channels: int,
    merged: int,
    lanes: int,
    ties: U16,
    up: U16,
    down: U16,
    free: U8,
    beside: int,
    dear: int,
    together: int,
    values: U8,
    raised: U64,
    lowered: U64,
) -> None:
    runs = np.flatnonzero(ranks >= 0).astype(np.int32)
    data_samples = (first + runs)[:, None] * _RUN + np.arange(_RUN, dtype=np.int32)
    chosen = _samples_of(data_samples.astype(np.int32, copy=False))
    is_green = chosen % channels == channels // 2
    places = ranks[runs, None] + is_green.cumsum(1) - 1
    is_used = is_green & (places < merged * values.size)
    chosen = chosen[is_used]
    places = places[is_used]
    sums = places // (merged * lanes) * lanes + places % lanes
    members = (places // lanes % merged).astype(np.uint64)
    totals = values + np.bincount(sums, samples[chosen] % 3, values.size).astype(np.intp)
    values[:] = totals % 3
    up_costs, down_costs = np.empty((2, chosen.size), np.uint16)
    price(chosen, samples.size, up, down, free, beside, dear, together, 0, up_costs, down_costs)
    of_chosen = ties[chosen - _samples_of(np.array(first * _RUN, np.int32))]
    for costs, steps in ((up_costs, raised), (down_costs, lowered)):
        np.minimum.at(steps, sums, _steps(costs, of_chosen) | members)


def _steps(costs: U16, ties: U16) -> U64:
    """Return numbers that sort by the costs in their highest 16 bits, and then by ties; the lowest 32 are free."""
    steps: U64 = costs.astype(np.uint64) << np.uint64(48) | ties.astype(np.uint64) << np.uint64(32)
    return steps


def follow(
    numbers: I32,
    channels: int,
    moved: I8,
    width: int,
    together: int,
    lanes: int,
    first: int,
    stride: int,
    up: U16,
    down: U16,
    out_up: U16,
    out_down: U16,
) -> None:
    lane_of_each = np.arange(numbers.size) % lanes
    chosen = (lane_of_each >= first) & ((lane_of_each - first) % stride == 0)
    pixels = numbers[chosen] // channels + width
    around = moved[pixels - width] + moved[pixels - 1] + moved[pixels + 1] + moved[pixels + width]
    for costs, out, is_same in ((up[chosen], out_up, around > 0), (down[chosen], out_down, around < 0)):
        out[chosen] = np.where(is_same, np.maximum(costs // together, 1), costs)


def step(samples: U8, numbers: I32, changes: I8, free: U8, beside: int) -> None:
    for offset in range(-beside, beside + 1):
        changed = numbers + offset
        after = samples[changed].astype(np.int16) + changes
        after = np.where(after < 0, 2, np.where(after > 255, 253, after)).astype(np.uint8)
        samples[changed] = np.where(_are_free(free, changed), after, samples[changed]) if free.size else after


def filter(values: F32, width: int, taps: F32, axis: int, stabiliser: float, out: F32) -> None:
    windows = sliding_window_view(values, len(taps), axis)
    product = np.empty_like(out)
    np.multiply(windows[..., 0], taps[0], out=out)
    for place, tap in enumerate(taps[1:], 1):
        out += np.multiply(windows[..., place], tap, out=product)
    if stabiliser > 0:
        out[:] = np.float32(1) / (np.float32(stabiliser) + np.abs(out))


def windows(weights: F32, width: int, down: F32, across: F32, out: F32) -> None:
    side = 8
    rows, cols, _ = out.shape
    tall = np.zeros((rows, side, width), np.float32)
    for place, factors in enumerate(down.T):
        tall += weights[place : place + side * rows : side, None] * factors[:, None]
    sums = np.zeros((rows, side, cols, side), np.float32)
    for place, factors in enumerate(across.T):
        sums += tall[..., place : place + side * cols : side, None] * factors
    out += sums.transpose(0, 2, 1, 3).reshape(out.shape)


def rows(samples: U8, before: U8, width: int, apart: int, tried: bytes, out: U8) -> None:
    above = np.concatenate([before[None], samples[:-1]])
    least = np.full(len(samples), np.iinfo(np.int64).max)
    for number in tried:
        result = samples - _predicted(samples, above, apart, number)
        size = np.abs(result.view(np.int8).astype(np.int16)).sum(1, dtype=np.int64)
        better = size < least
        least = np.minimum(size, least)
        out[better, 0] = number
        out[better, 1:] = result[better]


def _predicted(rows: U8, above: U8, apart: int, number: int) -> U8:
    """Return the prediction that a filter subtracts from each byte (PNG, third edition, section 9), (n, width)."""
    left = np.zeros_like(rows)
    corner = np.zeros_like(rows)
    left[:, apart:] = rows[:, :-apart]
    corner[:, apart:] = above[:, :-apart]
    match number:
        case 0:
            return np.zeros_like(rows)
        case 1:
            return left
        case 2:
            return above
        case 3:
            return ((left.astype(np.uint16) + above) // 2).astype(np.uint8)
    a, b, c = (neighbour.astype(np.int16) for neighbour in (left, above, corner))
    to_a = np.abs(b - c)
    to_b = np.abs(a - c)
    to_c = np.abs(a + b - 2 * c)
    second = np.where(to_b <= to_c, above, corner)
    return np.where((to_a <= to_b) & (to_a <= to_c), left, second)
