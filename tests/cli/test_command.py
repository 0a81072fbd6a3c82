"""The command line itself."""

import re
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

WRONG = """hide | hide a b -o c | hide a b --key-file k | hide a b -o c --key-file k --passphrase
hide a b -o c --key k | export
hide a b -o c --passphrase-fd -1 | hide a b -o c --passphrase-fd x | hide a b -o c --key-file k --longer no
hide a b -o c --key-file k --method no | hide a b -o c --key-file k --device tpu
hide a b -o c --key-file k --precision fp64 | reveal a -o b | reveal a b -o c --key-file k
info | info a b | info a --key-file k --passphrase | keygen | keygen a b
enhance a -o b --strength 6 | enhance a -o b --strength -1 | enhance a -o b --strength nan | enhance a -o b --strength x
webcam | webcam a b | webcam a --record b.mkv | webcam a --key-file k --passphrase | webcam a --device tpu
webcam a --size 640 | webcam a --size 0x360 | webcam a --size 5000x100 | webcam a --frames 0 | webcam a --frames x
webcam a --port 65536 | webcam a --port -1 | webcam secret.mkv --source cover.mkv --survive h264:23 --key-file k
"""
HIDE_HELP = "`stegnet hide --help` explains it"


SAID = {
    "": ("missing: COMMAND", "`stegnet --help` explains it"),
    "hid a b": ("no such command: hid", "did you mean `hide`?"),
    "xyzzy": ("no such command: xyzzy", "`stegnet --help` explains it"),
    "--verison": ("no such option: --verison", "did you mean `--version`?"),
    "--jsn info a": ("no such option: --jsn", "`stegnet --help` explains it"),
    "info --jsn a": ("no such option: --jsn", "did you mean `--json`?"),
    "hide a b --keyfile=k -o c": ("no such option: --keyfile", "did you mean `--key-file`?"),
    "hide a b --pasphrase Träumerei": ("no such option: --pasphrase", "did you mean `--passphrase`?"),
    "keygen": ("missing: KEY", "stegnet keygen KEY"),
    "info a b": ("too many arguments", "stegnet info FILE"),
    "info a -- --jsn": ("too many arguments", "stegnet info FILE"),
    "enhance a -o b --strength 6": ("--strength: must be a number from 0 to 5", "`stegnet enhance --help` explains it"),
    "hide a b --method no": ("--method: no is not possible", "choose auto, sealed, network, robust, jpeg or h264"),
} | {
    f"hide a b -o c --key-file k {wrong}": (f"{wrong.split()[2]} requires --method {right}", HIDE_HELP)
    for wrong, right in {
        "--method network --compress": "sealed",
        "--method sealed --longer cut": "network",
        "--method robust --any-quality": "network",
        "--method sealed --no-sound": "network",
        "--method sealed --device cpu": "network or robust",
        "--method sealed --survive jpeg:75": "robust",
        "--method network --container-psnr 32": "robust",
    }.items()
}


def test_two_lines_say_what_is_wrong_and_what_to_do(capsys):
    for line in re.split(r" \| |\n", WRONG.strip()):
        with pytest.raises(SystemExit, match="2"):
            main(line.split())
        error, hint = capsys.readouterr().err.splitlines()
        assert error.startswith("error: ") and hint.startswith("hint: "), line
    for line, (error, hint) in SAID.items():
        with pytest.raises(SystemExit, match="2"):
            main(line.split())
        assert capsys.readouterr().err == f"error: {error}\nhint: {hint}\n"


def test_a_passphrase_among_the_arguments_is_not_echoed(capsys):
    for word in (" ", "="):
        with pytest.raises(SystemExit):
            main(f"hide a b -o c --passphrase{word}Träumerei".split())
        err = capsys.readouterr().err
        assert "a passphrase is never an argument" in err
        assert "Träumerei" not in err


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
