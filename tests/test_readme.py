"""Figures in the README and the docs equal those in the reports that they come from."""

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
