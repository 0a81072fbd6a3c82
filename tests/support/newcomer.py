"""Someone who has installed the wheel alone, with the files that the pages name, and does what the pages print."""

import os
import re
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from random import Random
from zipfile import ZipFile

import numpy as np
from PIL import Image

from tests.support.films import ffmpeg, picture
from tests.support.printed import Printed
from tests.support.waiting import LIMIT

_APP, _MESSENGER = 400, 1280  # pixels of the longer side that a picture arrives with
_SOUND = "-f lavfi -i anoisesrc=d=2:a=0.3:r=44100"
_NUMBER = re.compile(r"\d[\d,.]*")


def make_files() -> None:
    """Makes the files that the pages name in the current folder; all but two are small."""
    random = Random("files")
    for name, height, width in (("photo", 960, 1280), ("other", 900, 1200)):
        Image.fromarray(_textured(height, width)).save(f"{name}.jpg", quality=92)
    Image.fromarray(_textured(3000, 4000)).save("phone.jpg", quality=92)
    Image.fromarray(_textured(360, 480)).save("photo.png")
    Image.fromarray(_textured(360, 480)).save("cover.png")
    Image.fromarray(_textured(120, 160)).save("secret.jpg")
    Image.fromarray(np.dstack([_textured(200, 200), picture(200, 200, 1)[..., 0]])).save("logo.png")
    for folder, count in (("photos", 20), ("covers", 2), ("secrets", 2)):
        Path(folder).mkdir()
        for number in range(count):
            height, width = (300, 360) if folder == "secrets" else (360, 480)
            Image.fromarray(_textured(height, width, number)).save(f"{folder}/{number}.jpg")
    Path("papers").mkdir()
    Path("papers/one.txt").write_text("one\n")
    Path("note.txt").write_text("Meet me at eight.\n")
    Path("letter.pdf").write_bytes(b"%PDF-1.4\n" + random.randbytes(1500))
    Path("contract.pdf").write_bytes(b"%PDF-1.4\n" + random.randbytes(200_000))
    with ZipFile("big.zip", "w") as archive:
        archive.writestr("big", random.randbytes(3_500))
    Path("passphrase").write_text("abacus-thirsty-ledge-nimble-quarry-0fox\n")
    shutil.copy("other.jpg", "test.jpg")
    _send("test.jpg", "test-received.jpg", _MESSENGER)
    for sent, arrived in (("photo.jpg", "received.jpg"), ("received.jpg", "again.jpg")):
        _send(sent, arrived, _APP)

    # A slow pan with grain, so that B pictures carry something, in as many frames as a container for messengers needs.
    scene, grain = _textured(360, 740), np.random.default_rng(0)
    for number in range(48):
        frame = scene[:, number : number + 640] + grain.normal(0, 3, (360, 640, 1))
        Image.fromarray(frame.clip(0, 255).astype(np.uint8)).save(f"frame{number}.bmp")
    for name, codecs in (("cover", "-crf 12 -bf 3"), ("secret", "-crf 30 -vf scale=160:90")):
        coded = f"-c:v libx264 -pix_fmt yuv420p {codecs} -c:a aac -b:a 32k -shortest"
        ffmpeg(f"-framerate 24 -i frame%d.bmp {_SOUND}", Path(f"{name}.mp4"), coded)
    shutil.copy("cover.mp4", "film.mp4")
    ffmpeg("-f lavfi -i anoisesrc=d=5:a=0.3:r=44100", Path("song.flac"), "-c:a flac")
    for drawn in Path().glob("frame*.bmp"):
        drawn.unlink()


def _textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture with fine texture, as photographs of leaves have."""
    noise = np.random.default_rng(seed).normal(0, 12, (height // 2, width // 2))
    return (picture(height, width, seed) + np.kron(noise, np.ones((2, 2)))[..., None]).clip(0, 255).astype(np.uint8)


def _send(sent: str, arrived: str, pixels: int) -> None:
    """Send a picture by an app, which reduces larger ones and saves all of them again."""
    subprocess.run(["/usr/bin/convert", sent, "-resize", f"{pixels}x{pixels}>", "-quality", "75", arrived], check=True)


@dataclass
class Newcomer:
    """Runs printed lines one after the other in the current folder.

    Attributes:
        programs: folder of the environment's programs.
        recipient: what `stegnet1…` stands for.
        made: names that earlier lines wrote.
    """

    programs: Path
    recipient: str = ""
    made: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """Of this process, only what every user's has: no path to the checkout."""
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "LANG") if name in os.environ}
        return {**kept, "PATH": f"{self.programs}:/usr/bin:/bin", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}

    def do(self, printed: Printed) -> None:
        """Runs a line, checks that it succeeds, and that it says what the page shows."""
        line = printed.text.replace("stegnet1…", self.recipient or "stegnet1…")
        for name in re.findall(r"(?: -o|>) (\S+)", line):
            if name in self.made:  # a page's recipes write the same names: a reader does one of them
                shutil.rmtree(name) if Path(name).is_dir() else Path(name).unlink(missing_ok=True)
            self.made.add(name)
        for arrived, pixels in (("arrived.jpg", _APP), ("saved.jpg", _MESSENGER)):
            if arrived in line:
                _send("sent.jpg", arrived, pixels)
        if re.match(r"stegnet gui\b", line):
            self._look_at_window()
            return
        in_terminal = ["script", "-qec", line, "/dev/null"]
        done = subprocess.run(
            in_terminal if "--qr" in line else ["sh", "-c", line],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env=self.environment, timeout=LIMIT, check=False,
        )  # fmt: skip
        assert (done.returncode, "Traceback" in done.stdout) == (0, False), f"$ {line}\n{done.stdout}"
        if found := re.search(r"stegnet1[0-9a-z]{20,}", done.stdout):
            self.recipient = found[0]
        check_shown(printed, done.stdout)

    def _look_at_window(self) -> None:
        """Starts the window without a browser, and asks for its page."""
        command = [str(self.programs / "stegnet"), "gui", "--no-browser"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment
        ) as gui:
            assert gui.stdout
            try:
                found = next(found for line in gui.stdout if (found := re.search(r"http://\S+", line)))
                with urllib.request.urlopen(found[0], timeout=LIMIT) as page:
                    assert "stegnet" in page.read().decode()
            finally:
                gui.terminate()


def check_shown(printed: Printed, output: str) -> None:
    """Checks that a line's output is what the page shows: numbers within 2 %, of changed samples within 20 %."""
    if not printed.shown:
        return
    shown = "\n".join(printed.shown)
    pattern = _NUMBER.sub("0", shown)
    pattern = re.escape(pattern).replace(re.escape("…"), ".*").replace("0", r"(\d[\d,.]*)")
    found = re.fullmatch(pattern, output.strip(), re.DOTALL)
    assert found, f"$ {printed.text}\n{output}\nis not what the page shows:\n{shown}"
    for number, there, rest in zip_longest(_NUMBER.findall(shown), found.groups(), _NUMBER.split(shown)[1:]):
        tolerance = 0.2 if rest.startswith(" of ") else 0.02
        value, said = (float(each.rstrip(".,").replace(",", "")) for each in (there, number))
        assert abs(value - said) <= tolerance * said, f"$ {printed.text}\nsays {there}, the page {number}"
