"""Files to hide in and to hide."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stegnet.core.progress import Progress, no_progress
from stegnet.media import write_png
from stegnet.methods import METHODS, Run
from stegnet.methods.network import run_of
from stegnet.results import OutputTarget, Report


@pytest.fixture
def inputs(tmp_path, picture, make_film, monkeypatch) -> Path:
    """cover.png, secret.png, cover.mkv, secret.mkv (with sound), notes.txt in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_png(Path("cover.png"), picture(64, 96, 1))
    write_png(Path("secret.png"), picture(40, 50, 2))
    make_film(Path("cover.mkv"), 6, 120, 160)
    make_film(Path("secret.mkv"), 4, 40, 48, seed=9, stamps=[0, 3, 10, 20], sound="aac")
    Path("notes.txt").write_text("a note")
    return tmp_path


@pytest.fixture
def hide(exact, key) -> Callable[..., Report]:
    """Hides a text by the method sealed, else by a network that loses nothing."""

    def run(cover: str, secret: str, out: str, key_source=key, progress: Progress = no_progress, **options) -> Report:
        method = METHODS["sealed" if secret.endswith(".txt") else "network"]
        target, own = OutputTarget(Path(out), force=True), run_of(exact, Run(progress=progress))
        return method.hide(Path(cover), Path(secret), target, key_source, method.options(**options), own)

    return run
