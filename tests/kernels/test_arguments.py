"""Arguments of the kernels: as their stub says, as their oracles', and those that don't fit each other are refused."""

import ast
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stegnet import kernels
from stegnet.kernels import _kernels
from stegnet.sealing.fec import PHI
from tests.support.kernels import ORACLES

FAR = np.full(4, 4, np.int32)  # numbers of the sample behind the last of four


def of(kind: Any, *shape: int, fill: int = 0) -> np.ndarray:
    """An array of one number."""
    return np.full(shape, fill, kind)


def codes(**by_length: int) -> np.ndarray:
    """Two Huffman tables with so many codes of a length each."""
    tables = of(np.uint8, 1, 2, 272)
    for length, count in by_length.items():
        tables[..., int(length.removeprefix("of_")) - 1] = count
    return tables


def fitting(kernel: str) -> dict[str, Any]:
    """Small arguments of a kernel that fit each other."""
    searched = {"starts": np.arange(3), "columns": of(np.uint16, 1, fill=1), "height": 1}
    costs = {"up": of(np.uint16, 4, fill=1), "down": of(np.uint16, 4, fill=1)}
    priced = {"free": of(np.uint8, 0), "beside": 0, "dear": 9, "together": 1}
    steps = {"raised": of(np.uint64, 2), "lowered": of(np.uint64, 2)}
    places = {"runs": of(np.int64, 1), "first": 0, "count": 4}
    blocks = {"method": 0, "blocks": of(np.int16, 1, 64), "offset": of(np.int8, 1, 64)}
    tables = {"steps": of(np.int32, 64, fill=1), "scales": of(np.int32, 64, fill=1)}
    limits = {"inward": of(np.int32, 64, fill=1), "outward": of(np.int32, 64, fill=1)}
    scan = {
        "planes": (of(np.int16, 1, 2, 64),), "layout": np.array([[1, 2, 1, 1]]), "mcus": (1, 2), "dc": of(np.uint8, 1),
        "ac": of(np.uint8, 1),
    }  # fmt: skip
    plane = of(np.uint8, 8, 8)
    arguments: dict[str, dict[str, Any]] = {
        "smooth": {"picture": of(np.uint8, 4, 1, 3), "width": 1, "out": of(np.int32, 4, 1)},
        "search": {
            "missing": of(np.uint8, 2, 2), "up": of(np.uint16, 2, 2, fill=1), "down": of(np.uint16, 2, 2, fill=1),
            "changes": of(np.int8, 2, 2), **searched, "first": 0, "step": 1,
        },
        "syndrome": {"values": of(np.uint8, 12, fill=200), "merged": 3, **searched, "trits": of(np.uint8, 2, 2)},
        "numbers": {"runs": of(np.int64, 1), "first": 0, "out": of(np.int32, 4)},
        "greens": {**places, "channels": 3, "out": of(np.int32, 4)},
        "mark": {**places, "samples": 9, "marks": of(np.uint8, 2)},
        "final": {
            "samples": of(np.uint8, 4, fill=5), "costs": of(np.uint16, 4), "ties": of(np.uint16, 4), "mirror": False,
            "edge": 0, "shift": 1, "high": 5, "wet": 8, "most": 9,
            "together": 1, "out": of(np.uint16, 4),
        },
        "gather": {"samples": of(np.uint8, 4), "numbers": of(np.int32, 4), "out": of(np.uint8, 4)},
        "price": {
            "numbers": of(np.int32, 4), "size": 4, **costs, **priced, "shift": 0,
            "out_up": of(np.uint16, 4), "out_down": of(np.uint16, 4),
        },
        "merge": {
            "samples": of(np.uint8, 4), "numbers": of(np.int32, 4), "merged": 2, "lanes": 1, "ties": of(np.uint16, 4),
            **costs, **priced, "shift": 0, "out": of(np.uint8, 2), **steps,
        },
        "merge_runs": {
            "samples": of(np.uint8, 62), "ranks": of(np.int32, 1), "first": 0, "channels": 1, "merged": 2, "lanes": 1,
            "ties": of(np.uint16, 33), "up": of(np.uint16, 62, fill=1), "down": of(np.uint16, 62, fill=1), **priced,
            "values": of(np.uint8, 2), **steps,
        },
        "follow": {
            "numbers": of(np.int32, 4), "channels": 1, "moved": of(np.int8, 8), "width": 2, "together": 9, "lanes": 2,
            "first": 0, "stride": 1, **costs, "out_up": of(np.uint16, 4), "out_down": of(np.uint16, 4),
        },
        "step": {
            "samples": of(np.uint8, 4), "numbers": np.arange(4, dtype=np.int32), "changes": of(np.int8, 4),
            "free": of(np.uint8, 0), "beside": 0,
        },
        "filter": {
            "values": of(np.float32, 1, 17), "width": 17, "taps": of(np.float32, 16), "axis": 1, "stabiliser": 0.0,
            "out": of(np.float32, 1, 2),
        },
        "windows": {
            "weights": of(np.float32, 23, 23), "width": 23, "down": of(np.float32, 8, 23),
            "across": of(np.float32, 8, 23), "out": of(np.float32, 1, 1, 64),
        },
        "rows": {
            "samples": of(np.uint8, 2, 6), "before": of(np.uint8, 6), "width": 6, "apart": 3, "tried": bytes(range(5)),
            "out": of(np.uint8, 2, 7),
        },
        "count": {**scan, "interval": 1, "counts": of(np.int64, 32, 256)},
        "code": {
            **scan, "interval": 1, "codes": of(np.uint16, 32, 256), "sizes": of(np.uint8, 32, 256, fill=16),
            "out": of(np.uint8, 4000),
        },
        "decode_scan": {
            "data": b"", "band": (0, 0, 63, 0, 0), "size": (1, 2, 0), "layout": np.array([[0, 2, 1, 1]]),
            "tables": codes(), "coefficients": of(np.int16, 2, 64),
        },
        "decode": {
            "ratios": of(np.float32, 17), "ends": FAR.copy(), "groups": np.array([[2, 2]]), "table": PHI,
            "iterations": 9, "message": of(np.uint8, 4),
        },
        "jpeg_show": {
            "values": of(np.float32, 1, 64, fill=5), "columns": 1, "shown": of(np.uint8, 8, 8),
            "room": of(np.float32, 1, 1),
        },
        "jpeg_variances": {
            "pixels": of(np.uint8, 3, 2, fill=5), "width": 2, "first": 1, "out": of(np.float32, 2, 2),
        },
        "jpeg_wiener": {
            "pixels": of(np.uint8, 8, 8, fill=5), "width": 8, "first": 0, "noise": 0.5, "least": 0.25,
            "out": of(np.float32, 1, 1, 64),
        },
        "jpeg_errors": {
            "luma": of(np.int16, 1, 64), "quanta": of(np.float32, 64, fill=2), "exact": of(np.float32, 1, 64, fill=3),
        },
        "jpeg_count": {
            "luma": of(np.int16, 1, 64, fill=1), "costs": of(np.float32, 1, 64, fill=3), "upper": 0x4040,
            "ones": of(np.bool_, 64), "counts": of(np.uint32, 1 << 16),
        },
        "jpeg_step_costs": {
            "luma": of(np.int16, 1, 64), "costs": of(np.float32, 1, 64, fill=3), "errors": of(np.float32, 1, 64),
            "pixels": plane, "columns": 1, "ties": of(np.float32, 64, fill=1), "ones": of(np.bool_, 64),
            "estimated": 0.0, "known": 0.5, "scale": 2.0, "wet": 9, "up": of(np.uint16, 1, 63),
            "down": of(np.uint16, 1, 63),
        },
        "jpeg_ycc": {"rgb": of(np.uint8, 8, 8, 3), "luma": plane.copy(), "blue": plane.copy(), "red": plane.copy()},
        "jpeg_offsets": {
            "decoded": of(np.uint8, 8, 8, 3), "columns": 1, "channels": 3, "offset": of(np.int8, 1, 1, 64),
            "room": of(np.int16, 1, 1),
        },
        "jpeg_forward": {
            "method": 0, "samples": plane, "columns": 1, "scales": tables["scales"],
            "coefficients": of(np.int16, 1, 1, 64),
        },
        "jpeg_blocks_hold": {**blocks, **tables, **limits, "held": of(np.bool_, 1)},
        "jpeg_steps_hold": {
            **blocks, **tables, **limits, "wanted": of(np.bool_, 1, 63), "up": of(np.bool_, 1, 63),
            "down": of(np.bool_, 1, 63),
        },
    }  # fmt: skip
    return arguments[kernel]


