"""Folders: which secret goes into which cover, and what is skipped."""

import random
from pathlib import Path

import pytest

from stegnet import CapacityError, MediaError
from stegnet.files import is_folder, plan_hiding, plan_revealing
from stegnet.media import write_png


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


def test_natural_order(fill):
    ordered = [f"{name}.png" for name in ("1", "2", "10", "a1b2", "a1b10", "a02b1", "a2b1", "B", "c", "²")]
    mixed = fill("mixed", *random.Random(0).sample(ordered, len(ordered)))
    assert [job.source.name for job in plan_revealing(mixed).jobs] == ordered


def test_pictures_go_with_pictures_and_films_with_films(fill):
    covers = fill("covers", "1.png", "2.mkv", "3.png", "10.mkv", "11.png")
    secrets = fill("secrets", "z.png", "b.png", "a.mkv")
    plan = plan_hiding(covers, secrets)
    assert pairs(plan) == ["1.png b.png", "2.mkv a.mkv", "3.png z.png", "10.mkv a.mkv", "11.png b.png"]
    assert set(plan.notes) == {"2 pictures for 3 covers: repeated in order", "1 film for 2 covers: repeated in order"}
    plan = plan_hiding(covers, secrets / "b.png")
    assert ({job.secret.name for job in plan.jobs}, len(plan.jobs), plan.notes) == ({"b.png"}, 5, ())
    with pytest.raises(CapacityError, match="3 pictures to hide, and only 2 covers for that"):
        plan_hiding(secrets, covers)
    plan = plan_hiding(covers, fill("any", "a.txt", "b.png"), any_file=True)
    assert pairs(plan)[:3] == ["1.png a.txt", "2.mkv b.png", "3.png a.txt"]
    assert plan.notes == ("2 files for 5 covers: repeated in order",)


def test_skipped_files_are_reported(fill):
    covers = fill("covers", ".hidden.png", "1.png", "notes.txt", *(f"{index}.csv" for index in range(6)))
    (covers / "folder").mkdir()
    (covers / "broken.png").symlink_to("nowhere")
    plan = plan_revealing(covers)
    assert [job.source.name for job in plan.jobs] == ["1.png"]
    assert plan.notes == (
        "covers: skipped, as hidden, or not files: .hidden.png, broken.png, folder",
        "covers: skipped, as neither pictures nor films: 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 2 more",
    )
    with pytest.raises(MediaError, match="none: can't be read"):
        plan_revealing(Path("none"))
    assert not is_folder(Path("n" * 300))
