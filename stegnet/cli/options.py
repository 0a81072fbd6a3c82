"""Options that several commands share."""

import argparse
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli.secret import secret_files

if TYPE_CHECKING:
    from stegnet.codec import OutputTarget
    from stegnet.codec.files import NetworkLoader

NETWORK = ("weights", "backend", "device", "precision")


def add_output_options(command: argparse.ArgumentParser, what: str, required: bool = True, force: str = "") -> None:
    """Where the result goes.

    Args:
        force: what `--force` does besides.
    """
    command.add_argument("-o", "--output", type=Path, required=required, metavar="OUT", help=what)
    command.add_argument("--force", action="store_true", help=f"overwrite what is there; an input never is{force}")


def add_network_options(command: argparse.ArgumentParser) -> None:
    """Which network, and where it runs."""
    group = command.add_argument_group("network")
    group.add_argument("--weights", type=Path, metavar="FILE", help="weights file in the place of the shipped one")
    group.add_argument(
        "--backend",
        choices=("auto", "torch", "onnx"),
        help="what computes: PyTorch or ONNX Runtime (default: auto)",
    )
    group.add_argument("--device", type=_device, metavar="DEVICE", help="auto, cpu, cuda or cuda:N (default: auto)")
    group.add_argument("--precision", choices=("auto", "bf16", "fp32"), help="default: auto")


def network_loader(options: argparse.Namespace) -> "NetworkLoader":
    """Loads the network that the options name, once."""

    @cache
    def load():
        from stegnet.codec import Network  # here, so that --help need not wait for it
        from stegnet.core.card import SHIPPED

        where = (getattr(options, name) or "auto" for name in ("device", "precision", "backend"))
        return Network.load(options.weights or SHIPPED, *where)

    return load


def inputs_of(options: argparse.Namespace) -> tuple[Path, ...]:
    """Files that are read besides covers, secrets and containers."""
    return (*secret_files(options), *([options.weights] if options.weights else []))


def output_target(options: argparse.Namespace) -> "OutputTarget":
    """Where the result goes."""
    from stegnet.codec import OutputTarget

    return OutputTarget(options.output, options.force, inputs_of(options))


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError("must be auto, cpu, cuda or cuda:N")
    return text
