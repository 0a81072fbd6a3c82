"""Output and network options, which several commands share."""

import argparse
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli.keys import key_files

if TYPE_CHECKING:
    from stegnet.codec import OutputTarget
    from stegnet.codec.files import NetworkLoader
    from stegnet.codec.modem import ModemLoader

NETWORK = ("weights", "backend", "device", "precision")


def add_output_options(
    command: argparse.ArgumentParser, output_help: str, required: bool = True, force_help: str = ""
) -> None:
    """Adds `--output` and `--force`.

    Args:
        force_help: further effects of `--force`, appended to its help.
    """
    command.add_argument("-o", "--output", type=Path, required=required, metavar="OUT", help=output_help)
    add_force_option(command, force_help)


def add_force_option(command: argparse.ArgumentParser, force_help: str = "") -> None:
    """Adds `--force`, with its further effects."""
    text = f"overwrite existing files, but never an input{force_help}"
    command.add_argument("--force", action="store_true", help=text)


def add_network_options(command: argparse.ArgumentParser) -> None:
    """Adds the options that choose a network and where it runs, `NETWORK`."""
    group = command.add_argument_group("network")
    group.add_argument("--weights", type=Path, metavar="FILE", help="weights file (default: the one in the package)")
    group.add_argument(
        "--backend",
        choices=("auto", "torch", "onnx"),
        help="PyTorch or ONNX Runtime (default: auto)",
    )
    device_help = "cpu, cuda, cuda:N, or auto: CUDA if available (default: auto)"
    group.add_argument("--device", type=_device, metavar="DEVICE", help=device_help)
    precision_help = "floating-point precision; auto: bf16 if it is fast (default: auto)"
    group.add_argument("--precision", choices=("auto", "bf16", "fp32"), help=precision_help)


def network_loader(options: argparse.Namespace) -> "NetworkLoader":
    """Returns a function that loads the chosen network on its first call."""

    @cache
    def load():
        from stegnet.codec import Network  # imported here to keep --help fast
        from stegnet.core.card import SHIPPED

        return Network.load(SHIPPED if _is_modem(options) else options.weights or SHIPPED, *_where(options))

    return load


def modem_loader(options: argparse.Namespace) -> "ModemLoader":
    """Returns a function that loads the modem on its first call: the shipped one, unless the weights are a modem's."""

    @cache
    def load():
        from stegnet.codec.modem import Modem
        from stegnet.core.card import SHIPPED_MODEM

        return Modem.load(options.weights if _is_modem(options) else SHIPPED_MODEM, *_where(options))

    return load


def _is_modem(options: argparse.Namespace) -> bool:
    from stegnet.core.card import MODEM, read_card

    return options.weights is not None and read_card(options.weights).model == MODEM


def _where(options: argparse.Namespace) -> tuple[str, str, str]:
    """Device, precision and backend."""
    return tuple(getattr(options, name) or "auto" for name in ("device", "precision", "backend"))


def auxiliary_inputs(options: argparse.Namespace) -> tuple[Path, ...]:
    """Returns the input files besides covers, secrets and containers: key, passphrase and weights files."""
    return (*key_files(options), *([options.weights] if options.weights else []))


def output_target(options: argparse.Namespace) -> "OutputTarget":
    """Returns the target that the output options name."""
    from stegnet.codec import OutputTarget

    return OutputTarget(options.output, options.force, auxiliary_inputs(options))


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError("must be auto, cpu, cuda or cuda:N")
    return text
