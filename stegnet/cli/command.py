"""The `stegnet` command: its parser, and its exit codes."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from stegnet import __version__
from stegnet.cli import messages
from stegnet.cli.exit_codes import EXPLANATIONS, ExitCode
from stegnet.cli.parser import Parser, completion
from stegnet.cli.signals import DESCRIPTIONS, raised_signals
from stegnet.core.errors import StegnetError
from stegnet.core.process_settings import openblas_starts_no_threads, set_up_process
from stegnet.core.streams import escape_unprintable

_COMMANDS = {  # with the names of their modules, each imported when it is used
    "hide": "hide SECRET in COVER",
    "reveal": "reveal the secret",
    "info": "tell what fits into a file or, with the key, what it hides",
    "channel": "learn what an app does to pictures, to hide for it",
    "gui": "hide and reveal in a window of the browser",
    "page": "write a page that does so without stegnet, for a friend",
    "enhance": "denoise and sharpen a revealed picture or film",
    "keygen": "generate a key file or a passphrase",
}
_EXAMPLES = {
    "keygen": (
        "stegnet keygen my.key                     # whoever reveals needs a copy",
        "stegnet keygen --passphrase-words 6       # or share these words instead",
    ),
    "hide": (
        "stegnet hide photo.jpg letter.pdf --key-file my.key -o sent.jpg",
        "stegnet hide photo.jpg note.txt --for messenger --passphrase -o sent.jpg",
        "stegnet hide photos/ big.zip --spread --key-file my.key -o album/",
    ),
    "reveal": (
        "stegnet reveal sent.jpg --key-file my.key      # writes letter.pdf",
        "stegnet reveal saved.jpg --passphrase          # as it arrived",
        "stegnet reveal album/ --key-file my.key",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, print its error, if any, and return its exit code."""
    with raised_signals() as signals, messages.python_warnings():
        ended = ""
        try:
            with openblas_starts_no_threads:  # parsing imports the command, and NumPy with it
                options = make_parser().parse_args(argv)
            if not gc.isenabled():
                gc.freeze()  # imported objects are not examined again
                gc.enable()
            set_up_process()
            code: int = options.run(options)
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
            ended = "interrupted"
        except (StegnetError, MemoryError, RuntimeError) as error:
            code = ExitCode.ERROR
            if _is_exhaustion(error):
                messages.error("out of memory, or of threads")
                messages.hint("`ulimit -a` shows this shell's limits; a container has its own")
            elif isinstance(error, StegnetError):
                messages.error(error)
            elif not signals:
                raise
        except BaseException:  # a library may turn the signal into an error of its own
            if not signals:
                raise
        if signals:
            code = 128 + signals[0]
            ended = DESCRIPTIONS[signals[0]]
        if ended:
            messages.error(ended)
        return code


def run() -> None:
    """Run the command that this process was started with, and exit."""
    gc.disable()  # until the command begins: nothing that is imported is garbage
    _prepare_streams()
    try:
        try:
            code = main()
        except SystemExit as exit_:  # raised by argparse, after --help or an invalid command line
            code = int(exit_.code or 0)
        try:
            messages.flush()
        except StegnetError as error:
            messages.error(error)
            code = ExitCode.ERROR
    except BrokenPipeError:
        messages.silence(sys.stdout, sys.stderr)
        code = ExitCode.BROKEN_PIPE
    if code > 128:
        os._exit(code)  # cleanup is done; threads still at work are not waited for
    if "torch" not in sys.modules:  # whose extensions complain at the exit of what was not collected
        gc.freeze()  # Python would look for garbage once more, though everything ends with the process
    sys.exit(code)


def _prepare_streams() -> None:
    """Make standard streams fit for use.

    Closed streams are opened on the null device: otherwise, files would get their numbers, and libraries print into
    them.
    """
    streams = 3  # whose descriptors are 0, 1 and 2
    while (number := os.open(os.devnull, os.O_RDWR)) < streams:
        pass
    os.close(number)
    for number in range(streams):
        messages.make_blocking(number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    escape_unprintable()  # help has characters that ASCII lacks


def make_parser() -> Parser:
    """Return the parser.

    Its namespace has `run`, which takes the namespace and returns the exit code.
    """
    description = "Hide any file, picture or film in a picture, film or sound, and reveal it again."
    parser = _Overview(prog="stegnet", description=description)
    parser.add_argument(
        "--print-completion",
        action=_Print,
        choices=("bash", "zsh", "fish", "tcsh", "powershell"),
        default=argparse.SUPPRESS,
        metavar="SHELL",
        help="print a completion script for a shell",
    )
    parser.add_argument("--version", action=_Print, nargs=0, default=argparse.SUPPRESS, help="print the version")
    parser.add_commands(_COMMANDS)
    return parser


class _Overview(Parser):
    """The program's own parser. Its help shows the most used commands with examples, the others in one line each."""

    def format_help(self) -> str:
        helps = dict(_COMMANDS)
        parts = [f"usage: {self.prog} COMMAND ...", self.description or ""]
        for name, examples in _EXAMPLES.items():
            text = helps.pop(name)
            parts.append("\n".join([f"{text[0].upper()}{text[1:]}:", *(f"  $ {line}" for line in examples)]))
        parts.append(_table("more commands", helps))
        options = {}
        for action in self._get_optional_actions():
            value = f" {action.metavar}" if action.metavar else ""
            options[", ".join(name + value for name in action.option_strings)] = action.help or ""
        parts.append(_table("options", options))
        parts.append(_table("exit codes", EXPLANATIONS))
        more = f"`{self.prog} COMMAND --help` explains a command. Recipes are in docs/howto.md, in stegnet's folder.\n"
        return "\n\n".join([*parts, more])


def _table(title: str, rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join([f"{title}:", *(f"  {name:{width}}  {text}" for name, text in rows.items())])


class _Print(argparse.Action):
    """The action of options that print a completion script or the version.

    A shell evaluates the script: `eval "$(stegnet --print-completion bash)"`.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        assert isinstance(parser, Parser)
        if option_string == "--version":
            import_module("stegnet.kernels")  # without which nothing works
            print(f"stegnet {__version__}, compiled kernels")
        else:
            print(completion(parser, str(values)))  # imports all commands
        parser.exit()


def _is_exhaustion(error: BaseException | None) -> bool:
    """Return whether memory or threads ran out.

    FFmpeg reports that as if the film were at fault: where it can start no thread, as EAGAIN, a BlockingIOError.
    """
    no_thread = "can't start new thread"  # text of Python's RuntimeError
    while error is not None:
        if isinstance(error, MemoryError | BlockingIOError) or str(error) == no_thread:
            return True
        error = error.__cause__
    return False
