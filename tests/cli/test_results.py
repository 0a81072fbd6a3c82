"""Output files: they overwrite nothing by default, and revealed secrets are private."""

import os
import stat
from pathlib import Path

import pytest

HIDING = [
    "hide cover.png secret.jpg -o out.png --key-file k",
    "hide cover.mkv secret.mkv -o out.mkv --key-file k",
    "hide --method sealed cover.png notes.txt -o out.png --key-file k",
    "hide --method sealed cover.mkv notes.txt -o out.mp4 --key-file k",
]
REVEALING = [
    "reveal c.png -o out.png --key-file k",
    "reveal c.mkv -o out.mkv --key-file k",
    "reveal sealed.png -o out.txt --key-file k",
    "enhance cover.png -o out.png",
    "enhance cover.mkv -o out.mp4",
]
CONTAINERS = {
    "c.png": "hide cover.png secret.jpg -o c.png --key-file k",
    "c.mkv": "hide cover.mkv secret.mkv -o c.mkv --key-file k",
    "sealed.png": "hide --method sealed cover.png notes.txt -o sealed.png --key-file k",
}


@pytest.fixture
def line(request, stegnet, folder) -> str:
    """A command, after its input has been made."""
    (folder / "notes.txt").write_text("what was said")
    taken = request.param.split()[1]
    if taken in CONTAINERS:
        assert stegnet(CONTAINERS[taken])[0] == 0
    return request.param


def out_of(line: str) -> Path:
    return Path(line.split()[line.split().index("-o") + 1])


def mode(path: str | Path) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.mark.parametrize("line", HIDING + REVEALING, indirect=True)
def test_an_output_created_meanwhile_is_not_overwritten(stegnet, folder, monkeypatch, line):
    before, link, out = sorted(folder.iterdir()), os.link, out_of(line)

    def overtaken(part: Path, path: Path) -> None:
        path.write_text("the other run's")
        link(part, path)

    monkeypatch.setattr(os, "link", overtaken)
    told = f"error: {out}: exists already\nhint: `--force` overwrites it\n"
    assert stegnet(line) == (1, "", told)
    assert out.read_text() == "the other run's"
    assert sorted(folder.iterdir()) == sorted([*before, folder / out])
    assert stegnet(f"{line} --force")[0] == 0
    assert out.read_bytes() != b"the other run's"


@pytest.mark.parametrize("line", REVEALING, indirect=True)
def test_revealed_secrets_are_private(stegnet, line):
    out_of(line).touch(0o644)
    assert stegnet(f"{line} --force")[0] == 0
    assert mode(out_of(line)) == 0o600


@pytest.mark.parametrize("line", HIDING, indirect=True)
def test_containers_have_default_permissions(stegnet, line):
    Path("plain").touch()
    assert stegnet(line)[0] == 0
    assert mode(out_of(line)) == mode("plain")


def test_folders_of_revealed_secrets_are_private(stegnet):
    Path("covers").mkdir()
    Path("cover.png").rename("covers/a.png")
    assert stegnet("hide covers secret.jpg -o containers --key-file k")[0] == 0
    assert mode("containers") == mode("covers")
    assert stegnet("reveal containers -o secrets --key-file k")[0] == 0
    assert (mode("secrets"), mode("secrets/a.png")) == (0o700, 0o600)
    Path("there").mkdir(0o755)
    assert stegnet("reveal containers -o there --key-file k")[0] == 0
    assert (mode("there"), mode("there/a.png")) == (mode("covers"), 0o600)


def test_a_key_file_is_synced_to_disk(stegnet, folder, monkeypatch):
    sync, synced = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_ino), sync(number)))
    assert stegnet("keygen new")[0] == 0
    assert mode("new") == 0o600
    assert synced == [Path("new").stat().st_ino, folder.stat().st_ino]
