"""Long films, of which several processes make segments that join to the film of one."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from stegnet import CapacityError, MediaError, StegnetError
from stegnet.keys import Passphrase
from stegnet.media import read_frames, scan
from stegnet.methods import ALL_FRAMES, METHODS, LongFilm, Part, Run
from stegnet.methods.network import run_of
from stegnet.results import OutputTarget, Report

EDGES = [(0, 9), (0, 4, 9), (0, 1, 5, 8, 9)]
RANGES = {edges: [range(*span) for span in pairwise(edges)] for edges in EDGES}
NAMES = ["network", "sealed", "auto"]


@pytest.fixture(scope="module")
def talkies(tmp_path_factory, make_film) -> tuple[Path, Path]:
    """A cover of 9 frames and a secret of 7, both with sound."""
    folder = tmp_path_factory.mktemp("films")
    cover = make_film(folder / "cover.mkv", 9, 120, 160, sound="aac")
    return cover, make_film(folder / "secret.mkv", 7, 40, 48, seed=5, sound="aac")


@pytest.fixture
def hiding(tmp_path, talkies, exact, key):
    """Hides by a method; the same output each time."""
    cover, film = talkies

    def hide(name: str, out: str, part: Part = ALL_FRAMES, key=key, secret: Path = film) -> Report:
        run, method = run_of(exact, Run(randomness=random.Random(7).randbytes, part=part)), METHODS[name]
        return method.hide(cover, secret, OutputTarget(tmp_path / out, force=True), key, method.options(), run)

    return hide


def without_changes(report: Report) -> Report:
    """What joining knows: it does not read the cover, so not how much of that was changed."""
    return replace(report, hiding=None, notes=tuple(note for note in report.notes if not note.endswith("easy to find")))


@pytest.mark.parametrize("name", NAMES)
def test_segments_join_to_the_film_of_one_process(tmp_path, hiding, name):
    report = hiding(name, "whole.mkv")
    for edges in EDGES[1:] if name == "network" else EDGES[1:2]:
        made = tuple(tmp_path / f"{span.start}.mkv" for span in RANGES[edges])
        for span, path in reversed(list(zip(RANGES[edges], made, strict=True))):  # in any order
            hiding(name, path.name, Part(only=span))
            assert len(list(read_frames(path))) == len(span)
            assert not scan(path).sound
        assert without_changes(hiding(name, "joined.mkv", Part(made=made))) == without_changes(report)
        assert (tmp_path / "joined.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


def test_a_passphrase(tmp_path, hiding, quick_scrypt):
    """Frames are sealed with a key that the first one holds."""
    key = Passphrase("two words")
    for name in ("network", "sealed"):
        hiding(name, "whole.mkv", key=key)
        for span in RANGES[EDGES[1]]:
            hiding(name, f"{span.start}.mkv", Part(only=span), key=key)
        hiding(name, "joined.mkv", Part(made=(tmp_path / "0.mkv", tmp_path / "4.mkv")), key=key)
        assert (tmp_path / "joined.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_cover_is_too_long_for_a_process(tmp_path, hiding, talkies, make_film, name):
    """What can't be hidden is said first: a film that will not be hidden is not made in segments.

    Nor is one that is compressed, as each process would have to.
    """
    with pytest.raises(LongFilm) as caught:
        hiding(name, "a.mkv", Part(most=8))
    assert caught.value.frames == 9
    assert not (tmp_path / "a.mkv").exists()
    hiding(name, "a.mkv", Part(most=9))
    if name == "auto":
        long = make_film(tmp_path / "long.mkv", 3, 400, 600, seed=5)
        assert not hiding("auto", "b.mkv", Part(most=8), secret=long).unchanged
        assert len(scan(tmp_path / "b.mkv").pts) == 9
    (tmp_path / "secret.bin").write_bytes(bytes(10**7))
    (tmp_path / "broken.mkv").write_bytes(talkies[1].read_bytes()[:3000])
    for secret in ("secret.bin", "broken.mkv", "none.mkv"):
        if name == "network" or secret != "broken.mkv":  # the others hide it as it is
            with pytest.raises(StegnetError) as whole:
                hiding(name, "a.mkv", secret=tmp_path / secret)
            with pytest.raises(type(whole.value)) as part:
                hiding(name, "a.mkv", Part(most=8), secret=tmp_path / secret)
            assert (str(part.value), part.value.hint) == (str(whole.value), whole.value.hint)


def test_the_quality_is_that_of_the_whole(tmp_path, hiding, monkeypatch):
    """Segments do not judge; who joins them does, and says what one process would say."""
    monkeypatch.setattr("stegnet.methods.network.quality.LEAST", 200.0)
    with pytest.raises(CapacityError) as whole:
        hiding("network", "whole.mkv")
    for span in RANGES[EDGES[1]]:
        hiding("network", f"{span.start}.mkv", Part(only=span))
    with pytest.raises(CapacityError) as joined:
        hiding("network", "joined.mkv", Part(made=(tmp_path / "0.mkv", tmp_path / "4.mkv")))
    assert str(joined.value) == str(whole.value)
    for name in ("network", "sealed"):
        with pytest.raises(MediaError, match=r"none\.mkv: no such file"):
            hiding(name, "a.mkv", Part(made=(tmp_path / "none.mkv",)))
