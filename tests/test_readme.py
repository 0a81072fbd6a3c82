"""What the README claims of the shipped pair stands in the files that its measurement left."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHIPPED = ROOT / "reports" / "shipped"
EVALUATE, VIDEO = (SHIPPED / name for name in ("evaluate", "video"))
KINDS = {"photographs": "photographs", "ImageNet": "imagenet-sample", "BSDS500": "bsds500", "scenes": "scenes"}


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def methods(row: str) -> list[str]:
    """The cells of a row in the table of methods."""
    return next(line for line in README.splitlines() if line.startswith(f"| {row} |")).split("|")


def decibels(text: str) -> list[str]:
    return re.findall(r"[\d.]+ dB", text)


def rounded(*figures: float) -> list[str]:
    return [f"{figure:.1f} dB" for figure in figures]


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_the_table_of_quality(name: str, kind: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| shipped | {name} |"))
    measured = read(EVALUATE / "details.json")[kind]["sealed"]
    cells = []
    for side in ("container", "secret"):
        psnr = measured[f"{side}_psnr"]
        cells.append(" / ".join(f"{psnr[of]:.1f}" for of in ("mean", "median", "worst")))
        cells += [f"{measured[f'{side}_ssim']['mean']:.3f}", f"{measured[f'{side}_apd']['mean']:.2f}"]
    assert [cell.strip() for cell in row.strip("|").split("|")[2:]] == cells


def test_the_table_of_methods() -> None:
    film, photographs = read(VIDEO / "metrics.json"), read(EVALUATE / "metrics.json")
    comes_back, container = (methods(row)[2] for row in ("comes back", "the container"))
    assert decibels(comes_back) == rounded(photographs["secret_psnr"], film["film_secret_psnr"])
    assert decibels(container) == rounded(photographs["container_psnr"], film["film_container_psnr"])


def test_the_sealed_method() -> None:
    means = pd.read_csv(SHIPPED / "tradeoff" / "means.csv").set_index(["series", "setting"])
    full, sixth = means.loc[("sealed", "full")], means.loc[("sealed", "0.25")]
    assert 1 / 6.5 < sixth["bits_per_pixel"] / full["bits_per_pixel"] < 1 / 5.5
    comes_back, container = (methods(row)[3] for row in ("comes back", "the container"))
    assert decibels(comes_back) == rounded(full["secret_psnr"])
    assert decibels(container) == rounded(full["container_psnr"], sixth["container_psnr"])
    same = read(SHIPPED / "tradeoff" / "metrics.json")["bits_container_psnr_same_secret"]
    assert f"leaves a better container, {same:.1f} dB" in README
