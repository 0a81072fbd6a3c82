"""Figures in the README and the docs equal those in the reports that they come from."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EVALUATION, PERFORMANCE, SECURITY = (
    (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in ("evaluation", "performance", "security")
)
SHIPPED = ROOT / "reports" / "shipped"
EVALUATE, VIDEO = (SHIPPED / name for name in ("evaluate", "video"))
KINDS = {"photographs": "photographs", "ImageNet": "imagenet-sample", "BSDS500": "bsds500", "scenes": "scenes"}


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def methods(row: str) -> list[str]:
    """Cells of a row in the table of methods."""
    return next(line for line in README.splitlines() if line.startswith(f"| {row} |")).split("|")


def one_line(text: str) -> str:
    return " ".join(text.split())


def decibels(text: str) -> list[str]:
    return re.findall(r"[\d.]+ dB", text)


def rounded(*figures: float) -> list[str]:
    return [f"{figure:.1f} dB" for figure in figures]


def cells(page: str, name: str) -> list[str]:
    """Cells of the only row of a page's tables that starts with this name; the name is the first."""
    (row,) = (line for line in page.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def within(value: str, low: str, high: str) -> str:
    """A figure with its interval."""
    return f"{value} ({low}–{high})"


def point(value: float, digits: int = 2) -> str:
    """A share as in statistics: .57 for 0.57, and 1.00."""
    return f"{value:.{digits}f}".removeprefix("0")


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_quality_table(name: str, kind: str) -> None:
    row = next(line for line in EVALUATION.splitlines() if line.startswith(f"| shipped | {name} |"))
    measured = read(EVALUATE / "details.json")[kind]["sealed"]
    cells = []
    for side in ("container", "secret"):
        psnr = measured[f"{side}_psnr"]
        cells.append(" / ".join(f"{psnr[of]:.1f}" for of in ("mean", "median", "worst")))
        cells += [f"{measured[f'{side}_ssim']['mean']:.3f}", f"{measured[f'{side}_apd']['mean']:.2f}"]
    assert [cell.strip() for cell in row.strip("|").split("|")[2:]] == cells


def test_sizes() -> None:
    table = pd.read_csv(SHIPPED / "sizes" / "sizes.csv").set_index(["measure", "kind", "size", "side"])["mean"]["psnr"]
    sizes = sorted(set(table.index.get_level_values("size")))
    for kind in set(table.index.get_level_values("kind")):
        means = [[table.get((kind, size, side)) for side in ("container", "secret")] for size in sizes]
        shown = [f"{container:.1f} / {secret:.1f}" if container else "–" for container, secret in means]
        assert cells(EVALUATION, kind) == [kind, *shown]


def test_contents() -> None:
    figures = {
        name.removeprefix("contents_"): value for name, value in read(SHIPPED / "contents" / "metrics.json").items()
    }
    text = one_line(EVALUATION)
    assert f"Of {figures['trials']} pairs of hard contents" in text
    assert figures["refused"] == 0, "the page says that none is refused"
    assert f"The worst container has {figures['container_psnr_worst']:.1f} dB" in text
    assert f"The worst secret, noise, has {figures['secret_psnr_worst']:.1f} dB" in text


def test_arithmetic() -> None:
    lead = {
        name.removesuffix("_lead_db"): value for name, value in read(SHIPPED / "arithmetic" / "metrics.json").items()
    }
    ahead = "ahead by {:.2f} dB on photographs, {:.2f} on ImageNet and {:.2f} on scenes".format(
        *(-lead[kind] for kind in ("photographs", "imagenet-sample", "scenes"))
    )
    assert f"{ahead}, and {lead['bsds500']:.2f} behind on BSDS500" in one_line(EVALUATION)


def test_method_table() -> None:
    film, photographs = read(VIDEO / "metrics.json"), read(EVALUATE / "metrics.json")
    revealed, container = (methods(row)[2] for row in ("revealed", "container"))
    assert decibels(revealed) == rounded(photographs["secret_psnr"], film["film_secret_psnr"])
    assert decibels(container) == rounded(photographs["container_psnr"], film["film_container_psnr"])
    container, secret = rounded(photographs["container_psnr"], photographs["secret_psnr"])
    assert f"containers reach {container} PSNR and revealed secrets {secret}" in one_line(README)


def test_wrong_key() -> None:
    figures = read(SHIPPED / "wrongkey" / "metrics.json")
    text = one_line(SECURITY)
    assert f"{figures['attempts']} attempts were made to open" in text
    assert f"to open pictures that hide nothing: {figures['opened']} opened" in text
    shared = (
        f"{figures[f'{name}_bits'] + 0.0:.{digits}f}"  # no −0
        for name, digits in (("no_key", 4), ("unrelated", 4), ("right_key", 2))
    )
    assert "{} (another picture's secret: {}; with the key: {})".format(*shared) in text


def test_known_pictures() -> None:
    table = pd.read_csv(SHIPPED / "known" / "known.csv")
    table = table[(table["kind"] == "photographs") & (table["copies"] == "the same")].set_index(["blocks", "attack"])
    for name in ("by how busy the blocks are", "by all statistics", "block by block"):
        attack = name.removeprefix("by ")
        without, own = (table.loc[(blocks, attack)] for blocks in ("read, without the mask", "read"))
        told = f"{percent(own['told'])} (AUC {point(own['auc'])})"
        assert cells(SECURITY, f"told {name}") == [f"told {name}", percent(without["told"]), told]
    (chance,) = set(table["chance"])
    assert f"Chance is {percent(chance)}." in SECURITY


def test_places() -> None:
    table = pd.read_csv(SHIPPED / "places" / "places.csv").set_index(["attack", "question", "method"])
    rows = [
        line.strip("| ").split(" | ")
        for line in SECURITY.splitlines()
        if line.startswith(("| shift", "| spread", "| change"))
    ]
    assert len(rows) == len(table) / 2
    for attack, question, _, *found in rows:
        for method, cell in zip(("sealed, 10% full", "network"), found, strict=True):
            row = table.loc[(attack, question, method)]
            assert cell == within(point(row["auc"], 3), point(row["low"]), point(row["high"])), (attack, question)


STEGANALYSIS = {
    "`sealed`, 0.05 bit per sample": ("sealed", 0.05),
    "`sealed`, 0.1": ("sealed", 0.1),
    "`sealed`, 0.2": ("sealed", 0.2),
    "`sealed`, 0.4": ("sealed", 0.4),
    "`sealed`, 1.0": ("sealed", 1.0),
    "`network`": ("network", -1),
    "±1 anywhere, 0.1 (as format 1 did)": ("±1 anywhere", 0.1),
}


@pytest.mark.parametrize(("name", "case"), STEGANALYSIS.items())
def test_steganalysis(name: str, case: tuple[str, float]) -> None:
    found = steganalysis(*case)
    accuracies = {
        features: within(percent(row["accuracy"]), f"{100 * row['low']:.0f}", f"{100 * row['high']:.0f}")
        for features, row in found.iterrows()
    }
    shown = [accuracies.get(features, "–") for features in ("CRMQ1", "SRMQ1", "SPAM")]
    assert cells(SECURITY, name) == [name, str(found["pairs"].max()), *shown]


def steganalysis(method: str, rate: float) -> pd.DataFrame:
    """The rows of a method with the most training pairs, by features."""
    table = pd.read_csv(SHIPPED / "steganalysis" / "steganalysis.csv").fillna({"rate": -1})
    rows = table[(table["method"] == method) & (table["rate"] == rate)]
    return rows[rows["pairs"] == rows["pairs"].max()].set_index("features")


def test_detection_in_the_method_table() -> None:
    network, few, full = (
        steganalysis(*case)["accuracy"].max() for case in (("network", -1), ("sealed", 0.1), ("sealed", 1.0))
    )
    row = methods("containers told from covers")
    assert row[2].strip() == f"{percent(network)} right"
    assert row[3].strip().startswith(f"{percent(few)} right at 0.1 bit per sample, {percent(full)} at 1:")


def test_speeds() -> None:
    measured = read(ROOT / "reports" / "compare" / "bench.json")
    rows = {
        "hide, from film to film (read, hide, seal, write, read back)": "hide",
        "reveal, from film to film": "reveal",
        "the network alone, hiding": "network alone, hide",
        "reading and writing alone": "codec alone",
    }
    for name, job in rows.items():
        speeds = " | ".join(f"{measured[size]['frames/s'][job]:.1f}" for size in ("640x360", "1280x720"))
        assert f"| {name} | {speeds} |" in PERFORMANCE
    slower = (
        measured[size]["frames/s"]["network alone, hide"] / measured[size]["frames/s"]["ancestors' nets, hide"]
        for size in ("640x360", "1280x720")
    )
    cells = " | ".join(f"{times:.0f} times slower" for times in slower)
    assert f"| the networks of Baluja 2017 alone, hiding, measured in the same run | {cells} |" in PERFORMANCE
    torch = read(ROOT / "reports" / "compare" / "bench-torch.json")["640x360"]["frames/s"]
    assert f"hides {torch['hide']:.1f} and reveals {torch['reveal']:.1f} frames of 640×360" in one_line(PERFORMANCE)
