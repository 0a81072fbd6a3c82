"""What the page tells of the long measurements, one section each; in the page's order."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stegnet.report import hidden, seen
from stegnet.report.page import Section, Tile


@dataclass(frozen=True)
class Study:
    """A long measurement: its title, and what makes a section of the folder that it left."""

    name: str
    section: Callable[[str, Path, str], Section]


STUDIES = {
    "sizes": Study("Small and large pictures", hidden.sizes),
    "contents": Study("The worst cases", hidden.contents),
    "tradeoff": Study("Container against secret", hidden.tradeoff),
    "residual": Study("Does the secret shine through?", seen.residual),
    "classical": Study("Classical steganalysis", seen.classical),
    "detect": Study("A trained detector", seen.detect),
    "wrongkey": Study("Without the key", seen.wrongkey),
    "shuffle": Study("What the shuffle gives away", seen.shuffle),
    "survive": Study("What does it survive?", hidden.survive),
}


def study_tiles(studies: Path | None) -> list[Tile]:
    """The figures of long measurements that come first, of those that were made."""
    found = [] if studies is None else [seen.detect_tile(studies / "detect"), hidden.survive_tile(studies / "survive")]
    return [tile for tile in found if tile]
