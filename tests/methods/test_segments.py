"""Long films, of which several processes make segments that join to the film of one."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from stegnet import CapacityError, MediaError, Passphrase, StegnetError
from stegnet.media import read_frames, scan, write_png
from stegnet.methods import ALL_FRAMES, METHODS, LongFilm, Part, Run
from stegnet.networks import SHIPPED
from stegnet.results import OutputTarget, Report
from tests.support.films import write_film

NAMES = ["network", "sealed", "auto"]


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


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
        run = Run(randomness=random.Random(7).randbytes, part=part, networks={SHIPPED: exact})
        method = METHODS[name]
        return method.hide(cover, secret, OutputTarget(tmp_path / out, force=True), key, method.options(), run)

    return hide


def without_changes(report: Report) -> Report:
    """What joining knows: it does not read the cover, so not how much of that was changed."""
    return replace(report, hiding=None, notes=tuple(note for note in report.notes if not note.endswith("easy to find")))


@pytest.mark.parametrize(("name", "edges"), [("network", (0, 1, 5, 8, 9)), ("sealed", (0, 4, 9)), ("auto", (0, 4, 9))])
def test_segments_join_to_the_film_of_one_process(tmp_path, hiding, name, edges, key, quick_scrypt):
    """With a passphrase, too, where frames are sealed with a key that the first one holds."""
    spans = [range(*span) for span in pairwise(edges)]
    for own in (key, Passphrase("two words")) if name != "auto" else (key,):
        report = hiding(name, "whole.mkv", key=own)
        made = tuple(tmp_path / f"{span.start}.mkv" for span in spans)
        for span, path in reversed(list(zip(spans, made, strict=True))):  # in any order
            hiding(name, path.name, Part(only=span), own)
            assert len(list(read_frames(path))) == len(span)
            assert not scan(path).sound
        assert without_changes(hiding(name, "joined.mkv", Part(made=made), own)) == without_changes(report)
        assert (tmp_path / "joined.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_cover_is_too_long_for_a_process(tmp_path, hiding, talkies, name):
    """What can't be hidden is said first: a film that will not be hidden is not made in segments.

    Nor is one in which something compressed is hidden, as each process would have to compress it.
    """
    with pytest.raises(LongFilm) as caught:
        hiding(name, "a.mkv", Part(most=8))
    assert caught.value.frames == 9
    assert not (tmp_path / "a.mkv").exists()
    if name == "auto":
        write_png(tmp_path / "large.png", noise(200, 300, 0))
        assert not hiding("auto", "b.mkv", Part(most=8), secret=tmp_path / "large.png").unchanged
        assert len(scan(tmp_path / "b.mkv").pts) == 9
    (tmp_path / "secret.bin").write_bytes(bytes(10**7))
    (tmp_path / "broken.mkv").write_bytes(talkies[1].read_bytes()[:3000])
    for secret in ("broken.mkv",) if name == "network" else ("secret.bin", "none.mkv"):
        with pytest.raises(StegnetError) as whole:
            hiding(name, "a.mkv", secret=tmp_path / secret)
        with pytest.raises(type(whole.value)) as part:
            hiding(name, "a.mkv", Part(most=8), secret=tmp_path / secret)
        assert (str(part.value), part.value.hint) == (str(whole.value), whole.value.hint)


def test_the_quality_is_that_of_the_whole(tmp_path, hiding):
    """Segments do not judge; who joins them does, and says what one process would say."""
    write_film(tmp_path / "noise.mkv", [noise(300, 400, seed) for seed in range(7)])
    with pytest.raises(CapacityError, match="too poor to be of use") as whole:
        hiding("network", "whole.mkv", secret=tmp_path / "noise.mkv")
    for span in (range(4), range(4, 9)):
        hiding("network", f"{span.start}.mkv", Part(only=span), secret=tmp_path / "noise.mkv")
    with pytest.raises(CapacityError) as joined:
        made = tmp_path / "0.mkv", tmp_path / "4.mkv"
        hiding("network", "joined.mkv", Part(made=made), secret=tmp_path / "noise.mkv")
    assert str(joined.value) == str(whole.value)
    for name in ("network", "sealed"):
        with pytest.raises(MediaError, match=r"none\.mkv: no such file"):
            hiding(name, "a.mkv", Part(made=(tmp_path / "none.mkv",)))
