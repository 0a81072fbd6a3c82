"""The manual page."""

import re
import shutil
import subprocess

import pytest

from stegnet.cli import main
from stegnet.cli.command import EXIT_CODES, make_parser
from stegnet.cli.manual import manual
from stegnet.cli.parser import Parser, commands_of


@pytest.fixture
def page(capsys) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["--print-man"])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_every_command_and_option_is_in_it(page):
    told = page.replace("\\-", "-")
    for name, command in commands_of(make_parser()).items():
        part = told.split(f".SS stegnet {name}")[1].split(".SS")[0]
        assert not [option for option in command._option_string_actions if option not in part]
    assert all(f"\\fB{code}\\fR" in told for code in EXIT_CODES)
    assert re.search(r"^stegnet keygen my.key", told, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_it_is_shown_without_a_warning(page):
    command = ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou", "-rLL=78n"]
    done = subprocess.run(command, input=page, text=True, capture_output=True, check=True)
    assert done.stderr == ""
    assert "--key-file KEY" in done.stdout
    assert "2        -0.78 dB    -0.0014      1 of 23\n" in done.stdout, "a table stays one"


def test_no_text_is_a_command_of_roff():
    parser = Parser(prog="x", description="'quoted")
    parser.add_argument("--dot", help=".a \\b")
    page = manual(parser, {}, {})
    assert "\\&.a \\eb" in page
    assert not re.search(r"^\.a", page, re.MULTILINE)
