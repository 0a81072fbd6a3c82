"""Imports point one way, hiding never imports the laboratory, and each heavy package has one door (pyproject.toml)."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_contracts_of_imports() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kept, 0 broken" in done.stdout


def test_no_package_exports_a_name_that_one_of_its_modules_has() -> None:
    """Whoever imports that module first gets the module instead of the name."""
    packages = [path.parent for path in (ROOT / "stegnet").rglob("__init__.py")]
    assert len(packages) > 5
    for folder in packages:
        package = import_module(".".join(folder.relative_to(ROOT).parts))
        modules = {path.stem for path in folder.iterdir()}
        assert not modules.intersection(getattr(package, "__all__", ())), folder
