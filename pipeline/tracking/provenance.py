"""Names, tags and descriptions of runs: the user, the packages, the commit and changes to it, the commands."""

import getpass
import logging
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten

import yaml

from pipeline.config import flatten, parse
from stegnet.core.names import MARK

NOTES = yaml.safe_load(Path(__file__).with_name("notes.yaml").read_text(encoding="utf-8"))
NOTE = "mlflow.note.content"
WEIGHTS = "stegnet.weights"  # hash of the weights that a run trained or measured
PICTURES = "stegnet.pictures"  # digest of the test pictures that gave a training's headline
RESTORED = "stegnet.restored"  # "true": logged from the stage's files, not while it ran
_PLAIN = re.compile(r"[\w.+:/-]+")  # a value that DVC's -S takes without quotes
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@|(?<=password=)[^&\s]+")  # in an address


def without_passwords(text: str) -> str:
    """Return a text without the passwords of its addresses."""
    return _PASSWORD.sub("", text)


def run_name(stage: str, params: Mapping[str, object]) -> str:
    """Return a run's name: for a training, the parameters that differ from the commit's, in the syntax of DVC's -S."""
    if stage != "train":
        return str(params["data.source"]) if stage == "prepare" else stage
    first = ("beta=", "model.", "train.", "scramble.", "data.")  # what is compared most
    changes = sorted(_changed_params(params), key=lambda change: [not change.startswith(start) for start in first])
    name = shorten(without_passwords(" ".join(changes)), 100, placeholder=" …")
    return name or f"{params['model.name']} beta={params['beta']:g}"


def run_tags(stage: str, params: Mapping[str, object], changes: str, own: Mapping[str, str]) -> dict[str, str]:
    """Return `own` tags, and tags on user, versions, commit and command, with a description in Markdown.

    `changes` is as of `code_changes`. Outside a git repository, or without git, there is no commit among the tags.
    """
    spec = sys.modules["__main__"].__spec__
    commit = _commit()
    repeat = " ".join(["dvc exp run", *(f"-S {shlex.quote(word)}" for word in _changed_params(params))])
    if commit:
        repeat = " && ".join([f"git checkout {commit}", *(["git apply changes.diff"] if changes else []), repeat])
    repeat = without_passwords(repeat)
    packages = ("av", "mlflow", "numpy", "onnxruntime", "timm", "torch")
    tags = {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": f"python -m {spec.name.removesuffix('.__main__')}" if spec else Path(sys.argv[0]).name,
        "mlflow.user": _user(),
        "stegnet.versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "stegnet.repeat": repeat,
        **own,
    }
    note = [NOTES["stages"].get(stage, NOTES["study"]), f"Repeat the experiment:\n```\n{repeat}\n```"]
    if RESTORED in own:
        note.append(NOTES["restored"])
    if os.environ.get("DVC_EXP_NAME"):
        tags["stegnet.experiment"] = os.environ["DVC_EXP_NAME"]
    if commit:
        tags |= {"mlflow.source.git.commit": commit, "mlflow.source.git.dirty": "true" if changes else "false"}
    else:
        note.append("No commit is known: it ran outside a git repository.")
    if commit and changes:
        changed = "the code had changes or files that it lacks: they are in the artifact `changes.diff`."
        note.append(f"**Not repeatable from the commit alone:** {changed}")
    return tags | {NOTE: "\n\n".join(note)}


def code_changes(params: Mapping[str, object]) -> str:
    """Return the difference of the code from the commit's, as a patch with the files that git lacks; "" if it is equal.

    These are the files of a network or loss of one's own, all that `code` names, and modules that are loaded.
    """
    commit = _commit()
    if not commit:
        return ""
    expected = ("params.yaml", "dvc.lock", "data.dvc")  # parameters are in the command, DVC writes the others
    without = [f":(top,exclude){name}" for name in expected]
    root = Path(_git("rev-parse", "--show-toplevel").strip()).resolve()
    new = [
        _git("-C", str(root), "diff", "--no-index", "--", os.devnull, name, differs=True)
        for name in _files_without_git(params, root)
    ]
    return "".join([_git("diff", commit, "--", ":(top)", *without), *new])


def _files_without_git(params: Mapping[str, object], root: Path) -> list[str]:
    """Return the Python files that a run uses and git does not know, relative to `root` where they are in it."""
    named = [Path(str(params["code"]))] if "code" in params else []
    for name in (str(params.get(key)) for key in ("model.name", "train.loss.own")):
        spec = find_spec(name.partition(MARK)[0].partition(".")[0]) if MARK in name else None  # without importing it
        named += [Path(place) for place in (spec.submodule_search_locations or [str(spec.origin)])] if spec else []
    named = [path.resolve() for path in named]
    used = {file for path in named for file in (path.rglob("*.py") if path.is_dir() else [path]) if file.exists()}
    loaded = {Path(file).resolve() for module in [*sys.modules.values()] if (file := getattr(module, "__file__", None))}
    used |= {file for file in loaded if file.suffix == ".py" and file.is_relative_to(root)}
    installed = [Path(sys.prefix).resolve(), Path(sysconfig.get_path("purelib")).resolve()]
    used = {file for file in used if not any(file.is_relative_to(folder) for folder in installed)}
    known = {root / name for name in _git("-C", str(root), "ls-files", "-z").split("\0")}
    return sorted(str(file.relative_to(root) if file.is_relative_to(root) else file) for file in used - known)


def _changed_params(params: Mapping[str, object]) -> list[str]:
    """Return the parameters that differ from the commit's, in the syntax of DVC's -S."""
    commit = _commit()
    text = _git("show", f"{commit}:params.yaml") if commit else ""
    before = flatten(parse(text)) if text else params
    changes = []
    for key, value in params.items():
        if before.get(key) != value:
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


def _git(*arguments: str, differs: bool = False) -> str:
    """Return the output of a git command; "" if it fails or git is not installed. `differs`: 1 is no failure."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        return ""
    if "safe.directory" in done.stderr:
        _warn(done.stderr.strip().splitlines()[-1].strip())
    return done.stdout if done.returncode <= differs else ""


@cache
def _warn(remedy: str) -> None:
    """Warn once that git refuses a repository of another user, with git's remedy."""
    logging.warning("runs have no commit, for git refuses a repository of another user: %s", remedy)
