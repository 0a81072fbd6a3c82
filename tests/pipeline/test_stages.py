"""Both dvc.yaml against the code that their stages run."""

import ast
import json
import os
import subprocess
import sys
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.report.page import read_specs
from pipeline.train.run import CODE
from tests.closure import PACKAGES, ROOT, closure, imports


def read_stages(path: str) -> dict[str, Any]:
    """The stages of a file, what is done for each of several once."""
    stages = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}


def words(command: str) -> list[str]:
    """`python -m module` and its arguments, without the environment."""
    return command.removeprefix("DVC_ROOT=.. ").removeprefix("PYTHONPATH=.. ").replace('"', "").split()


def at_root(dep: str) -> str:
    """A dep of study/dvc.yaml from the repository: its own files lie in study/, the others are links."""
    return f"study/{dep}" if (ROOT / "study" / dep).exists() and not (ROOT / dep).exists() else dep


STAGES, STUDIES = read_stages("dvc.yaml"), read_stages("study/dvc.yaml")
EACH = [
    *((name, words(stage["cmd"])[2], stage["deps"]) for name, stage in STAGES.items()),
    *((name, words(stage["cmd"])[2], [at_root(dep) for dep in stage["deps"]]) for name, stage in STUDIES.items()),
]
NAMES = [*STAGES, *(f"study: {name}" for name in STUDIES)]


# These only log: whatever changes there, a stage writes the same bytes, and so none but publish depends on them.
LOGS = set((ROOT / "pipeline/tracking").glob("*.py"))
PAIR = ROOT / "stegnet/networks/pair.py"
FAMILIES = set((ROOT / "stegnet/networks/families").glob("[!_]*.py"))
CODE_OF_FAMILY = "build/code.json"  # PAIR imports a family's file when it is asked for
SETTINGS = {ROOT / package / "__init__.py" for package in ("pipeline", "study")}  # how the process runs
FACES = {ROOT / package / "__init__.py" for package in ("stegnet", "stegnet/networks")}  # import what is asked for


def computes_nothing(file: Path) -> bool:
    """Is it a face, a setting, or an __init__.py that is a docstring?"""
    return file.name == "__init__.py" and (file in FACES | SETTINGS or len(ast.parse(file.read_bytes()).body) < 2)


def imported(module: str) -> set[Path]:
    """Source files that a stage's outputs may depend on; without those of families, but with what they import."""
    path, apart = ROOT.joinpath(*module.split(".")), FACES | (set() if module == "pipeline.publish" else LOGS)
    found = closure(path / "__main__.py" if path.is_dir() else path.with_suffix(".py"), apart | FAMILIES)
    if PAIR in found:
        found |= {file for family in FAMILIES for file in closure(family, apart)}
    return {file for file in found - FAMILIES if not computes_nothing(file)}


def covered(file: Path, deps: list[str]) -> bool:
    return any(file == ROOT / dep or ROOT / dep in file.parents for dep in deps)


@pytest.mark.parametrize(("name", "module", "deps"), EACH, ids=NAMES)
def test_deps_name_all_that_a_stage_imports_and_nothing_else(name: str, module: str, deps: list[str]) -> None:
    """A changed file that is not named would leave a stale result with no word; one too many trains for nothing."""
    assert module in (f"pipeline.{name}", f"study.{name}", "study.training")  # the last one trains several networks
    assert "constraints.txt" in deps
    assert not [file.relative_to(ROOT).as_posix() for file in imported(module) if not covered(file, deps)]
    hashed = ("stegnet/networks/families",) if module == "pipeline.code" else ()
    others = (".yaml", "/weights", *hashed)
    sources = [dep for dep in deps if dep.split("/")[0] in PACKAGES and not dep.endswith(others)]
    assert not [dep for dep in sources if not any(covered(file, [dep]) for file in imported(module))]


def test_a_network_is_named_by_its_family() -> None:
    """An edit of another family's file repeats nothing."""
    users = {name for name, module, _ in EACH if PAIR in imported(module) and name in STAGES}
    named = {name for name in users if {CODE_OF_FAMILY, "build/weights"} & set(STAGES[name]["deps"])}
    assert users == named > {"check", "train"}  # weights hold its hash
    assert not [family for family in FAMILIES if closure(family, FACES) & FAMILIES != {family}]


