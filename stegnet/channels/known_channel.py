"""A channel that is known: what an app does to pictures that are sent through it, as a file that can be shared.

The file is JSON (docs/format.md, "Channel files"). It holds numbers and words of fixed lists, no command and no path;
one from a stranger can at worst be wrong.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from stegnet.channels.jpeg_form import MOST_STEP, SAMPLINGS, JpegForm
from stegnet.channels.jpeg_headers import MOST_HEADERS, added_metadata, are_headers_of
from stegnet.channels.size_rules import SizePair, possible_rules, size_within, sizes_made
from stegnet.core.errors import MediaError
from stegnet.core.text import CommandLine, Text
from stegnet.formats.opened_file import OpenedFile
from stegnet.jpeg.libjpeg import DctMethod

FORMAT = "stegnet channel"
VERSION = 1
MOST_SIZES = 256  # pairs of sizes of a file


@dataclass(frozen=True)
class KnownChannel:
    """Knowledge of what a channel does to pictures, as `learn_channel` found it.

    Attributes:
        form: tables and sampling with which it saves.
        dct: the DCT of its encoder.
        progressive, optimised: whether the JPEGs that arrive are, or have Huffman tables made for them.
        exact: True if the simulation gave what arrived, bit for bit; False: no example kept its size, which would show
            it.
        keeps_exif, keeps_profile, turns_upright: what happens to metadata; None: no example tells.
        examples: number of pictures that were sent.
        sizes: their sizes, upright, and what arrived; one pair at least.
        headers: of the JPEGs that arrive, as `learned_headers` returns them; b"": not known.
        keeps_density: whether the density that JFIF says stays; None: no example tells.
    """

    form: JpegForm
    dct: DctMethod
    progressive: bool
    optimised: bool
    exact: bool
    keeps_exif: bool | None
    keeps_profile: bool | None
    turns_upright: bool | None
    examples: int
    sizes: tuple[SizePair, ...]
    headers: bytes = b""
    keeps_density: bool | None = None

    @property
    def reduces(self) -> bool:
        """True if it reduced an example; False if its limit is not known, as larger pictures were not tried."""
        return any(sent != arrived for sent, arrived in self.sizes)

    def kept_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the size that the channel makes of a picture, and leaves as it is when that is sent.

        Of a channel that is not known to reduce pictures, it is the largest that was tried.

        Raises MediaError if the examples leave open which size it is.
        """
        if not self.reduces:
            return size_within(self.sizes, (height, width))
        made = sizes_made(self.sizes, (height, width))
        if len(made) == 1:
            return made.pop()
        problem = (
            f"no picture of its proportions went through the channel, so what becomes of {width}×{height} is unknown"
        )
        hint = Text(
            "send one through it, and add that pair", CommandLine("stegnet channel … SENT RECEIVED -o NAME.channel", "")
        )
        raise MediaError(problem, hint)

    def text(self) -> str:
        """Return the channel as the text of its file."""
        held = asdict(self) | {"headers": self.headers.hex()}
        form = held.pop("form")
        return json.dumps({"format": FORMAT, "version": VERSION, **held, **form}, indent=1) + "\n"

    def described(self) -> list[tuple[str, str]]:
        """Return what is known in five lines, a name and a sentence each."""
        return [
            ("size", self._size_line()),
            ("JPEG", self._form_line()),
            ("metadata", self._metadata_line()),
            ("arrival", self._arrival_line()),
            ("learned from", f"{self.examples} picture{'s' if self.examples > 1 else ''}"),
        ]

    def _size_line(self) -> str:
        if self.reduces:
            return self._reduced_line()
        longer, shorter = (max(map(side, (arrived for _, arrived in self.sizes))) for side in (max, min))
        return f"up to {longer}×{shorter} pixels a picture keeps its size; larger ones were not tried"

    def _reduced_line(self) -> str:
        """Return the only rule of one limit that the examples obey, or what became of some."""
        single = {rule.limits for rule in possible_rules(self.sizes) if len(rule.limits) == 1}
        if len(single) == 1:
            (((limited, most),),) = single
            limits = {"longer": "on the longer side", "shorter": "on the shorter side", "pixels": "in all"}
            return f"larger pictures are reduced to {most} pixels {limits.get(limited, f'of {limited}')}"
        most_shown = 3
        reduced = [(sent, arrived) for sent, arrived in self.sizes if sent != arrived][:most_shown]
        shown = ", ".join(f"{sent[1]}×{sent[0]} to {arrived[1]}×{arrived[0]}" for sent, arrived in reduced)
        return f"larger pictures are reduced, {shown}; for covers of other proportions, add a pair of each"

    def _form_line(self) -> str:
        quality = self.form.quality
        parts = [f"quality {quality}" if quality else "tables of its own"]
        parts.append("grey" if self.form.is_grey else SAMPLINGS[self.form.sampling])
        parts.append("progressive" if self.progressive else "baseline")
        parts.append(f"{'optimised' if self.optimised else 'default'} Huffman tables")
        if self.exact:
            parts.append(f"{self.dct} DCT")
        return ", ".join(parts)

    def _metadata_line(self) -> str:
        words = {True: "kept", False: "removed", None: "not tried"}
        turned = {True: "pictures are turned upright", False: "pictures are not turned", None: "turning not tried"}
        exif, profile = words[self.keeps_exif], words[self.keeps_profile]
        added = " and ".join(added_metadata(self.headers)) if self.headers else ""
        return f"EXIF {exif}, colour profile {profile}; {turned[self.turns_upright]}{added and f'; {added} added'}"

    def _arrival_line(self) -> str:
        return "exact: what arrives of a picture of this size is computed to the bit" if self.exact else "not known"

    @property
    def missing(self) -> str:
        """Advice on what to try before secrets can be hidden for the channel; "" if nothing is missing."""
        if self.exact:
            return ""
        return "to hide for this channel, send RECEIVED once more, and add that pair: RECEIVED RECEIVED-AGAIN"


