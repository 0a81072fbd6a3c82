"""The method "auto": another one, which follows from the form of the cover and the suffix of the container.

A picture or film that does not fit as it is gets hidden by the pair, or as a compressed copy where that is better
(`better_way`); the report's first warning says which.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from stegnet.core.errors import CapacityError, MediaError, PackageError, StegnetError
from stegnet.core.names import COVERS, PICTURE, SOUND, printable
from stegnet.formats.opened_file import is_mp4
from stegnet.formats.signatures import FORMS, has_form
from stegnet.hiding.method import (
    AUTO,
    Context,
    CoverSize,
    Method,
    MethodInfo,
    MethodOptions,
    NewContainer,
    Payload,
    Room,
)
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods.registry import METHODS

_SEALED = dict.fromkeys(FORMS[PICTURE], "sealed")
# By the form of a cover: the method for each suffix of its container, the usual suffix first. A JPEG that was saved
# without loss would show that it was one.
_METHODS_BY_FORM: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "JPEG": {".jpg": "jpeg", **_SEALED, ".jpeg": "jpeg"},
        "transparent picture": {".png": "transparent", ".jpg": "jpeg", ".jpeg": "jpeg"},
        "other picture": {**_SEALED, ".jpg": "jpeg", ".jpeg": "jpeg"},
        "MP4 with loss": {".mkv": "sealed", ".mp4": "h264", ".mov": "h264"},
        "other film": {".mkv": "sealed", ".mp4": "sealed", ".mov": "h264"},
        "WAV": {".wav": "sound"},
        "FLAC": {".flac": "sound"},
    }
)


def _form_of(cover: Cover, resized: bool) -> str:
    """Return the form of a cover, a key of `_METHODS_BY_FORM`; a picture that is resized does not stay transparent."""
    if cover.kind == SOUND:
        return cover.sound.file.form
    if cover.is_film:
        return "MP4 with loss" if is_mp4(cover) and cover.lossy_format is not None else "other film"
    if cover.stays_jpeg:
        return "JPEG"
    return "transparent picture" if cover.is_transparent and not resized else "other picture"


class Auto(Method[MethodOptions]):
    """The method that chooses another one."""

    info = MethodInfo(
        name=AUTO,
        topic="methods",
        summary="sealed, or network or compressed if it does not fit; in a JPEG or MP4 that stays one, jpeg or h264",
        covers=COVERS,
        options=MethodOptions,
        shared=("longer", "any_quality", "compress", "resize", "at_most_safe"),
        matched=True,
        computes=True,
        albums=True,
    )

    def suffixes_of(self, cover: Cover) -> tuple[str, ...]:
        suffixes = tuple(_METHODS_BY_FORM[_form_of(cover, resized=False)])
        own = [suffix for suffix in suffixes if has_form(cover, suffix) and not cover.lossy_format]
        return tuple(dict.fromkeys((*own, *suffixes)))

    def room(self, cover: CoverSize, name: str, options: MethodOptions) -> Room | None:
        """Return the room in a cover that is written without loss."""
        return METHODS["sound" if cover.kind == SOUND else "sealed"].room(cover, name, options)

    def entry(self, cover: Cover, suffix: str, options: MethodOptions) -> tuple[Method[Any], Any]:
        name = _METHODS_BY_FORM[_form_of(cover, options.resize is not None)].get(suffix)
        if name is None:
            raise MediaError(f"no method hides in such a {cover.called} as {suffix}", subject=cover)
        if name == "h264":
            options = replace(options, compress=False)  # hardly any copy fits
        return METHODS[name], METHODS[name].info.options_of(options)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: MethodOptions, context: Context
    ) -> NewContainer:
        """Hide by the method of the cover's form; what does not fit without loss, also by a network."""
        method, own = self.entry(cover, suffix, options)
        if method.info.name != "sealed" or not _is_for_network(cover, payload, options):
            return method.embed(cover, payload, suffix, key, own, context)

        from stegnet.methods.better_way import is_network_better  # which few secrets need

        network = METHODS["network"]
        sealed_way = (method, own)
        network_way = (network, network.info.options_of(options))
        better = is_network_better(sealed_way, network_way, cover, payload, suffix, context)
        refused: StegnetError
        for way, its_options in (network_way, sealed_way) if better else (sealed_way, network_way):
            try:
                made = way.embed(cover, payload, suffix, key, its_options, context)
            except (CapacityError, PackageError) as error:
                refused = error
                continue
            if way is network:
                name = printable(payload.path.name)
                made.changed_secret = (
                    f"{name} does not fit as it is: hidden by a network, which reveals it nearly as it was"
                )
            return made
        raise refused


def _is_for_network(cover: Cover, payload: Payload, options: MethodOptions) -> bool:
    """Return whether a pair can hide the secret: a picture in a picture, or a film in a film, both as they are."""
    if options.resize or options.at_most_safe:
        return False
    try:
        return cover.kind == payload.kind and cover.channels > 1
    except MediaError:
        return False
