"""`--archive`: a folder as one secret."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stegnet.core.errors import MediaError, renamed
from stegnet.core.temporary import temporary_folder
from stegnet.files.archive import pack


def add_archive_option(group: argparse._ArgumentGroup) -> None:
    """Adds `--archive`."""
    text = "hide the folder SECRET, names and contents only, as one file, which `stegnet reveal -o FOLDER` unpacks"
    group.add_argument("--archive", action="store_true", help=text)


@contextmanager
def packed(options: argparse.Namespace) -> Iterator[None]:
    """Within the block, the secret is the packed folder, if `--archive` asks for that; errors as `pack`."""
    if not options.archive:
        yield
        return
    if options.text is not None or options.cluster:
        options.usage_error("--archive packs a folder of this machine: it goes with neither --text nor --cluster")
    secret = Path(str(options.secret))
    if isinstance(options.output, Path) and secret.resolve() in options.output.resolve().parents:
        raise MediaError(f"{options.output}: is in the folder that is hidden", "write it elsewhere")
    with temporary_folder() as folder:
        options.secret = pack(secret, folder)
        with renamed({str(options.secret): str(secret)}):
            yield
