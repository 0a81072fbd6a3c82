"""A program that uses the library, and checks that its own settings stay as they are: python caller.py WAY."""

import ctypes
import decimal
import gc
import locale
import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image, ImageFile, PngImagePlugin
from threadpoolctl import threadpool_info, threadpool_limits

MEBIBYTE = 1 << 20


def blas() -> list[tuple[str, int]]:
    return [(each["filepath"], each["num_threads"]) for each in threadpool_info() if each["user_api"] == "blas"]


def settings() -> dict[str, Any]:
    umask = os.umask(0)
    os.umask(umask)
    found = {
        "BLAS": blas(),
        "FFmpeg": av.logging.get_level(),
        "NumPy": (np.geterr(), np.get_printoptions()),
        "OpenCV": (cv2.getNumThreads(), cv2.useOptimized()),
        "Pillow": (list(Image.ID), list(Image.OPEN), dict(Image.EXTENSION), list(Image.SAVE), dict(Image.MIME)),
        "Pillow's limits": (Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY),
        "Pillow's blocks": (ImageFile.LOAD_TRUNCATED_IMAGES, ImageFile.MAXBLOCK, ImageFile.SAFEBLOCK),
        "environment": dict(os.environ),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "warnings": (list(warnings.filters), warnings.showwarning),
        "garbage": (gc.isenabled(), gc.get_threshold()),
        "interpreter": (sys.getrecursionlimit(), sys.getswitchinterval(), sys.excepthook, list(sys.path)),
        "streams": (sys.stdout.errors, sys.stderr.errors),
        "logging": (logging.root.level, list(logging.root.handlers)),
        "process": (umask, Path.cwd(), multiprocessing.get_start_method(allow_none=True)),
        "other": (locale.setlocale(locale.LC_ALL), decimal.getcontext().prec, socket.getdefaulttimeout()),
        "temporary folder": tempfile.tempdir,
    }
    if torch := sys.modules.get("torch"):
        found["PyTorch"] = (
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
        )
        found["cuDNN"] = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    return found


class Allocated(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks top"
    _fields_ = [(name, ctypes.c_size_t) for name in _names.split()]


def heap() -> tuple[int, bool] | None:
    """Free 30 MB; of eight blocks of 24 MB, return how many are not of the heap, and whether it keeps 100 MB of them.

    glibc does neither while `mallopt` was not called. None: it is another library.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return None
    library.mallinfo2.restype = Allocated
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.free(library.malloc(30 * MEBIBYTE))
    before = library.mallinfo2()
    blocks = [library.malloc(24 * MEBIBYTE) for _ in range(8)]
    mapped = library.mallinfo2().hblks - before.hblks
    for block in blocks:
        library.free(block)
    return mapped, library.mallinfo2().arena - before.arena > 100 * MEBIBYTE


def main(way: str) -> None:
    Image.init()
    tempfile.gettempdir()
    before = settings()

    def compare(when: str) -> None:
        after = settings()
        for name, value in before.items():
            assert after[name] == value, (when, name, value, after[name])

    import stegnet

    stegnet.hide  # noqa: B018  # imports what it needs
    compare("after the import")

    key = stegnet.read_key("k")
    threads_of_blas = set[int]()

    def progress(*_: object) -> None:
        threads_of_blas.update(threads for _, threads in blas())

    def work(number: int = 0) -> None:
        session = stegnet.Session(progress=progress)
        for cover, out in (("cover.png", "png"), ("cover.jpg", "jpg"), ("photo.heic", "png"), ("cover.mkv", "mkv")):
            session.capacity(cover)
            container = f"{number} {cover}.{out}"
            session.hide(cover, b"a text", container, key=key)
            assert session.reveal(container, key=key).text == "a text"
            session.info(container, key=key)
        with suppress(stegnet.CapacityError):  # after the networks have tried
            session.hide("cover.png", b"a text", f"{number} robust.jpg", key=key, survive="jpeg:90")

    def limit() -> None:
        threadpool_limits(3, user_api="blas")
        limited.set()
        done.wait()

    limited, done = threading.Event(), threading.Event()
    if way == "alone":
        work()
    elif way != "beside the caller's limit":
        count = 1 if way == "in a second thread" else 4
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, range(count)))
    else:
        caller = threading.Thread(target=limit, daemon=True)
        caller.start()
        limited.wait()
        before = settings()
        work()
        done.set()
        caller.join()
    compare("after the calls")
    assert threads_of_blas == {1}, threads_of_blas
    assert heap() in (None, (0, False)), heap()


if __name__ == "__main__":
    main(sys.argv[1])
