import sys

from stegnet.formats.opened_file import OpenedFile
from stegnet.video.films import open_film


def test_ffmpeg_reads_without_python_code(tmp_path, make_film):
    """Ctrl-C in a function that FFmpeg calls would be lost, and the film end there."""
    path = make_film(tmp_path / "a.mov", 12, codec="png", pix_fmt="rgb24")
    assert path.stat().st_size > 2**17  # FFmpeg reads 32 kB at a time
    called = set()
    with OpenedFile(path) as file, open_film(file) as film:
        packets = film.demux(film.streams.video)
        sys.setprofile(lambda frame, event, _: called.add(frame.f_globals["__name__"]))
        try:
            size = sum(packet.size for packet in packets)
        finally:
            sys.setprofile(None)
    assert size > 2**17
    assert __name__ in called
    assert not any(name.startswith("stegnet") for name in called)
