"""Stage survive: what is left of a secret when its container is compressed, resized, blurred … on its way."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.config import Config
from stegnet.core.measures import SECRET_PSNR
from stegnet.core.reproducible import cpu_threads, make_deterministic
from stegnet.evaluation.quality import PicturePairs
from study.survival import measure as survival
from study.survival import report as survival_report
from study.survival.distortion import NONE, OF_FILMS, OF_PICTURES
from study.survival.measure import Material
from study.survival.method import Method, load_method, sealed, swap, thumbnail

RIVALS = ("plain", "plain_noise", "baluja", "baluja_noise")
DEFAULT, MEANS = "default", "means alone"
PAIRS, FRAMES = 24, 16
# By name: material, kind and strength of the distortions that stand for all in metrics.json.
HEADLINE = {
    "none": ("pictures", "none", 0),
    "jpeg_90": ("pictures", "jpeg", 90),
    "noise_2": ("pictures", "noise", 2),
    "h264_18": ("film", "h264", 18),
}
_FREE = """Nothing was trained for any of this. Every network is handed its shuffle; `default` is also given the
secret's block means, a thumbnail of an eighth of its sides that would be lost with the first changed bit:
`means alone` is that thumbnail, enlarged, so what `default` does not have above it did not come through the container.
Without such help, a container of `stegnet hide` opens no more often than `sealed`, which reads lowest bits alone: of
all these, only an even change of brightness may leave them. A film: each frame is a container of its own, and all are
coded as one film; `one frame`: each picture is a film of a single key frame."""


def main(
    config: Config, shards: Path, weights: Path, rivals: Path, film_cover: Path, film_secret: Path, out: Path
) -> None:
    make_deterministic(config.seed, config.train.threads)
    methods = {DEFAULT: load_method(weights)} | {name: load_method(rivals / f"{name}.safetensors") for name in RIVALS}
    methods |= {"4-bit swap": swap, "sealed": sealed}
    pictures = survival.spread_pairs(PicturePairs(shards, config.evaluate.shift), PAIRS)
    frames = survival.film_pairs(film_cover, film_secret, FRAMES)
    materials = Material("pictures", pictures, OF_PICTURES), Material("film", frames, OF_FILMS)
    table = pd.concat([_measure(config, material, methods) for material in materials], ignore_index=True)
    _write(table, materials, out)
    print("secret after JPEG 90 and H.264 CRF 18:", *_told(table))


def _measure(config: Config, material: Material, methods: dict[str, Method]) -> pd.DataFrame:
    measure = partial(survival.measure, seed=config.seed, workers=cpu_threads(config.train.threads))
    found = measure(material, methods, progress=lambda steps: bar(steps, material.name))
    undistorted = replace(material, distortions=(NONE,))
    return pd.concat([found, measure(undistorted, {MEANS: thumbnail}, progress=lambda steps: steps)])


def _write(table: pd.DataFrame, materials: Sequence[Material], out: Path) -> None:
    write_table(out / "survive.csv", table)
    write_json(out / "metrics.json", _headline(table))
    for material in materials:
        survival_report.draw(table, material, out)
    parts = [survival_report.markdown(table, material, DEFAULT, _FREE) for material in materials]
    (out / "survive.md").write_text("\n".join(["# What survives?\n", *parts]), encoding="utf-8")


def _headline(table: pd.DataFrame) -> dict[str, float]:
    """survive_<distortion>_<method>_secret_psnr, in dB."""
    found = {
        f"survive_{name}_{method}_{SECRET_PSNR}": survival.figure(table, *place, method)[SECRET_PSNR]
        for name, place in HEADLINE.items()
        for method in (DEFAULT, "plain", "plain_noise")
    }
    found[f"survive_means_alone_{SECRET_PSNR}"] = survival.figure(table, "pictures", "none", 0, MEANS)[SECRET_PSNR]
    return {name: round(value, 4) for name, value in found.items()}


def _told(table: pd.DataFrame) -> list[str]:
    told = []
    for method in (DEFAULT, "plain"):
        values = [survival.figure(table, *HEADLINE[name], method)[SECRET_PSNR] for name in ("jpeg_90", "h264_18")]
        told.append(f"{method} {values[0]:.1f} and {values[1]:.1f} dB")
    return [", ".join(told)]


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "film_cover", "film_secret", "out")
