"""`stegnet info`: describes a file and, with the key, its hidden content."""

import argparse
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from stegnet import __version__
from stegnet.cli import messages, reports
from stegnet.cli.options import add_key_options, add_search_option, read_key_source
from stegnet.core.names import PICTURE, counted, shown_size
from stegnet.files import Info, Value, file_info, fit_info
from stegnet.kernels import kernels_in_use
from stegnet.methods import Context, Fit
from stegnet.methods.registry import DESTINATIONS

DESCRIPTION = """\
Tell what fits into FILE and how well it is recovered. With the key, tell what
is hidden in FILE instead, and whether FILE was altered since hiding. Without
the key, nothing hidden is looked for: detectors may tell that something is
hidden, but not what.

Quality is PSNR: at 40 dB and more, a picture can hardly be told from its
original; at 30 dB it is visibly coarser.
"""
_EPILOG = """\
The exit code is 3 if something is hidden but FILE was altered since hiding.
"""


def add_arguments(info: argparse.ArgumentParser) -> None:
    info.epilog = _EPILOG
    info.add_argument("file", type=Path, metavar="FILE", help="picture, film or sound")
    add_key_options(info, required=False, identity=True)
    add_search_option(info)
    more = info.add_mutually_exclusive_group()
    more.add_argument("-v", "--verbose", action="store_true", help="print everything that is known")
    more.add_argument("--json", action="store_true", help="print everything as one JSON object")


def execute(options: argparse.Namespace) -> int:
    key_source = read_key_source(options)
    with messages.progress_bar() as progress:
        found = file_info(options.file, key_source, Context(progress=progress, search=options.search))
    if options.json:
        messages.result(json.dumps(found, default=fit_info))
    else:
        for name, value in _verbose(found) if options.verbose else _plain(found):
            messages.result(f"{name}: {value}")
    return reports.ALTERED if found.get("whole") is False else 0


Lines = Iterator[tuple[str, str]]
_WORSE, _BETTER = 8, 10  # dB, as `capacity_tables` says


def _plain(found: Info) -> Lines:
    """Yield the findings for people, a name and a sentence each."""
    yield "kind", _described(str(found["kind"]), found, "")
    if "method" not in found:
        yield from (("note", str(line)) for line in found.get("notes", []))
        yield from _fits(found)
        yield "hidden", str(found["hidden"])
        return
    if found["hidden"] == "file":
        yield "hidden", f"{found['hidden_name']}, {shown_size(found['hidden_bytes'])}"
    else:
        yield "hidden", _described(f"a {found['hidden']}", found, "hidden_")
    yield from _losses(found)
    if "whole" in found:
        yield "altered", "no" if found["whole"] else f"yes: {_as_text(found['trouble'])}"
    else:
        yield "altered", "not known: the secret was hidden to survive changes, and does not show them"


def _described(kind: str, found: Info, prefix: str) -> str:
    """Describe a picture, film or sound in words; `prefix` is the prefix of its values' names."""
    parts = [f"grey {kind}" if found.get("grey") and not prefix else kind]
    if f"{prefix}width" in found:
        parts.append(f"{found[f'{prefix}width']}×{found[f'{prefix}height']}")
    if "form" in found and not prefix:
        parts += [f"{found['form']} of {found['bits']} bits", f"{found['samples_per_second']} Hz"]
        parts += [counted(found["channels"], "channel"), f"{found['seconds']:g} s"]
    if f"{prefix}frames" in found:
        rate = found[f"{prefix}frames_per_second"]
        parts += [counted(found[f"{prefix}frames"], "frame"), f"{rate:g} per second"]
        parts += ["with sound" if found[f"{prefix}sound"] else "without sound"]
    return ", ".join(parts)


def _losses(found: Info) -> Lines:
    """Yield the line on frames of a film, or files of an album, that may be lost, if it applies."""
    if "album_pictures" in found:
        needed, count = found["album_pictures_needed"], found["album_pictures"]
        yield "recovered", f"from {'all' if needed == count else f'any {needed} of the'} {count} files of its album"
    if "frames_that_may_be_lost" in found:
        lost, frames = found["frames_that_may_be_lost"], found["frames_when_hidden"]
        how = f"even if up to {lost} of its {frames} frames are" if lost else f"only if none of its {frames} frames is"
        yield "recovered", f"{how} lost or altered"


def _fits(found: Info) -> Lines:
    """Yield one line for each thing that fits, without things that are as large as others and no better."""
    plain = [fit for fit in found["fits"] if fit.brief]
    for fit in plain:
        if fit.survive:
            continue
        line = _amount(fit) if fit.bytes is None else f"{_amount(fit)}, byte for byte"
        if fit.safe is not None:  # bytes of a file that are hard to find
            line += f"; hard to find up to {shown_size(fit.safe)}" if fit.safe else "; however little, easy to find"
        yield "fits", line
    channels = {name: [*fits] for name, fits in groupby((fit for fit in plain if fit.survive), lambda fit: fit.survive)}
    for name, destination in DESTINATIONS.items():
        most, usual = found["bytes_for"].get(name), "h264:23" if "frames" in found else "jpeg:75"
        if most:
            others = map(_amount, channels.pop(destination.options["survive"] or usual, [])[1:])
            yield f"fits with --for {name}", " or ".join((f"any file up to about {shown_size(most)}", *others))
        elif plain and found["kind"] == PICTURE and destination.options:
            yield f"fits with --for {name}", "nothing: it is too small"
    for channel, fits in channels.items():
        yield f"fits with --survive {channel}", " or ".join(map(_amount, fits))
    if not plain:
        yield "fits", f"nothing: {found.get('unfit', 'it is too small')}"


def _amount(fit: Fit) -> str:
    if fit.bytes is not None:
        return f"{fit.what} up to {'about ' if fit.survive else ''}{shown_size(fit.bytes)}"
    detail = f" ({fit.psnr - _WORSE} to {fit.psnr + _BETTER}, by its detail)" if "picture" in fit.what else ""
    return f"{fit.what}, at about {fit.psnr} dB{detail}"


def _verbose(found: Info) -> Lines:
    for name, value in found.items():
        text = "; ".join(map(_fit, value)) or "nothing" if name == "fits" else _as_text(value)
        yield name.replace("_", " "), text
    yield "stegnet", f"{__version__}, {kernels_in_use()}"


def _fit(fit: Fit) -> str:
    size = f"about {fit.psnr} dB" if fit.bytes is None else f"{fit.bytes} bytes"
    size += "" if fit.safe is None else f", hard to find up to {fit.safe}"
    survive = f", --survive {fit.survive}" if fit.survive else ""
    return f"{fit.what}, {size} ({fit.method}{survive})"


def _as_text(value: Value) -> str:
    if isinstance(value, dict):
        value = [f"{name} {each}" for name, each in value.items()]
    if isinstance(value, list):
        return "; ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
