import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.lab import ROOT

OLD = "#!/bin/sh\nexit 1\n"  # answers the question for its version like Python 3.10
HEADLESS = '#!/bin/sh\ncase "$2" in *Python.h*) exit 1;; esac\n'  # with venv, and without its C headers
BARE = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\n'  # new enough, and without venv


def set_up(folder: Path, programs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the set-up where only `programs` are installed, given by name and text."""
    for name, text in programs.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    shell = shutil.which("sh")
    assert shell
    command = [shell, str(ROOT / "tools" / "setup.sh"), str(folder / "venv")]
    return subprocess.run(command, env={"PATH": str(folder)}, cwd=ROOT, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("programs", "missing"),
    [
        ({}, "git is missing: install git"),
        ({"git": OLD}, "Python 3.11 or newer is missing: install it"),
        ({"git": OLD, "python3": OLD}, "Python 3.11 or newer is missing: install it"),
        ({"git": OLD, "python3": BARE}, "python3 has no venv module: install it"),
        ({"git": OLD, "python3": HEADLESS}, "Python's C headers are missing: install them"),
    ],
)
def test_what_is_missing_is_named_in_one_line(programs: dict[str, str], missing: str, tmp_path: Path) -> None:
    done = set_up(tmp_path, programs)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {missing}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()


def test_constraints_name_no_host_and_pin_every_direct_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and "/" not in line for line in pins)
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in pins}
    assert {"torch", "torchvision", "timm", "albumentations", "dvc", "mlflow", "av", "pandas", "pyyaml"} <= pinned
