"""Settings of the process: a program of stegnet's own changes them, and the library leaves its caller's alone."""

import os
import platform
import shutil
import subprocess
import sys
import warnings
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image
from threadpoolctl import threadpool_limits

from stegnet.core.process_settings import blas_in_one_thread, default_variable
from stegnet.image import write_png
from stegnet.image.pictures import ignoring_warnings
from stegnet.keys import make_key_file
from tests.support.caller import blas

TESTS = Path(__file__).parents[1]
CALLER = TESTS / "support/caller.py"
HEIC = TESTS / "image/heic/ten_bits.heic"

on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such setting")

ASK_BLAS = """
import numpy
from threading import Thread
from threadpoolctl import threadpool_info, threadpool_limits
from stegnet.core.parallel import parallel_map, with_heartbeat
from stegnet.core.process_settings import set_up_process

def threads(_):
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

def call():
    print(with_heartbeat(lambda: list(parallel_map(threads, range(3), 2)), lambda: None), threads(0))

set_up_process()
call()
second = Thread(target=call)
second.start()
second.join()
with threadpool_limits(3, user_api="blas"):
    print(threads(0))
"""


def printed(program: str, **variables: str) -> str:
    """Run a program in this environment, whose memory nobody has set, with other variables; return what it prints."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    return subprocess.check_output((sys.executable, "-c", program), env=own | variables, text=True)


def test_blas_computes_in_one_thread() -> None:
    """In the work of a second call, too, from a second thread; and the program can still limit it itself.

    Threads of OpenBLAS that wait spin: hiding cost three times as much processor time.
    """
    shown = printed(ASK_BLAS, OPENBLAS_NUM_THREADS="4")
    assert shown.splitlines() == ["[[1], [1], [1]] [1]", "[[1], [1], [1]] [1]", "[3]"]


FRAME_AFTER_FRAME = """
import resource
from threading import Thread
from stegnet.core.process_settings import keep_freed_memory, set_up_process
def work():
    for _ in range(50):
        blocks = [bytearray(1 << 22) for _ in range(4)]
set_up_process()
keep_freed_memory()
thread = Thread(target=work)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread.start()
thread.join()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() >> 20)
"""


@on_glibc
def test_memory_that_threads_free_is_used_again():
    """Of 800 megabytes in all, the system gives those that are there at once, and few more."""
    assert int(printed(FRAME_AFTER_FRAME)) < 100


KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
GROWTH = """
import psutil
from threading import Barrier, Thread
from stegnet.core.process_settings import set_up_process
set_up_process()
own = psutil.Process().memory_info
before = own().rss
%s
print(own().rss - before >> 20)
"""
LARGE_PICTURE = """
bytearray(30 << 20)
parts = [bytearray(1 << 21) for _ in range(96)]
parts.clear()
"""
STRIPS_IN_THREADS = """
together = Barrier(8)
def work():
    together.wait()  # what a thread needs itself is below its memory, which could not be given back otherwise
    parts = [bytearray(1 << 20) for _ in range(48)]
    together.wait()
    parts.clear()
    together.wait()
threads = [Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@on_glibc
@pytest.mark.parametrize(
    ("work", "chosen", "goes_back"),
    [(LARGE_PICTURE, {}, True), (LARGE_PICTURE, KEPT, False), (STRIPS_IN_THREADS, {}, True)],
)
def test_freed_memory_goes_back(work, chosen, goes_back):
    """Unless the user has set what is kept; of 384 megabytes that eight threads free, as much is kept as of one."""
    assert (int(printed(GROWTH % work, **chosen)) < 72) == goes_back


@pytest.mark.parametrize("way", ["alone", "in a second thread", "in several threads", "beside the caller's limit"])
def test_the_library_leaves_its_callers_settings(tmp_path, picture, make_film, way):
    """By its import, and by its calls, in whose duration BLAS computes in one thread."""
    write_png(tmp_path / "cover.png", picture(96, 128, 1))
    Image.open(tmp_path / "cover.png").save(tmp_path / "cover.jpg", quality=90)
    make_film(tmp_path / "cover.mkv", 3, 96, 128)
    shutil.copy(HEIC, tmp_path / "photo.heic")
    make_key_file(tmp_path / "k")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GOMP_", "OMP_"))}
    subprocess.run(
        [sys.executable, CALLER, way], cwd=tmp_path, env=own | {"OPENBLAS_NUM_THREADS": "4"}, check=True, timeout=600
    )


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        (blas_in_one_thread, blas),
        (ignoring_warnings, lambda: list(warnings.filters)),
        (default_variable("STEGNET_TEST", "1"), lambda: os.environ.get("STEGNET_TEST")),
        (default_variable("PATH", "1"), lambda: os.environ["PATH"]),
    ],
)
def test_what_several_borrow_is_put_back_when_the_last_has_ended(setting, read):
    """Though the first one ends first, and whatever ends it."""
    with threadpool_limits(2, user_api="blas"):
        before = read()
        first, last = ExitStack(), ExitStack()
        first.enter_context(setting)
        changed = read()
        last.enter_context(setting)
        with pytest.raises(KeyError), first:
            raise KeyError
        assert read() == changed
        last.close()
        assert read() == before


def test_what_the_caller_sets_meanwhile_stays():
    with threadpool_limits(2, user_api="blas"):
        with blas_in_one_thread:
            threadpool_limits(3, user_api="blas")
        assert {threads for _, threads in blas()} == {3}
