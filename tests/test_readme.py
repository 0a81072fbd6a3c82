"""Figures in the README and the docs equal those in the reports that they come from."""

import csv
import json
import re
from pathlib import Path

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
        f"{figures[f'{name}_bits']:.{digits}f}" for name, digits in (("no_key", 4), ("unrelated", 4), ("right_key", 2))
    )
    assert "{} (another picture's secret: {}; with the key: {})".format(*shared) in text


# Rows of the table in docs/security.md, and method and rate in the report.
DETECTED = {
    "`sealed`, 0.05 bit per sample": ("sealed", "0.05"),
    "`sealed`, 0.1": ("sealed", "0.1"),
    "`sealed`, 0.2": ("sealed", "0.2"),
    "`sealed`, 0.4": ("sealed", "0.4"),
    "`sealed`, 1.0": ("sealed", "1.0"),
    "`network`": ("network", ""),
    "±1 anywhere, 0.1 (as format 1 did)": ("±1 anywhere", "0.1"),
}
# Rows of the table of places, and medium, attack and question in the report.
PLACES = {
    "signed errors at public places": ("pictures", "shift at public places", "container against cover"),
    "their spread": ("pictures", "spread at public places", "container against cover"),
    "signed errors over many keys": ("pictures", "shift, over many keys", "places"),
    "their spread over many keys": ("pictures", "spread, over many keys", "places"),
    "signed errors over 30 pictures of one key": ("pictures", "shift, over one key", "places"),
    "change between the frames of a still film": ("still films", "change between frames, over one key", "places"),
    "change at places learnt so": (
        "still films",
        "change between frames at places learnt",
        "same key against other keys",
    ),
}


def table(stage: str) -> list[dict[str, str]]:
    with (SHIPPED / stage / f"{stage}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "method", "rate"), [(name, *case) for name, case in DETECTED.items()])
def test_detectors(name: str, method: str, rate: str) -> None:
    rows = [row for row in table("steganalysis") if (row["method"], row["rate"]) == (method, rate)]
    most = max((row["pairs"] for row in rows), key=int)
    cells = [most]
    for kind in ("CRMQ1", "SRMQ1", "SPAM"):
        found = [row for row in rows if row["features"] == kind and row["pairs"] == most]
        figures = [100 * float(row[key]) for row in found for key in ("accuracy", "low", "high")]
        cells.append("{:.0f} % ({:.0f}–{:.0f})".format(*figures) if found else "–")
    assert f"| {name} | {' | '.join(cells)} |" in SECURITY


@pytest.mark.parametrize(("name", "case"), PLACES.items())
def test_places(name: str, case: tuple[str, str, str]) -> None:
    rows = [row for row in table("places") if (row["medium"], row["attack"], row["question"]) == case]
    cells = []
    for method in ("sealed, 10% full", "network"):
        (row,) = (row for row in rows if row["method"] == method)
        auc, low, high = (float(row[key]) for key in ("auc", "low", "high"))
        cells.append(f"{auc:.3f} ({low:.2f}–{high:.2f})".replace("0.", "."))
    written = [
        line
        for line in SECURITY.splitlines()
        if line.startswith(f"| {name} | {'true places' if case[2] == 'places' else case[2]} |")
    ]
    assert written[0].endswith(f"| {' | '.join(cells)} |")


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
