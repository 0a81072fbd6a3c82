"""Both dvc.yaml against the code that their stages run."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from hashlib import md5
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml

from pipeline.report.page import read_specs
from tests.clones import copy_repository, run
from tests.support.lab import flatten
from tools import stage_deps
from tools.closure import PACKAGES, ROOT, closure, imports
from tools.stage_deps import FACES, FAMILIES, FILES, LOGS, PAIR, imported, stages_of, words_of

PRINTING = "from pipeline.stage import program\nwith program(): print('–')"
STAGE = '"""Measures 8×8 blocks."""\nfrom pipeline.stage import run_stage\nrun_stage(lambda: None)\n'
STAGES, STUDIES = (stages_of(path) for path in FILES)
BOTH = (*STAGES.items(), *STUDIES.items())  # some have one name


# The stages that each key of params.yaml repeats, by the longest beginning of its name: those whose outputs it can
# change. `check`, which may refuse any, and publish, which logs all, go without saying.
REPEATS = {
    "seed": "train evaluate detect video",
    "beta": "train",
    "code": "",
    "data": "prepare",
    "data.source": "prepare train",  # the card names it
    "data.workers": "",
    "model": "train",
    "scramble": "train",
    "scramble.quality": "prepare train",
    "train": "train",
    "train.workers": "",
    "train.checkpoint": "",
    "train.threads": "train evaluate detect video",
    "evaluate": "evaluate",
    "evaluate.shift": "evaluate detect",
    "detect": "detect",
    "video": "video",
}


def covered(file: Path, deps: list[str]) -> bool:
    return any(file == ROOT / dep or ROOT / dep in file.parents for dep in deps)


def test_deps_are_the_code_that_stages_import() -> None:
    """A changed file that is not named would leave a stale result with no word; one too many trains for nothing."""
    assert stage_deps.main(["--check"]) == 0
    for name, stage in BOTH:
        assert "constraints.txt" in stage["deps"], name


def test_each_parameter_is_one_of_the_stages_whose_outputs_it_can_change() -> None:
    """A key whose change DVC does not see would leave a result of another value with no word."""
    keys = [f"{key}." for key in flatten(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))]
    for name, stage in STAGES.items():
        named = [f"{param}." for param in stage.get("params", [])]
        found = {key for key in keys if key.startswith(tuple(named))}
        rules = {key: max((start for start in REPEATS if key.startswith(f"{start}.")), key=len) for key in keys}
        of_all = {"check": set(keys), "publish": {*keys} - {"code."}}
        assert found == of_all.get(name, {key for key in keys if name in REPEATS[rules[key]].split()}), name


def test_a_module_that_is_imported_is_named(tmp_path: Path) -> None:
    """Also one that was removed no longer is."""
    copy_repository(tmp_path, {})
    for path in FILES:
        stale = (ROOT / path).read_text(encoding="utf-8").replace("pipeline/tensors.py", "pipeline/removed.py")
        (tmp_path / path).write_text(stale, encoding="utf-8")
    command = (sys.executable, "-m", "tools.stage_deps")
    said = run(tmp_path, *command, "--check", fails=True)
    assert said.count("is not up to date: run python -m tools.stage_deps") == 2
    run(tmp_path, *command)
    for path in FILES:
        assert (tmp_path / path).read_text(encoding="utf-8") == (ROOT / path).read_text(encoding="utf-8")


def test_a_network_is_named_by_its_family() -> None:
    """An edit of another family's file repeats nothing."""
    users = {name for name, stage in STAGES.items() if PAIR in imported(words_of(stage["cmd"])[2])}
    named = {name for name in users if {"build/code.json", "build/weights"} & set(STAGES[name]["deps"])}
    assert users == named | {"check"} > {"check", "train"}  # which hashes it; weights hold its hash
    assert not [family for family in FAMILIES if closure(family, FACES) & FAMILIES != {family}]


# What is edited, and the stages that run because of it; what they pass on runs if their outputs change.
EDITS = {
    "stegnet/h264/_h264.c": "",
    "stegnet/kernels/_kernels.c": "check prepare evaluate detect video",
    "stegnet/methods/h264.py": "detect video",
    "stegnet/networks/engines/onnx_engine.py": "export evaluate detect video",
    "stegnet/networks/families/unet.py": "check",
    "stegnet/cli/parser.py": "",
    "stegnet/core/text.py": "",
    "stegnet/gui/page/index.html": "",
    "docs/training.md": "",
    "pipeline/parameters/data.py": "check prepare publish",
    "pipeline/parameters/detect.py": "check detect publish",
    "pipeline/parameters/evaluate.py": "check evaluate detect publish",
    "pipeline/parameters/training.py": "check train publish",
    "pipeline/parameters/video.py": "check video publish",
    "pipeline/train/hiding.py": "check train",
    "pipeline/evaluate/quality.py": "evaluate detect video",
    "pipeline/report/page.html": "report",
    "pipeline/tracking/provenance.py": "publish",
    "pipeline/tracking/store.py": "publish",
    "reports/index.html": "publish",
    "reports/speed.json": "",
}


