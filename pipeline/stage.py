"""What every stage script does: name its paths, read params.yaml, say an error in one line."""

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from stegnet.core.config import load
from stegnet.core.errors import StegnetError

bar = partial(tqdm, mininterval=1, dynamic_ncols=True, file=sys.stderr)


@contextmanager
def film_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for work on films; gives the function to call with what is done, frames done and of all."""
    with bar(unit="frame") as shown:

        def progress(doing: str, done: int, total: int) -> None:
            if done == 1:
                shown.reset(total)
                shown.set_description(doing)
            shown.update(done - shown.n)

        yield progress


def run_stage(work: Callable[..., None], *paths: str) -> None:
    """Calls `work(config, **paths)`; each path is a command line argument of that name, one with a ? may be left out.

    Ends the process with 1 and one line on stderr if the user can do something about the failure, and with
    128 + the signal's number and one line if the user stopped it.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(description=sys.modules[work.__module__].__doc__)
    for path in paths:
        parser.add_argument(path.rstrip("?"), type=Path, nargs="?" if path.endswith("?") else None)
    arguments = parser.parse_args()
    try:
        with logging_redirect_tqdm():  # a message begins a line, whatever bar is shown
            work(load(Path("params.yaml")), **vars(arguments))
    except StegnetError as error:
        print(error.told(), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped", file=sys.stderr)
        sys.exit(getattr(stop, "code", 128 + signal.SIGINT))
