"""The compiled kernels against NumPy's: the same bits, and no access outside of an array."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import stegnet
from stegnet.core import kernels
from stegnet.keys import Key
from stegnet.sealing import Costs, Medium, SealOptions, seal, texture_costs, trellis

WRONG, LIMIT = "do not fit", 1 << 24


@pytest.fixture(autouse=True)
def compiled():
    if kernels.compiled is None:
        stop = pytest.fail if os.environ.get("STEGNET_COMPILER") == "required" else pytest.skip
        stop("the kernels were not compiled: install a C compiler and Python's headers, then stegnet again")
    return kernels.compiled


def both(monkeypatch: pytest.MonkeyPatch, function: Callable[[], np.ndarray]) -> None:
    """Compares what a function gives with either."""
    fast = function()
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        np.testing.assert_array_equal(function(), fast)


@pytest.mark.parametrize("height", trellis.HEIGHTS)
def test_searches_are_the_same(monkeypatch, height):
    """Over widths, lanes, merged samples, costs that tie or are the highest, and costs that follow changes."""
    shapes = [(1, 1), (12, 17), (84, 85), (84, 4000), (255, 300), (1000, 1020), (5000, 30_000), (9000, 20_000)]
    for (trits, samples), highest, turns in product(shapes, (2, trellis.MAX_COST), (False, True)):
        random = np.random.default_rng((height, trits, samples, highest))
        up, down, ties = (random.integers(1, highest + 1, samples, np.uint16) for _ in range(3))
        values, wanted = random.integers(0, 256, samples, np.uint8), random.integers(0, 3, trits, np.uint8)
        plan = trellis.layout(trits, samples, height)

        def following(changes, up=up, down=down):
            near = np.roll(changes, 1) != 0
            return np.where(near, up // 2, up), np.where(near, down, down // 2)

        def changes(values=values, wanted=wanted, plan=plan, costs=(up, down, ties), turns=turns, follow=following):
            return trellis.write(values, wanted, plan, costs, follow if turns else None)

        both(monkeypatch, changes)


@pytest.mark.parametrize(
    ("shape", "size", "grey"),
    [((40, 50, 3), 20, True), ((64, 96, 3), 400, True), ((65, 97, 3), 900, False), ((131, 203, 1), 700, True)],
)
def test_pictures_are_sealed_the_same(monkeypatch, picture, shape, size, grey):
    """For a key and a recipient, at the ends of the range, and as a JPEG's samples."""
    cover = picture(*shape[:2])[..., : shape[2]].copy()
    cover[:20], cover[-20:] = 0, 255
    costs = Costs(*(steps[..., : shape[2]] for steps in texture_costs(np.broadcast_to(cover, (*shape[:2], 3)))))
    for recipient, options in product(
        (None, bytes(range(32))),
        (SealOptions(True, grey=grey), SealOptions(True, clustered=False, medium=Medium(2048, b"about"))),
    ):
        keys = Key(bytes(32)) if recipient is None else Key(bytes(32), recipient)

        def sealed(options=options, keys=keys):
            found, random = cover.copy(), np.random.default_rng(1)
            seal(found, random.bytes(size), keys.new_keys(random.bytes), bytes(32), costs, options)
            return found

        both(monkeypatch, sealed)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (8, 8), (17, 33), (300, 4000)])
def test_costs_are_the_same(monkeypatch, size):
    """Of pictures narrower than what is mirrored at their edges, and of one that is computed in strips."""
    for highest in (2, 256):
        picture = np.random.default_rng(highest).integers(0, highest, (*size, 3), np.uint8)
        both(monkeypatch, lambda picture=picture: texture_costs(picture).up)


def test_arrays_that_do_not_fit_each_other_are_refused(compiled):
    """So that no loop leaves one, whoever calls: sizes, places outside of the source, trits and columns too large."""
    numbers, words, bytes_ = np.zeros(4, np.int32), np.ones(4, np.uint16), np.zeros(4, np.uint8)
    far, trits, columns = np.full(4, 4, np.int32), np.zeros((2, 2), np.uint8), np.ones(1, np.uint16)
    starts, steps = np.arange(3), np.zeros(4, np.int8)
    calls = [
        (compiled.search, trits, words[:3], words, steps, starts, columns, 1, 0, 1),
        (compiled.search, trits + 3, words, words, steps, starts, columns, 1, 0, 1),
        (compiled.search, trits, words, words, steps, starts * LIMIT, columns, 1, 0, 1),
        (compiled.search, trits, words, words, steps, starts[::-1].copy(), columns, 1, 0, 1),
        (compiled.search, trits, words, words, steps, starts, columns * 3, 1, 0, 1),
        (compiled.search, trits, words, words, steps, starts, columns, 7, 0, 1),
        (compiled.search, trits, words, words, steps, starts, columns, 1, -1, 1),
        (compiled.search, trits, words, words, steps, starts, columns, 1, 0, 0),
        (compiled.search, trits, words, words, steps, starts[:1], columns, 1, 0, 1),
        (compiled.numbers, np.zeros(0, np.int64), 0, numbers),
        (compiled.numbers, np.zeros(1, np.int64), -1, numbers),
        (compiled.free, far, 3, bytes_),
        (compiled.free, -far, 1, bytes_),
        (compiled.free, numbers, 2, bytes_),
        (compiled.bind, numbers, bytes_, 1, 5, words, words),
        (compiled.bind, numbers, bytes_, 0, 5, words[:3], words),
        (compiled.final, bytes_, words[:3], words, 0, 0, 9, 1, words),
        (compiled.final, bytes_, words, words, 0, 0, 9, 3, words),
        (compiled.gather, words, far, 1, words.copy()),
        (compiled.gather, words, -far, 1, words.copy()),
        (compiled.gather, words, numbers, 0, words.copy()),
        (compiled.follow, far, steps, np.zeros(8, np.int8), 2, 9, words, words, words.copy(), words.copy()),
        (compiled.follow, numbers, steps, np.zeros(3, np.int8), 2, 9, words, words, words.copy(), words.copy()),
        (compiled.follow, numbers, steps, np.zeros(8, np.int8), 2, 0, words, words, words.copy(), words.copy()),
        (compiled.smooth, bytes_, 1, numbers),
        (compiled.smooth, bytes_, 0, numbers[:0]),
        (compiled.smooth, np.zeros(12, np.uint8), 3, numbers),
        (compiled.step, bytes_, far, steps, b"", 0),
        (compiled.step, bytes_, numbers, steps, b"", 1),
        (compiled.step, bytes_, numbers, steps, b"1", 0),
    ]
    for kernel, *arguments in calls:
        with pytest.raises(ValueError, match=WRONG):
            kernel(*arguments)


UNDER_SANITIZERS = """
import sys, importlib.util, pytest
spec = importlib.util.spec_from_file_location("stegnet.core._kernels", sys.argv[1])
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
from stegnet.core import kernels
assert kernels.compiled is sys.modules[spec.name]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-m", "not long", sys.argv[2]]))
"""


@pytest.mark.long
@pytest.mark.slow
def test_no_sanitizer_finds_anything(tmp_path):
    """The tests above, of kernels that were compiled with AddressSanitizer and UndefinedBehaviorSanitizer."""
    built, flags = tmp_path / "_kernels.so", ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    headers = f"-I{sysconfig.get_paths()['include']}"
    source = Path(stegnet.__file__).with_name("core") / "_kernels.c"
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", headers, source, "-o", built], check=True)
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    own = {"LD_PRELOAD": runtime.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    command = [sys.executable, "-c", UNDER_SANITIZERS, built, __file__]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
