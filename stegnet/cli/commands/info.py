"""`stegnet info`: describes a file and, with the key, its hidden content."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from stegnet import __version__
from stegnet.channels.destinations import DESTINATIONS, MESSENGER, USUAL_CHANNELS
from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.options import add_key_options, read_key_source
from stegnet.cli.parser import Parser
from stegnet.core.disk import local_path
from stegnet.core.names import FILM, PICTURE, USUAL_NAME, counted, shown_capacity, shown_size
from stegnet.files import Info, file_info, fit_info
from stegnet.hiding import Context, Fit

DESCRIPTION = """\
Tell what fits into FILE and how well it is recovered. With the key, tell what
is hidden in FILE instead, and whether FILE was altered since hiding. Without
the key, nothing hidden is looked for: detectors may tell that something is
hidden, but not what.

Sizes are for a key file or passphrase, and a file whose name has 32 bytes; a
shorter name leaves room for more, a recipient for less. Quality is PSNR: at
40 dB and more, a picture can hardly be told from its original; at 30 dB it is
visibly coarser.
"""

_NONE_IN_FILM = "nothing: it is too short, has too much motion, or an odd side"

Lines = Iterator[tuple[str, str]]


def add_arguments(info: Parser) -> None:
    """Add the file, the key options, and options for the amount of output."""
    info.epilog = (
        "The exit code is 3 if something is hidden but FILE was altered since hiding,\n"
        "and 1 if an album lacks files that it needs.\n"
    )
    info.add_argument("file", type=local_path, metavar="FILE", help="picture, film or sound, or folder of an album")
    add_key_options(info, required=False, identity=True)
    channel_help = "what fits and arrives there, measured: messenger, website, resize or a channel's file"
    info.add_argument("--for", dest="channel", type=local_path, metavar="PLACE", help=channel_help)
    more = info.add_mutually_exclusive_group()
    more.add_argument("-v", "--verbose", action="store_true", help="print everything that is known")
    more.add_argument("--json", action="store_true", help="print everything as one JSON object")


def execute(options: argparse.Namespace) -> int:
    """Print the facts on a file; the exit code is ALTERED if it changed since hiding."""
    key_source = read_key_source(options)
    if key_source is not None and options.channel is not None:
        options.usage_error("--for tells what fits into a cover: leave the key out")
    with messages.progress_bar() as progress:
        info = file_info(options.file, key_source, Context(progress=progress), options.channel)
    if options.json:
        messages.result(json.dumps(info, default=fit_info))
    else:
        if options.channel is not None and "fits" in info and not options.verbose:
            lines = _fits_for(options.channel, info)
        else:
            lines = _verbose(info) if options.verbose else _plain(info)
        for name, value in lines:
            messages.result(f"{name}: {value}")
    if "album_pictures_here" in info and info["album_pictures_here"] < info["album_pictures_needed"]:
        return ExitCode.ERROR
    return ExitCode.ALTERED if info.get("whole") is False else ExitCode.SUCCESS


def _plain(info: Info) -> Lines:
    """Yield the findings for people, a name and a sentence each."""
    yield "kind", _file_in_words(info)
    if "hard_to_find_in" in info:
        yield from _album_fits(info)
        return
    if "method" not in info:
        if metadata := info.get("metadata"):
            yield "metadata", f"{', '.join(metadata)} (`--strip-metadata` leaves that out)"
        yield from (("note", line) for line in info.get("notes", []))
        if "unmeasured" in info:
            yield "fits", f"not measured: {info['unmeasured']}"
        else:
            yield from _fits(info)
        yield "hidden", info["hidden"]
        return
    if info["hidden"] == "file":
        yield "hidden", f"{info['hidden_name']}, {shown_size(info['hidden_bytes'])}"
    else:
        parts = [f"a {info['hidden']}"]
        if "hidden_width" in info:
            parts.append(f"{info['hidden_width']}×{info['hidden_height']}")
        if "hidden_frames" in info:
            parts += _frames_in_words(info["hidden_frames"], info["hidden_frames_per_second"], info["hidden_sound"])
        yield "hidden", ", ".join(parts)
    yield from _losses(info)
    if "whole" in info:
        yield "altered", "no" if info["whole"] else f"yes: {_as_text(info['trouble'])}"
    else:
        yield "altered", "not known: the secret was hidden to survive changes, and does not show them"


def _file_in_words(info: Info) -> str:
    """Describe a picture, film or sound in words."""
    parts = [f"grey {info['kind']}" if info.get("grey") else info["kind"]]
    if "files" in info:
        parts.append(counted(info["files"], "file"))
    if "width" in info:
        parts.append(f"{info['width']}×{info['height']}")
    if "form" in info:
        parts += [f"{info['form']} of {info['bits']} bits", f"{info['samples_per_second']} Hz"]
        parts += [counted(info["channels"], "channel"), f"{info['seconds']:g} s"]
    if "frames" in info:
        parts += _frames_in_words(info["frames"], info["frames_per_second"], info["sound"])
    return ", ".join(parts)


def _frames_in_words(count: int, rate: float, sound: list[str]) -> list[str]:
    return [counted(count, "frame"), f"{rate:g} per second", "with sound" if sound else "without sound"]


def _losses(info: Info) -> Lines:
    """Yield the line on frames of a film, or files of an album, that may be lost, if it applies."""
    if "album_pictures" in info:
        needed = info["album_pictures_needed"]
        count = info["album_pictures"]
        here = ""
        if "album_pictures_here" in info:
            found = info["album_pictures_here"]
            here = f"; {found} {'is' if found == 1 else 'are'} here{'' if found >= needed else ': too few'}"
        files = f"{'all' if needed == count else f'any {needed} of the'} {count} files of its album"
        yield "recovered", f"from {files}{here}"
    if "frames_that_may_be_lost" in info:
        lost = info["frames_that_may_be_lost"]
        frames = info["frames_when_hidden"]
        how = f"even if up to {lost} of its {frames} frames are" if lost else f"only if none of its {frames} frames is"
        yield "recovered", f"{how} lost or altered"


def _album_fits(info: Info) -> Lines:
    """Yield what an album of a folder's covers holds, and which of them are good."""
    yield from (("note", line) for line in info["notes"])
    for fit in info["fits"]:
        yield "fits with --spread", _any_file(fit)
    covers = info["hard_to_find_in"]
    if best := [f"{name} ({shown_capacity(hard)})" for name, hard in covers.items() if hard]:
        (fit,) = info["fits"]
        yield "hard to find in", f"{messages.listed(best)}, if {fit.condition}"
    if bad := [name for name, hard in covers.items() if not hard]:
        yield "easy to find in", f"{messages.listed(bad)} (`stegnet info FILE` says why)"


