"""Options that several commands share: for outputs, keys, networks, clusters, and the hiding methods.

The methods declare theirs in dataclasses. A key or passphrase is never an argument itself, nor is it read from the
environment: other users could see it.
"""

import argparse
import getpass
import os
import re
import select
import stat
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stegnet import networks
from stegnet.channels.destinations import DESTINATIONS
from stegnet.cli import messages
from stegnet.cli.parser import Parser
from stegnet.core.disk import local_path
from stegnet.core.errors import KeyFileError, MediaError
from stegnet.core.names import CHANNEL_SUFFIX, is_channel_file
from stegnet.core.remote_path import Place, RemotePath
from stegnet.files import is_media_file_name
from stegnet.hiding import Context, Method
from stegnet.keys import Key, KeySource, Passphrase, passphrase_in, read_identity, read_key, read_recipient
from stegnet.methods import METHODS, UnknownOption
from stegnet.methods.registry import method_for
from stegnet.results import OutputFolder, OutputTarget

_CLUSTERS = """\
A Ray cluster works on a folder, a file at a time. Folders may then have
addresses, such as s3://BUCKET/FOLDER.

  $ stegnet hide s3://bucket/photos letter.pdf --cluster auto --key-file k \\
        -o s3://bucket/sent
"""
_CHOICE = """\
Without --method, one is chosen: sealed, or the one by which a JPEG, WAV, FLAC,
transparent PNG, or MP4 (-o NAME.mp4) stays what it is; with --for, what
survives that. A picture or film that does not fit is compressed first. An
option applies to all methods, or to those in brackets after it.
"""
_BACKENDS = ("auto", "torch", "torch:bf16", "torch:fp32", "onnx")
_LONGEST = 4096  # bytes read of a passphrase's file; a longer one is no passphrase anyway


def add_output_options(
    command: argparse.ArgumentParser, output_help: str, required: bool = True, places: bool = False, also: str = ""
) -> None:
    """Add `--output` and `--force`, whose help `also` continues. With `places`, OUT may be a stream or an address."""
    command.set_defaults(lossless=False)
    if places:
        command.add_argument("-o", "--output", action=_Place, required=required, metavar="OUT", help=output_help)
        command.set_defaults(into_folder=False)
    else:
        command.add_argument("-o", "--output", type=local_path, required=required, metavar="OUT", help=output_help)
    add_force_option(command, also)


class _Place(argparse.Action):
    """An action that stores a place, and whether a slash at its end makes it a folder."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, text: Any, *_: Any) -> None:
        namespace.output = messages.place_or_stream(text)
        namespace.into_folder = text.endswith("/")


def add_force_option(command: argparse.ArgumentParser, also: str = "") -> None:
    """Add `--force`, which overwrites existing files but never an input; `also` continues its help."""
    command.add_argument("--force", action="store_true", help=f"overwrite files, but never an input{also}")


def add_cluster_option(command: Parser) -> None:
    """Add `--cluster` under the help topic "clusters"."""
    command.add_topic("clusters", _CLUSTERS).add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="auto (the cluster that this machine is part of), ray://HOST:PORT, or local (all processors here)",
    )


def add_network_options(command: Parser) -> None:
    """Add the options that choose a network and where it runs."""
    group = command.add_topic("networks")
    group.add_argument(
        "--weights", type=local_path, metavar="FILE", help="weights file (default: the one in the package)"
    )
    backend_help = "PyTorch, also with its floating-point precision, or ONNX Runtime (default: auto)"
    group.add_argument(
        "--backend", choices=_BACKENDS, metavar="BACKEND", help=f"{', '.join(_BACKENDS)}: {backend_help}"
    )
    command.hints["--precision"] = "use `--backend torch:bf16` or `--backend torch:fp32`"
    device_help = "cpu, cuda, cuda:N, or auto: CUDA if available (default: auto)"
    group.add_argument("--device", type=_device, metavar="DEVICE", help=device_help)


def _destination(text: str) -> str:
    if text not in DESTINATIONS and not is_channel_file(text):
        known = ", ".join(DESTINATIONS)
        raise argparse.ArgumentTypeError(
            f"unknown value {text!r}: choose {known} or NAME{CHANNEL_SUFFIX}; apps such as WhatsApp are messengers"
        )
    return text


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError("must be auto, cpu, cuda or cuda:N")
    return text


def add_port_option(command: argparse.ArgumentParser) -> None:
    """Add `--port`, the page's port on this machine; 0 takes any free one."""
    command.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port of the page (default: 0, any free one)"
    )


