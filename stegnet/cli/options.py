"""Options that several commands share: for outputs, keys, networks, clusters, and the hiding methods.

The methods declare theirs in dataclasses. A key or passphrase is never an argument itself, nor is it read from the
environment: other users could see it.
"""

import argparse
import getpass
import os
import re
import stat
import textwrap
import warnings
from contextlib import suppress
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stegnet import networks
from stegnet.cli import messages
from stegnet.cli.parser import Parser
from stegnet.core.errors import KeyFileError, MediaError
from stegnet.core.remote_path import Place, RemotePath
from stegnet.files import is_file_name
from stegnet.keys import Key, KeySource, Passphrase, read_identity, read_key, read_recipient
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
Without --method, one is chosen: sealed, or the one by which a JPEG, WAV, FLAC,
transparent PNG, or MP4 (-o NAME.mp4) stays what it is; with --for, what
survives that. A picture or film that does not fit is compressed first. An
option applies to all methods, or to those in brackets after it.
"""
_METHODS_EXAMPLE = """
  $ stegnet hide cover.png letter.pdf --method sealed --key-file k -o sent.png"""
_MAX_LINE = 4096  # bytes read of a passphrase's line; a longer one is too long for a passphrase anyway
_UNJUDGED = "a passphrase is sure to be hard to guess only if it is random: `stegnet keygen --passphrase-words 6`"
_NOT_TEXT = "the passphrase is not UTF-8 text"


def add_output_options(
    command: argparse.ArgumentParser, output_help: str, required: bool = True, places: bool = False
) -> None:
    """Add `--output` and `--force`. With `places`, the output may have an address, or be standard output."""
    if places:
        command.add_argument("-o", "--output", action=_Place, required=required, metavar="OUT", help=output_help)
        command.set_defaults(into_folder=False)
    else:
        command.add_argument("-o", "--output", type=Path, required=required, metavar="OUT", help=output_help)
    add_force_option(command)


class _Place(argparse.Action):
    """An action that stores a place, and whether a slash at its end makes it a folder."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, text: Any, *_: Any) -> None:
        namespace.output, namespace.into_folder = messages.place_or_stream(text), text.endswith("/")


def add_force_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--force", action="store_true", help="overwrite existing files, but never an input")


def add_search_option(command: argparse.ArgumentParser) -> None:
    search_help = "also try cropped, resized or cut copies of containers made to survive that (seconds)"
    command.add_argument("--search", action="store_true", help=search_help)


def add_cluster_option(command: Parser) -> None:
    command.add_topic("clusters", _CLUSTERS).add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="auto (the cluster that this machine is part of), ray://HOST:PORT, or local (all processors here)",
    )


def add_network_options(command: Parser) -> None:
    """Add the options that choose a network and where it runs."""
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
    """Reject addresses without `--cluster`."""
    remote = [place for place in places if isinstance(place, RemotePath)]
    if remote and not options.cluster:
        options.usage_error(f"{remote[0]} requires --cluster")


def check_output_stream(options: argparse.Namespace) -> None:
    """Reject standard output with `--json`, which prints there too."""
    if options.output == messages.STREAM and options.json:
        options.usage_error("--json requires a file for the result")


def check_output_folder(options: argparse.Namespace) -> None:
    """Reject standard output, and the name of a picture, film or sound, for the results of a folder."""
    if options.output == messages.STREAM:
        options.usage_error("`-o -` is for the result of one file")
    if options.output is not None and not options.into_folder and is_file_name(options.output):
        hint = f"name a folder, such as -o {options.output.stem}/"
        raise MediaError("is the name of a file, and a folder has many results", hint, subject=options.output)


def cluster_needs_folder(options: argparse.Namespace) -> None:
    """Reject `--cluster` for a single file."""
    if options.cluster:
        options.usage_error("--cluster requires a folder")


def chosen_context(options: argparse.Namespace) -> Context:
    """Return the context with the networks that the options choose."""
    where = (getattr(options, name) or "auto" for name in ("device", "precision", "backend"))
    if options.weights is not None:
        read_card(options.weights)
    return Context(options.weights, *where, search=getattr(options, "search", False))


def load_pair(context: Context) -> None:
    """Load the hide/reveal pair, so that for a whole folder its errors are reported once."""
    context.network(networks.Network.load, networks.SHIPPED)


