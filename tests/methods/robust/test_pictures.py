"""Choice of the container's quality, and faulty disks; the rest is tested by the command line."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.core.card import SHIPPED_MODEM
from stegnet.evaluation.demonstration import seeded
from stegnet.methods import METHODS, Run
from stegnet.methods.robust import RobustOptions
from stegnet.results import OutputTarget
from tests.support.modem import index_modem

pytestmark = pytest.mark.slow

ROBUST = METHODS["robust"]


@pytest.fixture
def files(tmp_path, picture) -> tuple[Path, Path, OutputTarget]:
    Image.fromarray(picture(160, 240, 3)).save(tmp_path / "cover.png")
    (tmp_path / "note.txt").write_bytes(b"meet me at eight")
    return tmp_path / "cover.png", tmp_path / "note.txt", OutputTarget(tmp_path / "out.jpg", force=True)


def test_the_usual_quality_is_that_of_38_db(files, key):
    """A small file changes few blocks, so that its container is the better one."""
    cover, secret, out = files
    found = []
    for size in (10, 900):
        secret.write_bytes(np.random.default_rng(0).bytes(size))
        choices = RobustOptions(), RobustOptions(container_psnr=38.0)
        runs = [ROBUST.hide(cover, secret, out, key, each, Run(randomness=seeded(1))).hiding for each in choices]
        assert runs[0].container_psnr == runs[1].container_psnr
        found.append(runs[0].container_psnr)
    assert found[0] > found[1] + 3


def test_a_secret_that_a_faulty_disk_does_not_give(files, key, monkeypatch):
    cover, secret, out = files

    def fail(path: Path) -> bytes:
        if path == secret:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(path)

    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", fail)
    run = Run(networks={SHIPPED_MODEM: index_modem()})
    with pytest.raises(MediaError, match=r"note\.txt: can't be read \(Input/output error\)"):
        ROBUST.hide(cover, secret, out, key, RobustOptions(container_psnr=38), run)
    assert not out.path.exists()
