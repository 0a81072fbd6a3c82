"""Albums: a file is divided over the pictures and sounds of a folder. Each opens by itself; together they give it."""

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stegnet.core.disk import locked_folder, move_whole, unwritable
from stegnet.core.errors import CapacityError, ConfigError, MediaError, RevealError, about
from stegnet.core.names import ALBUM, FILE, FILM, PICTURE, SOUND, USUAL_NAME, Names, counted, printable
from stegnet.core.parallel import no_progress
from stegnet.files.folder import FolderPlan, Job, Outcome, in_folder, media_files
from stegnet.hide_file import HideJob, hide_record
from stegnet.hiding import AUTO, DEFAULT_CONTEXT, Context, FoundSecret, Room
from stegnet.hiding.medium import MediumMethod, bytes_left
from stegnet.keys import ANY_KEY, FILM_ID_BYTES, ContainerKeys, Key, KeySource, Opener, Passphrase
from stegnet.media.cover import Cover, check_input
from stegnet.methods import METHODS
from stegnet.record import (
    SHARES,
    Container,
    Division,
    File,
    FrameReading,
    Header,
    Record,
    divide,
    file_digest,
    nothing_revealed,
    open_container,
    record_bytes,
)
from stegnet.results import OutputTarget, Report, stored_name


@dataclass(frozen=True, kw_only=True)
class AlbumPlan(FolderPlan):
    """Plan of an album, with a job for each cover.

    Attributes:
        covers: pictures and sounds, in the order of the jobs.
        secret: file that is divided over them.
        enough: number of containers, of any choice, that give the secret.
    """

    covers: tuple[Path, ...]
    secret: Path
    enough: int


def plan_album(covers: Path, secret: Path, enough: int | None = None) -> AlbumPlan:
    """Plan to divide a file over all pictures and sounds in a folder.

    Args:
        covers: folder of pictures and sounds.
        secret: file to divide.
        enough: number of containers, of any choice, that must give the file; None: all.

    Raises:
        MediaError: a file can't be read, is a film, or the folder has no covers.
        CapacityError: there are too many covers.
        ConfigError: `enough` is not between 1 and the number of covers.
    """
    check_input(secret)
    files, notes = media_files(covers)
    count = len(files)
    for path, kind in files:
        if kind == FILM:
            raise MediaError(
                "is a film, and an album is of pictures and sounds",
                "a film spreads a file over its frames anyway",
                subject=path,
            )
    if enough is not None and not 1 <= enough <= count:
        raise ConfigError(f"{enough} is not from 1 to {count}, the number of covers", parameter="enough")
    if enough is None or enough == count:
        sufficient = f"all {count} files together"
    elif count <= SHARES:
        sufficient = f"any {enough} of the {count} files"
    else:
        problem = f"{count} covers: an album of which fewer are enough has at most {SHARES}"
        raise CapacityError(problem, "use fewer, or let all be needed")
    note = f"{printable(secret.name)}, {counted(secret.stat().st_size, 'byte')}: {sufficient} recover it"
    return AlbumPlan(
        jobs=tuple(Job(path, kind, secret) for path, kind in files),
        notes=(*notes, note),
        covers=tuple(path for path, _ in files),
        secret=secret,
        enough=enough or count,
    )


