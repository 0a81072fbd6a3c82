"""Output files: they overwrite nothing by default, and revealed secrets are private."""

import os
import stat
from pathlib import Path

HIDING = (
    "hide cover.png secret.jpg -o out.png",
    "hide cover.mkv secret.mkv -o out.mkv",
    "hide --method sealed cover.png notes.txt -o out.png",
    "hide --method sealed cover.mkv notes.txt -o out.mp4",
)
REVEALING = (
    "reveal c.png -o out.png",
    "reveal c.mkv -o out.mkv",
    "reveal sealed.png -o out.txt",
    "enhance cover.png -o out.png",
    "enhance cover.mkv -o out.mp4",
)


def out_of(line: str) -> Path:
    return Path(line.split()[line.split().index("-o") + 1])


def mode(path: str | Path) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_an_output_created_meanwhile_is_not_overwritten(stegnet, hidden, monkeypatch):
    link = os.link

    def overtaken(part: Path, path: Path) -> None:
        path.write_text("the other run's")
        link(part, path)

    monkeypatch.setattr(os, "link", overtaken)
    for line in HIDING + REVEALING:
        before, out = sorted(hidden.iterdir()), out_of(line)
        assert stegnet(line) == (1, "", f"error: {out}: exists already\nhint: `--force` overwrites it\n")
        assert out.read_text() == "the other run's"
        assert sorted(hidden.iterdir()) == sorted([*before, hidden / out])
        out.chmod(0o644)
        assert stegnet(f"{line} --force")[0] == 0
        assert out.read_bytes() != b"the other run's"
        assert mode(out) == (0o600 if line in REVEALING else mode("cover.mkv")), line
        out.unlink()


def test_a_key_file_is_synced_to_disk(stegnet, folder, monkeypatch):
    sync, synced = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_ino), sync(number)))
    assert stegnet("keygen new")[0] == 0
    assert mode("new") == 0o600
    assert synced == [Path("new").stat().st_ino, folder.stat().st_ino]