def auxiliary_inputs(options: argparse.Namespace) -> tuple[Path, ...]:
    """Return the input files besides covers, secrets and containers: key, passphrase and weights files."""
    return (*key_files(options), *([options.weights] if options.weights else []))


def output_target(options: argparse.Namespace, folder: Path | None = None) -> OutputTarget:
    """Return the target that the output options name, or a folder for a result that names itself."""
    lossless, inputs = getattr(options, "lossless", False), auxiliary_inputs(options)
    return OutputTarget(folder or options.output, options.force, inputs, lossless, named=folder is None)


def add_method_options(command: Parser) -> None:
    """Add `--for`, `--method`, and the options of all methods, each under its own topic or under the shared one."""
    command.add_argument("--for", dest="destination", choices=tuple(DESTINATIONS), metavar="PLACE", help=_FOR)
    default, *others = METHODS.values()
    about, width = [_CHOICE], max(map(len, METHODS)) + 1
    for method in others:
        line, indent = f"  {method.info.name:{width}}{method.info.summary}", f"{'':{width + 2}}"
        about.append(textwrap.fill(line, 78, subsequent_indent=indent))
    group = command.add_topic("methods", "\n".join([*about, _METHODS_EXAMPLE]))
    method_help = f"how SECRET is hidden: {', '.join(METHODS)} (default: {default.info.name})"
    group.add_argument("--method", choices=tuple(METHODS), metavar="METHOD", help=method_help)
    infos = [method.info for method in others]
    own = {info.name: command.add_topic(info.topic or info.name, info.description) for info in infos}
    for flag, (each, kind, owners) in _declared().items():
        if len(owners) == 1:
            _add_method_option(own[owners[0]], flag, each, kind, each.metadata["help"])
        else:
            whose = f" [{', '.join(owners)}]" if len(owners) < len(METHODS) else ""
            _add_method_option(group, flag, each, kind, each.metadata["help"] + whose)


def _declared() -> dict[str, tuple[Field, Any, list[str]]]:
    """Return the options by flag: a field, its type, and the names of the methods that have it.

    One field has two flags if methods have different defaults for it.
    """
    found: dict[str, tuple[Field, Any, list[str]]] = {}
    for method in METHODS.values():
        kinds = get_type_hints(method.info.options)
        for each in fields(method.info.options):
            shown = messages.flag(each.name, each.default is True)
            found.setdefault(shown, (each, kinds[each.name], []))[2].append(method.info.name)
    return found


def _add_method_option(group: argparse._ArgumentGroup, name: str, each: Field, kind: Any, text: str) -> None:
    """Add one option. Its default is None, so that options that were given can be told apart."""
    text, metavar = text.replace("%", "%%"), each.metadata["metavar"]
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
    """Return the method that the options ask for, and its options. A contradiction ends the program as misuse.

    Args:
        suffix: of the output, or "".
    """
    names = [each.name for each, _, _ in _declared().values()]
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    for each in ("method", *DESTINATIONS[options.destination or "file"].options):
        if options.destination and getattr(options, each) is not None:
            options.usage_error(f"--for says what OUT survives: leave {messages.flag(each)} out")
    try:
        method, chosen = method_for(options.destination or "file", given, suffix, options.method)
    except UnknownOption as error:
        shown = messages.flag(error.option, given[error.option] is False)
        options.usage_error(f"{shown} requires --method {_either(error.methods)}")
    if not method.info.computes:
        for name in _NETWORKS:
            if getattr(options, name):
                able = [each.info.name for each in METHODS.values() if each.info.computes]
                options.usage_error(f"{messages.flag(name)} requires --method {_either(able)}")
    return method, chosen


def _either(names: list[str]) -> str:
    return " or ".join(name for name in names if name != next(iter(METHODS))) or names[0]


def add_key_options(
    command: argparse.ArgumentParser, required: bool = True, *, recipient: bool = False, identity: bool = False
) -> None:
    """Add the mutually exclusive options that name a key or passphrase; `--recipient` hides, `--identity` reveals."""
    group = command.add_argument_group(f"key, {'exactly' if required else 'at most'} one of")
    ways = group.add_mutually_exclusive_group(required=required)
    ways.add_argument("--key-file", type=Path, metavar="KEY", help="key file made by `stegnet keygen`")
    ways.add_argument("--passphrase", action="store_true", help="prompt for a passphrase instead of a key file")
    ways.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase from FILE's first line")
    ways.add_argument("--passphrase-fd", type=_descriptor, metavar="N", help="read it from file descriptor N")
    if recipient:
        text = "hide for the holder of this public key (stegnet1… or a file that contains it)"
        ways.add_argument("--recipient", metavar="PUBLIC", help=text)
    if identity:
        text = "identity file made by `stegnet keygen --identity`, for what was hidden for its recipient"
        ways.add_argument("--identity", type=Path, metavar="ID", help=text)


