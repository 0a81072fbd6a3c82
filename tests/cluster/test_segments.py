"""Long films on real nodes: their segments are made by all processes."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from stegnet.cluster.segments import SegmentedFilm
from stegnet.cluster.tasks import SEGMENT, segment_start, tasks_of
from stegnet.core.address import place
from stegnet.files import plan_hiding
from stegnet.results import OutputTarget
from tests.support.nodes import SEALED, alone, contents, errors, hiding

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def short_segments(monkeypatch) -> None:
    for module in ("cluster", "segments"):
        monkeypatch.setattr(f"stegnet.cluster.{module}.MOST", 15)


@pytest.fixture(scope="module")
def material(tmp_path_factory, make_film) -> Path:
    """A film of 40 frames and one of 4, with sound; secrets; and what one process makes of them."""
    folder = tmp_path_factory.mktemp("material")
    for name in ("covers", "secrets", "expected"):
        (folder / name).mkdir()
    make_film(folder / "covers/long.mkv", 40, 96, 128, sound="flac")
    make_film(folder / "covers/short.mkv", 4, 96, 128, seed=9)
    (folder / "secrets/s.txt").write_text("secret " * 3000)
    plan = plan_hiding(folder / "covers", folder / "secrets", any_file=True)
    assert errors(alone(plan, folder / "expected", SEALED)) == []
    return folder


@pytest.fixture
def divided(monkeypatch) -> list[int]:
    """Numbers of segments that films were made in."""
    made: list[int] = []

    class Counted(SegmentedFilm):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            made.append(len(self.segments))

    monkeypatch.setattr("stegnet.cluster.cluster.SegmentedFilm", Counted)
    return made


def test_a_node_is_killed_while_segments_are_made(nodes, expected, divided, monkeypatch):
    """And what a killed command has left of the same film is removed."""
    plan, killed = plan_hiding(Path("covers"), Path("secrets"), any_file=True), []
    mine, other = (f"{start}-0.mkv" for start in (segment_start(plan.jobs[0]), f"{SEGMENT}0123456789abcdef"))
    for name in (mine, other):
        (Path("out") / name).write_text("old")

    def kill(self, found):
        if not killed:
            killed.append(nodes.kill())
        return following(self, found)

    following = SegmentedFilm.next
    monkeypatch.setattr(SegmentedFilm, "next", kill)
    outcomes = list(hiding(nodes.address))
    assert errors(outcomes) == []
    assert [(each.out.name, each.size) for each in outcomes] == [
        (name, len(expected[name])) for name in ("long.mkv", "short.mkv")
    ]
    assert contents("out") == expected | {other: b"old"}
    assert divided == [3] and killed


def test_stopped_early(nodes, expected, divided, monkeypatch):
    Path("covers/short.mkv").rename("covers/a.mkv")  # comes first

    def stop(*of):
        raise KeyboardInterrupt

    monkeypatch.setattr(SegmentedFilm, "next", stop)
    with pytest.raises(KeyboardInterrupt), closing(hiding(nodes.address)) as running:
        list(running)
    assert divided == [3]
    assert set(contents("out")) <= {"a.mkv"}


def test_an_error_is_that_of_one_process(nodes, material, expected, divided):
    Path("secrets/s.txt").write_bytes(bytes(10**7))
    plan = plan_hiding(Path("covers"), Path("secrets"), any_file=True)
    assert errors(hiding(nodes.address)) == errors(alone(plan, "out", SEALED)) != []
    assert (contents("out"), divided) == ({}, [])


def test_a_segment_fails(nodes, expected, divided, monkeypatch):
    """Its error is the film's; nothing of it is left, and the other film is whole."""

    class Elsewhere(SegmentedFilm):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            self.segments[1] = replace(self.segments[1], segment=Path("nowhere/segment.mkv"))

    monkeypatch.setattr("stegnet.cluster.cluster.SegmentedFilm", Elsewhere)
    assert errors(hiding(nodes.address)) == ["nowhere: no such folder"]
    assert set(contents("out")) == {"short.mkv"}


def test_from_and_to_an_object_store(nodes, expected, object_store, divided):
    store, folder = fsspec.filesystem("s3"), f"{object_store}/segments"
    for name in ("covers", "secrets"):
        for file, data in contents(name).items():
            store.pipe(f"{folder}/{name}/{file}", data)
    assert errors(hiding(nodes.address, f"{folder}/out", f"{folder}/covers", f"{folder}/secrets")) == []
    store.invalidate_cache()
    assert {path.rsplit("/", 1)[1]: store.cat(path) for path in store.ls(f"{folder}/out")} == expected
    assert divided == [3]


def test_segments_of_two_runs_have_different_names(expected):
    """They may be at work on the same film at once."""
    task = tasks_of(plan_hiding(place("covers"), place("secrets"), any_file=True), OutputTarget(place("out")))[0]
    one, other = (set(map(str, SegmentedFilm(task, 40).join.part.made)) for _ in range(2))
    assert len(one) == len(other) == 3
    assert not one & other
