"""Work in processes of this machine; on real nodes: tests/cluster."""

import os
import subprocess
import sys

import pytest

from pipeline.prepare.prepare import map_in_pool
from tests.support.lab import DataError


def test_a_worker_imports_neither_torch_nor_mlflow():
    heavy = "{'torch', 'mlflow', 'pandas', 'ray', 'pooch', 'diskcache'} & set(__import__('sys').modules)"
    worker = f"import pipeline.prepare.prepare; print({heavy})"
    assert subprocess.check_output([sys.executable, "-c", worker], text=True) == "set()\n"


def test_items_are_taken_only_a_few_ahead():
    taken = []
    results = map_in_pool(abs, (taken.append(index) or index for index in range(100)), 2)
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()


def test_a_killed_process():
    with pytest.raises(DataError, match="a process that prepares pictures was killed") as caught:
        list(map_in_pool(os._exit, [9], 2))
    assert "what is finished is kept" in caught.value.hint


def fail(number: int) -> None:
    if number == 1:
        raise DataError("no pictures", "take some")


def test_an_error_is_raised_as_if_it_had_happened_here():
    with pytest.raises(DataError, match=r"^no pictures$") as caught:
        list(map_in_pool(fail, range(5), 2))
    assert caught.value.hint == "take some"
