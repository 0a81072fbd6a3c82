"""A pseudo-terminal, on which a command runs."""

import os
import pty

from tests.support.waiting import LIMIT


def typed(program, line: str, *answers: str) -> tuple[int, str]:
    """Runs a command on a pseudo-terminal with typed answers; returns the exit code and the terminal's output."""
    mine, its = pty.openpty()
    with program(line, stdin=its, stdout=its, stderr=its, preexec_fn=lambda: _take_terminal(its)) as process:
        os.close(its)
        shown = ""
        for answer in answers:
            shown += _until(mine, ":")
            # Behind ^C no line ends: where the terminal is itself again by then, it echoes what is typed.
            os.write(mine, answer.encode() if answer == "\x03" else f"{answer}\n".encode())
        shown += _until(mine, None)
        process.wait(LIMIT)
    os.close(mine)
    return process.returncode, shown


def _take_terminal(terminal: int) -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _until(terminal: int, end: str | None) -> str:
    text = b""
    while end is None or not text.rstrip().endswith(end.encode()):
        try:
            part = os.read(terminal, 1024)
        except OSError:  # end of output on Linux
            break
        if not part:
            break
        text += part
    return text.decode()