# What is edited, and the stages that run because of it; what they pass on runs if their outputs change.
EDITS = {
    "stegnet/video/_h264.c": "check prepare evaluate detect video",
    "stegnet/methods/h264.py": "detect video",
    "stegnet/networks/engines/onnx_engine.py": "export evaluate detect video",
    "stegnet/networks/families/costa.py": "code",
    "stegnet/networks/families/unet.py": "code",
    "stegnet/core/errors.py": "code check prepare train export evaluate detect video report publish",
    "stegnet/cli/parser.py": "",
    "stegnet/gui/page/index.html": "",
    "docs/training.md": "",
    "tests/conftest.py": "",
    "pipeline/train/losses.py": "check train",
    "pipeline/train/hiding.py": "train",
    "pipeline/evaluate/quality.py": "evaluate detect video",
    "pipeline/detect/detector.py": "detect",
    "pipeline/report/page.html": "report",
    "pipeline/tracking/store.py": "publish",
    "reports/index.html": "publish",
    "reports/speed.json": "",
    "study/sizes.py": "",
}


@pytest.mark.parametrize(("file", "stages"), EDITS.items())
def test_an_edit_runs_the_stages_that_depend_on_it(file: str, stages: str) -> None:
    """Only what computes with a file runs again: a fix in the H.264 parser trains nothing."""
    assert [name for name in STAGES if covered(ROOT / file, STAGES[name]["deps"])] == stages.split()


def test_no_stage_is_always_out_of_date() -> None:
    """Then `dvc status` says that all is up to date."""
    assert not [name for name, stage in STAGES.items() if stage.get("always_changed")]


def test_a_training_goes_on_with_the_code_that_it_began_with() -> None:
    """The parameters that it computes with, and no more: a changed command or log leaves a checkpoint usable."""
    used = [ROOT / name for name in CODE]
    found = imported("pipeline.train.train") | FAMILIES
    assert not [file for file in found if not any(file == part or part in file.parents for part in used)]
    assert not [part for part in used if not any(file == part or part in file.parents for file in found)]


def test_only_stages_use_what_logs() -> None:
    """Were it used further down, a result could come to depend on it."""
    files = {file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    users = {file.relative_to(ROOT).as_posix() for file in files - LOGS if imports(file) & LOGS}
    scripts = (
        "detect/detection",
        "evaluate/__main__",
        "prepare/__main__",
        "publish",
        "sweep",
        "train/__main__",
        "video",
    )
    assert users == {f"pipeline/{name}.py" for name in scripts}


def test_every_path_of_a_command_is_named() -> None:
    """What a stage reads but does not name could change unnoticed."""
    for name, stage in (STAGES | STUDIES).items():
        known = [*stage["deps"], *(next(iter(out)) if isinstance(out, dict) else out for out in stage.get("outs", []))]
        known += stage.get("metrics", [])
        for path in words(stage["cmd"])[3:]:
            assert any(path in (one, str(Path(one).parent)) or one == str(Path(path).parent) for one in known), name


def test_the_page_shows_every_study() -> None:
    shown = {dep.rpartition("/")[2] for dep in STUDIES["report"]["deps"] if dep.startswith("${item.out}/")}
    reported = set(read_specs(ROOT / "study/sections.yaml"))
    stages = yaml.safe_load((ROOT / "study/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    of_every_pair = {name for name, stage in stages.items() if stage.get("foreach") == "${pairs}"}
    assert shown == reported == of_every_pair - {"report"}


def test_every_param_belongs_to_a_stage() -> None:
    sections = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    stages = {**STUDIES, **STAGES}
    named = {param.split(".")[0] for name in stages for param in stages[name].get("params", []) if name != "publish"}
    assert named == set(sections)


def test_publish_is_never_restored() -> None:
    """DVC restores stages with outputs from its run cache; this one must always run."""
    for stages in (STAGES, STUDIES):
        assert not {"outs", "metrics", "plots"} & set(stages["publish"])


def test_data_dvc_records_the_assets_of_this_commit() -> None:
    files = sorted(path for path in (ROOT / "assets").rglob("*") if path.is_file())
    listed = [
        {"md5": md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(ROOT / "assets").as_posix()}
        for path in files
    ]
    recorded = yaml.safe_load((ROOT / "data.dvc").read_text(encoding="utf-8"))
    digest = md5(json.dumps(listed, sort_keys=True).encode()).hexdigest()
    assert {each["md5"] for each in recorded["deps"] + recorded["outs"]} == {f"{digest}.dir"}


def test_a_locale_without_some_characters_ends_no_stage():
    """As ISO-8859-1, which lacks the dash of the table that `publish` prints."""
    printing = "from pipeline.stage import program\nwith program(): print('–')"
    environment = os.environ | {"PYTHONIOENCODING": "iso-8859-1", "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", printing], check=True, capture_output=True, env=environment)
    assert run.stdout == b"\\u2013\n"


def test_a_stage_explains_itself_in_a_locale_of_ascii():
    """Its help has characters that ASCII has not."""
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"} | ascii_only
    command = [sys.executable, "-m", "study.jpeg_steganalysis", "--help"]
    run = subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    assert run.stdout.startswith(b"usage:")