def read_key_source(options: argparse.Namespace, confirm: bool = False, hiding: bool = False) -> KeySource | None:
    """Return the key or passphrase that the options name, None if they name none.

    Args:
        confirm: prompt twice, because a mistyped passphrase would lose the secret for good, and warn of a weak one.
        hiding: a missing key file can be generated; to reveal, only the original one helps.
    Raises:
        KeyFileError: it can't be read, or is not valid.
    """
    if options.key_file is not None:
        return _read_key_file(options.key_file, hiding)
    if getattr(options, "recipient", None) is not None:
        return read_recipient(options.recipient)
    if getattr(options, "identity", None) is not None:
        identity = read_identity(options.identity)
        _warn_if_others_can_read(options.identity)
        return identity
    texts = []  # emptied below: no traceback may show the passphrase
    if options.passphrase:
        texts.append(_prompt(confirm))
    elif options.passphrase_file is not None:
        texts.append(_decode(_read_file(options.passphrase_file)))
    elif options.passphrase_fd is not None:
        texts.append(_decode(_read_descriptor(options.passphrase_fd)))
    else:
        return None
    passphrase = Passphrase(texts.pop())
    if confirm and (weakness := passphrase.weakness()):
        messages.warning(weakness)
    elif confirm and not passphrase.is_random_words():
        messages.note(_UNJUDGED)
    return passphrase


def key_files(options: argparse.Namespace) -> tuple[Path, ...]:
    """Return the files that hold the key or passphrase. A result must not overwrite them."""
    paths = options.key_file, options.passphrase_file, getattr(options, "identity", None)
    return tuple(path for path in paths if path is not None)


def _descriptor(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be the number of an open file descriptor")
    return int(text)


def _read_key_file(path: Path, hiding: bool) -> Key:
    try:
        key = read_key(path)
    except KeyFileError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        hint = f"generate one with `stegnet keygen {path}`" if hiding else "only the key used to hide can reveal"
        raise error.with_hint(hint) from error
    _warn_if_others_can_read(path)
    return key


def _prompt(confirm: bool) -> str:
    try:
        with warnings.catch_warnings():
            # Without a terminal, getpass would only warn, and echo the input.
            warnings.simplefilter("error", getpass.GetPassWarning)
            text = getpass.getpass("Passphrase: ")
            if confirm and getpass.getpass("Repeat passphrase: ") != text:
                del text
                raise KeyFileError("the passphrases do not match", "nothing was written; try again")
    except (getpass.GetPassWarning, EOFError) as error:
        hint = "use --passphrase-file or --passphrase-fd"
        raise KeyFileError("there is no terminal to prompt for a passphrase", hint) from error
    except UnicodeDecodeError:
        text = None
    if text is None:  # raised outside the block: the decoding error contains the input
        raise KeyFileError(_NOT_TEXT)
    return text


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            line = file.readline(_MAX_LINE)
    except OSError as error:
        raise KeyFileError(f"can't be read ({error.strerror})", subject=path) from error
    _warn_if_others_can_read(path)
    return line


def _read_descriptor(number: int) -> bytes:
    """Read one line byte by byte, so that the bytes after it are left for other readers."""
    line = b""
    try:
        if os.isatty(number):
            hint = "use --passphrase"
            raise KeyFileError(f"descriptor {number} is a terminal, which would echo the passphrase", hint)
        messages.make_blocking(number)
        while not line.endswith(b"\n") and len(line) < _MAX_LINE and (byte := os.read(number, 1)):
            line += byte
    except (OSError, OverflowError) as error:
        raise KeyFileError(f"descriptor {number}: can't be read") from error
    return line


def _decode(line: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8-sig")
    del line
    raise KeyFileError(_NOT_TEXT)


def _warn_if_others_can_read(path: Path) -> None:
    mode = path.stat().st_mode if os.name == "posix" else 0  # elsewhere, the mode does not say who can read
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        messages.warning(f"{path}: other users can read this file; `chmod 600` prevents that")