def _fits(info: Info) -> Lines:
    """Yield one line for each thing that fits, without things that are as large as others and no better."""
    plain = [fit for fit in info["fits"] if fit.brief]
    for fit in plain:
        if fit.survive:
            continue
        yield "fits", _any_file(fit)

    by_channel: dict[str, list[Fit]] = {}
    for fit in plain:
        if fit.survive:
            by_channel.setdefault(fit.survive, []).append(fit)
    usual_channel = USUAL_CHANNELS[FILM if "frames" in info else PICTURE]
    for name, destination in DESTINATIONS.items():
        most_bytes = info["bytes_for"].get(name)
        if most_bytes:
            fits = by_channel.get(destination.channel or usual_channel, [])
            basis = next((f", {fit.basis}" for fit in fits[:1] if fit.basis), "")
            yield f"fits with --for {name}", f"any file up to about {_beside_name(most_bytes)}{basis}"
        elif plain and info["kind"] == PICTURE and destination.is_lossy:
            yield f"fits with --for {name}", "nothing: it is too small"
        elif plain and info["kind"] == FILM and destination.is_lossy and destination.channel in (MESSENGER, None):
            yield f"fits with --for {name}", _NONE_IN_FILM
    if not plain:
        yield "fits", f"nothing: {info.get('unfit', 'it is too small')}"


def _fits_for(channel: Path, info: Info) -> Lines:
    """Yield what fits for a known channel."""
    yield "kind", _file_in_words(info)
    if not info["fits"]:
        yield f"fits with --for {channel}", _NONE_IN_FILM if info["kind"] == FILM else "nothing: it is too small"
    for fit in info["fits"]:
        yield f"fits with --for {channel}", _any_file(fit)


def _any_file(fit: Fit) -> str:
    """Describe how large a file may be, and how much of it is hard to find, if that is known."""
    assert fit.bytes is not None, "it is a file"
    line = f"{fit.what} up to {_beside_name(fit.bytes)}, byte for byte"
    if fit.safe is None:
        return line
    if fit.safe:
        return f"{line}; hard to find up to {shown_capacity(fit.safe)}, if {fit.condition}"
    return f"{line}; {'easy to find, however little' if fit.betrayed else 'nothing is hard to find in this cover'}"


def _beside_name(size: int) -> str:
    """Return a size, and of a small one the bytes of the name beside it, which is a part that matters."""
    small = 10 * len(USUAL_NAME)
    return f"{shown_capacity(size)} beside a name of {len(USUAL_NAME)}" if size < small else shown_capacity(size)


def _verbose(info: Info) -> Lines:
    """Yield everything that is known, a name and a value each."""
    for name, value in info.items():
        text = "; ".join(map(_fit, info["fits"])) or "nothing" if name == "fits" else _as_text(value)
        yield name.replace("_", " "), text
    yield "stegnet", __version__


def _fit(fit: Fit) -> str:
    size = f"about {fit.psnr} dB" if fit.bytes is None else f"{fit.bytes} bytes"
    size += "" if fit.safe is None else f", hard to find up to {fit.safe}"
    size += f" if {fit.condition}" if fit.safe else ""
    survive = f", --survive {fit.survive}" if fit.survive else ""
    return f"{fit.what}, {size} ({fit.method}{survive})"


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        value = [f"{name} {amount}" for name, amount in value.items()]
    if isinstance(value, list):
        return "; ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
