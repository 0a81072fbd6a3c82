"""Ray nodes on this machine, each with processes of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import pytest

from tests.support.nodes import Nodes, settings
from tests.support.object_store import object_store
from tests.support.temporary import contents


@pytest.fixture(scope="session")
def environment() -> Iterator[MutableMapping[str, str]]:
    """Settings of all processes of the cluster, and of this one."""
    before = dict(os.environ)
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # short: a socket's path may have 107 bytes
    os.environ.update(settings(Path(folder)))
    yield os.environ
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(folder, ignore_errors=True)  # a process that ends may still write there


@pytest.fixture(scope="session", name="object_store")
def object_store_of_all(environment) -> Iterator[str]:
    """Address of a bucket in a server of S3 that runs here."""
    with object_store() as address:
        yield address


@pytest.fixture(scope="session")
def started(environment, object_store) -> Iterator[Nodes]:
    nodes = Nodes(Path(environment["RAY_TMPDIR"]), dashboard=True)
    yield nodes
    nodes.stop()


@pytest.fixture
def nodes(started: Nodes) -> Nodes:
    """A cluster of two nodes."""
    started.keep(2)
    return started


@pytest.fixture
def folders(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with covers, secrets and an empty folder for results."""
    monkeypatch.chdir(tmp_path)
    for name in ("covers", "secrets"):
        shutil.copytree(material / name, name)
    Path("out").mkdir()
    return tmp_path


@pytest.fixture
def expected(material: Path, folders: Path) -> dict[str, bytes]:
    """Files that one process writes, by name."""
    return contents(material / "expected")
