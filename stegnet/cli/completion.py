"""Completion of the command line by a shell: `eval "$(stegnet --print-completion bash)"`."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "tcsh")


class PrintCompletion(argparse.Action):
    """Prints a script for a shell, and ends."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, choices=SHELLS, default=argparse.SUPPRESS, metavar="SHELL")

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        import shtab  # here, so that --help need not wait for it

        for action in _actions(parser):
            if action.type is Path:
                action.complete = shtab.FILE
        _, shell, _ = given
        print(shtab.complete(parser, shell))
        parser.exit()


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All of a parser, its commands' too."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