def _port(text: str) -> int:
    most = 65_535
    if not text.isdecimal() or int(text) > most:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {most}")
    return int(text)


def check_places(options: argparse.Namespace, *places: Place) -> None:
    """Reject addresses without `--cluster`, and standard output with `--json`, which prints there too."""
    remote = [place for place in places if isinstance(place, RemotePath)]
    if remote and not options.cluster:
        options.usage_error(f"{remote[0]} requires --cluster")
    if options.output == messages.STREAM and options.json:
        options.usage_error("--json requires a file for the result")


def local(place: Place) -> Path:
    """Return a path of this machine; without `--cluster`, `check_places` has refused addresses."""
    assert isinstance(place, Path)
    return place


def check_output_folder(options: argparse.Namespace) -> None:
    """Reject standard output, and the name of a picture, film or sound, for the results of a folder."""
    if options.output == messages.STREAM:
        options.usage_error("`-o -` is for the result of one file")
    if options.output is not None and not options.into_folder and is_media_file_name(options.output):
        hint = f"name a folder, such as -o {options.output.stem}/"
        raise MediaError("is the name of a file, and a folder has many results", hint, subject=options.output)


def cluster_needs_folder(options: argparse.Namespace) -> None:
    """Reject `--cluster` for a single file."""
    if options.cluster:
        options.usage_error("--cluster requires a folder")


def chosen_context(options: argparse.Namespace) -> Context:
    """Return the context with the networks that the options choose."""
    if options.weights is not None:
        networks.read_card(options.weights)
    backend, _, precision = (options.backend or "auto").partition(":")
    return Context(
        weights=options.weights,
        device=options.device or "auto",
        precision=precision or "auto",
        backend=backend,
    )


def load_pair_once(context: Context) -> None:
    """Load the hide/reveal pair, so that for a whole folder its errors are reported once."""
    context.network(networks.Network.load, networks.SHIPPED)


def auxiliary_inputs(options: argparse.Namespace) -> tuple[Path, ...]:
    """Return the input files besides covers, secrets and containers: key, passphrase and weights files."""
    paths = options.key_file, options.passphrase_file, options.identity, options.weights
    return tuple(path for path in paths if isinstance(path, Path))


def output_target(options: argparse.Namespace, path: Path) -> OutputTarget:
    """Return the target for one result, to be written as the output options say."""
    return OutputTarget(path, options.force, auxiliary_inputs(options), options.lossless)


def output_folder(options: argparse.Namespace) -> OutputFolder:
    """Return the folder for several results that the output options name."""
    return OutputFolder(options.output, options.force, auxiliary_inputs(options), options.lossless)


def add_method_options(command: Parser) -> None:
    """Add `--for`, `--method`, and the options of all methods, each under its own topic or under the shared one."""
    places = ", ".join(f"{name} ({destination.text})" for name, destination in DESTINATIONS.items())
    place_help = f"where OUT is sent: {places}, NAME.channel (`stegnet channel`)"
    command.add_argument("--for", dest="destination", type=_destination, metavar="PLACE", help=place_help)

    default, *chosen_by_name = METHODS.values()
    width = max(map(len, METHODS)) + 1
    about = [_CHOICE]
    for method in chosen_by_name:
        line = f"  {method.info.name:{width}}{method.info.summary}"
        about.append(textwrap.fill(line, 78, subsequent_indent=f"{'':{width + 2}}"))
    about.append("\n  $ stegnet hide cover.png letter.pdf --method sealed --key-file k -o sent.png")
    group = command.add_topic("methods", "\n".join(about))
    method_help = f"how SECRET is hidden: {', '.join(METHODS)} (default: {default.info.name})"
    group.add_argument("--method", choices=tuple(METHODS), metavar="METHOD", help=method_help)

    infos = [method.info for method in chosen_by_name]
    topics = {info.name: command.add_topic(info.topic or info.name, info.description) for info in infos}
    for option in _method_options():
        if len(option.owners) == 1:
            option.add_to(topics[option.owners[0]])
        else:
            option.add_to(group)


