"""Hiding in an album: one file divided over the pictures of a folder, each of which opens by itself."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.kinds import FILE, FILM, PICTURE
from stegnet.core.names import Names
from stegnet.core.progress import no_progress
from stegnet.files.folder import FolderPlan, Job, Outcome
from stegnet.files.listing import media_files
from stegnet.formats.output import locked_folder, move_whole
from stegnet.keys import FILM_ID_BYTES, ContainerKeys, KeySource
from stegnet.media.cover import Cover, check_input
from stegnet.methods import METHODS, HideJob, hide_record
from stegnet.record import SHARES, Division, File, Header, Record, divide, file_digest, format_record
from stegnet.results import OutputTarget, Report, printable, stored_name


@dataclass(frozen=True)
class AlbumPlan(FolderPlan):
    """An album to be made, whose jobs are its covers, each with the secret.

    Attributes:
        enough: pictures that are to give the secret, whichever.
    """

    enough: int = 0

    @property
    def covers(self) -> list[Path]:
        """The pictures that it is made of."""
        return [job.source for job in self.jobs]

    @property
    def secret(self) -> Path:
        """The file that is divided."""
        return self.jobs[0].secret


def plan_album(covers: Path, secret: Path, enough: int | None = None) -> AlbumPlan:
    """Plans to divide a file over all pictures in a folder.

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
            raise CapacityError(
                f"{path}: is a film, and an album is of pictures", "a film spreads a file over its frames anyway"
            )
    if enough is not None and not 1 <= enough <= count:
        raise ConfigError(f"any: must be from 1 to {count}, the number of pictures, is {enough}")
    if enough not in (None, count) and count > SHARES:
        message = f"{count} pictures: an album of which fewer are enough has at most {SHARES}"
        raise CapacityError(message, "use fewer, or let all be needed")
    who = f"any {enough} of the {count} pictures" if enough not in (None, count) else f"all {count} pictures together"
    note = f"{printable(secret.name)}, {secret.stat().st_size} bytes: {who} recover it"
    jobs = tuple(Job(path, kind, secret) for path, kind in found)
    return AlbumPlan(jobs, (*notes, note), enough or count)


def make_album(album: AlbumPlan, folder: OutputTarget, key_source: KeySource, job: HideJob) -> list[Outcome]:
    """Divides a file over an album, whose pictures get their names once all of them are whole.

    Args:
        folder: for the pictures; it exists.
    Raises:
        MediaError: a file can't be read or written.
        CapacityError: the file does not fit; the message says how much would.
        ConfigError: the method makes no albums.
    """
    if not job.method.albums:
        able = " or ".join(method.name for method in METHODS.values() if method.albums)
        raise ConfigError(f"method: {job.method.name} can't divide a secret over an album", f"use {able}")
    keys, targets = key_source.new_keys(job.context.randomness), _targets(album, folder, job)
    with album.secret.open("rb") as source:
        secret = File(stored_name(album.secret), album.secret.stat().st_size, bytes(hashlib.sha256().digest_size))
        header = Header(job.context.randomness(FILM_ID_BYTES), FILE, len(album.covers), secret)
        try:
            with locked_folder(".stegnet-", folder.path) as made:
                # Before the secret is read, which may be too large by far.
                division = _division(album, header, keys, job)
                header = division.of(replace(header, secret=replace(secret, digest=file_digest(source))), album.enough)
                parts = [OutputTarget(made / out.path.name) for out in targets]
                reports = list(_hidden(album, division.records(header, source), parts, keys, job))
                if file_digest(source) != header.secret.digest or source.tell() != header.secret.size:
                    raise MediaError(f"{album.secret}: was changed while it was being hidden", "hide it again")
                for part, out in zip(parts, targets, strict=True):
                    move_whole(part.path, out.path, overwrite=out.force)
        except OSError as error:
            raise MediaError(f"{folder.path}: can't be written ({error.strerror})") from error
    done = zip(album.jobs, targets, reports, strict=True)
    return [Outcome(each, out.path, report) for each, out, report in done]


def _targets(album: AlbumPlan, folder: OutputTarget, job: HideJob) -> list[OutputTarget]:
    """The files to write, none of which is there unless it may be overwritten."""
    names, found = Names(), []
    for cover in album.covers:
        suffix = job.suffix_of(cover)
        out = replace(folder, path=folder.path / names.take(cover.stem, suffix))
        out.check((suffix,), PICTURE, *album.covers, album.secret)
        found.append(out)
    return found


def _division(album: AlbumPlan, header: Header, keys: ContainerKeys, job: HideJob) -> Division:
    """The division that suits the pictures; errors as `make_album`."""
    spare = {"needed": 1, "enough": 1} if album.enough < header.frames else {}
    most = replace(header, secret=replace(header.secret, **spare))
    empty, rooms = len(format_record(Record(most, 0), keys.film)), []
    for done, cover in enumerate(album.covers):
        job.context.progress("check pictures", done, header.frames)
        with Cover(cover) as opened:
            method, options = job.method.for_album(opened, job.options)
            found = method.part_capacity(opened, empty, keys.film, options)
        if found.bytes < 0:
            raise CapacityError(f"{cover}: has no capacity for any part of the secret", "remove it from the folder")
        rooms.append(found)
    return divide(header.secret.size, [each.bytes for each in rooms], [each.hard for each in rooms], album.enough)


def _hidden(
    album: AlbumPlan, records: Iterator[Record], parts: list[OutputTarget], keys: ContainerKeys, job: HideJob
) -> Iterator[Report]:
    """Hides each record in its picture."""
    quiet, count = job.showing(no_progress, job.context.warn), len(parts)
    for done, (cover, record, out) in enumerate(zip(album.covers, records, parts, strict=True)):
        job.context.progress("hide pictures", done, count)
        report = hide_record(quiet, cover, record, out, keys)
        secret = record.header.secret
        told = {"name": secret.name, "size": secret.size, "unchanged": True, "may_be_lost": count - album.enough}
        yield replace(report, **told)