def make_album(album: AlbumPlan, folder: OutputTarget, key_source: KeySource, job: HideJob) -> list[Outcome]:
    """Divide a file over an album, whose files get their names in a folder once all of them are complete.

    Return an outcome for each of them, whose report names the file.

    Raises:
        MediaError: a file can't be read or written.
        CapacityError: the file does not fit; the message gives the size that would.
        ConfigError: the method makes no albums.
    """
    if not job.method.info.albums:
        able = " or ".join(method.info.name for method in METHODS.values() if method.info.albums)
        problem = f"{job.method.info.name} can't divide a secret over an album"
        raise ConfigError(problem, f"use {able}", parameter="method")
    keys = key_source.new_keys(job.context.randomness)
    names = Names()
    targets: list[OutputTarget] = []
    for cover in album.covers:
        try:
            suffix = job.unasked_suffix(cover, alone=False)
            with Cover(cover) as opened:
                job.refuse_blank(opened)
                job.refuse_container(opened, key_source)
        except MediaError as error:
            if error.larger:
                raise in_folder(error) from error
            raise
        out = replace(folder, path=folder.path / names.take(cover.stem, suffix))
        out.check((), ALBUM, *album.covers, album.secret)
        targets.append(out)
    with album.secret.open("rb") as source:
        undigested = File(stored_name(album.secret), album.secret.stat().st_size, bytes(hashlib.sha256().digest_size))
        header = Header(job.context.randomness(FILM_ID_BYTES), FILE, len(album.covers), undigested)
        try:
            with locked_folder(".stegnet-", folder.path) as made:
                # Before the secret is read, which may be far too large.
                division = _division(album, header, keys, job)
                secret = replace(undigested, digest=file_digest(source))
                header = division.of(replace(header, secret=secret), album.enough)
                parts = [OutputTarget(made / out.path.name) for out in targets]
                reports = list(_hidden(album, division.records(header, source), parts, keys, job))
                if file_digest(source) != secret.digest or source.tell() != secret.size:
                    raise MediaError("was changed while it was being hidden", "hide it again", subject=album.secret)
                for part, out in zip(parts, targets, strict=True):
                    move_whole(part.path, out.path, overwrite=out.force)
        except OSError as error:
            raise unwritable(folder.path, error) from error
    done = zip(album.jobs, targets, reports, strict=True)
    return [Outcome(cover_job, out.path, replace(report, path=out.path)) for cover_job, out, report in done]


def album_covers(folder: Path, context: Context = DEFAULT_CONTEXT) -> tuple[dict[Path, Room], tuple[str, ...]]:
    """Return what each cover in a folder holds of an album's secret, and notes on the files that are none.

    Raises:
        MediaError: the folder can't be read, or holds no pictures or sounds.
    """
    files, notes = media_files(folder, kinds=(PICTURE, SOUND))
    job = HideJob(METHODS[AUTO], METHODS[AUTO].info.options(), context)
    undigested = File(USUAL_NAME, 0, bytes(hashlib.sha256().digest_size), needed=1, enough=1)
    header = Header(bytes(FILM_ID_BYTES), FILE, len(files), undigested)
    empty = record_bytes(Record(header, 0))
    covers: dict[Path, Room] = {}
    for done, (path, _) in enumerate(files):
        context.progress("check files", done, len(files))
        try:
            room = _part_room(path, empty, ANY_KEY, job)
        except (CapacityError, MediaError) as error:
            notes = (*notes, str(error if error.subject == str(path) else f"{path}: {error}"))
            continue
        if room.bytes:
            covers[path] = room
    return covers, notes


def _part_room(cover: Path, empty: int, key: Key, job: HideJob) -> Room:
    """Return the room in a cover for a part of an album's file, in a record of `empty` bytes without it.

    The container has the suffix that nobody has named.
    """
    with about(cover), Cover(cover) as opened:
        suffix = job.usual_suffix(opened)
        method, options = job.method.entry(opened, suffix, job.options)
        assert isinstance(method, MediumMethod), "no other method makes albums"
        method.check(opened, job.options)
        medium = method.open_part(opened, options, suffix, key)
        return medium.room(bytes_left(medium.record_capacity(key), empty))


