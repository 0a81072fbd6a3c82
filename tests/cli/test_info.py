"""Output of `stegnet info`."""

import json

from stegnet.cli.commands.info import _size
from stegnet.media import read_picture, write_png
from tests.support.tampering import altered

FILM, SECRET = ("96×64, 6 frames, 25 per second", "96×64, 4 frames, 25 per second")


def lines(out: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in out.splitlines())


def test_without_a_key_a_container_looks_like_its_cover(stegnet, hidden):
    for suffix in ("png", "mkv"):
        code, cover, err = stegnet(f"info cover.{suffix}")
        assert (code, err) == (0, "")
        assert stegnet(f"info c.{suffix}") == (0, cover, "")
        assert lines(cover)["hidden"].startswith("not looked for without the key; ")


def test_sizes():
    sizes = {
        0: "0 bytes",
        999: "999 bytes",
        1234: "1.23 kB",
        102_199: "102 kB",
        12_561_900: "12.5 MB",
        2 * 10**9: "2 GB",
    }
    assert {count: _size(count) for count in sizes} == sizes


def test_lines_and_json_agree(stegnet, hidden):
    """Of a container, and of one that was altered, which sets the exit code."""
    for whole, trouble in ((True, []), (False, ["the picture was altered since it was hidden"])):
        code, out, _ = stegnet("info c.png --key-file k --verbose")
        shown, told = lines(out), json.loads(stegnet("info c.png --key-file k --json")[1])
        names = [*(name.replace("_", " ") for name in told), "stegnet"]  # the last: version and kernels
        assert (code, list(shown)) == (0 if whole else 3, names)
        assert (shown["hidden width"], told["hidden_width"]) == ("40", 40)
        assert (shown["whole"], told["whole"]) == ("yes" if whole else "no", whole)
        assert (shown["trouble"], told["trouble"]) == (trouble[0] if trouble else "none", trouble)
        write_png(hidden / "c.png", altered(read_picture(hidden / "c.png")))
