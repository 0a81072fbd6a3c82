"""Options that several commands share, and those of the methods of hiding, as their dataclasses declare them."""

import argparse
import re
import textwrap
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stegnet.cli.keys import key_files
from stegnet.cli.messages import flag
from stegnet.cli.parser import Parser
from stegnet.cli.streams import STREAM, place_or_stream
from stegnet.core.remote_path import Place, RemotePath
from stegnet.methods import METHODS, Context, Method, UnknownOption
from stegnet.methods.registry import DESTINATIONS, method_for
from stegnet.networks.card import read_card
from stegnet.results import OutputTarget

NO_BROWSER = "could not start a browser; open the address yourself"
_MAX_PORT = 65_535
_NETWORKS = ("weights", "backend", "device", "precision")
_CLUSTERS = """\
A Ray cluster works on a folder, a file at a time. Folders may then have
addresses, such as s3://BUCKET/FOLDER.

  $ stegnet hide s3://bucket/photos letter.pdf --cluster auto --key-file k \\
        -o s3://bucket/sent
"""
_FOR = f"where OUT is sent: {', '.join(f'{name} ({each.text})' for name, each in DESTINATIONS.items())}"
_CHOICE = """\
Without --method, one is chosen: sealed, or the one by which a JPEG, MP4, WAV,
FLAC or transparent PNG stays what it is; with --for, what survives that. What
does not fit is compressed first.
"""
_METHODS_EXAMPLE = """
  $ stegnet hide cover.png letter.pdf --method sealed --key-file k -o sent.png"""


def add_output_options(
    command: argparse.ArgumentParser, output_help: str, required: bool = True, places: bool = False
) -> None:
    """Adds `--output` and `--force`; with `places`, the output may have an address, or be standard output."""
    kind = place_or_stream if places else Path
    command.add_argument("-o", "--output", type=kind, required=required, metavar="OUT", help=output_help)
    add_force_option(command)


def add_force_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--force", action="store_true", help="overwrite existing files, but never an input")


def add_search_option(command: argparse.ArgumentParser) -> None:
    search_help = "look for what was cropped, resized or cut since it was hidden to survive that, too; takes seconds"
    command.add_argument("--search", action="store_true", help=search_help)


def add_cluster_option(command: Parser) -> None:
    command.add_topic("clusters", _CLUSTERS).add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="auto (the cluster that this machine is part of), ray://HOST:PORT, or local (all processors here)",
    )


def add_network_options(command: Parser) -> None:
    """Adds the options that choose a network and where it runs."""
    group = command.add_topic("networks")
    group.add_argument("--weights", type=Path, metavar="FILE", help="weights file (default: the one in the package)")
    group.add_argument("--backend", choices=("auto", "torch", "onnx"), help="PyTorch or ONNX Runtime (default: auto)")
    device_help = "cpu, cuda, cuda:N, or auto: CUDA if available (default: auto)"
    group.add_argument("--device", type=_device, metavar="DEVICE", help=device_help)
    precision_help = "floating-point precision; auto: bf16 if it is fast (default: auto)"
    group.add_argument("--precision", choices=("auto", "bf16", "fp32"), help=precision_help)


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError("must be auto, cpu, cuda or cuda:N")
    return text


def add_port_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port of the page (default: 0, any free one)"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_MAX_PORT}")
    return int(text)


def check_places(options: argparse.Namespace, *places: Place) -> None:
    """Rejects addresses without `--cluster`."""
    remote = [place for place in places if isinstance(place, RemotePath)]
    if remote and not options.cluster:
        options.usage_error(f"{remote[0]} requires --cluster")


def check_output_stream(options: argparse.Namespace, folder: bool = False) -> None:
    """Rejects standard output for the results of a folder, and beside `--json`, which prints there too."""
    if options.output == STREAM and (folder or options.json):
        problem = "`-o -` is for the result of one file" if folder else "--json requires a file for the result"
        options.usage_error(problem)


def cluster_needs_folder(options: argparse.Namespace) -> None:
    """Rejects `--cluster` for a single file."""
    if options.cluster:
        options.usage_error("--cluster requires a folder")


def chosen_context(options: argparse.Namespace) -> Context:
    """The context with the networks that the options choose."""
    where = (getattr(options, name) or "auto" for name in ("device", "precision", "backend"))
    if options.weights is not None:
        read_card(options.weights)
    return Context(options.weights, *where, search=getattr(options, "search", False))


