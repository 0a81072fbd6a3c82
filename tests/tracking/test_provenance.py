"""Which code ran, and the command that runs it again."""

import subprocess
from pathlib import Path

import pytest
import yaml

from stegnet.tracking.provenance import describe, provenance_tags, repeat_command

COMMIT, DIRTY, COMMAND = "mlflow.source.git.commit", "mlflow.source.git.dirty", "stegnet.repeat"
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


def test_the_stages_command_names_no_folder_of_this_machine(commit: str) -> None:
    command = provenance_tags(PARAMS)["stegnet.command"]
    assert command.startswith("python ")
    assert command in describe("train", provenance_tags(PARAMS))
