"""The code that ran, and the command that runs it again."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.tracking.provenance import code_changes, run_name, run_tags

COMMIT, DIRTY, COMMAND = "mlflow.source.git.commit", "mlflow.source.git.dirty", "stegnet.repeat"
NOTE = "mlflow.note.content"
PARAMS = {
    **{"seed": 0, "beta": 0.65, "model.name": "costa", "scramble.base": "auto"},
    **{"train.compile": False, "train.lr": "auto", "data.source": "scenes"},
}


def git(*words: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    return subprocess.run(["git", *identity, *words], check=True, capture_output=True, text=True).stdout.strip()


def tags_of(**params: object) -> dict[str, str]:
    """The tags of a training, with some parameters changed."""
    return run_tags("train", PARAMS | params, code_changes(PARAMS | params), {})


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository with parameters and code, in which the test then is; its commit."""
    monkeypatch.chdir(tmp_path)
    nested = {"seed": 0, "beta": 0.65, "train": {"compile": False, "lr": "auto"}, "data": {"source": "scenes"}}
    nested |= {"model": {"name": "costa"}, "scramble": {"base": "auto"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(nested), encoding="utf-8")
    (tmp_path / "code.py").write_text("a = 1\n", encoding="utf-8")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    return git("rev-parse", "HEAD")


def test_a_commit_and_what_differs_from_it(commit: str, tmp_path: Path) -> None:
    """Changed parameters are in the command and make nothing dirty; changed code does."""
    tags = tags_of()
    assert (tags[COMMIT], tags[DIRTY]) == (commit, "false")
    assert tags[COMMAND] == f"git checkout {commit} && dvc exp run"
    assert tags[COMMAND] in tags[NOTE]
    (tmp_path / "params.yaml").write_text("changed\n", encoding="utf-8")
    tags = tags_of(**{"beta": 0.25, "train.compile": True, "data.source": "a+torchvision:B"})
    assert tags[DIRTY] == "false"
    assert tags[COMMAND].split(" && ")[1] == (
        "dvc exp run -S beta=0.25 -S train.compile=true -S data.source=a+torchvision:B"
    )
    (tail,) = tags_of(**{"data.source": "my pictures"})[COMMAND].split("dvc exp run ")[1:]
    words = subprocess.run(["sh", "-c", f"printf '%s|' {tail}"], capture_output=True, text=True, check=True).stdout
    assert words == "-S|data.source='my pictures'|"  # quoted for the shell and for DVC
    (tmp_path / "code.py").write_text("a = 2\n", encoding="utf-8")
    tags = tags_of()
    assert tags[DIRTY] == "true"
    assert "`changes.diff`" in tags[NOTE]
    assert tags[COMMAND] == f"git checkout {commit} && git apply changes.diff && dvc exp run"


@pytest.mark.parametrize("name", ["params.yaml", "dvc.lock", "data.dvc"])
def test_files_that_dvc_writes_are_no_code(commit: str, tmp_path: Path, name: str) -> None:
    """Every run leaves them changed: parameters are in the command, and the data have a tag of their own."""
    (tmp_path / name).write_text("beta: 1\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    (tmp_path / name).write_text("beta: 2\n", encoding="utf-8")
    assert code_changes(PARAMS) == ""
    assert tags_of()[DIRTY] == "false"


@pytest.mark.parametrize("ignored", [False, True])
def test_code_that_git_does_not_know_is_in_the_patch(
    commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: bool
) -> None:
    """A network, a loss in a package with what it imports, and a folder that `code` names; other files are not."""
    monkeypatch.syspath_prepend(tmp_path)
    files = {"mine.py": "b = 1\n", "losses/__init__.py": "", "losses/own.py": "c = 2\n", "watched/net.py": "d = 3\n"}
    for name, text in (files | {"notes.py": "e = 4\n"}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    if ignored:
        (tmp_path / ".git" / "info" / "exclude").write_text("*.py\n", encoding="utf-8")
    params = PARAMS | {"model.name": "mine:Net", "train.loss.own": "losses.own:error", "code": "watched"}
    patch = code_changes(params)
    tags = run_tags("train", params, patch, {})
    assert (tags[COMMIT], tags[DIRTY]) == (commit, "true")
    for name in files:
        (tmp_path / name).unlink()
    subprocess.run(["git", "apply"], input=patch, text=True, check=True)
    assert all((tmp_path / name).read_text(encoding="utf-8") == text for name, text in files.items())
    assert "notes.py" not in patch
    git("add", "-Af", *files)
    git("commit", "-q", "-m", "second")
    assert code_changes(params) == ""


def test_an_experiment_s_baseline_is_its_commit(commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC commits in the temporary copy where a queued experiment runs."""
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", commit)
    monkeypatch.setenv("DVC_EXP_NAME", "bolder-try")
    (tmp_path / "dvc.lock").write_text("made\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "-q", "-m", "DVC's own")
    tags = tags_of(beta=2.0)
    assert (tags[COMMIT], tags[DIRTY], tags["stegnet.experiment"]) == (commit, "false", "bolder-try")
    assert tags[COMMAND] == f"git checkout {commit} && dvc exp run -S beta=2.0"


def test_values_that_are_left_to_the_family_are_no_changes(commit: str) -> None:
    for changes, words in (({"model.name": "unet"}, "-S model.name=unet"), ({"train.lr": 0.1}, "-S train.lr=0.1")):
        assert tags_of(**changes)[COMMAND] == f"git checkout {commit} && dvc exp run {words}"


def test_a_name_begins_with_what_is_compared_most(commit: str) -> None:
    changed = {"seed": 7, "data.source": f"folder+{'x' * 80}", "beta": 0.25, "train.compile": True}
    assert run_name("train", PARAMS | changed) == "beta=0.25 train.compile=true …"
    assert run_name("train", PARAMS) == "costa beta=0.65"


def test_without_a_repository_or_a_name_none_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwd = pytest.importorskip("pwd")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a container's user has a number alone
    tags = tags_of()
    assert not {COMMIT, DIRTY} & set(tags)
    assert (tags[COMMAND], tags["mlflow.user"]) == ("dvc exp run", str(os.getuid()))
    assert "No commit is known" in tags[NOTE]


@pytest.mark.usefixtures("commit")
def test_a_repository_of_another_user(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert COMMIT not in tags_of()
    (line,) = caplog.messages
    assert "git config --global --add safe.directory" in line
