"""Common parts of all stage scripts: command line, params.yaml, errors, progress bars, output files."""

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from pipeline.config import check, flatten, read
from stegnet.core.disk import disk_errors
from stegnet.core.errors import ConfigError, StegnetError
from stegnet.core.names import TRUSTED
from stegnet.core.parallel import Progress
from stegnet.core.streams import escape_unprintable

if TYPE_CHECKING:
    import pandas as pd

bar = partial(tqdm, mininterval=1, dynamic_ncols=True, file=sys.stderr)


@contextmanager
def film_bar() -> Iterator[Progress]:
    """Show a progress bar for films."""
    with bar(unit="frame") as shown:

        def progress(doing: str, done: int, total: int) -> None:
            if done == 1:
                shown.reset(total)
                shown.set_description(doing)
            shown.update(done - shown.n)

        yield progress


def run_stage(work: Callable[..., None], *paths: str, reads: type | None = None) -> None:
    """Call `work(config, **paths)`, with paths from the command line, and exit as a program.

    Paths are the names of the command line's positional arguments; a name that ends in ? is optional. `config` has the
    parameters of params.yaml that `reads` names, a class of `pipeline.parameters`; without one, it is left out.
    """
    escape_unprintable()
    module = sys.modules[work.__module__]
    assert module.__spec__  # it runs by `python -m`
    name = module.__spec__.name.removesuffix(".__main__")
    epilog = "Paths: what the stage reads, then what it writes, as in dvc.yaml. Parameters: ./params.yaml."
    parser = argparse.ArgumentParser(f"python -m {name}", description=module.__doc__, epilog=epilog)
    for path in paths:
        parser.add_argument(path.rstrip("?"), type=Path, nargs="?" if path.endswith("?") else None)
    arguments = parser.parse_args()
    with program():
        root = Path(os.environ.get("DVC_ROOT", ".")).resolve()
        in_copy = Path.cwd().is_relative_to(root / ".dvc" / "tmp")  # of --queue and --temp
        if in_copy and (root / ".git" / "shallow").exists():
            # DVC can't store the results of its temporary copies of a shallow clone.
            reason = "in a shallow clone, DVC loses the results of --queue and --temp"
            raise ConfigError(reason, "git fetch --unshallow")
        try:
            values = read(Path("params.yaml"))
            config: list[object] = [] if reads is None else [check(values, reads)]
            os.environ[TRUSTED] = str(flatten(values).get("model.name"))  # also in the processes that the stage starts
            work(*config, **vars(arguments))
        except ConfigError as error:
            if in_copy or "DVC_EXP_NAME" not in os.environ:
                raise
            # DVC has written the value of -S to params.yaml, and leaves it there.
            undo = "params.yaml keeps what -S wrote: give another value, or `git checkout params.yaml`"
            raise ConfigError(str(error), "; ".join(filter(None, [error.hint, undo]))) from error


@contextmanager
def program() -> Iterator[None]:
    """Log to stderr during the block, and end the process if it fails.

    It exits with 1 and an `error:` line on stderr after a StegnetError or on a full disk, and with 128 + the signal's
    number and one line after Ctrl-C or SIGTERM.
    """
    escape_unprintable()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, _raise_signal)
    try:
        with logging_redirect_tqdm(), disk_errors():  # log lines don't break into a progress bar
            yield
    except StegnetError as error:
        print(error.as_text(), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as stop:
        _exit_after(stop)


def _raise_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


def _exit_after(stop: KeyboardInterrupt) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):  # torchrun's agent repeats it
        signal.signal(number, signal.SIG_IGN)
    if os.environ.get("RANK", "0") == "0":
        print("stopped", file=sys.stderr)
    sys.exit(128 + next(iter(stop.args), signal.SIGINT))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """End the process as `program` does after Ctrl-C during its imports; torch.distributed hides what this prints."""
    if isinstance(error, KeyboardInterrupt):
        _exit_after(error)
    sys.__excepthook__(kind, error, trace)


sys.excepthook = _uncaught


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write figures as JSON, the same bytes for the same figures; create missing folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def write_table(path: Path, table: "pd.DataFrame", index: str | None = None) -> None:
    """Write a table as CSV, rounded to 4 digits, with row numbers under the heading `index`, if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(path, index=bool(index), index_label=index, lineterminator="\n")
