"""The file of a channel: what it holds is read again, and a damaged one is refused in a line; sizes that it allows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stegnet import MediaError
from stegnet.channels import KnownChannel, read_channel
from stegnet.channels.jpeg_form import JpegForm

FINE = tuple(range(1, 65))
COARSE = (255,) * 64
CHANNEL = KnownChannel(
    form=JpegForm((FINE, COARSE, COARSE), ((2, 2), (1, 1), (1, 1))),
    dct="ifast",
    progressive=True,
    optimised=True,
    exact=True,
    keeps_exif=False,
    keeps_profile=None,
    turns_upright=True,
    examples=2,
    sizes=(((2400, 3200), (1200, 1600)), ((600, 800), (600, 800))),
)


@pytest.mark.parametrize("changes", [
    {},
    {"exact": False},
    {"form": JpegForm((COARSE,), ((1, 1),)), "dct": "float", "progressive": False},
    {"form": JpegForm((FINE,) * 3, ((4, 2), (2, 1), (2, 1)))},
    {"sizes": (((1, 65_500), (1, 65_500)),)},
    {"keeps_exif": None, "keeps_profile": True, "turns_upright": False, "examples": 1_000_000},
])  # fmt: skip
def test_a_channel_is_read_as_it_was_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    known, file = replace(CHANNEL, **changes), tmp_path / "a.channel"
    file.write_text(known.text(), encoding="utf-8")
    assert read_channel(file) == known
    assert [name for name, _ in known.described()] == ["size", "JPEG", "metadata", "arrival", "learned from"]


def written(**changes: Any) -> str:
    """A channel's file with some entries changed; those that are `...` are left out."""
    content = json.loads(CHANNEL.text()) | changes
    return json.dumps({name: value for name, value in content.items() if value is not ...})


