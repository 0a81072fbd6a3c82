"""Choosing the method for a secret: sealed as it is where it fits, else sealed and compressed, else by the network.

Sealed bytes are encrypted, and at the same quality of the secret they leave a better container than the networks
(docs/evaluation.md). So the network is left with what can't be compressed into its cover.
"""

from dataclasses import replace
from pathlib import Path

from stegnet.core.errors import CapacityError, MediaError, PackageError
from stegnet.files.files import PLAIN, NetworkLoader, hide_file
from stegnet.keys.keys import SYSTEM, KeySource, Randomness
from stegnet.media.inputs import check_input, input_kind, is_grey_cover
from stegnet.methods.network.film import HideOptions
from stegnet.methods.sealed.embed import embed_file
from stegnet.methods.segments import WHOLE, Part
from stegnet.results.output import OutputTarget, Progress, Report, no_progress

_NETWORK = "method: network, since it can't be compressed into this cover"
_UNMASKED = "; what these weights hide is scrambled, not masked"


def hide_automatically(
    network: NetworkLoader,
    cover: Path,
    secret: Path,
    out: OutputTarget,
    key_source: KeySource,
    options: HideOptions = PLAIN,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
    part: Part = WHOLE,
) -> Report:
    """Hides a secret by the method that suits it; the report's first note says so if it is not sealed.

    Args:
        part: what this process does of a film in which the secret fits as it is; of others it does all.
    Raises:
        LongFilm: as `embed_file`.
        StegnetError: as `embed_file`.
    """
    choices = {"verify": options.verify, "randomness": randomness, "progress": progress}
    try:
        return embed_file(cover, secret, out, key_source, compress=True, part=part, **choices)
    except (CapacityError, PackageError):
        if not _same_kind(cover, secret) or is_grey_cover(cover):
            raise
    report = hide_file(network, cover, secret, out, key_source, options, randomness, progress)
    note = _NETWORK + _UNMASKED * (not network().period)
    return replace(report, notes=(note, *report.notes))


def _same_kind(cover: Path, secret: Path) -> bool:
    """True for a picture and a picture, or a film and a film."""
    check_input(secret)
    try:
        return input_kind(cover) == input_kind(secret)
    except MediaError:
        return False
