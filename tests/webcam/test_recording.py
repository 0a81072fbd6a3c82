"""Recording a film, in which a secret is hidden when the recording ends."""

from pathlib import Path

import pytest

import stegnet
from stegnet import CapacityError, MediaError
from stegnet.media import read_frames, scan
from stegnet.methods import AUTO, METHODS, Hider, Run
from stegnet.results import OutputTarget
from stegnet.webcam.recording import Recording, recorded

STAMPS = [0, 40, 90, 91, 500]


@pytest.fixture
def recording(tmp_path, key):
    """Makes a recording of a secret of so many bytes."""

    def make(size: int = 50) -> Recording:
        (tmp_path / "secret").mkdir()
        (tmp_path / "secret/s.txt").write_bytes(bytes(range(50)) * (size // 50))
        method = METHODS.choose(AUTO, {})
        hider = Hider(method, method.options(), Run())
        return Recording(tmp_path / "secret/s.txt", OutputTarget(tmp_path / "c.mkv"), key, hider, lambda report: None)

    return make


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_the_secret_is_in_the_film_with_its_times(recording, picture, tmp_path, key):
    with recorded(made := recording()) as add:
        for index, stamp in enumerate(STAMPS):
            add(picture(64, 96, index), stamp)
        (part,) = (path for path in tmp_path.iterdir() if path.is_file())
        assert (part.name != "c.mkv", part.stat().st_mode & 0o777) == (True, 0o600)
    assert files(tmp_path) == {"c.mkv"}
    assert [round(time * 1000) for time in scan(tmp_path / "c.mkv").times] == STAMPS
    assert stegnet.reveal(tmp_path / "c.mkv", key=key, strict=True).data == made.secret.read_bytes()


def test_a_failed_or_empty_recording_leaves_nothing(recording, picture, tmp_path):
    made = recording()
    with pytest.raises(MediaError, match=r"c\.mkv: not written: there was no frame"), recorded(made):
        pass
    with pytest.raises(ZeroDivisionError), recorded(made) as add:
        add(picture(64, 96), 0)
        assert len(files(tmp_path)) == 1
        raise ZeroDivisionError
    assert files(tmp_path) == set()


def test_a_recording_in_which_nothing_can_be_hidden_stays(recording, picture, tmp_path):
    made = recording(100_000)
    kept = f"; the recording, in which nothing is hidden, is {made.draft}"
    with pytest.raises(CapacityError, match=kept), recorded(made) as add:
        add(picture(64, 96), 0)
    assert files(tmp_path) == {"c.camera.mkv"}
    assert (next(read_frames(made.draft)) == picture(64, 96)).all()
    with pytest.raises(MediaError, match=r"c\.camera\.mkv: exists"), recorded(made):
        pytest.fail("the first recording would be lost")
