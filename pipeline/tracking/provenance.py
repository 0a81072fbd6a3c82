"""Tags and descriptions of runs: the user, the commit and what differs from it, the commands, and notes for readers."""

import getpass
import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
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

from pipeline.config import flatten, parse

EXPERIMENT, DATA_EXPERIMENT = "stegnet", "stegnet-data"

# Tags.
STAGE = "stegnet.stage"  # the stage that the run executes
KEY = "stegnet.key"  # hash of its outputs
WEIGHTS = "stegnet.weights"  # hash of the weights that it trained or measured
PARAMS = "stegnet.params"  # hash of all parameters: runs with the same one belong together
TRAINING = "stegnet.training"  # fingerprint of the training: an interrupted run resumes with it
RESTORED = "stegnet.restored"  # "true": logged from the stage's files, not while it ran
NAME = "stegnet.experiment"  # DVC's name of the experiment
COMMAND = "stegnet.command"  # the command of the stage
REPEAT = "stegnet.repeat"  # the command that repeats the experiment

# Changes that every experiment makes: parameters are in the command, DVC writes the others.
EXPECTED = ("params.yaml", "dvc.lock", "data.dvc")
_MAX_NAME = 100  # characters of a run's name
_PLAIN = re.compile(r"[\w.+:/-]+")  # a value that DVC's -S takes without quotes

TRAININGS_NOTE = """\
**One row is one training** of a pair of networks that hide a picture in a picture, named after the parameters that \
differ from its commit. Unfold a row (+) to see what was measured of its weights: `evaluate` on test pictures, `video` \
on a film, and longer studies where they were made. Every figure is of the container as a file holds it: rounded to \
8 bits, written, read back.

**Compare trainings:** under Columns, choose the parameter `beta` and the figures `container_psnr`, `secret_psnr` and \
`base_psnr`; in the chart view, add a scatter chart of either over `beta`. PSNR is in dB, higher is better; `beta` \
weighs the secret's error; `base_psnr` is what the secret's base alone gives, without the network. Figures with no \
stage before their name are means on test pictures; `film_…` are of the film; \
`train/…` is the curve of the training, on crops of training pictures; `evaluate/…` has each kind of pictures.

**Look:** the charts show each training's test pictures, and previews during training. Artifacts of `video` hold \
`preview.mp4`, which plays here. A model's page has weights, ONNX files, card, signature and an example.

**Repeat:** each run's Description has its command.
"""
DATA_NOTE = """\
**One row is one set of prepared pictures**: their number by source, and `manifest.csv` with the hash of each.
Trainings list the sets that they used, with their digests, under Datasets.
"""

_STAGES = {
    "prepare": "Pictures from `data.source`, cut to one size, for training and testing.",
    "train": "A training of a hide/reveal pair. Runs below it measure its weights; their headline is shown here too.",
    "evaluate": "Quality on test pictures, hidden by key, written to PNG files and read back. "
    "Artifacts: every pair in `pairs.csv`, contact sheets in `pictures`.",
    "video": "A film hidden in a film and revealed again. Artifacts: `preview.mp4` (plays here), the lossless "
    "`container.mkv` and `revealed.mkv`, every frame in `frames.csv`.",
}
_STUDY = "A study of the weights of the training above. Artifacts: its tables, charts and pictures."
_RESTORED = (
    "Logged from its output files, not while it ran: DVC restored them, or MLflow could not be reached. "
    "Its curve has steps, but no times."
)
_DIRTY = "**Not repeatable from the commit alone:** the code had uncommitted changes."


def provenance_tags(params: Mapping[str, Any]) -> dict[str, str]:
    """Tags with the user, the commit, this stage's command and the command that repeats the experiment.

    Outside a git repository, or without git, no commit is among them.
    """
    tags = {MLFLOW_SOURCE_TYPE: "LOCAL", MLFLOW_SOURCE_NAME: _program(), COMMAND: _command(), MLFLOW_USER: _user()}
    if os.environ.get("DVC_EXP_NAME"):
        tags[NAME] = os.environ["DVC_EXP_NAME"]
    commit = _commit()
    if commit:
        tags |= {MLFLOW_GIT_COMMIT: commit, MLFLOW_GIT_DIRTY: str(_dirty(commit)).lower()}
    return tags | {REPEAT: repeat_command(params, commit)}


def changed_params(params: Mapping[str, Any]) -> str:
    """The parameters that differ from the commit's, in the syntax of DVC's -S, shortened; "" if none differs."""
    return shorten(" ".join(_changes(params, _commit())), _MAX_NAME, placeholder=" …")


def repeat_command(params: Mapping[str, Any], commit: str = "") -> str:
    """The shell command that repeats an experiment, with the parameters that differ from the commit's."""
    command = " ".join(["dvc exp run", *(f"-S {shlex.quote(word)}" for word in _changes(params, commit))])
    return f"git checkout {commit} && {command}" if commit else command


def describe(stage: str, tags: Mapping[str, str]) -> str:
    """A run's description, Markdown, from its tags."""
    parts = [_STAGES.get(stage, _STUDY)]
    if RESTORED in tags:
        parts.append(_RESTORED)
    parts.append(f"Repeat the experiment:\n```\n{tags[REPEAT]}\n```")
    if RESTORED not in tags:
        parts.append(f"Command of this stage:\n```\n{tags[COMMAND]}\n```")
    if tags.get(MLFLOW_GIT_DIRTY) == "true":
        parts.append(_DIRTY)
    if MLFLOW_GIT_COMMIT not in tags:
        parts.append("No commit is known: it ran outside a git repository.")
    return "\n\n".join(parts)


def _changes(params: Mapping[str, Any], commit: str) -> list[str]:
    text = _git("show", f"{commit}:params.yaml") if commit else None
    if text is None:
        return []
    before = flatten(parse(text))
    return [f"{key}={_yaml(value)}" for key, value in params.items() if before.get(key) != value]


def _yaml(value: Any) -> str:
    """A value in the syntax of YAML and DVC's -S."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
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


def _program() -> str:
    """The command without its paths: MLflow's pages show only what follows the last slash."""
    spec = sys.modules["__main__"].__spec__
    return f"python -m {spec.name}" if spec else Path(sys.argv[0]).name


def _command() -> str:
    """The command of this process, without the folder of its Python."""
    return shlex.join(["python", *sys.orig_argv[1:]])


def _dirty(commit: str) -> bool:
    """Returns whether the code differs from the commit's."""
    others = [f":(top,exclude){name}" for name in EXPECTED]
    return bool(_git("diff", "--name-only", commit, "--", ":(top)", *others))


def _git(*arguments: str) -> str | None:
    """Output of a git command; None if it fails or git is not installed."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    if "safe.directory" in done.stderr:
        _warn(done.stderr.strip().splitlines()[-1].strip())
    return done.stdout if done.returncode == 0 else None


@cache
def _warn(remedy: str) -> None:
    """Says once that git refuses a repository of another user, and git's remedy."""
    logging.warning("runs have no commit, for git refuses a repository of another user: %s", remedy)