def auxiliary_inputs(options: argparse.Namespace) -> tuple[Path, ...]:
    """Returns the input files besides covers, secrets and containers: key, passphrase and weights files."""
    return (*key_files(options), *([options.weights] if options.weights else []))


def output_target(options: argparse.Namespace, folder: Path | None = None) -> OutputTarget:
    """Returns the target that the output options name, or a folder for a result that names itself."""
    lossless, inputs = getattr(options, "lossless", False), auxiliary_inputs(options)
    return OutputTarget(folder or options.output, options.force, inputs, lossless, named=folder is None)


def add_method_options(command: Parser) -> None:
    """Adds `--for`, `--method`, and the options of all methods: each under its own topic, or under that of them all."""
    command.add_argument("--for", dest="destination", choices=tuple(DESTINATIONS), metavar="PLACE", help=_FOR)
    default, *others = METHODS.values()
    about, width = [_CHOICE], max(map(len, METHODS)) + 1
    for method in others:
        about.append(textwrap.fill(f"  {method.name:{width}}{method.summary}", 78, subsequent_indent=" " * (width + 2)))
    group = command.add_topic("methods", "\n".join([*about, _METHODS_EXAMPLE]))
    method_help = f"how SECRET is hidden: {', '.join(METHODS)} (default: {default.name})"
    group.add_argument("--method", choices=tuple(METHODS), metavar="METHOD", help=method_help)
    own = {method.name: command.add_topic(method.topic, method.description) for method in others}
    for each, kind, owners in _declared().values():
        if len(owners) == 1:
            _add_method_option(own[owners[0]], each, kind, each.metadata["help"])
        else:
            whose = f"{', '.join(owners)}: " if len(owners) < len(METHODS) else ""
            _add_method_option(group, each, kind, whose + each.metadata["help"])


def _declared() -> dict[str, tuple[Field, Any, list[str]]]:
    """The options by name: a field, its type, and the names of the methods that have it."""
    found: dict[str, tuple[Field, Any, list[str]]] = {}
    for method in METHODS.values():
        kinds = get_type_hints(method.options)
        for each in fields(method.options):
            found.setdefault(each.name, (each, kinds[each.name], []))[2].append(method.name)
    return found


def _add_method_option(group: argparse._ArgumentGroup, each: Field, kind: Any, text: str) -> None:
    """Adds one; its default is None, so that what is given can be told."""
    text, metavar = text.replace("%", "%%"), each.metadata["metavar"]
    name = flag(each.name, each.default is True)
    if kind is bool:
        group.add_argument(name, dest=each.name, action="store_const", const=not each.default, help=text)
    elif isinstance(metavar, tuple):
        group.add_argument(name, nargs=len(metavar), type=Path, metavar=metavar, help=text)
    else:
        shown = {"metavar": metavar} if metavar else {}
        choices = get_args(kind) if isinstance(each.default, str) else None
        types = [one for one in get_args(kind) or (kind,) if one is not type(None) and isinstance(one, type)]
        group.add_argument(name, choices=choices, type=types[0] if types else str, help=text, **shown)


def chosen_method(options: argparse.Namespace, suffix: str) -> tuple[Method, Any]:
    """The method that the options ask for, and its own options; what it can't follow ends the program as misuse.

    Args:
        suffix: of the output, or "".
    """
    given = {name: value for name in _declared() if (value := getattr(options, name)) is not None}
    for each in ("method", *DESTINATIONS[options.destination or "file"].options):
        if options.destination and getattr(options, each) is not None:
            options.usage_error(f"--for says what OUT survives: leave {flag(each)} out")
    try:
        method, chosen = method_for(options.destination or "file", given, suffix, options.method)
    except UnknownOption as error:
        each, kind, _ = _declared()[error.option]
        shown = flag(error.option, kind is bool and each.default)
        options.usage_error(f"{shown} requires --method {_either(error.methods)}")
    if not method.computes:
        for name in _NETWORKS:
            if getattr(options, name):
                able = [each.name for each in METHODS.values() if each.computes]
                options.usage_error(f"{flag(name)} requires --method {_either(able)}")
    return method, chosen


def _either(names: list[str]) -> str:
    return " or ".join(name for name in names if name != next(iter(METHODS))) or names[0]