# Arguments that may be shorter or below zero, and still fit.
FREE = {
    "decode": ("ratios", "iterations", "message"), "search": ("starts",), "syndrome": ("starts",), "numbers": ("out",),
    "final": ("edge", "high", "wet", "most"), "gather": ("samples",), "price": ("dear",), "merge": ("dear",),
    "merge_runs": ("dear",),
    "follow": ("moved",), "code": ("out",), "jpeg_count": ("upper",),
}  # fmt: skip
# What else is wrong, in which kernel, and the arguments that make it so.
WRONG: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("smooth", "a picture of one channel", {"picture": of(np.uint8, 4)}),
    ("search", "no trits", {"missing": of(np.uint8, 2, 2, fill=3)}),
    ("search", "rows far longer than the samples", {"starts": np.arange(3) << 24}),
    ("search", "a column with more digits than the code", {"columns": of(np.uint16, 1, fill=3)}),
    ("search", "too high a code", {"height": 7}),
    ("syndrome", "too high a code", {"height": 7}),
    ("syndrome", "rows far longer than the values", {"starts": np.arange(3) << 24}),
    ("syndrome", "two sums for three values", {"merged": 2}),
    ("greens", "two channels", {"channels": 2}),
    ("greens", "places behind the last run", {"count": 33, "out": of(np.int32, 33)}),
    ("greens", "more places than fit", {"count": 5}),
    ("greens", "a run before the first", {"runs": of(np.int64, 1, fill=-1)}),
    ("mark", "samples behind the last", {"samples": 3, "marks": of(np.uint8, 1)}),
    ("mark", "places behind the last run", {"count": 33, "samples": 99, "marks": of(np.uint8, 13)}),
    ("mark", "a run before the first", {"runs": of(np.int64, 1, fill=-1)}),
    ("gather", "a sample behind the last", {"numbers": FAR}),
    ("gather", "a sample before the first", {"numbers": of(np.int32, 4, fill=-1)}),
    ("price", "a sample behind the last", {"numbers": FAR}),
    ("price", "a sample before the first, beside it", {"beside": 1}),
    ("price", "more samples than costs", {"size": 5}),
    ("price", "a mask that is too long", {"free": of(np.uint8, 3)}),
    ("price", "a shift by all", {"shift": 4}),
    ("merge", "a sample behind the last", {"numbers": FAR}),
    ("merge", "a sample before the first, beside it", {"beside": 1}),
    ("merge", "a mask that is too long", {"free": of(np.uint8, 2)}),
    ("merge", "samples of a sum, times lanes, beyond 64 bits", {"merged": 1 << 62, "lanes": 4}),
    ("merge_runs", "two channels", {"channels": 2}),
    ("merge_runs", "a run behind the last", {"first": 1}),
    ("merge_runs", "samples of a sum, times lanes, beyond 64 bits", {"merged": 1 << 62}),
    ("merge_runs", "two thirds of a lane", {"lanes": 3}),
    ("merge_runs", "fewer costs than samples", {"up": of(np.uint16, 33), "down": of(np.uint16, 33)}),
    ("merge_runs", "a mask that is too short", {"free": of(np.uint8, 1)}),
    ("merge_runs", "a sample before the first, beside it", {"beside": 1}),
    ("follow", "a pixel behind the last", {"numbers": FAR}),
    ("follow", "no row of pixels", {"moved": of(np.int8, 3)}),
    ("step", "a sample behind the last", {"numbers": FAR}),
    ("step", "a mask that is too long", {"free": of(np.uint8, 2)}),
    ("filter", "a third axis", {"axis": 2}),
    ("filter", "more results than values", {"out": of(np.float32, 3)}),
    ("filter", "fewer rows than taps", {"axis": 0, "out": of(np.float32, 17)}),
    ("windows", "a row of three parts of a block", {"width": 24}),
    ("windows", "no row of blocks", {"weights": of(np.float32, 15, 23), "out": of(np.float32, 0)}),
    ("rows", "a filter that there is not", {"tried": bytes([5])}),
    ("rows", "no filter", {"tried": b""}),
    ("count", "a table behind the last", {"dc": of(np.uint8, 1, fill=32)}),
    ("count", "a plane that is too short", {"planes": (of(np.int16, 1, 64),)}),
    ("count", "a plane of numbers", {"planes": (1,)}),
    ("count", "no component", {"planes": (), "layout": of(np.int64, 0, 4), "dc": b"", "ac": b""}),
    ("count", "five components", {"planes": (of(np.int16, 1, 2, 64),) * 5, "layout": np.array([[1, 2, 1, 1]] * 5),
     "dc": of(np.uint8, 5), "ac": of(np.uint8, 5)}),
    ("count", "a plane without a row", {"planes": (of(np.int16, 0),), "layout": np.array([[0, 2, 1, 1]])}),
    ("count", "a plane of 2^64 rows", {"layout": np.array([[1 << 62, 2, 1, 1]])}),
    ("count", "an MCU without a column", {"layout": np.array([[1, 2, 0, 1]])}),
    ("count", "an MCU of five rows", {"layout": np.array([[1, 2, 1, 5]])}),
    ("count", "no row of MCUs", {"mcus": (0, 2)}),
    ("count", "a terabyte of MCUs", {"mcus": (1, 1 << 40)}),
    ("code", "codes of 17 bits", {"sizes": of(np.uint8, 32, 256, fill=17)}),
    ("decode_scan", "no component", {"layout": of(np.int64, 0, 4), "tables": codes()[:0]}),
    ("decode_scan", "five components", {"layout": np.array([[0, 2, 1, 1]] * 5), "tables": codes().repeat(5, 0)}),
    ("decode_scan", "more codes than bits allow", {"tables": codes(of_1=2, of_2=2)}),
    ("decode_scan", "a code of ones alone", {"tables": codes(of_1=2)}),
    ("decode_scan", "a last coefficient before the first", {"band": (0, 5, 4, 0, 0)}),
    ("decode_scan", "a coefficient before the first of a block", {"band": (0, -1, 4, 0, 0)}),
    ("decode_scan", "a coefficient behind the last of a block", {"band": (0, 0, 64, 0, 0)}),
    ("decode_scan", "a bit behind the highest", {"band": (0, 0, 63, 0, 14)}),
    ("decode_scan", "a bit before the lowest", {"band": (0, 0, 63, 0, -1)}),
    ("decode_scan", "no row", {"size": (0, 2, 0)}),
    ("decode_scan", "more rows than blocks", {"size": (2, 2, 0)}),
    ("decode_scan", "more columns than blocks", {"size": (1, 3, 0)}),
    ("decode_scan", "a terabyte in a row", {"size": (1, 1 << 40, 0)}),
    ("decode_scan", "a terabyte of rows", {"size": (1 << 40, 1, 0)}),
    ("decode_scan", "an interval below 0", {"size": (1, 2, -1)}),
    ("decode_scan", "a block before the first", {"layout": np.array([[-1, 2, 1, 1]])}),
    ("decode_scan", "a block behind the last", {"layout": np.array([[1, 2, 1, 1]])}),
    ("decode_scan", "a place beyond 64 bits, in blocks", {"layout": np.array([[1 << 62, 2, 1, 1]])}),
    ("decode_scan", "rows of one block for two MCUs", {"layout": np.array([[0, 1, 1, 1]])}),
    ("decode_scan", "rows backwards", {"layout": np.array([[0, -2, 1, 1]])}),
    ("decode_scan", "rows of a terabyte", {"layout": np.array([[0, 1 << 40, 1, 1]])}),
    ("decode_scan", "an MCU without a column", {"layout": np.array([[0, 2, 0, 1]])}),
    ("decode_scan", "an MCU of five columns", {"layout": np.array([[0, 2, 5, 1]])}),
    ("decode_scan", "MCUs wider than the row", {"layout": np.array([[0, 2, 2, 1]])}),
    ("decode_scan", "an MCU without a row", {"layout": np.array([[0, 2, 1, 0]])}),
    ("decode_scan", "MCUs higher than the blocks", {"layout": np.array([[0, 2, 1, 2]])}),
    ("decode_scan", "an MCU whose rows are 1 in 32 bits", {"layout": np.array([[0, 2, 1, 1 << 32 | 1]])}),
    ("decode", "an edge of a bit behind the last", {"ratios": of(np.float32, 4)}),
    ("decode", "fewer checks than edges", {"groups": np.array([[2, 1]])}),
    ("decode", "more checks than edges", {"groups": np.array([[2, 3]])}),
    ("decode", "checks without edges", {"groups": np.array([[0, 4]])}),
    ("decode", "edges of a check beyond 64 bits", {"groups": np.array([[1 << 62, 4]])}),
    ("decode", "a message longer than the word", {"ratios": of(np.float32, 5), "message": of(np.uint8, 6)}),
    ("jpeg_show", "more columns than blocks", {"columns": 2}),
    ("jpeg_variances", "rows behind the last", {"first": 2}),
    ("jpeg_wiener", "rows behind the last", {"first": 1}),
    ("jpeg_wiener", "rows of half a block", {"width": 4, "pixels": of(np.uint8, 16, 4)}),
    ("jpeg_wiener", "no least noise", {"least": 0.0}),
    ("jpeg_count", "an upper half of 17 bits", {"upper": 1 << 16}),
    ("jpeg_step_costs", "more columns than blocks", {"columns": 2}),
    ("jpeg_step_costs", "costs beyond 16 bits", {"wet": 1 << 16}),
    ("jpeg_step_costs", "a discount below 0", {"known": -0.5}),
    ("jpeg_offsets", "two channels", {"channels": 2}),
    ("jpeg_offsets", "no column", {"columns": 0}),
    ("jpeg_offsets", "more columns than blocks", {"columns": 2}),
    ("jpeg_forward", "more columns than blocks", {"columns": 2}),
    ("jpeg_forward", "a method behind the last", {"method": 3}),
    ("jpeg_forward", "divisors of 0", {"scales": of(np.int32, 64)}),
    ("jpeg_blocks_hold", "more results than blocks", {"held": of(np.bool_, 2)}),
)  # fmt: skip


