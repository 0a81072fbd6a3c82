"""Output, cluster and network options, which several commands share."""

import argparse
import re
from pathlib import Path

from stegnet.cli.keys import key_files
from stegnet.cli.parser import Parser
from stegnet.cli.streams import STREAM, place_or_stream
from stegnet.core.remote_path import Place, RemotePath
from stegnet.methods import Context
from stegnet.networks.card import read_card
from stegnet.results import OutputTarget

NO_BROWSER = "could not start a browser; open the address yourself"
_MAX_PORT = 65_535
_CLUSTERS = """\
A Ray cluster works on a folder, a file at a time. Folders may then have
addresses, such as s3://BUCKET/FOLDER.

  $ stegnet hide s3://bucket/photos letter.pdf --cluster auto --key-file k \\
        -o s3://bucket/sent
"""


def add_output_options(
    command: argparse.ArgumentParser,
    output_help: str,
    required: bool = True,
    force_help: str = "",
    places: bool = False,
) -> None:
    """Adds `--output` and `--force`.

    Args:
        force_help: further effects of `--force`, appended to its help.
        places: the output may have an address, or be standard output.
    """
    kind = place_or_stream if places else Path
    command.add_argument("-o", "--output", type=kind, required=required, metavar="OUT", help=output_help)
    add_force_option(command, force_help)


def add_cluster_option(command: Parser) -> None:
    """Adds `--cluster`."""
    command.add_topic("clusters", _CLUSTERS).add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="auto (the cluster that this machine is part of), ray://HOST:PORT, or local (all processors here)",
    )


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


def add_force_option(command: argparse.ArgumentParser, force_help: str = "") -> None:
    """Adds `--force`, with its further effects."""
    text = f"overwrite existing files, but never an input{force_help}"
    command.add_argument("--force", action="store_true", help=text)


def add_network_options(command: Parser) -> None:
    """Adds the options that choose a network and where it runs."""
    group = command.add_topic("networks")
    group.add_argument("--weights", type=Path, metavar="FILE", help="weights file (default: the one in the package)")
    group.add_argument("--backend", choices=("auto", "torch", "onnx"), help="PyTorch or ONNX Runtime (default: auto)")
    device_help = "cpu, cuda, cuda:N, or auto: CUDA if available (default: auto)"
    group.add_argument("--device", type=_device, metavar="DEVICE", help=device_help)
    precision_help = "floating-point precision; auto: bf16 if it is fast (default: auto)"
    group.add_argument("--precision", choices=("auto", "bf16", "fp32"), help=precision_help)


def add_port_option(command: argparse.ArgumentParser) -> None:
    """Adds `--port`."""
    command.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port of the page (default: 0, any free one)"
    )


def chosen_context(options: argparse.Namespace) -> Context:
    """The context with the networks that the options choose."""
    where = (getattr(options, name) or "auto" for name in ("device", "precision", "backend"))
    if options.weights is not None:
        read_card(options.weights)
    return Context(options.weights, *where, search=getattr(options, "search", False))


def add_search_option(command: argparse.ArgumentParser) -> None:
    """Adds `--search`."""
    search_help = "look for what was cropped, resized or cut since it was hidden to survive that, too; takes seconds"
    command.add_argument("--search", action="store_true", help=search_help)


def auxiliary_inputs(options: argparse.Namespace) -> tuple[Path, ...]:
    """Returns the input files besides covers, secrets and containers: key, passphrase and weights files."""
    return (*key_files(options), *([options.weights] if options.weights else []))


def output_target(options: argparse.Namespace, folder: Path | None = None) -> OutputTarget:
    """Returns the target that the output options name.

    Args:
        folder: where a result goes that names itself.
    """
    lossless, inputs = getattr(options, "lossless", False), auxiliary_inputs(options)
    return OutputTarget(folder or options.output, options.force, inputs, lossless, named=folder is None)


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError("must be auto, cpu, cuda or cuda:N")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_MAX_PORT}")
    return int(text)
