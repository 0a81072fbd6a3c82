"""Folders: which secret goes into which cover, what results are called, and what is told."""

import random
from pathlib import Path

import pytest

from stegnet import CapacityError, MediaError
from stegnet.files import hide_each, is_folder, plan_hiding, plan_revealing, results_folder, reveal_each
from stegnet.files.listing import natural
from stegnet.media import write_png
from stegnet.methods import Hidden
from stegnet.results import OutputTarget, Report


@pytest.fixture
def fill(tmp_path, picture, make_film, monkeypatch):
    """Makes a folder of pictures, films and texts by their names."""
    monkeypatch.chdir(tmp_path)

    def make(folder: str, *names: str) -> Path:
        Path(folder).mkdir()
        for name in names:
            path = Path(folder) / name
            if path.suffix == ".png":
                write_png(path, picture(16, 16))
            elif path.suffix == ".mkv":
                make_film(path, 2, 16, 16)
            else:
                path.write_text(name)
        return Path(folder)

    return make


def pairs(plan) -> list[str]:
    return [f"{job.source.name} {job.secret.name}" for job in plan.jobs]


def test_natural_order():
    ordered = ["1.png", "2.png", "10.png", "a1b2", "a1b10", "a02b1", "a2b1", "B", "c", "²"]
    mixed = random.Random(0).sample(ordered, len(ordered))
    assert sorted(mixed, key=natural) == ordered


def test_pictures_go_with_pictures_and_films_with_films(fill):
    covers = fill("covers", "1.png", "2.mkv", "3.png", "10.mkv", "11.png")
    secrets = fill("secrets", "z.png", "b.png", "a.mkv")
    plan = plan_hiding(covers, secrets)
    assert pairs(plan) == ["1.png b.png", "2.mkv a.mkv", "3.png z.png", "10.mkv a.mkv", "11.png b.png"]
    assert [job.kind for job in plan.jobs] == ["picture", "film", "picture", "film", "picture"]
    assert set(plan.notes) == {"2 pictures for 3 covers: repeated in order", "1 film for 2 covers: repeated in order"}
    plan = plan_hiding(covers, secrets / "b.png")
    assert ({job.secret.name for job in plan.jobs}, len(plan.jobs), plan.notes) == ({"b.png"}, 5, ())
    with pytest.raises(CapacityError, match="3 pictures to hide, and only 2 covers for that"):
        plan_hiding(secrets, covers)
    plan = plan_hiding(covers, fill("any", "a.txt", "b.png"), any_file=True)
    assert pairs(plan)[:3] == ["1.png a.txt", "2.mkv b.png", "3.png a.txt"]
    assert plan.notes == ("2 files for 5 covers: repeated in order",)
    assert {job.secret.name for job in plan_hiding(covers, Path("any/a.txt"), any_file=True).jobs} == {"a.txt"}


def test_skipped_files_are_reported(fill, monkeypatch):
    """But what may not be read is not skipped."""
    covers = fill("covers", ".hidden.png", "1.png", "notes.txt", *(f"{index}.csv" for index in range(6)))
    (covers / "folder").mkdir()
    (covers / "broken.png").symlink_to("nowhere")
    plan = plan_revealing(covers)
    assert [job.source.name for job in plan.jobs] == ["1.png"]
    assert plan.notes == (
        "covers: skipped, as hidden, or not files: .hidden.png, broken.png, folder",
        "covers: skipped, as neither pictures nor films: 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 2 more",
    )

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert len(plan_revealing(covers).jobs) == 8


def test_refused_plans(fill):
    covers, empty = fill("covers", "1.png"), fill("empty")
    for call in (lambda: plan_revealing(empty), lambda: plan_hiding(covers, empty), lambda: plan_hiding(empty, covers)):
        with pytest.raises(MediaError, match="empty: no picture and no film in this folder"):
            call()
    with pytest.raises(MediaError, match="empty: no file in this folder"):
        plan_hiding(covers, empty, any_file=True)
    with pytest.raises(MediaError, match="none: no such file"):
        plan_hiding(covers, Path("none"), any_file=True)
    with pytest.raises(MediaError, match="none: can't be read"):
        plan_revealing(Path("none"))
    assert is_folder(covers) and not is_folder(Path("none")) and not is_folder(Path("n" * 300))


def test_an_error_ends_its_pair_only(fill):
    plan = plan_hiding(fill("covers", "1.png", "2.png", "3.mkv"), fill("secrets", "s.png", "s.mkv"))
    calls = []

    def hide(cover: Path, secret: Path, out: OutputTarget) -> Report:
        calls.append((cover.name, secret.name, str(out.path), out.force, out.inputs))
        if cover.name == "1.png":
            raise MediaError("no luck")
        return Report(1, 1)

    outcomes = list(hide_each(plan, OutputTarget(Path("out"), True, (Path("k"),)), hide))
    names = [("1.png", "s.png"), ("2.png", "s.png"), ("3.mkv", "s.mkv")]
    assert calls == [(cover, secret, f"out/{cover}", True, (Path("k"),)) for cover, secret in names]
    assert [str(outcome.error) for outcome in outcomes] == ["no luck", "None", "None"]
    assert [outcome.out for outcome in outcomes] == [None, Path("out/2.png"), Path("out/3.mkv")]


def test_names_of_revealed_files(fill, key, monkeypatch):
    plan = plan_revealing(fill("containers", "1.png"))
    for kind, name, wanted in (
        ("picture", None, "1.png"),
        ("film", None, "1.mp4"),
        ("file", "report.pdf", "1.pdf"),
        ("file", "no suffix", "1.bin"),
        ("file", "..", "1.bin"),
        ("file", "a.b\nc", "1.bin"),
        ("file", "a." + "x" * 99, "1.bin"),
    ):
        hidden = type("Found", (Hidden,), {"kind": kind, "name": name, "write": None, "details": None})
        monkeypatch.setattr("stegnet.files.folder.find", lambda container, run, hidden=hidden: hidden(container, run))
        (outcome,) = reveal_each(plan, OutputTarget(Path("out")), key, lambda hidden, out: Report(1, 1))
        assert outcome.out == Path("out") / wanted


def test_the_folder_for_the_results(fill):
    """It is removed again if it was made and stays empty."""
    inputs = fill("inputs", "1.png")
    with results_folder(Path("empty"), inputs):
        assert Path("empty").is_dir()
    assert not Path("empty").exists()
    with results_folder(Path("full"), inputs):
        (Path("full") / "a").touch()
    (Path("full") / "a").unlink()
    with results_folder(Path("full"), inputs):
        pass
    assert Path("full").is_dir()
    for folder in (inputs, Path("inputs") / ".." / "inputs"):
        with pytest.raises(MediaError, match="is an input too"), results_folder(folder, inputs):
            pass
    with pytest.raises(MediaError, match="none can be made"), results_folder(inputs / "1.png", inputs):
        pass