def _division(album: AlbumPlan, header: Header, keys: ContainerKeys, job: HideJob) -> Division:
    """Measure the capacities of an album's covers, and divide its secret over them.

    Raises:
        CapacityError: a cover has no capacity, or the secret does not fit.
    """
    at_most_safe = job.options.at_most_safe
    secret = header.file
    longest = replace(secret, needed=1, enough=1) if album.enough < header.frames else secret
    empty = record_bytes(Record(replace(header, secret=longest), 0))
    in_bytes: list[int] = []
    hard_to_find: list[int] = []
    easy: list[str] = []  # covers in which not even an empty part is hard to find
    for done, cover in enumerate(album.covers):
        job.context.progress("check files", done, header.frames)
        room = _part_room(cover, empty, keys.film, job)
        if room.bytes is None:
            problem = "has no capacity for any part of the secret"
            raise CapacityError(problem, "remove it from the folder", subject=cover)
        in_bytes.append(room.bytes)
        hard_to_find.append(room.hard or 0)
        easy += [cover.name] if room.hard is None else []
    division = divide(secret.size, in_bytes, hard_to_find, album.enough, at_most_safe)
    if at_most_safe and easy:
        problem = f"not even an empty part of the secret is hard to find in {', '.join(easy)}"
        raise CapacityError(problem, "remove what is named from the folder", subject=album.covers[0].parent)
    return division


def _hidden(
    album: AlbumPlan, records: Iterator[Record], parts: list[OutputTarget], keys: ContainerKeys, job: HideJob
) -> Iterator[Report]:
    """Hide each record in its cover; yield the reports."""
    quiet = job.showing(no_progress, job.context.warn)
    count = len(parts)
    for done, (cover, record, out) in enumerate(zip(album.covers, records, parts, strict=True)):
        job.context.progress("hide files", done, count)
        with about(cover):
            report = hide_record(quiet, cover, record, out, keys)
        secret = record.header.file
        spare = count - album.enough
        yield replace(report, name=secret.name, size=secret.size, unchanged=True, may_be_lost=spare)


def album_in(folder: Path, key_source: KeySource, context: Context = DEFAULT_CONTEXT) -> "Album | None":
    """Return the album in a folder; None if the first file there that opens is not part of one, or no file opens.

    Files are opened by the methods that make albums; files of other methods count as not belonging to the album.

    Raises:
        MediaError: the folder can't be read, or holds no pictures, films or sounds.
    """
    files = [path for path, kind in media_files(folder)[0] if kind != FILM]
    for done, path in enumerate(files):
        context.progress("check files", done, len(files))
        try:
            first = _read_file(path, key_source, context)
        except (MediaError, RevealError):
            continue
        if first.record is None or not first.record.header.enough:
            return None
        return Album(folder, [*files[done:], *files[:done]], first, key_source, context)
    words = key_source.as_random_words() if isinstance(key_source, Passphrase) else None
    return album_in(folder, words, context) if words else None


class Album(Container):
    """Files of a folder, read like the frames of a container; the first one gave `first`."""

    def __init__(
        self, folder: Path, files: list[Path], first: FrameReading, key_source: KeySource, context: Context
    ) -> None:
        # Container's own __init__ is not called: an album has no single file to decode.
        self.path = folder
        self.files = tuple(files)
        self.file_bytes = sum(path.stat().st_size for path in files)
        self.kind = ALBUM
        self.first = first
        self.remarks = {}
        self.breaks_off = False
        self.key_source = key_source
        self._context = context

    def close(self) -> None:
        """Do nothing: no file is open."""

    def readings(self) -> Generator[FrameReading, None, None]:
        """Yield the record reading of each file, in the order of `files`; `remarks` says why a file has no record."""
        for path in self.files:
            try:
                yield _read_file(path, self.key_source, self._context)
            except (MediaError, RevealError) as error:
                self.remarks[path] = str(error if error.subject == str(path) else f"{path}: {error}")
                yield FrameReading(None, False)

    def not_opened(self) -> RevealError:
        """Return the error for an album whose first file does not open; no file is decoded to find out why."""
        return nothing_revealed()


def _read_file(path: Path, key_source: Opener, context: Context) -> FrameReading:
    """Return the record reading of a file.

    Raises:
        MediaError: the file can't be read.
        RevealError: nothing opens with this key.
    """
    with open_container(path, key_source) as container:
        methods = (method for method in METHODS.finding_in(container.kind) if method.info.albums)
        answers = (method.find(container, context) for method in methods)
        hidden = next((answer for answer in answers if isinstance(answer, FoundSecret)), None)
        first = hidden.container.first if hidden else container.first
        if first.record is None:
            raise container.not_opened()
        return first
