"""The command line itself: its completion, its help and its words for the library's."""

import ast
import inspect
import re
import subprocess
from pathlib import Path

import pytest

import stegnet
from stegnet import Session
from stegnet.cli import main
from stegnet.cli.command import make_parser
from stegnet.cli.exit_codes import EXPLANATIONS
from stegnet.cli.messages import option_of
from stegnet.cli.parser import commands_of
from stegnet.core.text import Setting
from stegnet.methods import METHODS

OFFERED = {
    "hi": {"hide"},
    "hide --bac": {"--backend"},
    "hide --any": {"--any-quality"},
    "hide cov": {"cover.png", "cover.mkv"},
    "reveal x --key-file k": {"k"},
    "hide --backend o": {"onnx"},
}
LIBRARY = (
    "api.py", "core", "files", "image", "keys", "media", "methods", "networks", "record", "results", "sealing", "video",
)  # fmt: skip
COMMAND = re.compile("`stegnet [a-z]+ [^`]*(`|$)")  # that a hint names in full


def printed(option: str, capsys) -> str:
    with pytest.raises(SystemExit, match="0"):
        main(option.split())
    return capsys.readouterr().out


def test_completion(capsys):
    told = printed("--print-completion bash", capsys)
    for words in OFFERED:
        typed = f"stegnet {words}"
        told += f"\nCOMP_WORDS=({typed}); COMP_CWORD={len(words.split())}; COMP_LINE='{typed}'; "
        told += 'COMP_POINT=${#COMP_LINE}; COMPREPLY=(); _shtab_stegnet; echo "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash"], input=told, text=True, capture_output=True, check=True)
    assert [set(line.split()) for line in done.stdout.splitlines()] == list(OFFERED.values())


@pytest.mark.parametrize(
    "line",
    [
        "info secret.jpg EXTRA",
        "keygen k --qr code.png EXTRA",  # an option with a value that may be left out
        "keygen --qr code.png k EXTRA",
        "keygen k EXTRA --qr",
        "hide secret.jpg notes.txt --key-file k -o out.png EXTRA",
    ],
)
def test_a_superfluous_file_is_named_and_another_word_is_not(line, capsys):
    """It may be a passphrase."""
    for extra, told in (("cover.png", "; cover.png is one file too many"), ("word", "")):
        with pytest.raises(SystemExit, match="2"):
            main(line.replace("EXTRA", extra).split())
        assert capsys.readouterr().err.splitlines()[0] == f"error: too many arguments{told}"


def test_the_help_of_a_command_fits_on_a_screen(capsys):
    commands = commands_of(make_parser())
    for name in commands:
        assert len(printed(f"{name} --help", capsys).splitlines()) <= 40, name
        if commands[name].topics:
            assert max(map(len, printed(f"{name} --help-all", capsys).splitlines())) <= 80, name


def test_help_all_shows_every_option(capsys):
    for name, command in commands_of(make_parser()).items():
        told = printed(f"{name} {'--help-all' if command.topics else '--help'}", capsys)
        assert not [option for option in command._option_string_actions if option not in told]
    told = printed("--help", capsys)
    assert all(re.search(rf"^  {code}\b", told, re.MULTILINE) for code in EXPLANATIONS)
    assert "more commands" in told and "enhance" in told


def library() -> list[ast.AST]:
    """What all modules of the library consist of."""
    places = [Path(stegnet.__file__).with_name(name) for name in LIBRARY]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))]
    return [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]


def test_the_library_names_no_option_and_settings_as_values_not_in_its_texts():
    """A face could show them only by looking for them in sentences, where a file's name may look the same."""
    nodes = library()
    documents = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    said = {node.value for node in texts if id(node) not in documents}
    assert [text for text in said if re.search(r"`\w+=", text)] == []
    said -= {method.info.description for method in METHODS.values()}  # topics of the command line's help
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "CommandLine"]
    told = [part for call in calls for part in ast.walk(call)]  # by the command line alone
    said -= {part.value for part in told if isinstance(part, ast.Constant)}
    assert [text for text in said if re.search(r"(?<!\S)[`(]?-(-[a-z]|o )", COMMAND.sub("", text))] == []


def test_each_setting_that_a_message_names_is_a_parameter_and_an_option():
    faces = Session, Session.hide, Session.hide_album, Session.reveal, *(each.info.options for each in METHODS.values())
    parameters = {name for face in faces for name in inspect.signature(face).parameters}
    commands = commands_of(make_parser()).values()
    options = {name: option for command in commands for name, option in command._option_string_actions.items()}
    calls = (node for node in library() if isinstance(node, ast.Call))
    named = [call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("Setting", "Aside")]
    assert len(named) > 40
    constant = [(name, value) for name, value in named if isinstance(name, ast.Constant)]
    for name, value in ((ast.literal_eval(name), value) for name, value in constant):
        assert name in parameters
        given = ast.literal_eval(value) if isinstance(value, ast.Constant) else "computed"
        option, *shown = option_of(Setting(name, given)).strip("`").split()
        assert len(shown) == (options[option].nargs != 0)
        assert given in (options[option].choices or [given])
