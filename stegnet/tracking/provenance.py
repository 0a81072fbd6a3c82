"""Where a run comes from, and how to repeat it: the user, the commit, what differs from it, and the command."""

import getpass
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_GIT_DIRTY,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
    MLFLOW_USER,
)

from stegnet.core.config import flatten, parse
from stegnet.tracking.names import COMMAND, NAME, REPEAT

# What an experiment changes by itself: parameters are in the command, the others are what DVC makes.
EXPECTED = ("params.yaml", "dvc.lock", "data.dvc")
_LONGEST = 100  # characters of a run's name
_PLAIN = re.compile(r"[\w.+:/-]+")  # a value that DVC's -S takes without quotes


def origin(params: Mapping[str, Any]) -> dict[str, str]:
    """Tags that say which code ran, by which command, and which command runs it all again.

    Outside a git repository, or without git, none of them names a commit.
    """
    tags = {MLFLOW_SOURCE_TYPE: "LOCAL", MLFLOW_SOURCE_NAME: _program(), COMMAND: _command(), MLFLOW_USER: _user()}
    if os.environ.get("DVC_EXP_NAME"):
        tags[NAME] = os.environ["DVC_EXP_NAME"]
    commit = _commit()
    if commit:
        tags |= {MLFLOW_GIT_COMMIT: commit, MLFLOW_GIT_DIRTY: str(_dirty(commit)).lower()}
    return tags | {REPEAT: repeat(params, commit)}


def changes_in(params: Mapping[str, Any]) -> str:
    """The parameters that differ from the commit's, as DVC's -S takes them; "" where none does."""
    return shorten(" ".join(_changes(params, _commit())), _LONGEST, placeholder=" …")


def repeat(params: Mapping[str, Any], commit: str = "") -> str:
    """The shell command that repeats an experiment: DVC's, with the parameters that differ from the commit's."""
    command = " ".join(["dvc exp run", *(f"-S {shlex.quote(word)}" for word in _changes(params, commit))])
    return f"git checkout {commit} && {command}" if commit else command


def _changes(params: Mapping[str, Any], commit: str) -> list[str]:
    text = _git("show", f"{commit}:params.yaml") if commit else None
    if text is None:
        return []
    before = flatten(parse(text))
    return [f"{key}={_spelt(value)}" for key, value in params.items() if before.get(key) != value]


def _spelt(value: Any) -> str:
    """As YAML and DVC's -S spell it."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if _PLAIN.fullmatch(text) else f"'{text}'"


def _commit() -> str:
    """The commit that an experiment began from, or ""."""
    return os.environ.get("DVC_EXP_BASELINE_REV") or (_git("rev-parse", "HEAD") or "").strip()


def _user() -> str:
    """Git's name of the user, who is often root in a container; else the login's."""
    return (_git("config", "user.name") or "").strip() or getpass.getuser()


def _program() -> str:
    """The command without its paths: MLflow's pages show what stands behind the last slash."""
    spec = sys.modules["__main__"].__spec__
    return f"python -m {spec.name}" if spec else Path(sys.argv[0]).name


def _command() -> str:
    """This process, without the folder in which its Python lies."""
    return shlex.join(["python", *sys.orig_argv[1:]])


def _dirty(commit: str) -> bool:
    """Did this code differ from the commit's?"""
    others = [f":(top,exclude){name}" for name in EXPECTED]
    return bool(_git("diff", "--name-only", commit, "--", ":(top)", *others))


def _git(*arguments: str) -> str | None:
    """What git says; None if it says that it can't, or is not installed."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
