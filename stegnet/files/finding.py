"""Finding what is hidden: in a container, or in an album, the pictures of a folder that hold one file together."""

from collections.abc import Generator, Sequence
from pathlib import Path

from stegnet.core.errors import MediaError, RevealError
from stegnet.core.kinds import FILM, PICTURE
from stegnet.files.listing import media_files
from stegnet.keys import KeySource
from stegnet.methods import DEFAULT_CONTEXT, METHODS, Context, FoundSecret
from stegnet.record import Container, FrameReading, Header, nothing_revealed, open_container

_NOTHING = FrameReading(None, False)


def find(container: Container, context: Context = DEFAULT_CONTEXT) -> FoundSecret:
    """Finds what is hidden in a container: the cheapest methods are asked first.

    Raises:
        RevealError: nothing opens with the container's key, or it is damaged beyond use.
        MediaError: the container can't be read.
    """
    for method in sorted(METHODS.values(), key=lambda each: each.find_cost):
        hidden = method.find(container, context)
        if hidden is not None:
            return hidden
    error = container.not_opened()
    seconds = 0 if context.search else max(method.search_seconds(container) for method in METHODS.values())
    if seconds:
        film = container.kind == FILM
        changed = "frames were cut off or its frame rate changed" if film else "it was cropped or resized"
        error.hint += f"; if {changed} since, try `search=True`: about {seconds:.0f} s"
        error.searchable = True
    raise error


def open_hidden(path: Path, key_source: KeySource, context: Context = DEFAULT_CONTEXT) -> Container:
    """Opens a container, or the album in a folder.

    Raises:
        MediaError: it can't be read, or is a folder without an album that opens with this key.
    """
    album = album_in(path, key_source, context) if path.is_dir() else None
    if album is not None:
        return album
    return open_container(path, key_source, context.progress)


def album_in(folder: Path, key_source: KeySource, context: Context = DEFAULT_CONTEXT) -> "Album | None":
    """The album in a folder; None if the first picture there that opens is no part of one, or none opens.

    Pictures are opened by the methods that make albums; those of others count as not of it.

    Raises:
        MediaError: the folder can't be read, or holds no pictures and films.
    """
    pictures = [path for path, kind in media_files(folder)[0] if kind == PICTURE]
    for done, path in enumerate(pictures):
        context.progress("check pictures", done, len(pictures))
        page, why_not = _page(path, key_source, context)
        if not why_not:
            several = page.record.header.frames > 1
            return Album(folder, [*pictures[done:], *pictures[:done]], page, key_source, context) if several else None
    return None


class Album(Container):
    """The pictures of a folder, read as a container is whose frames they are; each is opened by itself.

    Args:
        pictures: the first of them holds part of the album.
        first: what was read from it.
    """

    def __init__(
        self, folder: Path, pictures: Sequence[Path], first: FrameReading, key_source: KeySource, context: Context
    ) -> None:
        # Not as a container's: there is no file to decode.
        self.path, self.files, self.kind, self.first = folder, tuple(pictures), "album", first
        self.remarks, self.breaks_off = {}, False
        self._key_source, self._context = key_source, context

    def close(self) -> None:
        """Does nothing: no file is open."""

    def header(self, progress: object = None) -> Header:
        """That of the picture that was opened first."""
        return self.first.record.header

    def readings(self) -> Generator[FrameReading, None, None]:
        """The record of each picture, in the order of `files`; `remarks` says why one has none."""
        for path in self.files:
            reading, why_not = _page(path, self._key_source, self._context)
            if why_not:
                self.remarks[path] = why_not
            yield reading

    def not_opened(self) -> RevealError:
        """The error where nothing opens."""
        return nothing_revealed()


def _page(path: Path, key_source: KeySource, context: Context) -> tuple[FrameReading, str]:
    """Reads a picture; returns what was found, and why nothing was: "" if something opens."""
    try:
        with open_container(path, key_source) as container:
            found = (method.find(container, context) for method in METHODS.values() if method.albums)
            hidden = next(filter(None, found), None)
            first = hidden.container.first if hidden else container.first
            if first.record is None:
                raise container.not_opened()
            return first, ""
    except (MediaError, RevealError) as error:
        message = str(error)
        return _NOTHING, message if message.startswith(str(path)) else f"{path}: {message}"
