"""The tools: each runs, and does what its docstring says."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from stegnet.channels.destinations import DESTINATIONS
from tests.support.lab import ROOT
from tests.support.waiting import LIMIT
from tools.bench import BEGIN, END, run, with_tables
from tools.counts import counts
from tools.fuzz import DOORS


def test_a_benchmark_has_the_memory_of_its_own_process_and_changes_its_tables_alone(tmp_path: Path) -> None:
    here = bytearray(b"x") * 600_000_000
    cost = run(("keygen", "my.key"), tmp_path)
    assert len(here) and (tmp_path / "my.key").exists()
    assert cost.seconds > 0
    assert 10 < cost.megabytes < 500
    page = with_tables(f"before\n{BEGIN}old\n{END}after\n", "new\n")
    assert page == f"before\n{BEGIN}\nnew\n\n{END}after\n" == with_tables(page, "new\n")


def names_in(diagram: str) -> list[str]:
    """The names of its boxes, from left to right and from top to bottom."""
    root = ElementTree.parse(ROOT / "docs/diagrams" / diagram)
    return [text.text or "" for text in root.iterfind(".//{*}text[@class='name']")]


def test_the_diagrams_show_the_stages_the_layers_and_every_destination() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert sorted(names_in("pipeline.svg")) == sorted(stages)
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert names_in("layers.svg") == re.findall(r"(?:stegnet\.)?(\w+)", "\n".join(linter["contracts"][0]["layers"]))
    shown = (ROOT / "docs/diagrams/methods.svg").read_text(encoding="utf-8")
    assert [name for name in DESTINATIONS if f"--for {name}" not in shown] == ["file"]


@pytest.mark.night
def test_a_few_damaged_files_of_each_format() -> None:
    """Also that whole files can be made for every door."""
    command = [sys.executable, "-m", "tools.fuzz", "--runs", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == len(DOORS)


def test_the_check_of_gpus_imports_what_exists_and_runs_stages_with_their_paths() -> None:
    script = (ROOT / "tools/gpu_check.sh").read_text(encoding="utf-8")
    codes = re.findall(r"<<'PYTHON'\n(.*?)\nPYTHON\n", script, re.DOTALL)
    imports = [node for code in codes for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    assert len(imports) > 10
    for each in imports:
        assert all(hasattr(import_module(each.module or ""), name.name) for name in each.names), ast.unparse(each)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    runs = re.findall(r"-m pipeline\.(\w+) (.*) 2>", script)
    assert len(runs) == 6
    for stage, paths in runs:
        assert len(paths.split()) == len(stages[stage]["cmd"].split()[3:]), stage


def test_the_library_is_not_written_in_shorthand():
    """Per 1,000 lines: constants, fields of settings, and assignments of several values to several names."""
    name = "constants and settings; packed assignments, per 1,000 lines"
    constants, packed = map(float, counts(ROOT, ["stegnet", "pipeline"])[name].split("; "))
    assert constants <= 17.5  # 15 of modules alone; then settings were counted, too, which had 2.9
    assert packed <= 6
