"""The headline printed at the end of the pipeline."""

from pathlib import Path

from pipeline.publish import _headline
from stegnet.core.config import load

ROOT = Path(__file__).parents[2]


def test_the_headline_has_every_figure_in_its_place() -> None:
    stills = {
        f"{side}_{name}": start + place
        for side, start in (("container", 40), ("secret", 30))
        for place, name in enumerate(("psnr", "ssim", "apd", "psnr_bare", "psnr_worst"))
    }
    film = {"film_container_psnr": 50, "film_secret_psnr": 20}
    head, sides, *rows, _ = _headline(load(ROOT / "params.yaml"), stills, film, Path("reports")).splitlines()
    assert head.endswith("means, from files")
    assert sides.split() == ["container", "secret"]
    assert [row.rsplit(maxsplit=2) for row in rows] == [
        ["pictures, PSNR", "40.000", "30.000"],
        ["pictures, SSIM", "41.000", "31.000"],
        ["pictures, APD", "42.000", "32.000"],
        ["  no sealed bits, PSNR", "43.000", "33.000"],
        ["film, PSNR", "50.000", "20.000"],
    ]
