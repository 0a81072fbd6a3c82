"""Work in processes of this machine, and on a Ray cluster of two nodes."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from stegnet.core.errors import DataError
from stegnet.data import spread as module
from stegnet.data.spread import spread


def test_a_worker_uses_one_thread_and_imports_neither_torch_nor_mlflow():
    heavy = "{'torch', 'mlflow', 'pandas', 'ray', 'fsspec', 'diskcache'} & set(__import__('sys').modules)"
    look = f"(__import__('cv2').getNumThreads(), {heavy})"
    assert list(spread(eval, [look], 1)) == [(1, set())]
    stage = f"import pipeline.prepare; print({heavy})"  # is imported too
    assert subprocess.check_output([sys.executable, "-c", stage], text=True) == "set()\n"


def test_auto_uses_every_physical_core(monkeypatch):
    counts = []
    pool = lambda count, *_: counts.append(count) or ThreadPoolExecutor(1)  # noqa: E731
    monkeypatch.setattr(module, "ProcessPoolExecutor", pool)
    monkeypatch.setattr("joblib.cpu_count", lambda only_physical_cores: 6 if only_physical_cores else 12)
    assert [*spread(abs, [], "auto"), *spread(abs, [-2], 5)] == [2]
    assert counts == [6, 5]


def test_items_are_taken_only_a_few_ahead(monkeypatch):
    monkeypatch.setattr(module, "ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(1))
    taken = []
    results = spread(abs, (taken.append(index) or index for index in range(100)), 2)
    assert next(results) == 0
    assert len(taken) == 5
    results.close()


def test_a_killed_process():
    with pytest.raises(DataError, match="a process that prepares pictures was killed") as caught:
        list(spread(os._exit, [9], 1))
    assert "what is finished is kept" in caught.value.hint
