from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.check import main
from pipeline.stage import program, run_stage
from stegnet import ConfigError
from tests.support.lab import PARAMS, ROOT, Config, changed, check, load, read


def config(backbone: str) -> Config:
    """A U-Net with a backbone, beside a folder that is there."""
    params = load(PARAMS)
    model = replace(params.model, name="timm_unet", backbone=backbone, width=8)
    return replace(params, data=replace(params.data, folder=str(ROOT / "assets")), model=model)


@pytest.mark.parametrize("backbone", ["efficientformer_l1", "none"])
def test_a_network_that_can_t_be_trained_is_refused_before_anything_is_prepared(backbone: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^model.backbone: [^\n]+$"):
        main(config(backbone), tmp_path / "checked.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "changes",
    [
        {"model.name": "unet", "model.backbone": "resnet18"},
        {"model.name": "study.zoo.stegformer:StegFormer", "model.ends": 2},
        {"model.name": "baluja", "model.pretrained": True},
        {"model.name": "costa", "model.backbone": "none", "model.pretrained": True},
        {"model.name": "invertible", "train.base_weight": 0.5},
    ],
)
def test_a_value_that_the_family_does_not_use_is_refused(changes: dict[str, object], tmp_path: Path) -> None:
    asked = check(changed(read(PARAMS), {"data.folder": str(ROOT / "assets"), "data.test_folder": "data", **changes}))
    with pytest.raises(ConfigError, match=rf"^{[*changes][-1]}: [^\n]+$"):
        main(asked, tmp_path / "checked.json")


def test_a_detector_that_can_t_be_built_is_refused_unless_it_is_off(tmp_path: Path) -> None:
    """A vision transformer's stem cuts patches."""
    params = config("test_resnet")
    wrong = replace(params, detect=replace(params.detect, backbone="vit_tiny_patch16_224", pairs=1))
    with pytest.raises(ConfigError, match=r"^detect.backbone: "):
        main(wrong, tmp_path / "checked.json")
    main(replace(wrong, detect=replace(wrong.detect, pairs=0)), tmp_path / "checked.json")


def test_a_network_that_learns_passes_and_a_full_disk_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(config("test_resnet"), tmp_path / "checked.json")
    assert (tmp_path / "checked.json").is_file()
    with pytest.raises(SystemExit, match="1"), program():
        main(config("test_resnet"), Path("/dev/full"))
    said = capsys.readouterr().err.splitlines()
    assert said[-2] == "error: a file can't be written (No space left on device)"
    assert said[-1].startswith("hint: free space")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy in which DVC runs the stage for --queue and --temp; the test is in it."""
    (folder := tmp_path / ".dvc" / "tmp" / "exps" / "a").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["check", "checked.json"])
    monkeypatch.chdir(folder)
    return folder


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Of what the stage says when it is refused."""
    with pytest.raises(SystemExit, match="1"):
        run_stage(main, "out")
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.usefixtures("copy")
def test_a_copy_of_a_shallow_clone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """DVC would lose the results."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "shallow").touch()
    assert last_line(capsys) == "hint: git fetch --unshallow"


def test_an_experiment_with_a_refused_value_says_how_to_undo_it(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DVC leaves it in params.yaml; in a copy, it does not matter."""
    monkeypatch.setenv("DVC_EXP_NAME", "an-experiment")
    for folder, hinted in ((tmp_path, True), (copy, False)):
        (folder / "params.yaml").write_text("beta: -1\n", encoding="utf-8")
        monkeypatch.chdir(folder)
        assert ("git checkout params.yaml" in last_line(capsys)) == hinted
