"""The command line itself."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stegnet as package
from stegnet.cli import main
from stegnet.cli.command import make_parser
from stegnet.cli.parser import commands_of
from stegnet.core.kernels import kernels_in_use


def test_help_fits_a_terminal(capsys, monkeypatch):
    """That of the program shows every command, examples of the most wanted, and exit codes; and there is a version."""
    monkeypatch.setenv("COLUMNS", "80")
    said = {}
    helps = [f"{command} --help" for command in ("hide", "reveal", "info", "enhance", "webcam", "keygen")]
    for line in ("--help", *helps, "--version"):
        with pytest.raises(SystemExit, match="0"):
            main(line.split())
        said[line] = capsys.readouterr().out
        assert max(len(line) for line in said[line].splitlines() if " | " not in line) <= 80
    assert said["--version"] == f"stegnet {package.__version__}, {kernels_in_use()}\n"
    out = said["--help"]
    examples = [line.split()[2] for line in out.splitlines() if line.startswith("  $ stegnet ")]
    assert set(examples) == {"keygen", "hide", "reveal"}
    assert not [name for name in set(commands_of(make_parser())) - set(examples) if f"\n  {name} " not in out]
    assert all(f"  {code}  " in out for code in (0, 1, 2, 3, 129, 141))
    assert len(out.splitlines()) <= 45


@pytest.mark.parametrize("command", ["", "hide", "webcam"])
def test_help_imports_nothing_heavy(command):
    """It appears at once: it imports a few modules of the standard library, and no other package."""
    code = """
import sys
before = set(sys.modules)
from stegnet.cli import main
try:
    main([*sys.argv[1:], "--help"])
finally:
    print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}), file=sys.stderr)
"""
    path = {"PYTHONPATH": str(Path(package.__file__).parents[1])}
    command = [sys.executable, "-c", code, *command.split()]
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
    loaded = set(done.stderr.split())
    assert done.returncode == 0
    assert done.stdout.startswith("usage: stegnet")
    assert loaded - sys.stdlib_module_names == {"stegnet"}
    assert len(loaded) < 100


OFFERED = {
    "hi": {"hide"},
    "hide --bac": {"--backend"},
    "hide --any": {"--any", "--any-quality"},
    "hide cov": {"cover.png", "cover.mkv"},
    "reveal x --key-file k": {"k"},
    "hide --backend o": {"onnx"},
}


def script(shell: str, capsys) -> str:
    with pytest.raises(SystemExit, match="0"):
        main(["--print-completion", shell])
    return capsys.readouterr().out


def test_completion(capsys):
    told = script("bash", capsys)
    for words in OFFERED:
        typed = f"stegnet {words}"
        told += f"\nCOMP_WORDS=({typed}); COMP_CWORD={len(words.split())}; COMP_LINE='{typed}'; "
        told += 'COMP_POINT=${#COMP_LINE}; COMPREPLY=(); _shtab_stegnet; echo "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash"], input=told, text=True, capture_output=True, check=True)
    assert [set(line.split()) for line in done.stdout.splitlines()] == list(OFFERED.values())
    with pytest.raises(SystemExit, match="2"):
        main(["--print-completion", "ksh"])
    assert "bash" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completion(capsys):
    Path("stegnet.fish").write_text(script("fish", capsys))
    for words, offered in OFFERED.items():
        command = ["fish", "--no-config", "-c", f"source stegnet.fish; complete -C 'stegnet {words}'"]
        done = subprocess.run(command, text=True, capture_output=True, check=True)
        assert {line.partition("\t")[0] for line in done.stdout.splitlines()} == offered
        assert all(len(line) < 120 for line in done.stdout.splitlines())
