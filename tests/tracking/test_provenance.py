"""Which code ran, and the command that runs it again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stegnet.tracking.provenance import changed_params, describe, provenance_tags, repeat_command

COMMIT, DIRTY, COMMAND = "mlflow.source.git.commit", "mlflow.source.git.dirty", "stegnet.repeat"
ROOT = Path(__file__).parents[2]
PARAMS = {"seed": 0, "beta": 0.65, "train.compile": False, "data.source": "scenes"}


def git(*words: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    return subprocess.run(["git", *identity, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository with parameters and code, in which the test then is; its commit."""
    monkeypatch.chdir(tmp_path)
    nested = {"seed": 0, "beta": 0.65, "train": {"compile": False}, "data": {"source": "scenes"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(nested), encoding="utf-8")
    (tmp_path / "code.py").write_text("a = 1\n", encoding="utf-8")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    return git("rev-parse", "HEAD")


def test_a_clean_commit(commit: str) -> None:
    tags = provenance_tags(PARAMS)
    assert (tags[COMMIT], tags[DIRTY]) == (commit, "false")
    assert tags[COMMAND] == f"git checkout {commit} && dvc exp run"


def test_changed_parameters_are_in_the_command_and_make_nothing_dirty(commit: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("changed\n", encoding="utf-8")
    changed = PARAMS | {"beta": 0.25, "train.compile": True, "data.source": "a+torchvision:B"}
    tags = provenance_tags(changed)
    assert tags[DIRTY] == "false"
    assert tags[COMMAND].split(" && ")[1] == (
        "dvc exp run -S beta=0.25 -S train.compile=true -S data.source=a+torchvision:B"
    )


def test_a_committed_exponent_is_a_number(commit: str, tmp_path: Path) -> None:
    """As DVC writes one into params.yaml."""
    (tmp_path / "params.yaml").write_text("beta: 1e-05\n", encoding="utf-8")
    git("commit", "-q", "-am", "smaller")
    assert repeat_command({"beta": 1e-5}, git("rev-parse", "HEAD")).endswith(" && dvc exp run")


def test_a_value_with_a_space_is_quoted_for_the_shell_and_for_dvc(commit: str) -> None:
    (tail,) = repeat_command(PARAMS | {"data.source": "my pictures"}, commit).split("dvc exp run ")[1:]
    words = subprocess.run(["sh", "-c", f"printf '%s|' {tail}"], capture_output=True, text=True, check=True).stdout
    assert words == "-S|data.source='my pictures'|"


def test_changed_code_is_dirty(commit: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("a = 2\n", encoding="utf-8")
    tags = provenance_tags(PARAMS)
    assert tags[DIRTY] == "true"
    assert "uncommitted changes" in describe("train", tags)


def test_an_experiment_s_baseline_is_its_commit(commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC commits in the temporary copy where a queued experiment runs."""
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", commit)
    monkeypatch.setenv("DVC_EXP_NAME", "bolder-try")
    (tmp_path / "dvc.lock").write_text("made\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "-q", "-m", "DVC's own")
    tags = provenance_tags(PARAMS | {"beta": 2.0})
    assert (tags[COMMIT], tags[DIRTY], tags["stegnet.experiment"]) == (commit, "false", "bolder-try")
    assert tags[COMMAND] == f"git checkout {commit} && dvc exp run -S beta=2.0"


def test_without_a_repository_no_commit_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    tags = provenance_tags(PARAMS)
    assert not {COMMIT, DIRTY} & set(tags)
    assert tags[COMMAND] == "dvc exp run"
    assert "No commit is known" in describe("train", tags)


def test_without_git(commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert COMMIT not in provenance_tags(PARAMS)


def test_the_stages_command_names_no_folder_of_this_machine(commit: str) -> None:
    command = provenance_tags(PARAMS)["stegnet.command"]
    assert command.startswith("python ")
    assert command in describe("train", provenance_tags(PARAMS))


def test_the_source_is_the_stage(tmp_path: Path) -> None:
    """MLflow's pages show only what follows the last slash, which would be the last path."""
    (tmp_path / "stage.py").write_text(
        "from stegnet.tracking.provenance import provenance_tags; print(provenance_tags({}))", encoding="utf-8"
    )
    command = [sys.executable, "-m", "stage", "build/shards", "build/weights/pair.safetensors"]
    there = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    done = subprocess.run(command, env=there, cwd=tmp_path, text=True, capture_output=True, check=True)
    assert "'mlflow.source.name': 'python -m stage'" in done.stdout
    assert "'python -m stage build/shards build/weights/pair.safetensors'" in done.stdout


def test_a_training_is_named_after_what_differs_from_the_commit(commit: str) -> None:
    assert changed_params(PARAMS) == ""
    assert changed_params(PARAMS | {"beta": 0.5, "train.compile": True}) == "beta=0.5 train.compile=true"
    assert len(changed_params({f"p{index}": index for index in range(99)})) <= 100


def test_the_user_is_gits_or_the_logins(commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("config", "user.name", "Ada L.")
    assert provenance_tags(PARAMS)["mlflow.user"] == "Ada L."
    git("config", "user.name", "")
    monkeypatch.setenv("LOGNAME", "ada")
    assert provenance_tags(PARAMS)["mlflow.user"] == "ada"
