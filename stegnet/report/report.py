"""The whole page, put together from what lies in the folders."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stegnet.core.card import SHIPPED, Card, read_card, weights_id
from stegnet.evaluation.quality import RENDERED
from stegnet.report import trained
from stegnet.report.page import Page, Section, Table
from stegnet.report.studies import STUDIES, study_tiles

_LEAD = (
    "stegnet hides a picture in a picture, and a film in a film, with a neural network, and brings the hidden one "
    "back. This page shows how well that works with one pair of networks, what gives it away, and what breaks it."
)
_LIMITS = [
    "The container must stay as it is: saving it as JPEG, encoding it again, resizing or filtering it destroys the "
    "secret.",
    "It is not proof against detection: whoever has the program and trains for it finds containers.",
    "With the default method the picture is scrambled, not encrypted; sound, sizes and thumbnail are encrypted. "
    "The sealed method encrypts all.",
    "In a channel that keeps every bit, a secret that is compressed first and embedded as encrypted bits changes the "
    "container less than any network here.",
    "Containers of films are large: lossless video. Colours are 8-bit RGB.",
]


MISSING = "Not measured here"
_MISSING = {
    "trained": "These take long. `make evaluate-all` measures them, for a page of its own: study/trained/index.html.",
    "shipped": "These take long. `make report` measures all of them.",
}
FREE = {RENDERED}  # sources whose pictures are this project's own; others belong to who took them


@dataclass(frozen=True)
class Reports:
    """Where the stages left what the page shows.

    Attributes:
        weights: the pair that was measured.
        curve: of its training.
        evaluate, video: folders of these stages.
        studies: folder that holds one folder for each long measurement; None where they were not asked for.
    """

    weights: Path
    curve: Path
    evaluate: Path
    video: Path
    studies: Path | None = None

    @property
    def pair(self) -> str:
        """As the stages of study/dvc.yaml call it."""
        return "shipped" if self.weights.resolve() == SHIPPED.resolve() else "trained"


def report(reports: Reports) -> Page:
    """The page.

    Raises:
        DataError: a file that it needs is missing or can't be read.
        WeightsError: there is no such weights file.
    """
    card = read_card(reports.weights)
    title = f"stegnet: {card.model}, {reports.pair} weights"
    tiles = trained.tiles(reports.evaluate, reports.video) + study_tiles(reports.studies)
    return Page(title, _LEAD, tiles, list(_sections(reports)), _facts(card, reports), _LIMITS)


def _sections(reports: Reports) -> Iterator[Section]:
    shown = FREE if reports.pair == "shipped" else None
    yield trained.pictures(reports.evaluate, _target(reports, "evaluate"), shown)
    yield trained.film(reports.video, _target(reports, "video"))
    missing = {}
    for name, study in STUDIES.items():
        folder = reports.studies and reports.studies / name
        if folder and (folder / "metrics.json").exists():
            yield study.section(study.name, folder, _target(reports, name, long=True))
        else:
            missing[study.name] = f"dvc --cd study repro {name}@{reports.pair}"
    yield trained.training(reports.curve, "dvc repro train" if reports.pair == "trained" else "")
    if missing:
        table = Table(["", "by itself"], [[name, command] for name, command in missing.items()])
        yield Section(MISSING, "", (_MISSING[reports.pair],), (table,))


def _target(reports: Reports, stage: str, long: bool = False) -> str:
    """The command that runs a stage again."""
    if reports.pair == "trained" and not long:
        return f"dvc repro --force --single-item {stage}"
    return f"dvc --cd study repro --force --single-item {stage}@{reports.pair}"


def _facts(card: Card, reports: Reports) -> Table:
    """What the pair is and how it was trained, from its card."""
    training = card.training
    facts = {
        "family": card.model,
        "options": ", ".join(f"{name} {value}" for name, value in card.options.items()),
        "SHA-256 of the weights": weights_id(reports.weights),
        "hides": "the detail, block means go sealed" if card.scramble["detail"] else "the whole picture",
        "shuffled blocks": f"{card.scramble['block']} px",
        "beta": training.get("beta"),
        "training pairs": training.get("train", {}).get("pairs"),
        "data": training.get("source"),
        "SHA-256 of the data": training.get("data"),
        "seed": training.get("seed"),
        "precision": training.get("precision"),
        "note": training.get("note"),
    }
    return Table(["", ""], [[name, str(value)] for name, value in facts.items() if value is not None])