NO_FILE_OF_A_CHANNEL = {
    "empty": "",
    "half": CHANNEL.text()[:100],
    "deeply nested": "[" * 60_000,
    "an array": "[]",
    "a long number": '{"format": ' + "9" * 5_000 + "}",
    "too large": CHANNEL.text() + " " * (1 << 16),
    "of another program": written(format="stegnet"),
    "without a format": written(format=...),
    "with a strange format": written(format=[]),
}
OTHER_VERSIONS = {
    "newer": written(version=2), "none": written(version=...), "a list": written(version=[1]),
}  # fmt: skip
STEPS, FACTORS = "steps are not", "factors are not"
DAMAGED = {
    "missing entry": (written(exact=...), "its entries are not dct, exact, examples"),
    "unknown entry": (written(command="rm -r"), "its entries are not"),
    "steps of 0": (written(steps=[[0, *FINE[1:]]] * 3), STEPS),
    "steps of 256": (written(steps=[[256, *FINE[1:]]] * 3), STEPS),
    "63 steps": (written(steps=[FINE[1:]] * 3), STEPS),
    "65 steps": (written(steps=[(1, *FINE)] * 3), STEPS),
    "true as a step": (written(steps=[[True, *FINE[1:]]] * 3), STEPS),
    "two tables": (written(steps=[FINE] * 2), STEPS),
    "four tables": (written(steps=[FINE] * 4), STEPS),
    "no tables": (written(steps=[]), STEPS),
    "factors of 0": (written(factors=[[2, 0], [1, 1], [1, 1]]), FACTORS),
    "factors of 5": (written(factors=[[5, 1], [1, 1], [1, 1]]), FACTORS),
    "no factors": (written(factors=[]), "its chroma sampling is not supported"),
    "factors of grey": (written(factors=[[1, 1]]), "its chroma sampling is not supported"),
    "4:1:1": (written(factors=[[4, 1], [1, 1], [1, 1]]), "its chroma sampling is not supported"),
    "4:4:0": (written(factors=[[1, 2], [1, 1], [1, 1]]), "its chroma sampling is not supported"),
    "unequal chroma": (written(factors=[[2, 2], [2, 1], [1, 1]]), "its chroma sampling is not supported"),
    "coarser luma": (written(factors=[[1, 1], [2, 2], [2, 2]]), "its chroma sampling is not supported"),
    "no examples": (written(examples=0), "examples is not a whole number from 1 to 1000000"),
    "examples true": (written(examples=True), "examples is not"),
    "no sizes": (written(sizes=[]), "sizes are not a list of 1 to 256 pairs"),
    "sizes of many": (written(sizes=[[[2, 2], [1, 1]]] * 257), "sizes are not a list of 1 to 256 pairs"),
    "sizes of 0": (written(sizes=[[[2, 2], [1, 0]]]), "sizes are not pairs of two numbers"),
    "sizes of three": (written(sizes=[[[2, 2, 2], [1, 1]]]), "sizes are not pairs of two numbers"),
}
REFUSED = {
    **{name: (text, "is not a channel's file") for name, text in NO_FILE_OF_A_CHANNEL.items()},
    **{name: (text, "is a channel's file of another version") for name, text in OTHER_VERSIONS.items()},
    **{name: (text, f"is a damaged channel's file: {problem}") for name, (text, problem) in DAMAGED.items()},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_file_is_refused_in_a_line(tmp_path: Path, name: str) -> None:
    text, problem = REFUSED[name]
    file = tmp_path / "a.channel"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(MediaError) as told:
        read_channel(file)
    assert problem in str(told.value)
    assert told.value.subject == str(file) and told.value.hint
    assert str(told.value).count("\n") == 0 and len(str(told.value)) < 400


@pytest.mark.parametrize("name", [name for name in json.loads(CHANNEL.text()) if name not in ("format", "version")])
@pytest.mark.parametrize("value", ["x", 1.5, {}, [7], [[]], [["1" * 64]]], ids=str)
def test_a_value_of_another_type_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    (tmp_path / "a.channel").write_text(written(**{name: value}))
    with pytest.raises(MediaError, match="is a damaged channel's file: "):
        read_channel(tmp_path / "a.channel")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.channel").symlink_to("/dev/zero")
    with pytest.raises(MediaError, match="not a file"):
        read_channel(tmp_path / "a.channel")


SIDES = (1, 2, 3, 7, 10, 400, 1599, 1600, 4000, 60_000)


@pytest.mark.parametrize("tried", [
    ((1600, 1600),), ((1600, 1200),), ((1000, 1600), (1200, 400)), ((1, 1),), ((1, 65_500),), ((100, 7), (50, 50)),
    ((5, 1),), ((7, 2), (4, 4)),
])  # fmt: skip
def test_sizes_up_to_those_that_were_tried_are_kept(tried: tuple[tuple[int, int], ...]) -> None:
    """Of a channel that was not seen to reduce anything."""
    known = replace(CHANNEL, sizes=tuple((size, size) for size in tried))
    longer, shorter, pixels = max(map(max, tried)), max(map(min, tried)), max(rows * cols for rows, cols in tried)

    def is_allowed(rows: int, cols: int) -> bool:
        return max(rows, cols) <= longer and min(rows, cols) <= shorter and rows * cols <= pixels

    for height in SIDES:
        for width in SIDES:
            rows, cols = known.kept_size(height, width)
            assert 1 <= rows <= height and 1 <= cols <= width and is_allowed(rows, cols), (height, width)
            assert (cols, rows) == known.kept_size(width, height)
            if is_allowed(height, width):
                assert (rows, cols) == (height, width)
            elif min(rows, cols) > 1:
                assert abs(rows - height * cols / width) <= 1 or abs(cols - width * rows / height) <= 1
                assert not is_allowed(rows + 2, cols + 2), "a larger size would be left alone"


@pytest.mark.parametrize("exact", [True, False])
def test_what_is_missing_is_said(exact: bool) -> None:
    assert ("RECEIVED RECEIVED-AGAIN" in replace(CHANNEL, exact=exact).missing) != exact


@pytest.mark.parametrize("changes, line, words", [
    ({"sizes": (((60, 80), (30, 40)), ((90, 60), (40, 27)))}, "size",
     "larger pictures are reduced to 40 pixels on the longer side"),
    ({"sizes": (((60, 80), (30, 40)), ((90, 60), (60, 40)))}, "size",
     "larger pictures are reduced to 40 pixels of width"),
    ({"exact": False}, "JPEG", "tables of its own, 4:2:0, progressive, optimised Huffman tables"),
    ({"form": JpegForm((COARSE,), ((1, 1),)), "progressive": False, "optimised": False}, "JPEG",
     "quality 1, grey, baseline, default Huffman tables, ifast DCT"),
    ({}, "metadata", "EXIF removed, colour profile not tried; pictures are turned upright"),
    ({"exact": False}, "arrival", "not known"),
])  # fmt: skip
def test_a_channel_in_words(changes: dict[str, Any], line: str, words: str) -> None:
    """Others are in tests/transcripts/channel.txt."""
    assert dict(replace(CHANNEL, **changes).described())[line] == words
