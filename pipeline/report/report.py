"""The report: its sections and headline figures, put together from the outputs of the stages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.evaluate.statistics import RENDERED
from pipeline.report import quality, robustness, security
from pipeline.report.page import FigureTile, Page, Section, Table
from stegnet.core.samples import CODED, MEANS, NONE
from stegnet.networks.card import SHIPPED, Card, read_card, weights_id


@dataclass(frozen=True)
class Study:
    """A long measurement: its heading, and the function that builds a section from its output folder."""

    name: str
    section: Callable[[str, Path, str], Section]


STUDIES = {  # by stage of study/dvc.yaml, in the order of the page
    "sizes": Study("Picture size", robustness.sizes),
    "arithmetic": Study("The same base by plain arithmetic", robustness.arithmetic),
    "steganalysis": Study("Steganalysis by features", security.steganalysis),
    "jpeg_steganalysis": Study("Steganalysis of JPEGs", security.jpeg_steganalysis),
    "wrongkey": Study("Wrong key", security.wrongkey),
    "robust": Study("Containers that survive JPEG", robustness.robust),
    "robust_films": Study("Films that survive", robustness.robust_films),
    "robust_attacks": Study("Attacks on containers that survive", security.robust_attacks),
}
PUBLISHABLE = {RENDERED}  # kinds whose pictures are this project's own
NOT_MEASURED = "Not measured"
_HOW_TO_MEASURE = {
    "trained": "These take hours. `make evaluate-all` measures them for a page of their own: study/trained/index.html.",
    "shipped": "These take hours. `make report` measures all of them.",
}
_LEAD = (
    "stegnet hides a picture in a picture, or a film in a film, with a neural network, and reveals it again. This page "
    "shows the quality, security and robustness of one pair of networks."
)
_LIMITS = [
    "The container must not change, except by JPEG or H.264 if it was made to survive that: other encoders, resizing "
    "or filtering destroy the secret.",
    "Containers can be detected by an attacker who has the program and trains a detector.",
    "The network method encrypts a coarse picture, the sound and the sizes; what the networks carry is shuffled, and "
    "masked if they allow it, but not authenticated encryption. The sealed method encrypts everything.",
    "In a lossless channel, compressing the secret and embedding it as encrypted bits changes the container less than "
    "any network here.",
    "Containers of films are large: they are lossless video. Colours are 8-bit RGB.",
]


@dataclass(frozen=True)
class Reports:
    """Outputs of the stages that the page shows.

    Attributes:
        weights: the pair that was measured.
        curve: its training curve.
        evaluate, video: output folders of these stages.
        studies: folder with one folder for each long measurement, or None.
    """

    weights: Path
    curve: Path
    evaluate: Path
    video: Path
    studies: Path | None = None

    @property
    def pair(self) -> str:
        """Its name in study/dvc.yaml: "shipped" or "trained"."""
        return "shipped" if self.weights.resolve() == SHIPPED.resolve() else "trained"


def report(reports: Reports) -> Page:
    """Builds the page.

    Raises:
        DataError: an output is missing or can't be read.
        WeightsError: the weights file is missing or can't be read.
    """
    card = read_card(reports.weights)
    title = f"stegnet: {card.model}, {reports.pair} weights"
    tiles = _study_tiles(reports.studies) + quality.tiles(reports.evaluate, reports.video)
    return Page(title, _LEAD, tiles, list(_sections(reports)), _facts(card, reports), _LIMITS)


def _sections(reports: Reports) -> Iterator[Section]:
    shown = PUBLISHABLE if reports.pair == "shipped" else None
    yield quality.pictures(reports.evaluate, _command(reports, "evaluate"), shown)
    yield quality.film(reports.video, _command(reports, "video"))
    missing = {}
    for name, study in STUDIES.items():
        folder = reports.studies and reports.studies / name
        if folder and (folder / "metrics.json").exists():
            yield study.section(study.name, folder, _command(reports, name, long=True))
        else:
            missing[study.name] = f"dvc --cd study repro {name}@{reports.pair}"
    command = "dvc repro train" if reports.pair == "trained" else ""
    yield quality.training(reports.curve, read_card(reports.weights), command)
    if missing:
        table = Table(["", "command"], [[name, command] for name, command in missing.items()])
        yield Section(NOT_MEASURED, "", (_HOW_TO_MEASURE[reports.pair],), (table,))


def _study_tiles(studies: Path | None) -> list[FigureTile]:
    """Headline figures of the long measurements that were made."""
    if studies is None:
        return []
    tiles = [robustness.robust_tile(studies / "robust"), robustness.robust_films_tile(studies / "robust_films")]
    return [tile for tile in tiles if tile]


BASES = {
    NONE: "the whole picture",
    MEANS: "the picture without its block means, which are sealed",
    CODED: "what a coded base leaves of the picture; the base is sealed",
}


def _command(reports: Reports, stage: str, long: bool = False) -> str:
    """The command that repeats a stage."""
    if reports.pair == "trained" and not long:
        return f"dvc repro --force --single-item {stage}"
    return f"dvc --cd study repro --force --single-item {stage}@{reports.pair}"


def _facts(card: Card, reports: Reports) -> Table:
    """Architecture and training of the pair, from its card."""
    training = card.training
    facts = {
        "family": card.model,
        "options": ", ".join(f"{name} {value}" for name, value in card.options.items()),
        "SHA-256 of the weights": weights_id(reports.weights),
        "hides": BASES[card.scramble["base"]],
        "block size": f"{card.scramble['block']} px",
        "beta": training.get("beta"),
        "training pairs": training.get("train", {}).get("pairs"),
        "data": training.get("source"),
        "SHA-256 of the data": training.get("data"),
        "seed": training.get("seed"),
        "precision": training.get("precision"),
        "note": training.get("note"),
    }
    return Table(["", ""], [[name, str(value)] for name, value in facts.items() if value is not None])
