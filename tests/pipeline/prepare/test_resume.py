"""A run that was killed continues: what is finished is kept, and the result is that of a run in one go."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pipeline.prepare.prepare import map_in_pool
from stegnet import ConfigError
from stegnet.networks.pair import find_family
from tests.support.lab import MEANS, ROOT, DataError, prepare, read_manifest
from tests.support.temporary import contents

SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from pipeline.config import load
from pipeline.parameters.whole import Config
from pipeline.parameters.training import ScrambleConfig
from pipeline.prepare.prepare import prepare

def told(records, total):
    for record in records:
        print(record[0], flush=True)
        yield record

if __name__ == "__main__":
    given = load(Path("params.yaml"), Config).data
    config = replace(given, side=64, scenes=20, validation_scenes=4, test_scenes=4, shard=4, test_folder="data",
                     test_photographs=False, workers=1)
    prepare(config, ScrambleConfig(base="means", quality=85, block=8), 0, Path(), Path(sys.argv[1]), told)
"""


@pytest.fixture
def folder(tmp_path, picture) -> Path:
    """Twenty pictures, and ten of them with other bytes."""
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(20):
        Image.fromarray(picture(64, 64, index)).save(folder / f"{index:02d}.png")
        if index % 2:
            Image.fromarray(picture(64, 64, index)).save(folder / f"z{index:02d}.bmp")
    return folder


@pytest.fixture
def run(data_config, folder, tmp_path) -> Callable[..., list[int]]:
    """Prepares the folder; returns the numbers of the parts that were prepared until a stop."""

    def call(out: str, stop: int = 100, **changes) -> list[int]:
        config = data_config(source="folder", folder=str(folder), **({"test_share": 0.4} | changes))
        done: list[int] = []

        def progress(records, total):
            for record in records:
                done.append(record[0])
                yield record
                if len(done) == stop:
                    raise KeyboardInterrupt
            assert len(done) == total

        try:
            prepare(config, MEANS, 0, tmp_path / "data", tmp_path / out, progress)
        except KeyboardInterrupt:
            assert not (tmp_path / out).exists()
        return done

    return call


def test_finished_parts_are_kept(run, tmp_path):
    everything = run("whole")
    assert run("cut", 2) == everything[:2]
    assert [run("cut", 2), run("cut", workers=2)] == [everything[2:4], everything[4:]]
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")
    assert not (tmp_path / "cut.part").exists()
    rows = list(read_manifest(tmp_path / "whole"))
    assert len({row.sha256 for row in rows}) == len({(row.sha256, row.split) for row in rows}) == 20 + 2
    assert len(rows) < 30 + 2  # a copy in another split is left out


def test_a_part_that_was_cut_off_is_prepared_again(run, tmp_path):
    everything = run("whole")
    run("cut", 2)
    last = max((tmp_path / "cut.part").iterdir(), key=lambda part: part.stat().st_mtime)
    (last / "pictures.json").unlink()
    last.rename(last.with_name(f"{last.name}.new"))  # as a killed process leaves it
    assert run("cut") == everything[1:]
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")


@pytest.mark.parametrize("change", [{"side": 56}, {"test_share": 0.5}, {"coding": "webp"}])
def test_other_settings_start_over(run, change):
    everything = run("whole")
    run("cut", 2)
    assert run("cut", 1, **change) == [0]
    assert run("cut") == everything[2:]  # parts of the first settings are kept until the end


def test_a_new_or_changed_file_repeats_its_parts(run, folder, tmp_path):
    everything = run("whole")
    run("cut", 3)
    (folder / "00.png").touch()
    assert run("cut", 1) == everything[:1]
    Image.open(folder / "00.png").rotate(90).save(folder / "zz.png")
    assert run("cut") == [*everything[3:], 8]
    assert "zz.png" in {row.name for row in read_manifest(tmp_path / "cut")}


def test_a_part_that_can_t_be_read(run, tmp_path):
    run("cut", 2)
    part = next((tmp_path / "cut.part").iterdir())
    (part / "pictures.json").write_text("[")
    with pytest.raises(DataError, match=rf"^{part}: can't be read \(.*\)$") as caught:
        run("cut")
    assert caught.value.hint == f"remove {tmp_path}/cut.part, and start again"


def test_a_killed_process_leaves_what_it_finished(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)

    def start(out: str) -> subprocess.Popen:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / out)]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    with start("cut") as process:
        first = [int(process.stdout.readline()) for _ in range(3)]
        os.killpg(process.pid, signal.SIGKILL)
    with start("cut") as process, start("whole") as undisturbed:
        second, everything = ([int(line) for line in each.stdout] for each in (process, undisturbed))
    assert process.returncode == 0
    assert not set(first) & set(second)
    assert len(second) < len(everything) == 7
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")


# Work in processes of this machine; on real nodes: tests/cluster


def test_a_worker_imports_neither_torch_nor_mlflow():
    heavy = "{'torch', 'mlflow', 'pandas', 'ray'} & set(__import__('sys').modules)"
    worker = f"import pipeline.prepare.prepare; print({heavy})"
    assert subprocess.check_output([sys.executable, "-c", worker], text=True) == "set()\n"


def test_items_are_taken_only_a_few_ahead():
    taken = []
    results = map_in_pool(abs, (taken.append(index) or index for index in range(100)), 2)
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()


def test_a_killed_process():
    with pytest.raises(DataError, match="a process that prepares pictures was killed") as caught:
        list(map_in_pool(os._exit, [9], 2))
    assert "what is finished is kept" in caught.value.hint


def test_an_error_is_raised_as_if_it_had_happened_here():
    with pytest.raises(ConfigError, match=r"^model.name: unknown family 'balujo'$") as caught:
        list(map_in_pool(find_family, ["costa", "balujo"], 2))
    assert caught.value.hint.startswith("did you mean baluja?")
