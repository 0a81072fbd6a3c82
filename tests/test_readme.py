"""What the README claims of the shipped pair stands in the files that its measurement left."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EVALUATE, VIDEO = (ROOT / "reports" / "shipped" / name for name in ("evaluate", "video"))
KINDS = {"photographs": "photographs", "ImageNet": "imagenet-sample", "BSDS500": "bsds500", "scenes": "scenes"}


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


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
    comes_back, container = (
        next(line for line in README.splitlines() if line.startswith(f"| {name} |")).split("|")[2]
        for name in ("comes back", "the container")
    )
    assert re.findall(r"[\d.]+ dB", comes_back) == [
        f"{figures:.1f} dB" for figures in (photographs["secret_psnr"], film["film_secret_psnr"])
    ]
    assert re.findall(r"[\d.]+ dB", container) == [
        f"{figures:.1f} dB" for figures in (photographs["container_psnr"], film["film_container_psnr"])
    ]
