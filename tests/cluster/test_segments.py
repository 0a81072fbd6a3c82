"""Long films on real nodes: their segments are made by all processes."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from stegnet.cluster.tasks import SEGMENT, segment_start
from stegnet.files import plan_hiding
from tests.support.nodes import SEALED, alone, errors, hiding
from tests.support.temporary import contents
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def material(tmp_path_factory, make_film) -> Path:
    """A film of 210 frames and one of 4, with sound; secrets; and what one process makes of them."""
    folder = tmp_path_factory.mktemp("material")
    for name in ("covers", "secrets", "expected"):
        (folder / name).mkdir()
    make_film(folder / "covers/long.mkv", 210, 48, 64, sound="flac")
    make_film(folder / "covers/a.mkv", 4, 96, 128, seed=9)
    (folder / "secrets/s.txt").write_text("secret " * 1000)
    plan = plan_hiding(folder / "covers", folder / "secrets", any_file=True)
    assert errors(alone(plan, folder / "expected", SEALED)) == []
    return folder


def test_a_node_is_killed_while_segments_are_made(nodes, expected):
    """And what a killed command has left of the same film is removed."""
    plan = plan_hiding(Path("covers"), Path("secrets"), any_file=True)
    mine, other = (f"{start}-0.mkv" for start in (segment_start(plan.jobs[1]), f"{SEGMENT}0123456789abcdef"))
    for name in (mine, other):
        (Path("out") / name).write_text("old")

    def kill() -> None:
        wait_until(lambda: {path.name for path in Path("out").iterdir()} - {mine, other, "a.mkv"})
        nodes.kill()

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        outcomes = list(hiding(nodes.address))
        killing.result()
    assert errors(outcomes) == []
    assert [(each.out.name, each.size) for each in outcomes] == [
        (name, len(expected[name])) for name in ("a.mkv", "long.mkv")
    ]
    assert contents("out") == expected | {other: b"old"}


def test_stopped_early(nodes, expected):
    """Of the long film nothing is left, in whatever state it is when the short one is told."""
    with closing(hiding(nodes.address)) as running:
        assert next(running).out.name == "a.mkv"
    assert contents("out") == {"a.mkv": expected["a.mkv"]}
