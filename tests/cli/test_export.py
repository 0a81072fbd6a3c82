from pathlib import Path

import pytest

from stegnet import export
from stegnet.cli import main
from stegnet.engines.graphs import NETWORKS


def test_export_says_how_alike_they_are(weights, tmp_path, capsys):
    assert main(["export", str(weights), "-o", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [f"{tmp_path}/tiny.{name}.onnx:" for name in NETWORKS]
    assert all("apart at most" in line and line.endswith("% of the samples equal as 8 bits") for line in lines)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.onnx")}
    assert main(["export", str(weights), "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("exists already\nhint: `--force` overwrites it\n")
    assert before == {path: path.read_bytes() for path in tmp_path.glob("*.onnx")}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("export none.safetensors", "none.safetensors: no such weights file"),
        ("export k -o .", "k: not a stegnet weights file"),
        ("export -o nowhere", "nowhere: no such folder"),
    ],
)
def test_what_can_not_be_exported(line, told, capsys, folder: Path):
    assert main(line.split()) == 1
    assert capsys.readouterr().err.startswith(f"error: {told}")
    assert not list(folder.glob("**/*.onnx"))


def test_stegnets_own_are_not_overwritten_by_mistake():
    with pytest.raises(SystemExit):
        main(["export"])


def test_a_failure_leaves_nothing(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(export, "MAX_DIFFERENCE", -1.0)
    assert main(["export", str(weights), "-o", str(tmp_path)]) == 1
    assert "disagrees with it" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.onnx"))
