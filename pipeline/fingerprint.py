"""Hashes of source code, in this repository and outside, since other code gives other results."""

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from pipeline.config import Config
from stegnet.core.names import MARK

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


def code_hashes(config: Config) -> dict[str, str]:
    """Return the hashes of the code of `model.name` and of `train.loss.own`; "" is hashed without one."""
    return {
        "network": source_hash(_files(config.model.name)),
        "loss": source_hash(_files(str(config.train.loss["own"]))),
    }


def _files(name: str) -> list[str]:
    """Return a family's file; for my.module:Name, the package `my` or the file my.py."""
    module, outside, _ = name.partition(MARK)
    if not outside:
        return [path for path in (f"stegnet/networks/families/{name}.py",) if (_ROOT / path).is_file()]
    spec = find_spec(module.partition(".")[0])
    return list(spec.submodule_search_locations or [str(spec.origin)]) if spec else []
