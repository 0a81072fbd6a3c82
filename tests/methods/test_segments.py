import random
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from stegnet.files.files import hide_file
from stegnet.methods.automatic import hide_automatically

from stegnet.core.errors import CapacityError, MediaError, StegnetError
from stegnet.keys import Passphrase
from stegnet.media import read_frames, scan
from stegnet.methods.sealed import embed_file
from stegnet.methods.sealed.embed import _Secret
from stegnet.methods.segments import WHOLE, LongFilm, Part
from stegnet.results import OutputTarget, Report

EDGES = [(0, 9), (0, 4, 9), (0, 1, 5, 8, 9)]
RANGES = {edges: [range(*span) for span in pairwise(edges)] for edges in EDGES}
METHODS = ["network", "sealed", "auto"]


@pytest.fixture
def talkies(tmp_path, make_film) -> tuple[Path, Path]:
    """A cover of 9 frames and a secret of 7, both with sound."""
    cover = make_film(tmp_path / "cover.mkv", 9, 160, 240, sound="flac")
    return cover, make_film(tmp_path / "secret.mkv", 7, 40, 48, seed=5, sound="flac")


@pytest.fixture
def hiding(tmp_path, talkies, exact, key):
    """Functions that hide by each method; they take an output's name, and write the same again and again."""
    cover, secret = talkies

    def hide(method: str, name: str, part: Part = WHOLE, key=key, secret: Path = secret):
        out, draws = OutputTarget(tmp_path / name), random.Random(7).randbytes
        by = {
            "network": partial(hide_file, lambda: exact),
            "sealed": embed_file,
            "auto": partial(hide_automatically, lambda: exact),
        }[method]
        return by(cover, secret, out, key, randomness=draws, part=part)

    return hide


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("edges", EDGES)
def test_segments_join_to_the_film_of_one_process(tmp_path, hiding, method, edges):
    report = hiding(method, "whole.mkv")
    made = tuple(tmp_path / f"{span.start}.mkv" for span in RANGES[edges])
    for span, path in reversed(list(zip(RANGES[edges], made, strict=True))):  # in any order
        hiding(method, path.name, Part(only=span))
        assert len(list(read_frames(path))) == len(span)
    assert _without_changes(hiding(method, "joined.mkv", Part(made=made))) == _without_changes(report)
    assert (tmp_path / "joined.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


def _without_changes(report: Report) -> Report:
    """What joining knows: it does not read the cover, so not how much of that was changed."""
    return replace(report, hiding=None, notes=tuple(note for note in report.notes if not note.endswith("easy to find")))


@pytest.mark.parametrize("method", ["network", "sealed"])
def test_a_passphrase(tmp_path, hiding, method):
    """Frames are sealed with a key that the first one holds."""
    key = Passphrase("two words")
    hiding(method, "whole.mkv", key=key)
    for span in RANGES[EDGES[1]]:
        hiding(method, f"{span.start}.mkv", Part(only=span), key=key)
    hiding(method, "joined.mkv", Part(made=(tmp_path / "0.mkv", tmp_path / "4.mkv")), key=key)
    assert (tmp_path / "joined.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_a_cover_is_too_long_for_a_process(tmp_path, hiding, method):
    with pytest.raises(LongFilm) as caught:
        hiding(method, "a.mkv", Part(most=8))
    assert caught.value.frames == 9
    assert not (tmp_path / "a.mkv").exists()
    hiding(method, "a.mkv", Part(most=9))
    assert (tmp_path / "a.mkv").exists()


@pytest.mark.parametrize("method", METHODS)
def test_what_can_not_be_hidden_is_said_first(tmp_path, hiding, talkies, method):
    """A film that will not be hidden is not made in segments."""
    (tmp_path / "secret.bin").write_bytes(bytes(10**7))
    (tmp_path / "broken.mkv").write_bytes(talkies[1].read_bytes()[:3000])
    for name in ("secret.bin", "broken.mkv", "none.mkv"):
        if method == "network" or name != "broken.mkv":  # the others hide it as it is
            with pytest.raises(StegnetError) as whole:
                hiding(method, "a.mkv", secret=tmp_path / name)
            with pytest.raises(type(whole.value)) as part:
                hiding(method, "a.mkv", Part(most=8), secret=tmp_path / name)
            assert (str(part.value), part.value.hint) == (str(whole.value), whole.value.hint)


def test_what_is_compressed_is_one_process_s(tmp_path, hiding, talkies, monkeypatch):
    """Each would have to compress it."""
    small = tmp_path / "small.mkv"
    small.write_bytes(bytes(1000))
    monkeypatch.setattr("stegnet.methods.sealed.embed._compressed", lambda *of: _Secret(small, small.name))
    long = tmp_path / "long.mkv"
    long.write_bytes(talkies[1].read_bytes() + bytes(10**7))
    hiding("auto", "a.mkv", Part(most=8), secret=long)
    assert len(scan(tmp_path / "a.mkv").pts) == 9


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


def test_only_pictures_are_in_a_segment(tmp_path, hiding, talkies):
    hiding("network", "a.mkv", Part(only=range(3, 5)))
    assert scan(talkies[0]).sound and not scan(tmp_path / "a.mkv").sound


def test_a_segment_is_missing(tmp_path, hiding):
    for method in ("network", "sealed"):
        with pytest.raises(MediaError, match=r"none\.mkv: no such file"):
            hiding(method, "a.mkv", Part(made=(tmp_path / "none.mkv",)))
