"""Whatever ends a run early leaves no half file, no thread and no traceback."""

import signal
import subprocess
import time

import pytest


def test_an_interrupt_leaves_nothing(stegnet, folder, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("stegnet.codec.film.hide_frame", interrupted)
    before = sorted(folder.iterdir())
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k") == (130, "", "error: interrupted\n")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("line", "number", "code", "told"),
    [
        ("hide long.mkv long.mkv -o c.mkv", signal.SIGTERM, 143, "terminated"),
        ("hide long.mkv long.mkv -o c.mp4", signal.SIGINT, 130, "interrupted"),
        ("hide --method sealed long.mkv k -o c.mkv", signal.SIGHUP, 129, "the terminal was closed"),
    ],
)
def test_a_signal_leaves_nothing(program, folder, make_film, line, number, code, told):
    make_film(folder / "long.mkv", 60, 256, 256)
    before = sorted(folder.iterdir())
    with program(f"{line} --key-file k", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not list(folder.glob(".*.m*")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        process.send_signal(number)  # an impatient user
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", f"error: {told}\n")
    assert sorted(folder.iterdir()) == before


def test_a_folder_keeps_what_was_done(stegnet, folder, monkeypatch):
    from stegnet.codec import files

    (folder / "covers").mkdir()
    for name in ("1.png", "2.png"):
        (folder / "covers" / name).write_bytes((folder / "cover.png").read_bytes())
    hide, calls = files.hide_picture, []

    def once(*arguments, **more):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return hide(*arguments, **more)

    monkeypatch.setattr("stegnet.codec.files.hide_picture", once)
    code, out, err = stegnet("hide covers secret.jpg -o out --key-file k")
    assert (code, out, err) == (130, "wrote out/1.png: 97x61, SIZE\n", "error: interrupted\n")
    assert [path.name for path in (folder / "out").iterdir()] == ["1.png"]


def test_an_ignored_signal_stays_ignored(stegnet, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        monkeypatch.setattr("stegnet.codec.info.look", lambda *arguments: signal.raise_signal(signal.SIGHUP) or {})
        assert stegnet("info cover.png") == (0, "", "")
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_put_back(stegnet):
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    stegnet("info cover.png")
    assert [signal.getsignal(number) for number in numbers] == before
