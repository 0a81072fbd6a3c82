"""The program ffmpeg."""

from pathlib import Path

import pytest

from stegnet import DiskError, MediaError
from stegnet.core.disk import temporary_folder
from stegnet.formats.ffmpeg_cli import input_file, run_ffmpeg


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_named(make_film, tmp_path: Path) -> None:
    streams, options = [input_file(make_film(tmp_path / "film.mkv"))], {"format": "matroska", "codec": "copy"}
    with pytest.raises(MediaError, match=r"^/dev/full: can't be written \(No space"):
        run_ffmpeg(Path("/dev/full"), streams, options, "no film")
    with pytest.raises(DiskError, match="temporary files can't be written"), temporary_folder() as folder:
        (folder / "full").symlink_to("/dev/full")
        run_ffmpeg(folder / "full", streams, options, "no film")