def test_each_kernel_has_an_oracle_and_stands_in_the_stub():
    """With the arguments that it is called with here."""
    stub = ast.parse(Path(kernels.__file__).with_name("_kernels.pyi").read_text(encoding="utf-8"))
    functions = {each.name: each.args.args for each in stub.body if isinstance(each, ast.FunctionDef)}
    called = {name: list(fitting(name)) for name in ORACLES}
    assert {name: [argument.arg for argument in arguments] for name, arguments in functions.items()} == called
    assert {name for name, kernel in vars(_kernels).items() if inspect.isbuiltin(kernel)} == set(ORACLES)


@pytest.mark.parametrize("kernel", ORACLES)
def test_kernels_and_oracles_compute_the_same_from_arrays_that_fit(kernel):
    assert list(fitting(kernel)) == list(inspect.signature(ORACLES[kernel]).parameters)
    in_c, in_numpy = fitting(kernel), fitting(kernel)
    assert getattr(kernels, kernel)(*in_c.values()) == ORACLES[kernel](*in_numpy.values())
    for argument, value in in_c.items():
        np.testing.assert_array_equal(value, in_numpy[argument])


def refused(kernel: str, **arguments: Any) -> None:
    with pytest.raises(ValueError, match="the arrays do not fit each other"):
        getattr(kernels, kernel)(*(fitting(kernel) | arguments).values())


@pytest.mark.parametrize("kernel", ORACLES)
def test_arrays_that_are_too_short_and_negative_numbers_are_refused(kernel):
    """So that no loop leaves an array, whoever calls."""
    for argument, value in fitting(kernel).items():
        if argument in FREE.get(kernel, ()):
            continue
        if isinstance(value, np.ndarray) and value.size:
            refused(kernel, **{argument: value.ravel()[:-1]})
        elif type(value) is int:
            refused(kernel, **{argument: -1})


@pytest.mark.parametrize(("kernel", "wrong", "arguments"), WRONG, ids=[": ".join(row[:2]) for row in WRONG])
def test_what_does_not_fit_is_refused(kernel, wrong, arguments):
    refused(kernel, **arguments)
