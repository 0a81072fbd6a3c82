"""Work on a Ray cluster: the same figures and errors as here, and a lost process's work is done again."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path

import pytest
import torch

from pipeline.evaluate.quality import map_in_threads
from stegnet.core.parallel import connect, distributed
from tests.support.cluster import ROOT, ray_nodes
from tests.support.lab import DataError

RAYS_OWN = ("DeprecationWarning", "ResourceWarning", "pytest.PytestUnraisableExceptionWarning")
pytestmark = [pytest.mark.slow, *(pytest.mark.filterwarnings(f"ignore::{name}") for name in RAYS_OWN)]


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two nodes, and the connection to them, which is opened in a folder without code."""
    with ray_nodes(1, 1):
        import ray

        with chdir(tmp_path_factory.mktemp("elsewhere")):
            connect()
        yield
        ray.shutdown()


def where_it_runs(number: int) -> tuple[int, Path, int, bool]:
    return number, Path.cwd(), torch.get_num_threads(), os.getpid() == int(os.environ.get("PYTEST_PID", "0"))


def test_results_are_in_order_and_computed_in_this_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_PID", str(os.getpid()))
    assert list(map_in_threads(where_it_runs, range(20))) == [(number, tmp_path, 1, False) for number in range(20)]


def fails(number: int) -> int:
    if number == 2:
        raise DataError("no pictures", "take some")
    return number


def test_an_error_is_raised_as_if_it_had_happened_here():
    with pytest.raises(DataError, match=r"^no pictures$") as caught:
        list(distributed(fails, range(5), 1))
    assert caught.value.hint == "take some"


def dies_once(folder: Path, number: int) -> int:
    if number == 1 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_the_work_of_a_lost_process_is_done_again(tmp_path):
    assert list(distributed(partial(dies_once, tmp_path), range(4), 1)) == [0, 1, 2, 3]
    assert (tmp_path / "died").exists()


def test_an_error_of_a_training_ends_it_without_a_restart(monkeypatch, tmp_path):
    from pipeline.train.ray_launch import launch

    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train", "started"])
    with pytest.raises(DataError, match=r"^no pictures$") as caught:
        launch("tests.support.failing_stage", 1, {"CPU": 1, "GPU": 0})
    assert caught.value.hint == "take some"
    assert (tmp_path / "started").read_text(encoding="utf-8") == "local\n"
    assert not list((tmp_path / ".checkpoints").iterdir())
