"""The headline printed at the end of the pipeline."""

from pathlib import Path

from pipeline.publish import _headline
from stegnet.config.config import load

ROOT = Path(__file__).parents[2]


def test_the_headline_has_every_figure_in_its_place() -> None:
    stills = {"container_psnr": 40, "secret_psnr": 30, "base_psnr": 35, "container_ssim": 41, "secret_ssim": 31}
    film = {"film_container_psnr": 50, "film_secret_psnr": 20, "film_base_psnr": 10}
    head, sides, *rows, _ = _headline(load(ROOT / "params.yaml"), stills, film, Path("reports")).splitlines()
    assert head.endswith("means, from files")
    assert sides.split() == ["container", "secret"]
    assert [row.rsplit(maxsplit=2) for row in rows] == [
        ["pictures, PSNR", "40.000", "30.000"],
        ["pictures, SSIM", "41.000", "31.000"],
        ["  its base alone, PSNR", "–", "35.000"],
        ["film, PSNR", "50.000", "20.000"],
        ["  its base alone, PSNR", "–", "10.000"],
    ]
