"""Hiding in an album: one file divided over the pictures of a folder, each of which opens by itself."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from stegnet.core.address import Place
from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.kinds import FILE, FILM, PICTURE
from stegnet.core.names import Names
from stegnet.core.progress import no_progress
from stegnet.files.folder import FolderPlan, Job, Outcome
from stegnet.files.listing import media_files
from stegnet.keys import FILM_ID_BYTES, ContainerKeys, Key, KeySource
from stegnet.media.inputs import check_input
from stegnet.media.output import move_whole
from stegnet.methods import Hider, Run
from stegnet.methods.fitting import stored_name
from stegnet.record import Division, File, Header, Record, divide, format_record
from stegnet.results import OutputTarget, Report, printable

_MOST_SPARE = 256  # pictures of an album of which fewer are enough


@dataclass(frozen=True)
class Album:
    """An album to be made.

    Attributes:
        plan: its covers, each with the secret.
        enough: pictures that are to give the secret, whichever.
    """

    plan: FolderPlan
    enough: int

    @property
    def covers(self) -> list[Path]:
        return [job.source for job in self.plan.jobs]


def plan_album(covers: Path, secret: Path, enough: int | None = None) -> Album:
    """Plans to divide a secret over all pictures in a folder.

    Args:
        enough: pictures that are to give it, whichever; None: all.
    Raises:
        MediaError: a file can't be read, or there are no pictures.
        CapacityError: there are films, or too many pictures.
        ConfigError: `enough` is not from 1 to the number of pictures.
    """
    check_input(secret)
    found, notes = media_files(covers)
    count = len(found)
    for path, kind in found:
        if kind == FILM:
            raise CapacityError(f"{path}: is a film, and an album is of pictures", "a film spreads a file by itself")
    if enough is not None and not 1 <= enough <= count:
        raise ConfigError(f"any: must be from 1 to {count}, the number of pictures, is {enough}")
    if enough not in (None, count) and count > _MOST_SPARE:
        message = f"{count} covers: an album that not all pictures are needed of has at most {_MOST_SPARE}"
        raise CapacityError(message, "take fewer, or let all be needed")
    jobs = tuple(Job(path, kind, secret) for path, kind in found)
    return Album(FolderPlan(jobs, notes), enough or count)


def hide_album(album: Album, folder: OutputTarget, key_source: KeySource, hider: Hider) -> list[Outcome]:
    """Divides a secret over an album; its pictures appear in the folder once all of them are whole.

    Args:
        folder: for the pictures; it exists.
    Raises:
        MediaError: a file can't be read or written.
        CapacityError: the secret does not fit; the message says how much would.
        ConfigError: the method makes no albums.
    """
    secret, keys = album.plan.jobs[0].secret, key_source.new_keys(hider.run.randomness)
    targets = [*_targets(album, folder, hider)]
    with secret.open("rb") as source, _beside(folder.path) as made:
        header = _header(source, secret, hider.run)
        division = divide(header.secret.size, _rooms(album, header, keys.film, hider), album.enough)
        header = division.of(header, album.enough)
        reports = [*_hidden(album, division.records(header, source), [made / out.path.name for out in targets], keys, hider)]
        if _digest(source) != header.secret.digest:
            raise MediaError(f"{secret}: was changed while it was being hidden", "hide it again")
        for out in targets:
            move_whole(made / out.path.name, out.path, overwrite=out.force)
    return []