@dataclass(frozen=True)
class _MethodOption:
    """Option of one or several methods.

    Attributes:
        flag: the option as it is typed. A value has two flags if methods have different defaults for it.
        name: name of the value in the methods' options.
        default: default of the value in the methods' options.
        type_: type of the value, as annotated.
        metavar: word for the value in the help; None: argparse's own.
        help: text of the help.
        owners: names of the methods that have it.
    """

    flag: str
    name: str
    default: object
    type_: object
    metavar: str | None
    help: str
    owners: list[str]

    def add_to(self, group: argparse._ArgumentGroup) -> None:
        """Add the option to a group. Its default is None, so that options that were given can be told apart."""
        text = self.help.replace("%", "%%")
        if 1 < len(self.owners) < len(METHODS):
            text += f" [{', '.join(self.owners)}]"
        if self.type_ is bool:  # of a default that is True, the flag is --no-NAME
            group.add_argument(self.flag, dest=self.name, action="store_const", const=not self.default, help=text)
        else:
            # A type, it or None, or a Literal of strings. Only the last has a string as default.
            choices = get_args(self.type_) if isinstance(self.default, str) else None
            alternatives = get_args(self.type_) or (self.type_,)
            types = [kind for kind in alternatives if isinstance(kind, type) and kind is not type(None)]
            value_type = types[0] if types else str
            group.add_argument(self.flag, choices=choices, type=value_type, metavar=self.metavar, help=text)


def _method_options() -> Iterable[_MethodOption]:
    """Return the options of all methods."""
    options: dict[str, _MethodOption] = {}
    for method in METHODS.values():
        types = get_type_hints(method.info.options)
        for declared in fields(method.info.options):
            if declared.name not in method.info.option_names or not declared.metadata["typed"]:
                continue
            flag = messages.flag(declared.name, declared.default is True)
            if flag not in options:
                text: str = declared.metadata["help"]
                metavar: str | None = declared.metadata["metavar"]
                options[flag] = _MethodOption(
                    flag, declared.name, declared.default, types[declared.name], metavar, text, []
                )
            options[flag].owners.append(method.info.name)
    return options.values()


def chosen_method(options: argparse.Namespace, suffix: str) -> tuple[Method[Any], Any]:
    """Return the method that the options ask for, and its options. A contradiction ends the program as misuse.

    Args:
        options: parsed arguments of `hide`.
        suffix: suffix of the output, or "".
    """
    names = [option.name for option in _method_options()]
    given = {name: value for name in names if (value := vars(options)[name]) is not None}
    if options.destination:
        place = DESTINATIONS.get(options.destination)
        contradicted = ["method"]
        if place is None:
            contradicted += ["survive", "channel"]
        elif place.is_lossy:
            contradicted.append("survive")
        for name in contradicted:
            if vars(options)[name] is not None:
                options.usage_error(f"--for says what OUT survives: leave {messages.flag(name)} out")
    try:
        method, chosen = method_for(options.destination or "file", given, suffix, options.method)
    except UnknownOption as error:
        shown = messages.flag(error.option, given[error.option] is False)
        options.usage_error(f"{shown} requires --method {_either(error.methods)}")
    if not method.info.computes:
        for name in ("weights", "backend", "device"):
            if vars(options)[name]:
                infos = [known.info for known in METHODS.values()]
                computing = [info.name for info in infos if info.computes]
                options.usage_error(f"{messages.flag(name)} requires --method {_either(computing)}")
    return method, chosen


def _either(names: Sequence[str]) -> str:
    """Return the names of methods joined by "or", without AUTO if there are others."""
    return " or ".join(name for name in names if name != next(iter(METHODS))) or names[0]


def add_key_options(command: Parser, required: bool = True, *, recipient: bool = False, identity: bool = False) -> None:
    """Add the mutually exclusive options that name a key or passphrase; `--recipient` hides, `--identity` reveals."""
    command.set_defaults(recipient=None, identity=None)
    command.hints["--passphrase-fd"] = "use `--passphrase-file fd:N`"
    group = command.add_argument_group(f"key, {'exactly' if required else 'at most'} one of")
    ways = group.add_mutually_exclusive_group(required=required)
    ways.add_argument("--key-file", type=local_path, metavar="KEY", help="key file made by `stegnet keygen`")
    ways.add_argument("--passphrase", action="store_true", help="prompt for a passphrase instead of a key file")
    file_help = "read the passphrase, alone on one line, from FILE; fd:N: from file descriptor N"
    ways.add_argument("--passphrase-file", type=_file_or_descriptor, metavar="FILE", help=file_help)
    if recipient:
        text = "hide for the holder of this public key (stegnet1… or a file that contains it)"
        ways.add_argument("--recipient", metavar="PUBLIC", help=text)
    if identity:
        text = "identity file made by `stegnet keygen --identity`, for what was hidden for its recipient"
        ways.add_argument("--identity", type=local_path, metavar="ID", help=text)