def read_channel(path: str | Path) -> KnownChannel:
    """Read the file of a channel.

    Raises:
        MediaError: it can't be read, or is not such a file.
    """
    most_bytes = 1 << 16
    with OpenedFile(Path(path)) as opened:
        data = opened.open().read(most_bytes + 1)
    try:
        content = json.loads(data[:most_bytes]) if len(data) <= most_bytes else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        hint = Text("learn the channel anew", CommandLine("stegnet channel SENT RECEIVED -o NAME.channel", ""))
        raise MediaError("is not a channel's file", hint, subject=path)
    version = repr(content.pop("version", None))  # neither true nor 1.0
    if version != str(VERSION):
        raise MediaError("is a channel's file of another version", "learn the channel again", subject=path)
    try:
        return _checked(content)
    except _Invalid as problem:
        raise MediaError(f"is a damaged channel's file: {problem}", "learn the channel again", subject=path) from None


class _Invalid(Exception):
    pass


def _checked(content: dict[str, Any]) -> KnownChannel:
    expected = {field.name for field in fields(KnownChannel)} - {"form"} | {field.name for field in fields(JpegForm)}
    if content.keys() != expected:
        raise _Invalid(f"its entries are not {', '.join(sorted(expected))}")
    steps = content.pop("steps")
    tables_are_right = isinstance(steps, list) and len(steps) in (1, 3)
    if not tables_are_right or any(not _is_list_of(table, 64, 1, MOST_STEP) for table in steps):
        raise _Invalid(f"steps are not one or three tables of 64 numbers from 1 to {MOST_STEP}")
    factors = content.pop("factors")
    most_factor = 4  # ITU-T T.81, B.2.2
    if not isinstance(factors, list) or not all(_is_list_of(pair, 2, 1, most_factor) for pair in factors):
        raise _Invalid(f"factors are not pairs of numbers from 1 to {most_factor}")
    form = JpegForm(tuple(map(tuple, steps)), tuple((across, down) for across, down in factors))
    if len(factors) != len(steps) or not form.is_supported:
        raise _Invalid("its chroma sampling is not supported")

    _one_of("dct", content["dct"], get_args(DctMethod))
    for name in ("progressive", "optimised", "exact"):
        _one_of(name, content[name], (True, False))
    for name in ("keeps_exif", "keeps_profile", "turns_upright", "keeps_density"):
        _one_of(name, content[name], (True, False, None))
    most_examples = 1_000_000
    if not _is_list_of([content["examples"]], 1, 1, most_examples):
        raise _Invalid(f"examples is not a whole number from 1 to {most_examples}")
    sizes = content.pop("sizes")
    if not isinstance(sizes, list) or not 0 < len(sizes) <= MOST_SIZES:
        raise _Invalid(f"sizes are not a list of 1 to {MOST_SIZES} pairs")
    pairs = tuple(map(_size_pair, sizes))
    headers = _headers(content.pop("headers"), form)
    return KnownChannel(form, sizes=pairs, headers=headers, **content)


def _headers(text: object, form: JpegForm) -> bytes:
    try:
        headers = bytes.fromhex(text) if isinstance(text, str) else b"?"
    except ValueError:
        headers = b"?"
    if headers and (len(headers) > MOST_HEADERS or not are_headers_of(headers, form)):
        raise _Invalid("headers are not those of its JPEGs")
    return headers


def _size_pair(value: object) -> SizePair:
    most = 1_000_000  # pixels of a side
    if not isinstance(value, list) or len(value) != 2 or not all(_is_list_of(size, 2, 1, most) for size in value):
        raise _Invalid(f"sizes are not pairs of two numbers from 1 to {most}")
    (height, width), (rows, cols) = value
    return (height, width), (rows, cols)


def _is_list_of(value: object, length: int, least: int, most: int) -> bool:
    if not isinstance(value, list) or len(value) != length:
        return False
    return all(type(number) is int and least <= number <= most for number in value)


def _one_of(name: str, value: object, known: object) -> None:
    assert isinstance(known, (tuple, dict))
    if not isinstance(value, (str, bool, type(None))) or value not in known:
        raise _Invalid(f"{name} is not one of {', '.join(map(str, known))}")
