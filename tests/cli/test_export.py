import pytest

from stegnet.cli import main
from stegnet.engines.engine import ALWAYS
from tests.test_export import made


@pytest.mark.long
def test_export_prints_the_agreement(tmp_path, capsys):
    weights = made("invertible_large", tmp_path)
    assert main(["export", str(weights), "-o", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [f"{tmp_path}/pair.{name}.onnx:" for name in ALWAYS]
    assert all("maximum difference" in line and line.endswith("% of the 8-bit samples are equal") for line in lines)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.onnx")}
    assert main(["export", str(weights), "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("exists already\nhint: `--force` overwrites it\n")
    assert before == {path: path.read_bytes() for path in tmp_path.glob("*.onnx")}
