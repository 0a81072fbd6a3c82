"""`stegnet help`: explains a command or a topic."""

import argparse

from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.parser import Parser, commands_of
from stegnet.core.errors import ConfigError, did_you_mean
from stegnet.methods import METHODS

DESCRIPTION = "Explain a command or a topic."


def add_arguments(parser: Parser) -> None:
    """Add the topic, which may be left out."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="name of a command, or of a topic that --help names")
    parser.add_argument("--all", action="store_true", help="list all commands")


def execute(options: argparse.Namespace) -> int:
    """Print the help of a command or topic, or the overview without one; an unknown name is misuse."""
    from stegnet.cli.command import make_parser  # imported here, since it names this command

    overview = make_parser(options.all)
    commands = commands_of(overview)
    topics = {name: command for command in reversed(commands.values()) for name in command.topics}
    aliases = {"keys": "keygen"} | {name: method.info.topic or name for name, method in METHODS.items()}
    topic = aliases.get(options.topic, options.topic)
    if topic is None:
        overview.print_help()
    elif topic in commands:
        commands[topic].print_help()
    elif topic in topics:
        topics[topic].print_topic(topic)
    else:
        known = [*commands, *topics]
        hint = did_you_mean(options.topic, known) or f"known: {', '.join(known)}"
        raise ConfigError(f"no such command or topic: {options.topic}", hint)
    return ExitCode.SUCCESS
