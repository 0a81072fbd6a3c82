"""Revealed films in a browser: Chromium plays their pictures and sound."""

import json
import subprocess
from pathlib import Path

import pytest

from stegnet.files import reveal_file
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import Context
from stegnet.keys import Key
from stegnet.methods import METHODS
from stegnet.networks import SHIPPED
from stegnet.results import OutputTarget
from tests.demo.conftest import needs_chromium
from tests.support.films import encoded, still_film
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.night


@pytest.fixture(name="shown")
def play(demo: Path):
    """Plays films; returns what Chromium decoded of each."""
    needs_chromium()

    def shown(*films: Path) -> list[dict]:
        command = ["node", "tests/browser/play.js", *map(str, films)]
        done = subprocess.run(command, cwd=demo, text=True, capture_output=True, check=True, timeout=LIMIT)
        return json.loads(done.stdout)

    return shown


def test_chromium_plays_revealed_films(tmp_path, exact, shown):
    """Of both methods, with sides that are odd, and codecs that it does not play."""
    key, cover = Key(bytes(32)), still_film(tmp_path / "cover.mkv", 50, 201, 301)
    secret = still_film(tmp_path / "secret.mkv", 40, 81, 121)
    compressed = encoded(
        secret, tmp_path / "compressed.mkv", "-c:v", "libx265", "-pix_fmt", "yuv444p10le", "-c:a", "ac3"
    )
    films, run = [tmp_path / "network.mp4", tmp_path / "sealed.mp4"], Context(networks={SHIPPED: exact})
    for name, hidden, out in (("network", secret, films[0]), ("sealed", compressed, films[1])):
        method, container = METHODS.choose(name, {}, ".mkv"), tmp_path / f"{name}.mkv"
        hide_file(HideJob(method, method.info.options(verify=False), run), cover, hidden, OutputTarget(container), key)
        reveal_file(container, OutputTarget(out), key, context=run)
    for film in shown(*films, compressed)[:2]:
        assert (film["width"], film["height"], film["frames"]) == (122, 82, 40)
        assert film["seconds"] == pytest.approx(1.6, abs=0.06)
        assert film["soundBytes"] > 1000
        assert film["pixel"] == pytest.approx([120, 110, 98], abs=60)
