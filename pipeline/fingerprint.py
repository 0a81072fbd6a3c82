"""Hashes of source code, since other code gives other results."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import yaml

_ROOT = Path(__file__).parents[1]


def source_hash(paths: Iterable[Path | str]) -> str:
    """Return the SHA-256 of Python files, and of all those in folders, in hexadecimal.

    Paths may be relative to the repository.
    """
    code = hashlib.sha256()
    for part in (_ROOT / path for path in paths):
        for file in sorted(part.rglob("*.py")) if part.is_dir() else (part,):
            code.update(file.read_bytes())
    return code.hexdigest()


def stage_code(name: str) -> list[str]:
    """Return the files and folders of code that a stage of dvc.yaml depends on, relative to the repository."""
    stages = yaml.safe_load((_ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return [dep for dep in stages[name]["deps"] if dep.startswith(("pipeline/", "stegnet/"))]
