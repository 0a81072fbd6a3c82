"""Stage report: one page that shows what the other stages measured."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack

from pipeline.evaluate.statistics import headline_kind
from pipeline.report.page import Page, Part, cell, collapsed, photograph_part, read, read_specs, table
from pipeline.shards import RENDERED
from pipeline.stage import run_stage
from stegnet.core.disk import atomic_write
from stegnet.core.measures import BARE, BASE, CONTAINER, MEASURES, PSNR, SEALED, SECRET, SIDES
from stegnet.core.pixels import CODED, MEANS, NONE
from stegnet.networks.card import SHIPPED, Card, read_card, weights_id

PUBLISHABLE = {RENDERED}  # kinds whose pictures are this project's own
_SECTIONS = Path(__file__).with_name("sections.yaml")
_NAMES = {CONTAINER: CONTAINER, SECRET: SECRET, BASE: "secret's base alone"}  # names of the measured pictures
_BASES = {
    NONE: "the whole picture",
    MEANS: "the picture without its block means, which are sealed",
    CODED: "what a coded base leaves of the picture; the base is sealed",
}


class ReportInputs(TypedDict):
    """Paths of the files and folders that a page shows, as `report` takes them."""

    weights: Path
    curve: Path
    reports: Path
    sections: Path
    studies: Path | None


def main(out: Path, **measured: Unpack[ReportInputs]) -> None:
    """Write the report as one HTML file, given the paths of all that was measured."""
    page = report(**measured).render()
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(out) as part:
        part.write_text(page, encoding="utf-8")
    print(f"report: open {out} in a browser")


def report(weights: Path, curve: Path, reports: Path, sections: Path, studies: Path | None = None) -> Page:
    """Build the page of a pair's weights and training curve, and of the output folders of evaluate, detect and video.

    study/sections.yaml says how to show the long measurements, whose output folders are in `studies`, if there are any.
    """
    card = read_card(weights)
    specs = read_specs(_SECTIONS)
    evaluate, detect, video = (reports / stage for stage in ("evaluate", "detect", "video"))
    details, film = (read(folder / "details.json") for folder in (evaluate, video))
    detection = read(detect / "metrics.json")
    kind = headline_kind(details)
    pair = "shipped" if weights.resolve() == SHIPPED.resolve() else "trained"  # as in study/dvc.yaml
    repeat_study = f"dvc --cd study repro --force --single-item {{}}@{pair}"
    repeat = repeat_study if pair == "shipped" else "dvc repro --force --single-item {}"
    shown = PUBLISHABLE if pair == "shipped" else details.keys()
    pictures = _pictures(evaluate, details, shown)
    made = [
        specs["evaluate"].section(evaluate, repeat.format("evaluate"), {}, *pictures),
        specs["video"].section(video, repeat.format("video"), film),
    ]
    if detection:  # it can be off
        made.append(specs["detect"].section(detect, repeat.format("detect"), detection))
    tiles: list[Mapping[str, str]] = []
    missing: list[list[str]] = []
    for stage, spec in read_specs(sections).items():
        if studies and (studies / stage / "metrics.json").exists():
            figures = read(studies / stage / "metrics.json")
            made.append(spec.section(studies / stage, repeat_study.format(stage), figures))
            tiles += spec.filled_tiles(figures)
        else:
            missing.append([spec.name, f"dvc --cd study repro {stage}@{pair}"])
    headline = read(evaluate / "metrics.json")
    tiles += specs["evaluate"].filled_tiles({**headline, **details[kind][SEALED], "kind": kind})
    tiles += [*specs["video"].filled_tiles(film), *specs["detect"].filled_tiles(detection)]
    repeat = "dvc repro train" if pair == "trained" else ""
    made.append(specs["train"].section(curve.parent, repeat, {"curve": curve.name}))
    if missing:
        made.append(specs[pair].section(Path(), "", {}, table(["", "command"], missing)))
    return Page(f"stegnet: {card.model}, {pair} weights", tiles, made, _facts(card, weights))


def _pictures(evaluate: Path, details: Mapping[str, Any], shown: Collection[str]) -> list[Part]:
    """Return measures of each kind of test pictures, and pictures of the kinds `shown`.

    All kinds but one are collapsed.
    """
    pairs = read(evaluate / "pairs.csv")
    counts = {kind: str(((pairs["kind"] == kind) & (pairs["mode"] == SEALED)).sum()) for kind in details}
    parts: dict[str, list[Part]] = {}
    for kind, modes in details.items():
        parts[kind] = [_stats_table(modes[SEALED], f"{kind}, {counts[kind]} pairs")]
        if kind in shown:
            sheet = read(evaluate / "pictures" / f"{kind.replace(':', '-')}.png")
            alt = f"cover, container, difference, secret and revealed secret: {kind}"
            parts[kind].insert(0, photograph_part(sheet, alt, kind))
    first = headline_kind([kind for kind in details if kind in shown] or details)
    others = (collapsed(kind, parts[kind]) for kind in details if kind != first)
    return [*parts[first], _means_table(details, counts), *others]


def _stats_table(summary: Mapping[str, Mapping[str, float]], caption: str) -> Part:
    """Return summary statistics of all measures on one kind of pictures."""
    rows = []
    for measure in MEASURES.values():
        for picture, name in _NAMES.items():
            if stats := summary.get(measure.of(picture)):
                of = {key: cell(value, measure.digits) for key, value in stats.items()}
                interval = f"{of['ci_low']} – {of['ci_high']}"
                rows.append([f"{name}, {measure.label}", of["mean"], interval, of["median"], of["worst"]])
    return table(["", "mean", "95 % CI", "median", "worst"], rows, caption)


def _means_table(details: Mapping[str, Any], counts: Mapping[str, str]) -> Part:
    """Return the mean PSNR of each kind of pictures, with and without sealed bits."""
    columns = {(SEALED, picture): name for picture, name in _NAMES.items()}
    columns |= {(BARE, side): f"{side}, no sealed bits" for side in SIDES}
    rows = [
        [kind, counts[kind], *(cell(modes[mode][PSNR.of(picture)]["mean"], PSNR.digits) for mode, picture in columns)]
        for kind, modes in details.items()
    ]
    return table(["", "pairs", *columns.values()], rows, f"Mean {PSNR.axis} for each kind of test pictures")


def _cost(training: Mapping[str, Any]) -> str | None:
    """Return how much was trained on; None for a card without it."""
    train = training.get("train", {})
    if not {"pairs", "batch", "crop"} <= train.keys():
        return None
    pairs, batch, crop = (train[key] for key in ("pairs", "batch", "crop"))
    return f"{pairs // batch:,} steps of {batch} pairs, in crops of {crop}² pixels"


def _facts(card: Card, weights: Path) -> Part:
    """Return architecture and training of the pair, from its card."""
    training = card.training
    facts = {
        "family": card.model,
        "options": ", ".join(f"{name} {value}" for name, value in card.options.items()),
        "SHA-256 of the weights": weights_id(weights),
        "hides": _BASES[card.scramble["base"]],
        "block size": f"{card.scramble['block']} px",
        "beta": training.get("beta"),
        "training": _cost(training),
        "data": training.get("source"),
        "SHA-256 of the data": training.get("data"),
        "seed": training.get("seed"),
        "precision": training.get("precision"),
        "note": training.get("note"),
    }
    return table(["", ""], [[name, str(value)] for name, value in facts.items() if value is not None])


if __name__ == "__main__":
    run_stage(main, "weights", "curve", "reports", "sections", "out", "studies?")
