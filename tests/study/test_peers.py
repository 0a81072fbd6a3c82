"""The program beside which others are measured."""

from pathlib import Path
from typing import Any

import pytest

import stegnet
from stegnet.keys import export_secret
from study.peers import RATE, detection, peers
from tests.support.films import picture


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_each_container_has_a_key_and_a_file_of_its_own(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key tells nothing of other containers, as with the other programs; and the covers are the same."""
    given: list[tuple[bytes, ...]] = []

    def hide(cover: Path, secret: bytes, out: Path, *, key: stegnet.Key, own: Any = stegnet.hide) -> Any:
        given.append((cover.read_bytes(), secret, export_secret(key)))
        return own(cover, secret, out, key=key)

    monkeypatch.setattr(stegnet, "hide", hide)
    own = next(peer for peer in peers(tmp_path) if (peer.name, peer.suffix) == ("stegnet", suffix))
    pictures = [picture(64, 64, number) for number in range(5)]
    row = detection(own, pictures)
    assert [len(set(each)) for each in zip(*given, strict=True)] == [5, 5, 5]
    assert (row["tested"], row["refused"], row["rate"]) == (5, 0, RATE)
    assert row["bytes"] == sum(len(secret) for _cover, secret, _key in given) / 5