def required_key_source(options: argparse.Namespace, confirm: bool = False, hiding: bool = False) -> KeySource:
    """Return the key or passphrase of a command that requires one; the rest as in `read_key_source`."""
    key_source = read_key_source(options, confirm, hiding)
    assert key_source is not None, "the parser refuses a command line without one"
    return key_source


def read_key_source(options: argparse.Namespace, confirm: bool = False, hiding: bool = False) -> KeySource | None:
    """Return the key or passphrase that the options name; None: they name no key.

    Args:
        options: parsed arguments, with the key options of the command.
        confirm: prompt twice, because a mistyped passphrase would lose the secret for good, and warn of a weak one.
        hiding: a missing key file can be generated; to reveal, only the original one helps.

    Raises:
        KeyFileError: it can't be read, or is not valid.
    """
    if options.key_file is not None:
        return _read_key_file(options.key_file, hiding)
    if options.recipient is not None:
        return read_recipient(options.recipient)
    if options.identity is not None:
        identity = read_identity(options.identity)
        _warn_if_others_can_read(options.identity)
        return identity
    if options.passphrase:
        passphrase = Passphrase(_prompt(confirm))
    elif isinstance(options.passphrase_file, Path):
        passphrase = passphrase_in(_read_file(options.passphrase_file), options.passphrase_file)
    elif options.passphrase_file is not None:
        passphrase = passphrase_in(_read_descriptor(options.passphrase_file))
    else:
        return None
    if confirm and (weakness := passphrase.weakness()):
        messages.warning(weakness)
    elif confirm and not passphrase.is_random_words():
        random_words = "`stegnet keygen --passphrase-words 6`"
        messages.note(f"a passphrase is sure to be hard to guess only if it is random: {random_words}")
    return passphrase


def _file_or_descriptor(text: str) -> Path | int:
    """Return the path of a file, or the number in fd:N."""
    prefix = "fd:"
    if not text.startswith(prefix):
        return local_path(text)
    number = text.removeprefix(prefix)
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"must be {prefix} and the number of an open file descriptor")
    return int(number)


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
    """Prompt for a passphrase; if `confirm` is set, twice. Raises KeyFileError without a terminal."""
    try:
        with warnings.catch_warnings():
            # Without a terminal, getpass would only warn, and echo the input.
            warnings.simplefilter("error", getpass.GetPassWarning)
            text = getpass.getpass("Passphrase: ")
            if confirm and getpass.getpass("Repeat passphrase: ") != text:
                del text
                raise KeyFileError("the passphrases do not match", "nothing was written; try again")
        return text
    except (getpass.GetPassWarning, EOFError) as error:
        hint = "use --passphrase-file"
        raise KeyFileError("there is no terminal to prompt for a passphrase", hint) from error
    except UnicodeDecodeError:
        pass
    raise KeyFileError("the passphrase is not UTF-8 text")  # outside the block: the decoding error contains the input


def _read_file(path: Path) -> bytes:
    """Return the content of a file, cut where it is too long. Raises KeyFileError if it can't be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST)
    except OSError as error:
        raise KeyFileError(f"can't be read ({error.strerror})", subject=path) from error
    _warn_if_others_can_read(path)
    return content


def _read_descriptor(number: int) -> bytes:
    """Read one line byte by byte, and what is already there after it: a passphrase is alone."""
    content = b""
    try:
        if os.isatty(number):
            hint = "use --passphrase"
            raise KeyFileError(f"descriptor {number} is a terminal, which would echo the passphrase", hint)
        messages.make_blocking(number)
        while not content.endswith(b"\n") and len(content) < _LONGEST and (byte := os.read(number, 1)):
            content += byte
        if os.name == "posix":
            more = select.poll()
            more.register(number, select.POLLIN)
            content += os.read(number, _LONGEST) if more.poll(0) else b""
    except (OSError, OverflowError) as error:
        raise KeyFileError(f"descriptor {number}: can't be read") from error
    return content


def _warn_if_others_can_read(path: Path) -> None:
    mode = path.stat().st_mode if os.name == "posix" else 0  # elsewhere, the mode does not say who can read
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        messages.warning(f"{path}: other users can read this file; `chmod 600` prevents that")
