"""dvc.yaml against the code that its stages run."""

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from closure import ROOT, closure

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def covered(file: Path, deps: list[str]) -> bool:
    return any(file == ROOT / dep or ROOT / dep in file.parents for dep in deps)


@pytest.mark.parametrize("name", STAGES)
def test_deps_name_all_that_a_stage_imports(name: str) -> None:
    """A changed file that is not named would leave a stale result with no word."""
    imported = closure(ROOT / "pipeline" / f"{name}.py")
    missing = [file.relative_to(ROOT).as_posix() for file in imported if not covered(file, STAGES[name]["deps"])]
    assert not missing


@pytest.mark.parametrize("name", STAGES)
def test_deps_name_no_source_that_a_stage_does_not_import(name: str) -> None:
    """A change there would train again for nothing."""
    imported = closure(ROOT / "pipeline" / f"{name}.py")
    code = ("stegnet", "pipeline")
    sources = [dep for dep in STAGES[name]["deps"] if dep.startswith(code) and dep != "stegnet/weights"]
    assert not [dep for dep in sources if not any(covered(file, [dep]) for file in imported)]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_depends_on_the_pinned_packages(name: str) -> None:
    assert "constraints.txt" in STAGES[name]["deps"]


def test_every_param_belongs_to_a_stage() -> None:
    sections = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    named = {param.split(".")[0] for name in STAGES for param in STAGES[name]["params"] if name != "publish"}
    assert named == set(sections)


def test_publish_is_never_restored() -> None:
    """DVC restores stages with outputs from its run cache; this one must always run."""
    assert not {"outs", "metrics", "plots"} & set(STAGES["publish"])


def test_a_helper_that_is_not_named_would_be_noticed() -> None:
    deps = [dep for dep in STAGES["train"]["deps"] if dep != "stegnet/scramble.py"]
    assert not covered(ROOT / "stegnet" / "scramble.py", deps)
    assert ROOT / "stegnet" / "scramble.py" in closure(ROOT / "pipeline" / "train.py")