@pytest.mark.parametrize(("file", "stages"), EDITS.items())
def test_an_edit_runs_the_stages_that_depend_on_it(file: str, stages: str) -> None:
    """Only what computes with a file runs again: a fix in the H.264 parser trains nothing."""
    assert [name for name in STAGES if covered(ROOT / file, STAGES[name]["deps"])] == stages.split()


def script_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__main__.py" if path.is_dir() else path.with_suffix(".py")


SCRIPTS = {script_of(words_of(stage["cmd"])[2]) for stage in STAGES.values()}


def read_by(module: str) -> set[str]:
    """The keys of the class that a stage's script gives to `run_stage`, as dotted keys."""
    script = script_of(module).read_text(encoding="utf-8")
    (named,) = re.findall(r"run_stage\(main, [^)]*?(?:reads=(\w+))?\)", script)
    sections = (each for file in (ROOT / "pipeline/parameters").glob("[!_]*.py") for each in [file.stem])
    modules = [import_module(f"pipeline.parameters.{name}") for name in sections]
    return set(keys(next(vars(each)[named] for each in modules if named in vars(each)))) if named else set()


def keys(section: type, prefix: str = "") -> Iterator[str]:
    for name, kind in get_type_hints(section).items():
        if dataclasses.is_dataclass(kind):
            yield from keys(kind, f"{prefix}{name}.")  # type: ignore[arg-type]
        elif not name.startswith("__"):
            yield prefix + name


# Parameters that a stage checks, and that change no bits of its outputs, or are in what it depends on.
NO_PARAMS = {"code", "data.workers", "train.workers", "train.checkpoint", "data.side", "evaluate.pictures"}


def test_a_stage_s_params_are_those_that_it_reads() -> None:
    """A parameter that is read but not named would leave a stale result; publish logs all."""
    for name in STAGES.keys() - {"publish"}:
        read, listed = read_by(words_of(STAGES[name]["cmd"])[2]), STAGES[name].get("params", [])
        named = {key for key in read if any(key == each or key.startswith(f"{each}.") for each in listed)}
        assert not [each for each in listed if not any(key == each or key.startswith(f"{each}.") for key in read)], name
        assert read - named <= NO_PARAMS, name


def test_only_stages_use_what_logs() -> None:
    """Were it used further down, a result could come to depend on it."""
    files = {file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    users = {file for file in files - LOGS if imports(file) & LOGS}
    assert users & SCRIPTS
    assert {file for file in files if imports(file) & users and file.is_relative_to(ROOT / "pipeline")} <= SCRIPTS
    assert {script.parent for script in SCRIPTS} >= {user.parent for user in users}


def test_no_stage_s_script_is_imported_by_another() -> None:
    """What two stages need lies below both."""
    assert not [file for file in (ROOT / "pipeline").rglob("*.py") if imports(file) & SCRIPTS]


def test_every_path_of_a_command_is_named() -> None:
    """What a stage reads but does not name could change unnoticed."""
    for name, stage in BOTH:
        known = [*stage["deps"], *(next(iter(out)) if isinstance(out, dict) else out for out in stage.get("outs", []))]
        known += stage.get("metrics", [])
        for path in words_of(stage["cmd"])[3:]:
            assert any(path in (one, str(Path(one).parent)) or one == str(Path(path).parent) for one in known), name


def test_metrics_are_shown_by_dvc() -> None:
    """As mere outputs, `dvc metrics show` and `dvc exp show` would lack them."""
    for name, stage in BOTH:
        outs = [next(iter(out)) if isinstance(out, dict) else out for out in stage.get("outs", [])]
        assert not [out for out in outs if out.endswith("/metrics.json")], name


def test_the_page_shows_every_study() -> None:
    shown = {dep.rpartition("/")[2] for dep in STUDIES["report"]["deps"] if dep.startswith("${item.out}/")}
    reported = set(read_specs(ROOT / "study/sections.yaml"))
    stages = yaml.safe_load((ROOT / "study/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    of_every_pair = {name for name, stage in stages.items() if stage.get("foreach") == "${pairs}"}
    assert shown == reported == of_every_pair - {"report"}


def test_data_dvc_records_the_assets_of_this_commit() -> None:
    files = sorted(path for path in (ROOT / "assets").rglob("*") if path.is_file())
    listed = [
        {"md5": md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(ROOT / "assets").as_posix()}
        for path in files
    ]
    recorded = yaml.safe_load((ROOT / "data.dvc").read_text(encoding="utf-8"))
    digest = md5(json.dumps(listed, sort_keys=True).encode()).hexdigest()
    assert {each["md5"] for each in recorded["deps"] + recorded["outs"]} == {f"{digest}.dir"}


@pytest.mark.parametrize(
    ("variables", "command", "said"),
    [
        ({"PYTHONIOENCODING": "iso-8859-1"}, ("-c", PRINTING), b"\\u2013\n"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, ("-m", "measure", "--help"), b"usage:"),
    ],
    ids=["ISO-8859-1", "ASCII"],
)
def test_a_locale_without_some_characters_ends_no_stage(variables, command, said, tmp_path):
    """It lacks the dash of the table that `publish` prints, or characters of a stage's help."""
    (tmp_path / "measure.py").write_text(STAGE, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
    environment |= variables | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment, cwd=ROOT)
    assert done.stdout.startswith(said)
