"""Revealing from file to file, whatever the method, and information on a file.

Without a key, only the visible properties of a file are reported; with it, hidden data too.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from stegnet import video
from stegnet.channels.destinations import DESTINATIONS, USUAL_CHANNELS
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.measures import PSNR
from stegnet.core.names import ALBUM, FALLBACK, FILM, PICTURE, SOUND, USUAL_NAME, Names, safe_name, shown_size
from stegnet.core.remote_path import Place, fetched
from stegnet.core.text import CommandLine, Setting, Text
from stegnet.files.album import Album, album_covers, album_in
from stegnet.files.archive import is_archive, write_folder
from stegnet.files.folder import FolderPlan, Job, Outcomes, Writing, do_each, results_folder, write_here
from stegnet.formats.signatures import FORMS
from stegnet.hiding import AUTO, DEFAULT_CONTEXT, Context, CoverSize, Fit, FoundSecret
from stegnet.image.pictures import KEPT_IN_FORM, PICTURE_FORMS, TRANSPARENT, check_lossless, refuse_palette
from stegnet.keys import KeySource, Passphrase
from stegnet.media.condition import of_all
from stegnet.media.cover import Cover
from stegnet.media.metadata import metadata_names
from stegnet.methods import METHODS
from stegnet.methods.registry import method_for
from stegnet.record import Container, describe_tracks, nothing_revealed, open_container
from stegnet.results import WATCHABLE_SUFFIX, OutputFolder, OutputTarget, Report, plain_suffix


class Info(TypedDict, total=False):
    """Description of a file, in display order. Values that do not apply are missing.

    The first values describe the file and its capacity. With the key, the values from `method` on describe the secret;
    a method may add others.
    """

    kind: str
    files: int  # of a folder: its covers for an album, or pictures and sounds
    hard_to_find_in: dict[str, int]  # bytes of each cover for an album, by its name, the best first
    width: int
    height: int
    grey: bool
    form: str  # of a sound, as are the next three values
    samples_per_second: int
    channels: int
    bits: int
    frames: int
    frames_per_second: float
    seconds: float
    sound: list[str]
    notes: list[str]
    metadata: list[str]  # of a JPEG or PNG, besides how it is shown
    large_enough_to_hide_pictures: bool
    sealed_bytes_per_frame: int
    sealed_bytes: int
    fits: list[Fit]
    bytes_for: dict[str, int]  # by destination
    unfit: str  # the reason that nothing fits
    unmeasured: str  # the reason that it was not measured what fits
    hidden: str  # kind of the secret, or, without the key, that it was not looked for
    method: str
    hidden_name: str
    hidden_bytes: int
    hidden_sha256: str
    hidden_width: int
    hidden_height: int
    hidden_frames: int
    hidden_frames_per_second: float
    hidden_sound: list[str]
    album_pictures: int
    album_pictures_needed: int
    album_pictures_here: int  # in the folder that is described
    frames_when_hidden: int
    frames_that_may_be_lost: int
    whole: bool  # False: the container was altered after hiding
    trouble: list[str]  # the alterations


def find(container: Container, context: Context = DEFAULT_CONTEXT) -> FoundSecret:
    """Find the hidden secret in a container; the cheapest methods are tried first.

    Raises:
        RevealError: nothing opens with the container's key, or the container is damaged beyond use.
        MediaError: the container can't be read.
    """
    for method in METHODS.finding_in(container.kind):
        found = method.find(container, context)
        if found is not None:
            return found

    words = container.key_source.as_random_words() if isinstance(container.key_source, Passphrase) else None
    if words and not isinstance(container, Album):
        return find(Container(container.file, words), context)
    raise container.not_opened()


def open_hidden(path: Path, key_source: KeySource, context: Context = DEFAULT_CONTEXT) -> Container:
    """Open a container, or the album in a folder.

    Raises:
        MediaError: the path can't be read, or is a folder without an album that opens with this key.
    """
    if path.is_dir() and (album := album_in(path, key_source, context)) is not None:
        return album
    return open_container(path, key_source, context.progress)


def reveal_file(
    container: Path, out: OutputTarget, key_source: KeySource, strict: bool = False, context: Context = DEFAULT_CONTEXT
) -> Report:
    """Reveal the secret in a container: a picture or film in the format of the result's suffix, or a file as it was.

    The container may be a folder that holds an album. A film revealed as MP4 is for watching, unless `out.lossless` is
    set. A hidden file that is a picture or film of another format than the suffix is converted as well. If the result
    gets the file's own name, a text is returned in the report instead.

    Args:
        container: picture, film or sound, or folder of an album.
        out: target of the result.
        key_source: key or passphrase.
        strict: refuse a container that is not exactly as it was hidden, unless the method's bits survive changes.
        context: networks, device and progress.

    Raises:
        StegnetError: any but DataError, CapacityError and TrainingError.
    """
    with open_hidden(container, key_source, context) as opened:
        if out.named and not (out.folder or out.path.is_dir()):
            out.check((), "file", *opened.files)
        return write_hidden(find(opened, context), out, strict)


def write_hidden(hidden: FoundSecret, out: OutputTarget, strict: bool = False) -> Report:
    """Write a secret that was found; arguments and errors are those of `reveal_file`."""
    # A hidden folder is unpacked if the result is a folder, or has no suffix.
    if is_archive(hidden) and out.named and (out.folder or out.path.is_dir() or not out.path.suffix):
        return write_folder(hidden, out, strict)
    if out.folder:
        with results_folder(out.path, hidden.container.path, private=True):
            return write_hidden(hidden, replace(out, folder=False), strict)
    if not out.named and (text := hidden.text(strict)) is not None:
        return text
    if not out.named or out.path.is_dir():
        unnamed = FALLBACK + suffix_of(hidden, out.lossless)
        path = out.path / (unnamed if hidden.name is None else safe_name(hidden.name))
        if os.path.lexists(path):  # the sender chose this name
            replaces = Text("; with ", Setting("overwrite", True), ", it replaces a file)")
            raise MediaError("already exists", Text("choose another name (", Setting("to", "FILE"), replaces), path)
        out = replace(out, path=path, force=False, named=True)
    suffixes = {PICTURE: tuple(PICTURE_FORMS), FILM: FORMS[FILM]}.get(hidden.kind, ())
    out.check(suffixes, hidden.kind, *hidden.container.files)
    if hidden.kind == PICTURE and out.lossless:
        check_lossless(out.path, out.path.suffix.lower())
    report = hidden.write(out, strict)
    if is_archive(hidden):
        packed = Text(
            "it is a packed folder (ZIP)",
            CommandLine("stegnet reveal CONTAINER -o FOLDER", "; to unpack it, name a folder"),
        )
        report = replace(report, notes=(*report.notes, packed))
    return replace(report, path=out.path)


def suffix_of(hidden: FoundSecret, lossless: bool) -> str:
    """Return the suffix of a result that the user does not name. A hidden file keeps its own if that is harmless."""
    if hidden.name is not None:
        return plain_suffix(hidden.name) or ".bin"
    return WATCHABLE_SUFFIX if hidden.kind == FILM and not lossless else FORMS[hidden.kind][0]


def reveal_each(
    plan: FolderPlan,
    folder: OutputFolder,
    key_source: KeySource,
    strict: bool = False,
    context: Context = DEFAULT_CONTEXT,
    writing: Writing = write_here,
) -> Outcomes:
    """Reveal one container after the other; an error ends only its job.

    Args:
        plan: containers of a folder.
        folder: folder for the results, whose suffixes depend on the hidden data.
        key_source: key or passphrase of all containers.
        strict: as in `reveal_file`.
        context: networks, device and progress.
        writing: yields the target of each result; by default a file of this machine.
    """
    names = Names()

    def work(job: Job) -> tuple[Place, Report]:
        with fetched(job.source) as path, open_hidden(path, key_source) as container:
            hidden = find(container, context)
            out = folder.path / names.take(job.source.stem, suffix_of(hidden, folder.lossless))
            with writing(folder, out) as target:
                return out, write_hidden(hidden, target, strict)

    return do_each(plan.jobs, work)


def file_info(
    path: Path,
    key_source: KeySource | None = None,
    context: Context = DEFAULT_CONTEXT,
    channel: Path | None = None,
) -> Info:
    """Describe a file. Without a key, only its visible properties are described, and hidden data is not looked for.

    Args:
        path: picture, film or sound, or container; or the folder of an album, or of covers for one.
        key_source: key or passphrase of a container.
        context: networks, device and progress.
        channel: file of a channel: only what fits for it is described.

    Returns:
        Names and values in display order. With a key, `whole` is False for a container that was altered after
        hiding, and `trouble` lists the alterations; both are missing if alteration can't be detected.

    Raises:
        MediaError: the file can't be read, or has an unknown format.
        RevealError: nothing opens with this key.
    """
    if path.is_dir():
        if channel is not None:
            raise MediaError("is a folder", "name a file in it: what fits for a channel differs by file", subject=path)
        return _album(path, key_source, context)
    if key_source is None:
        with Cover(path) as cover:
            cover.is_only_described = True
            if cover.is_nearly_blank:
                info = _undecoded(cover)
            elif channel is not None:
                return _fits_for(channel, cover)
            else:
                info = _described(cover)
        info["hidden"] = "not looked for without the key; detectors may tell that something is, but not what"
        return info
    with open_container(path, key_source, context.progress) as container:
        if container.kind == SOUND:
            info = _sound(container.file)
        elif container.kind != FILM:
            size = CoverSize(container.height, container.width, 1, container.channels)
            info = _picture(size, _fits(size))
        else:
            try:
                info = _film(container.file)
            except MediaError as error:  # the film breaks off
                info = {"kind": "film", "notes": [str(error)]}
        return _with_secret(info, container, context)


def _with_secret(info: Info, container: Container, context: Context) -> Info:
    """Return a description with that of the hidden secret; errors are those of `find`."""
    hidden = find(container, context)
    info["hidden"] = hidden.kind
    info["method"] = hidden.method
    info.update(hidden.details())  # type: ignore[typeddict-item]  # a method may tell more
    return info


def _album(folder: Path, key_source: KeySource | None, context: Context) -> Info:
    """Describe a folder as covers of an album or, with the key, as the album that it holds."""
    if key_source is None:
        covers, notes = album_covers(folder, context)
        hard = {path.name: room.hard or 0 for path, room in covers.items()}
        most = sum(room.bytes or 0 for room in covers.values())
        condition = of_all(room.condition for room in covers.values() if room.hard)
        fit = Fit("any file", AUTO, most, sum(hard.values()), condition=condition, betrayed=True)
        return {
            "kind": ALBUM,
            "files": len(covers),
            "notes": list(notes),
            "fits": [fit] if covers else [],
            "hard_to_find_in": dict(sorted(hard.items(), key=lambda named: -named[1])),
        }
    album = album_in(folder, key_source, context)
    if album is None:
        raise nothing_revealed()
    with album:
        return _with_secret({"kind": ALBUM, "files": len(album.files)}, album, context)


def _fits_for(channel: Path, cover: Cover) -> Info:
    """Return what fits into a cover for a known channel."""
    method, options = method_for(str(channel), {}, "")
    if cover.kind not in method.info.covers:
        raise CapacityError(f"is a {cover.called}, and only pictures are sent through a known channel", subject=cover)
    size = CoverSize.of(cover)
    found = method.room(size, USUAL_NAME, options)
    assert found is not None, "its capacity is known"
    info: Info = {"kind": cover.kind, "width": size.width, "height": size.height}
    condition = found.condition.of_it if found.condition else ""
    fit = Fit("any file", method.info.name, found.bytes, found.safe, survive=str(channel), condition=condition)
    fit = replace(fit, betrayed=found.history is not None)
    info["fits"] = [fit] if found.bytes else []
    info["bytes_for"] = {str(channel): found.bytes or 0}
    return info


def fit_info(fit: Fit) -> dict[str, str | int]:
    """Return a fit as a dictionary, without unknown values."""
    values = {
        "what": fit.what,
        "bytes": fit.bytes,
        "safe_bytes": fit.safe,
        "condition": fit.condition if fit.safe else None,
        PSNR.key: fit.psnr,
        "method": fit.method,
        "survive": fit.survive,
        "basis": fit.basis or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _described(cover: Cover) -> Info:
    """Describe a file, and what fits into it; errors are those of `Cover`."""
    if cover.kind == SOUND:
        return _sound(cover)
    if cover.is_film:
        return _film(cover)
    size = CoverSize.of(cover)
    unfit = ""
    try:
        refuse_palette(cover)
    except MediaError as error:
        unfit = error.problem
    fits = [] if unfit else _fits(size)
    info = _picture(size, fits)
    info["metadata"] = metadata_names(cover)
    as_other = "as PNG: " if cover.stays_jpeg else ""  # a JPEG that stays one keeps everything
    lost_with_transparency = TRANSPARENT if cover.is_transparent else None
    kept = KEPT_IN_FORM if cover.png else ()
    shown = (line for line in cover.notes if line != lost_with_transparency and not line.startswith(kept))
    notes = [as_other + line for line in shown]
    info["notes"] = [*notes, *_unused_forms(fits)]
    if unfit:
        info["unfit"] = unfit
    return info


def _undecoded(cover: Cover) -> Info:
    """Describe a picture or film by what its file says, since decoding it would take long, and hardly anything fits."""
    height, width = cover.stated_size
    return {
        "kind": cover.kind,
        "width": width,
        "height": height,
        "metadata": metadata_names(cover, place=cover.png is None),
        "notes": [],
        "unmeasured": f"{shown_size(cover.length)} for so many pixels are few, as of a blank {cover.kind}",
    }


def _sound(cover: Cover) -> Info:
    """Describe a sound, and what fits into it."""
    file = cover.sound.file
    size = CoverSize.of(cover)
    info: Info = {
        "kind": "sound",
        "form": file.form,
        "samples_per_second": file.rate,
        "channels": file.channels,
        "bits": 8 * file.width,
        "seconds": round(file.frames / file.rate, 3),
        "metadata": metadata_names(cover),
        "notes": [],
        **_capacity(size, _fits(size)),
    }
    if not info["fits"]:
        info["unfit"] = "it is silent or too short"
    return info


def _picture(size: CoverSize, fits: list[Fit]) -> Info:
    """Describe a picture of a size, and what fits into it."""
    return {
        "kind": "picture",
        "width": size.width,
        "height": size.height,
        "grey": size.channels == 1,
        **_capacity(size, fits),
    }


def _film(cover: Cover) -> Info:
    """Describe a film, and what fits into it. Raises MediaError if it breaks off."""
    film = cover.film
    seconds = (film.pts[-1] - film.pts[0]) * film.time_base + 1 / film.mean_rate
    try:
        sound = describe_tracks(video.sound_tracks(cover))
    except MediaError:  # a track can't be copied to another file, but its codec is known
        sound = list(film.sound)
    info: Info = {
        "kind": "film",
        "width": film.width,
        "height": film.height,
        "grey": film.grey,
        "frames": cover.frames,
        "frames_per_second": round(float(film.mean_rate), 3),
        "seconds": round(float(seconds), 3),
        "sound": sound,
        "metadata": metadata_names(cover),
        "notes": list(film.notes),
    }
    if film.skipped:
        info["unmeasured"] = f"{shown_size(cover.length)} for so many frames are few, as of a still film"
        return info
    size = CoverSize.of(cover)
    fits = _fits(size)
    info["notes"] += _unused_forms(fits)
    return info | _capacity(size, fits)


def _fits(cover: CoverSize) -> list[Fit]:
    """Return what fits into a cover by each method, or why its own form is not used."""
    return [fit for method in METHODS.hiding_in(cover.kind) for fit in method.what_fits(cover)]


def _unused_forms(fits: list[Fit]) -> list[str]:
    return [fit.why_not for fit in fits if fit.why_not]


def _capacity(cover: CoverSize, fits: list[Fit]) -> Info:
    """Return what fits into a cover, and the bytes of a file that fit for each destination."""
    usable = [fit for fit in fits if not fit.why_not]
    sealed_bytes = max((fit.bytes or 0 for fit in usable if not fit.survive), default=0)
    # Only a picture that is hidden by a network is a fit with a PSNR that is not brief.
    info: Info = {"large_enough_to_hide_pictures": any(fit.psnr is not None and not fit.brief for fit in usable)}
    if cover.frames > 1:
        info["sealed_bytes_per_frame"] = sealed_bytes // cover.frames
    info["sealed_bytes"] = sealed_bytes
    info["fits"] = usable
    by_channel = {fit.survive: fit.bytes for fit in usable if fit.survive and fit.bytes}
    usual = USUAL_CHANNELS.get(cover.kind)
    channels = {name: each.channel or usual for name, each in DESTINATIONS.items() if each.is_lossy}
    info["bytes_for"] = {name: by_channel[channel] for name, channel in channels.items() if channel in by_channel}
    return info
