"""Choice of the container's quality in `codec.robust_files`, and faulty disks; the rest is tested by the CLI."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from stegnet.core.card import SHIPPED_MODEM
from stegnet.core.errors import MediaError
from stegnet.core.progress import no_progress
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.modem import read_rungs
from stegnet.methods.robust.pictures import CONTAINER_PSNR, _finest, _Secret, forecast_room
from stegnet.methods.robust.survival import choose_rung

RUNGS = read_rungs(SHIPPED_MODEM)


@pytest.mark.parametrize(("channel", "size", "expected"), [
    ("jpeg:75", 10, 42.0),
    ("jpeg:90", 10, 42.0),
    ("jpeg:75", 4000, CONTAINER_PSNR),
    ("jpeg:75", 100_000, CONTAINER_PSNR),
    ("jpeg:60", 10, CONTAINER_PSNR),  # no rung of 42 dB is that robust
    ("messenger", 10, CONTAINER_PSNR),
])  # fmt: skip
def test_a_small_file_gets_the_finest_container(tmp_path: Path, channel: str, size: int, expected: float) -> None:
    secret = tmp_path / "note.txt"
    secret.write_bytes(bytes(size))
    assert _finest(SimpleNamespace(rungs=RUNGS), parse_channel(channel), secret, 320, 480) == expected


def test_the_forecast_of_a_finer_container_is_smaller() -> None:
    channel = parse_channel("jpeg:75")
    rooms = [forecast_room(choose_rung(RUNGS, channel, wanted), 320, 480) for wanted in (42.0, 38.0)]
    assert 500 < rooms[0] < rooms[1] < 10_000


def test_a_secret_that_a_faulty_disk_does_not_give(tmp_path: Path, monkeypatch) -> None:
    secret = tmp_path / "note.txt"
    secret.write_bytes(b"meet me at eight")

    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(MediaError, match=r"note\.txt: can't be read \(Input/output error\)"):
        _Secret(secret, 1 << 16, no_progress, lambda size: "").fit(1000)
