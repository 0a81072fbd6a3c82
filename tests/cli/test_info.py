"""Output of `stegnet info`."""

import json

import pytest

from stegnet.media import read_picture, write_png
from tests.support.tampering import altered


def lines(out: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in out.splitlines())


@pytest.mark.parametrize("name", ["cover.png", "cover.mkv"])
def test_without_a_key_a_container_looks_like_its_cover(stegnet, name):
    suffix, secret = {"cover.png": (".png", "secret.jpg"), "cover.mkv": (".mkv", "secret.mkv")}[name]
    stegnet(f"hide {name} {secret} -o c{suffix} --key-file k")
    code, cover, err = stegnet(f"info {name}")
    assert (code, err) == (0, "")
    assert stegnet(f"info c{suffix}") == (0, cover, "")
    assert lines(cover)["hidden"].startswith("unknown: nobody can tell")


def test_lines_and_json_agree(stegnet):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    shown = lines(stegnet("info c.png --key-file k")[1])
    told = json.loads(stegnet("info c.png --key-file k --json")[1])
    assert list(shown) == [name.replace("_", " ") for name in told]
    assert (shown["hidden width"], told["hidden_width"]) == ("40", 40)
    assert (shown["whole"], told["whole"]) == ("yes", True)
    assert (shown["trouble"], told["trouble"]) == ("none", [])


def test_tampering_sets_the_exit_code(stegnet, folder):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    write_png(folder / "c.png", altered(read_picture(folder / "c.png")))
    code, out, _ = stegnet("info c.png --key-file k")
    assert (code, lines(out)["whole"]) == (3, "no")
    assert lines(out)["trouble"] == "the picture was altered since it was hidden"
