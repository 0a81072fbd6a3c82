"""Clones of this repository in which the pipeline has run, small, and what its tests ask of them."""

import base64
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from filelock import FileLock

from stegnet.keys import PUBLIC_DEMONSTRATION_KEY
from tests.clones import clone_with_modules, copy_repository, run

SMALL: dict[str, dict[str, Any]] = {
    "data": {"side": 64, "scenes": 24, "validation_scenes": 3, "test_scenes": 3, "shard": 10},
    "model": {"name": "costa", "blocks": 2, "width": 8, "ends": 2, "backbone": "none"},
    "train": {
        "pairs": 96, "crop": 32, "lr": 0.005, "warmup": 2, "workers": 0, "checkpoint": 5, "devices": 1, "threads": 1,
    },
    "detect": {"pairs": 12},
    "video": {"cover": "data/small-cover.mkv", "secret": "data/small-secret.mkv"},
}  # fmt: skip
UP_TO_DATE = "Data and pipelines are up to date.\n"


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, make_film: Callable[..., Path]) -> Path:
    """A folder with what the first process that asked has made.

    `origin` is this repository as it stands, with small films and parameters, committed; `first` is a clone of it in
    which `dvc repro` has run, with its result committed; `said.txt` holds what was said.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "whole-pipeline"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "said.txt").exists():
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "origin").mkdir(parents=True)
            origin, first = copy_repository(folder / "origin", SMALL), folder / "first"
            make_film(origin / "assets" / "small-cover.mkv", frames=7, height=112, width=176, sound="aac")
            make_film(origin / "assets" / "small-secret.mkv", frames=5, height=40, width=56, seed=9, sound="aac")
            run(origin, "git", "add", "-A")
            run(origin, "git", "commit", "-q", "-m", "small")
            clone_with_modules(origin, first)
            run(first, "dvc", "status")
            said = run(first, "dvc", "repro")
            changed = run(first, "git", "status", "--porcelain").splitlines()
            assert {line[3:] for line in changed} == {"data.dvc", "dvc.lock"}  # of the small films
            run(first, "git", "add", "dvc.lock", "data.dvc")
            run(first, "git", "commit", "-q", "-m", "first results")
            (folder / "said.txt").write_text(said, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def committed(made_once: Path) -> Path:
    """This repository as it stands, with small films and parameters, committed."""
    return made_once / "origin"


@pytest.fixture(scope="module")
def clone(made_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which `dvc repro` has run, and its result is committed; what was said lies beside it."""
    folder = tmp_path_factory.mktemp("clones") / "clone"
    run(made_once, "cp", "-a", str(made_once / "first"), str(folder))
    shutil.copy(made_once / "said.txt", folder.parent)
    return folder


def runs(folder: Path, server: str = "") -> pd.DataFrame:
    """All runs in the clone's own store, or in a server's."""
    mlflow.set_tracking_uri(server or f"sqlite:///{folder / 'mlflow.db'}")
    return mlflow.search_runs(search_all_experiments=True)


def files_without_keys(run_id: str, folder: Path) -> set[str]:
    """Names of a run's files: not even the public key is in one of them, or in a field."""
    secret = PUBLIC_DEMONSTRATION_KEY._secret
    spellings = [secret, secret.hex().encode(), base64.b64encode(secret)]
    got = Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(folder)))
    files = {path.relative_to(got).as_posix(): path.read_bytes() for path in got.rglob("*") if path.is_file()}
    texts = [json.dumps(mlflow.get_run(run_id).to_dictionary(), default=str).encode(), *files.values()]
    assert not [spelling for spelling in spellings for text in texts if spelling in text]
    return set(files)


def evaluated(folder: Path) -> set[str]:
    """Fingerprints of the weights with a run of the stage evaluate."""
    return set(runs(folder).query("`tags.stegnet.stage` == 'evaluate'")["tags.stegnet.weights"])


def all_is_well(folder: Path, *stages: str) -> None:
    assert len(run(folder, "dvc", "checkout", "-f").splitlines()) <= 1
    assert run(folder, "dvc", "status", *stages) == UP_TO_DATE


def executed(said: str) -> list[str]:
    """The stages that DVC ran, but for check, which makes nothing."""
    return [stage for stage in re.findall(r"Running stage '(\w+)'", said) if stage != "check"]


def back_to_the_commit(folder: Path) -> None:
    run(folder, "git", "checkout", "-q", "params.yaml", "dvc.lock")
    run(folder, "dvc", "checkout")
