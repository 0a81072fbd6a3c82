"""Attacks on kinds of covers: what they count is nothing in a cover, and grows with what is hidden."""

from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import stegnet
from study.cover_attacks import attack_on
from study.cover_kinds import SOUND, Recording, kind_named, photographs, recordings
from study.populations import CONTROL, TEXT, hidden, main
from tests.support.lab import CATALOGUE

AT_LANDING = ("16 levels", "AVIF as PNG", "captioned JPEG", "right = −left")  # of pictures, JPEGs and sounds
PROVEN = (
    *(
        "16 levels",
        "white balance",
        "sepia",
        "red = green",
        "WebP as PNG",
        "AVIF as PNG",
        "captioned JPEG",
        "filled rows",
    ),
    *("mirrored", "demosaiced", "halved chroma", "JPEG of tiles", "tiled"),
    *("right = −left", "panned", "delayed", "gain 2", "gain 1.4", "8 bits", "16 bits as 24", "loop"),
)


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return next(islice(photographs(CATALOGUE), 1, None))


@pytest.fixture(scope="module")
def recording() -> Recording:
    return next(recordings())


@pytest.mark.parametrize(
    "name", [name if name in AT_LANDING else pytest.param(name, marks=pytest.mark.night) for name in PROVEN]
)
def test_twenty_bytes_are_proof(name: str, photograph: np.ndarray, recording: Recording) -> None:
    """None of a cover's samples breaks its relation, and some of its container's do."""
    kind = kind_named(name)
    cover = kind.make(recording if kind.medium == SOUND else photograph)
    attack = attack_on(kind)
    assert attack(cover) == 0
    assert attack(hidden(cover, kind.suffix, TEXT, 0).data) > 0


def test_each_container_has_bytes_and_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every seed and size: what two of them had in common, a detector might learn."""
    given: list[tuple[bytes, object]] = []

    def hide(cover: Path, content: bytes, out: Path, key: object) -> SimpleNamespace:
        given.append((content[:16], key))
        out.write_bytes(cover.read_bytes())
        return SimpleNamespace(hiding="figures")

    monkeypatch.setattr(stegnet, "Key", bytes)
    monkeypatch.setattr(stegnet, "hide", hide)
    cases = [(seed, size) for seed in range(3) for size in (16, 20, 300)]
    for seed, size in cases:
        hidden(b"", ".png", size, seed)
    assert [len(set(each)) for each in zip(*given, strict=True)] == [len(cases)] * 2


@pytest.mark.night
def test_a_table_goes_on_where_it_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only kinds that are named are measured again."""
    out = tmp_path / "populations.csv"
    main(CATALOGUE, tmp_path / "none", out, ["red = green"])
    first = pd.read_csv(out)
    assert first.bytes[0] == TEXT and (first.auc == 1).all() and (first.covers > 3).all()
    assert first.covers.dtype == int
    main(CATALOGUE, tmp_path / "none", out, ["JPEG 85"])
    both = pd.read_csv(out)
    assert list(dict.fromkeys(both.kind)) == ["red = green", "JPEG 85"] and list(both.auc[:1]) == list(first.auc)
    assert "JPEG 85" in capsys.readouterr().out
    controls = both[both.hidden == CONTROL]
    assert list(controls.kind) == ["JPEG 85"] and (controls.auc > 0.9).all()
