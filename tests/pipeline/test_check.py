from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.check import main
from pipeline.stage import program, run_stage
from stegnet import ConfigError, StegnetError
from tests.support.lab import PARAMS, ROOT, Config, changed, check, read

DATA = ROOT / "assets"
HERE = {  # paths that are there
    "data.folder": str(DATA), "data.test_folder": "data",
    "video.cover": str(DATA / "cover.mp4"), "video.secret": str(DATA / "secret.mp4"),
}  # fmt: skip


def asked(changes: dict[str, object]) -> Config:
    return check(changed(read(PARAMS), HERE | changes))


def config(backbone: str) -> Config:
    """A U-Net with a backbone."""
    return asked({"model.name": "timm_unet", "model.backbone": backbone, "model.width": 8})


def checked(config: Config, folder: Path) -> None:
    main(config, DATA, folder / "checked.json", folder / "code.json")


def test_a_film_s_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key", encoding="utf-8")
    for given, told in (("nowhere", r"^params.yaml: video.key: there is no file nowhere$"), ("key", "not a key file")):
        with pytest.raises(StegnetError, match=told):
            checked(asked({"video.key": given if given == "nowhere" else str(tmp_path / given)}), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"key"}


@pytest.mark.parametrize("backbone", ["efficientformer_l1", "none"])
def test_a_network_that_can_t_be_trained_is_refused_before_anything_is_prepared(backbone: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^model.backbone: [^\n]+$"):
        checked(config(backbone), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "changes",
    [
        {"model.pretrained": True, "model.backbone": "none"},
        {"model.backbone": "test_resnet", "model.ends": 0},
        {"model.place": "base", "model.ends": 0},
        {"train.base_weight": 0.5, "model.ends": 0},
        {"data.source": "sceness"},
        {"data.source": "scenes+torchvision:Nothing"},
        {"train.start": "shipped", "model.width": 64},
        {"train.batch": 10, "train.devices": 3},
        {"train.loss.own": "os:path"},
        {"train.loss.own": "builtins:len"},
        {"video.cover": "nothing.mp4"},
        {"detect.backbone": "nothing"},
    ],
)
def test_what_a_stage_would_refuse_or_what_acts_on_nothing_is_refused(
    changes: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"^(params.yaml: )?{next(iter(changes))}: [^\n]+$"):
        checked(asked(changes), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("model.backbone", {"model.name": "unet", "model.backbone": "resnet18"}),
        (
            "model.ends",
            {"model.name": "study.zoo.stegformer:StegFormer", "model.ends": 2, "code": "study/zoo/stegformer.py"},
        ),
        ("model.pretrained", {"model.name": "baluja", "model.pretrained": True}),
        ("train.base_weight", {"model.name": "invertible", "train.base_weight": 0.5}),
        ("train.warmup", {"train.warmup": 20, "train.pairs": 160}),
    ],
)
def test_what_another_family_left_and_a_long_warm_up_are_said(
    key: str,
    changes: dict[str, object],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DVC keeps the values of -S."""
    monkeypatch.chdir(ROOT)
    checked(asked(changes), tmp_path)
    assert [line.partition(": ")[2].partition(":")[0] for line in caplog.messages] == [key]


def test_a_detector_that_can_t_be_built_is_refused_unless_it_is_off(tmp_path: Path) -> None:
    """A vision transformer's stem cuts patches."""
    params = config("test_resnet")
    wrong = replace(params, detect=replace(params.detect, backbone="vit_tiny_patch16_224", pairs=1))
    with pytest.raises(ConfigError, match=r"^detect.backbone: "):
        checked(wrong, tmp_path)
    checked(replace(wrong, detect=replace(wrong.detect, pairs=0)), tmp_path)


def test_a_network_that_learns_passes_and_a_full_disk_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked(config("test_resnet"), tmp_path)
    assert (tmp_path / "checked.json").is_file()
    with pytest.raises(SystemExit, match="1"), program():
        main(config("test_resnet"), DATA, Path("/dev/full"), Path("/dev/full"))
    said = capsys.readouterr().err.splitlines()
    assert said[-2] == "error: a file can't be written (No space left on device)"
    assert said[-1].startswith("hint: free space")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy in which DVC runs the stage for --queue and --temp; the test is in it."""
    (folder := tmp_path / ".dvc" / "tmp" / "exps" / "a").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["check", "data", "checked.json", "code.json"])
    monkeypatch.chdir(folder)
    return folder


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Of what the stage says when it is refused."""
    with pytest.raises(SystemExit, match="1"):
        run_stage(main, "data", "checked", "code", reads=Config)
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
