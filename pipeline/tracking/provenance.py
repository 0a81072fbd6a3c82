"""Tags and descriptions of runs: the user, the packages, the commit and what differs from it, the commands."""

import getpass
import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from platform import python_version
from textwrap import shorten
from typing import Any

import yaml

from pipeline.config import flatten, parse
from pipeline.tracking.errors import without_passwords

NOTES = yaml.safe_load(Path(__file__).with_name("notes.yaml").read_text(encoding="utf-8"))
COMMIT, DIRTY, NOTE = "mlflow.source.git.commit", "mlflow.source.git.dirty", "mlflow.note.content"
RESTORED = "stegnet.restored"  # "true": logged from the stage's files, not while it ran
COMMAND, REPEAT = "stegnet.command", "stegnet.repeat"  # of the stage; that repeats the experiment
_EXPECTED = ("params.yaml", "dvc.lock", "data.dvc")  # parameters are in the command, DVC writes the others
_PACKAGES = ("stegnet", "torch", "timm", "numpy", "onnxruntime", "av", "dvc", "mlflow")
_PLAIN = re.compile(r"[\w.+:/-]+")  # a value that DVC's -S takes without quotes


def provenance_tags(params: Mapping[str, Any]) -> dict[str, str]:
    """Tags with the user, versions, the commit, this stage's command and the command that repeats the experiment.

    Outside a git repository, or without git, no commit is among them.
    """
    spec, commit = sys.modules["__main__"].__spec__, _commit()
    found = {each.name: each.version for each in distributions() if each.name in _PACKAGES}
    tags = {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": f"python -m {spec.name.removesuffix('.__main__')}" if spec else Path(sys.argv[0]).name,
        "mlflow.user": _user(),
        "stegnet.versions": ", ".join(
            [f"Python {python_version()}", *(f"{name} {found[name]}" for name in sorted(found))]
        ),
        COMMAND: shlex.join(["python", *sys.orig_argv[1:]]),
        REPEAT: without_passwords(repeat_command(params, commit)),
    }
    if os.environ.get("DVC_EXP_NAME"):
        tags["stegnet.experiment"] = os.environ["DVC_EXP_NAME"]
    if commit:
        tags |= {COMMIT: commit, DIRTY: str(bool(code_changes())).lower()}
    return tags


def code_changes() -> str:
    """The difference of the code from the commit's, as git shows it, without new files; "" if there is none."""
    commit, others = _commit(), [f":(top,exclude){name}" for name in _EXPECTED]
    return (_git("diff", commit, "--", ":(top)", *others) or "") if commit else ""


def changed_params(params: Mapping[str, Any]) -> str:
    """The parameters that differ from the commit's, in the syntax of DVC's -S, shortened; "" if none differs."""
    return shorten(without_passwords(" ".join(_changes(params, _commit()))), 100, placeholder=" …")


def repeat_command(params: Mapping[str, Any], commit: str = "") -> str:
    """The shell command that repeats an experiment, with the parameters that differ from the commit's."""
    command = " ".join(["dvc exp run", *(f"-S {shlex.quote(word)}" for word in _changes(params, commit))])
    return f"git checkout {commit} && {command}" if commit else command


def describe(stage: str, tags: Mapping[str, str]) -> str:
    """A run's description, Markdown, from its tags."""
    parts = [NOTES["stages"].get(stage, NOTES["study"]), f"Repeat the experiment:\n```\n{tags[REPEAT]}\n```"]
    parts.append(NOTES["restored"] if RESTORED in tags else f"Command of this stage:\n```\n{tags[COMMAND]}\n```")
    if tags.get(DIRTY) == "true":
        parts.append("**Not repeatable from the commit alone:** the code had uncommitted changes, see `changes.diff`.")
    if COMMIT not in tags:
        parts.append("No commit is known: it ran outside a git repository.")
    return "\n\n".join(parts)


def _changes(params: Mapping[str, Any], commit: str) -> list[str]:
    text = _git("show", f"{commit}:params.yaml") if commit else None
    before = params if text is None else flatten(parse(text))
    return [f"{key}={_yaml(value)}" for key, value in params.items() if before.get(key) != value]


def _yaml(value: Any) -> str:
    """A value in the syntax of YAML and DVC's -S."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _PLAIN.fullmatch(text) else f"'{text}'"


def _commit() -> str:
    """The commit that an experiment is based on, or ""."""
    return os.environ.get("DVC_EXP_BASELINE_REV") or (_git("rev-parse", "HEAD") or "").strip()


def _user() -> str:
    """The user's name in git, since the login is often root in a container; else the login, or an id without a name."""
    if name := (_git("config", "user.name") or "").strip():
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return str(os.getuid())


def _git(*arguments: str) -> str | None:
    """Output of a git command; None if it fails or git is not installed."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        return None
    if "safe.directory" in done.stderr:
        _warn(done.stderr.strip().splitlines()[-1].strip())
    return done.stdout if done.returncode == 0 else None


@cache
def _warn(remedy: str) -> None:
    """Says once that git refuses a repository of another user, and git's remedy."""
    logging.warning("runs have no commit, for git refuses a repository of another user: %s", remedy)
