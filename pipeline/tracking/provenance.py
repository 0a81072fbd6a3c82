"""Names, tags and descriptions of runs: the user, the packages, the commit and changes to it, the commands."""

import getpass
import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from textwrap import shorten

import yaml

from pipeline.config import flatten, parse, recipe_of
from stegnet.core.parallel import AUTO

NOTES = yaml.safe_load(Path(__file__).with_name("notes.yaml").read_text(encoding="utf-8"))
NOTE = "mlflow.note.content"
RESTORED = "stegnet.restored"  # "true": logged from the stage's files, not while it ran
_PLAIN = re.compile(r"[\w.+:/-]+")  # a value that DVC's -S takes without quotes
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@|(?<=password=)[^&\s]+")  # in an address


def without_passwords(text: str) -> str:
    """Return a text without the passwords of its addresses."""
    return _PASSWORD.sub("", text)


def run_name(stage: str, params: Mapping[str, object]) -> str:
    """Return a run's name: for a training, the parameters that differ from the commit's, in the syntax of DVC's -S."""
    if stage == "train":
        words = " ".join(sorted(_changed_params(params), key=_place))
        changes = shorten(without_passwords(words), 100, placeholder=" …")
        return changes or f"{params['model.name']} beta={params['beta']:g}"
    return str(params["data.source"]) if stage == "prepare" else stage


def _place(change: str) -> int:
    """Return the place of a parameter in a name: what is compared most comes first."""
    first = ("beta=", "model.", "train.", "scramble.", "data.")
    return next((place for place, start in enumerate(first) if change.startswith(start)), len(first))


def run_tags(stage: str, params: Mapping[str, object], own: Mapping[str, str]) -> dict[str, str]:
    """Return `own` tags, and tags on user, versions, commit and commands, with a description in Markdown.

    Outside a git repository, or without git, there is no commit among them.
    """
    spec = sys.modules["__main__"].__spec__
    commit = _commit()
    versions = [f"Python {python_version()}", *_package_versions()]
    command = shlex.join(["python", *sys.orig_argv[1:]])
    repeat = " ".join(["dvc exp run", *(f"-S {shlex.quote(word)}" for word in _changed_params(params))])
    repeat = without_passwords(f"git checkout {commit} && {repeat}" if commit else repeat)
    tags = {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": f"python -m {spec.name.removesuffix('.__main__')}" if spec else Path(sys.argv[0]).name,
        "mlflow.user": _user(),
        "stegnet.versions": ", ".join(versions),
        "stegnet.command": command,
        "stegnet.repeat": repeat,
        **own,
    }
    note = [NOTES["stages"].get(stage, NOTES["study"]), f"Repeat the experiment:\n```\n{repeat}\n```"]
    note.append(NOTES["restored"] if RESTORED in own else f"Command of this stage:\n```\n{command}\n```")
    if os.environ.get("DVC_EXP_NAME"):
        tags["stegnet.experiment"] = os.environ["DVC_EXP_NAME"]
    if not commit:
        note.append("No commit is known: it ran outside a git repository.")
    else:
        dirty = bool(code_changes())
        tags |= {"mlflow.source.git.commit": commit, "mlflow.source.git.dirty": str(dirty).lower()}
        if dirty:
            changed = "the code had uncommitted changes, see `changes.diff`."
            note.append(f"**Not repeatable from the commit alone:** {changed}")
    return tags | {NOTE: "\n\n".join(note)}


def _package_versions() -> Iterator[str]:
    """Yield name and version of each of the packages that is installed."""
    for name in ("av", "dvc", "mlflow", "numpy", "onnxruntime", "stegnet", "timm", "torch"):
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"


def code_changes() -> str:
    """Return the difference of the code from the commit's, as git shows it, without new files; "" if it is equal."""
    commit = _commit()
    expected = ("params.yaml", "dvc.lock", "data.dvc")  # parameters are in the command, DVC writes the others
    without = [f":(top,exclude){name}" for name in expected]
    return _git("diff", commit, "--", ":(top)", *without) if commit else ""


def _changed_params(params: Mapping[str, object]) -> list[str]:
    """Return the parameters that differ from the commit's, in the syntax of DVC's -S."""
    commit = _commit()
    text = _git("show", f"{commit}:params.yaml") if commit else ""
    before = flatten(parse(text)) if text else params
    recipe = recipe_of(params) if {"model.name", "scramble.base"} <= params.keys() else {}
    changes = []
    for key, value in params.items():
        if before.get(key) != value and not (before.get(key) == AUTO and recipe.get(key) == value):
            word = str(value).lower() if isinstance(value, bool) else str(value)
            changes.append(f"{key}={word}" if _PLAIN.fullmatch(word) else f"{key}='{word}'")
    return changes


def _commit() -> str:
    """Return the commit that an experiment is based on, or ""."""
    return os.environ.get("DVC_EXP_BASELINE_REV") or _git("rev-parse", "HEAD").strip()


def _user() -> str:
    """Return the user's name in git, since the login is often root in a container; else the login, or the user id."""
    try:
        return _git("config", "user.name").strip() or getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return str(os.getuid())


def _git(*arguments: str) -> str:
    """Return the output of a git command; "" if it fails or git is not installed."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        return ""
    if "safe.directory" in done.stderr:
        _warn(done.stderr.strip().splitlines()[-1].strip())
    return done.stdout if done.returncode == 0 else ""


@cache
def _warn(remedy: str) -> None:
    """Warn once that git refuses a repository of another user, with git's remedy."""
    logging.warning("runs have no commit, for git refuses a repository of another user: %s", remedy)
