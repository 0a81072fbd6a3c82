"""Output of `stegnet info`."""

import json
import re

from PIL import ExifTags, Image

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


def test_a_cover_in_plain_words(stegnet):
    out = stegnet("info cover.png")[1].splitlines()
    assert out[0] == "kind: picture, 97×61"
    assert re.fullmatch(r"fits: any file up to [\d.]+ kB, byte for byte", out[1])
    assert re.fullmatch(r"fits: a picture of its own size, at about \d+ dB", out[2])
    assert re.fullmatch(
        r"fits with --survive jpeg:\d+: any file up to \d+ bytes or a picture of its own size, at .* dB", out[3]
    )
    assert out[-1].startswith("hidden: not looked for")


def test_a_container_in_plain_words(stegnet, hidden):
    for name, kind, what in (
        ("sealed.png", "picture, 97×61", "notes.txt, 280 bytes"),
        ("c.png", "picture, 97×61", "a picture, 40×50"),
        ("c.mkv", f"film, {FILM}, with sound", f"a film, {SECRET}, without sound"),
    ):
        code, out, _ = stegnet(f"info {name} --key-file k")
        assert (code, lines(out)) == (0, {"kind": kind, "hidden": what, "altered": "no"})


def test_too_small_for_anything(stegnet, folder, picture):
    write_png(folder / "dot.png", picture(1, 1))
    assert lines(stegnet("info dot.png")[1])["fits"] == "nothing: it is too small"


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
    shown = lines(stegnet("info c.png --key-file k --verbose")[1])
    told = json.loads(stegnet("info c.png --key-file k --json")[1])
    assert list(shown) == [name.replace("_", " ") for name in told]
    assert (shown["hidden width"], told["hidden_width"]) == ("40", 40)
    assert (shown["whole"], told["whole"]) == ("yes", True)
    assert (shown["trouble"], told["trouble"]) == ("none", [])


def test_tampering_sets_the_exit_code(stegnet, hidden):
    write_png(hidden / "c.png", altered(read_picture(hidden / "c.png")))
    code, out, _ = stegnet("info c.png --key-file k")
    assert (code, lines(out)["altered"]) == (3, "yes: the picture was altered since it was hidden")
    told = lines(stegnet("info c.png --key-file k --verbose")[1])
    assert (told["whole"], told["trouble"]) == ("no", "the picture was altered since it was hidden")


def test_what_a_picture_loses_is_told(stegnet, picture):
    """Of a cover always; of a secret if it does not come back byte for byte."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 31.0, 5.0)})
    Image.fromarray(picture(256, 320, 1)).convert("CMYK").save("cmyk.jpg", exif=exif.tobytes())
    Image.fromarray(picture(50, 40, 1)).convert("L").save("grey.png", exif=exif.tobytes())
    lost = ["its colours are CMYK: converted to RGB", "EXIF with GPS position is left out"]
    assert re.findall("^note: (.*)$", stegnet("info cmyk.jpg")[1], re.MULTILINE) == lost
    assert json.loads(stegnet("info --json cmyk.jpg")[1])["notes"] == lost
    as_it_is, by_network = (
        stegnet(f"hide cmyk.jpg grey.png -o {method}.png --method {method}")[2].splitlines()
        for method in ("sealed", "network")
    )
    assert [f"note: cover: {line}" for line in lost] == [line for line in as_it_is if ": cover: " in line]
    assert not [line for line in as_it_is if "secret: " in line]
    assert "note: secret: it is grey: converted to RGB" in by_network
    assert "note: secret: EXIF with GPS position is left out" in by_network


def test_what_a_grey_cover_and_a_palette_hold(stegnet, folder):
    with Image.open(folder / "cover.png") as cover:
        cover.convert("L").save(folder / "grey.png")
        cover.quantize(65).save(folder / "palette.png")
    out = stegnet("info grey.png")[1].splitlines()
    assert out[0] == "kind: grey picture, 97×61"
    assert re.fullmatch(r"fits: any file up to \d+ bytes, byte for byte", out[1])
    told = lines(stegnet("info palette.png")[1])
    assert told["fits"] == "nothing: has a palette of 65 colours, and what is hidden would give it others"
