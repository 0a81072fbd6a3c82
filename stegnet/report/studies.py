"""What the page tells of the long measurements, one section each; in the page's order."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stegnet.report import robustness, security
from stegnet.report.page import Section, Tile


@dataclass(frozen=True)
class Study:
    """A long measurement: its title, and what makes a section of the folder that it left."""

    name: str
    section: Callable[[str, Path, str], Section]


STUDIES = {
    "sizes": Study("Small and large pictures", robustness.sizes),
    "contents": Study("The worst cases", robustness.contents),
    "tradeoff": Study("Container against secret", robustness.tradeoff),
    "residual": Study("Does the secret shine through?", security.residual),
    "classical": Study("Classical steganalysis", security.classical),
    "detect": Study("A trained detector", security.detect),
    "wrongkey": Study("Without the key", security.wrongkey),
    "shuffle": Study("What the shuffle gives away", security.shuffle),
    "survive": Study("What does it survive?", robustness.survive),
}


def study_tiles(studies: Path | None) -> list[Tile]:
    """The figures of long measurements that come first, of those that were made."""
    found = (
        []
        if studies is None
        else [security.detect_tile(studies / "detect"), robustness.survive_tile(studies / "survive")]
    )
    return [tile for tile in found if tile]
