"""Stage survive: quality of the secret after its container was compressed, resized, blurred and more in transit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import cpu_threads, make_deterministic
from stegnet.core.measures import CONTAINER_PSNR, SECRET, SECRET_PSNR, SSIM, psnr, ssim
from stegnet.core.parallel import distributed
from stegnet.evaluation.chart import chart
from stegnet.evaluation.quality import PicturePairs
from stegnet.methods.network import Network
from study.distortions import FILM_DISTORTIONS, NONE, PICTURE_DISTORTIONS, Apply, Distortion
from study.methods import Embedding, Method, base_alone, sealed_digest, swap, trained_network
from study.pairs import Pair, film_pairs, mixed_pairs

RIVALS = ("plain", "plain_noise", "baluja", "baluja_noise")
DEFAULT, BASE = "default", "base alone"
PAIRS, FRAMES = 24, 16
LABELS = ["material", "kind", "strength", "method"]
SECRET_SSIM = SSIM.of(SECRET)
FIGURES = [CONTAINER_PSNR, SECRET_PSNR, SECRET_SSIM, "opened", "pairs"]
# By name in metrics.json: material, kind and strength of the distortion.
HEADLINE = {
    "none": ("pictures", "none", 0),
    "jpeg_90": ("pictures", "jpeg", 90),
    "noise_2": ("pictures", "noise", 2),
    "h264_18": ("film", "h264", 18),
}
_NOTE = """\
Secret PSNR in dB after the container was distorted, mean over {pairs} pairs of 256×256; for `{file}`, the share of
containers whose file still opens. The second column is the container of `{shown}` after the distortion, against its
cover. {assumptions}
"""
_ASSUMPTIONS = """\
No network was trained for these distortions. Every network is given its shuffle; `default` is also given the
secret's base, which would be lost with the first changed bit: `base alone` is that base, so only the excess of
`default` over it came through the container.
Without such help, a container of `stegnet hide` opens no more often than `sealed`: one changed sample can change the
salt, and with it all positions. A film: each frame is a container of its
own, and all are coded as one film; `one frame`: each picture is a film of a single key frame."""

DistortionCase = tuple[Distortion, float]
Progress = Callable[[Sequence[DistortionCase]], Iterable[DistortionCase]]


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path, **film: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    methods = {DEFAULT: trained_network(weights)} | {
        name: trained_network(rivals / f"{name}.safetensors") for name in RIVALS
    }
    methods |= {"4-bit swap": swap(), "sealed": sealed_digest}
    pictures = mixed_pairs(PicturePairs(shards, config.evaluate.shift), PAIRS)
    frames = film_pairs(film["film_cover"], film["film_secret"], FRAMES)
    materials = Material("pictures", pictures, PICTURE_DISTORTIONS), Material("film", frames, FILM_DISTORTIONS)
    base = base_alone(Network.load(weights, backend="torch"))
    table = pd.concat([_measure_all(config, material, methods, base) for material in materials], ignore_index=True)
    _write(table, materials, out)
    print("secret after JPEG 90 and H.264 CRF 18:", _headline_line(table))


@dataclass(frozen=True)
class Material:
    """Pairs to hide, and the distortions of their containers.

    Attributes:
        name: "pictures" or "film".
        pairs: covers and secrets, (H, W, 3) uint8; of a film, its frames in order.
        distortions: of their containers.
    """

    name: str
    pairs: Sequence[Pair]
    distortions: Sequence[Distortion]

    @property
    def steps(self) -> list[DistortionCase]:
        """Each distortion at each of its strengths."""
        return [(distortion, strength) for distortion in self.distortions for strength in distortion.strengths]


def measure(
    material: Material, methods: Mapping[str, Method], seed: int, workers: int, progress: Progress
) -> pd.DataFrame:
    """One row per distortion, strength and method: LABELS, then FIGURES, means over the pairs.

    container_psnr (dB) is of the distorted container against its cover; hidden pictures have secret_psnr (dB) and
    secret_ssim, hidden files `opened`, the share of containers that still open; the others are nan.

    Args:
        workers: threads, each on one core.
        progress: wraps the steps in a progress bar.
    """
    embedded = {name: _embed(method, material.pairs, seed) for name, method in methods.items()}
    distort = partial(_rows, material, embedded, seed)
    with closing(distributed(distort, progress(material.steps), workers, lambda: torch.set_num_threads(1))) as steps:
        return pd.DataFrame([row for rows in steps for row in rows], columns=[*LABELS, *FIGURES])


def figure(table: pd.DataFrame, material: str, kind: str, strength: float, method: str) -> dict[str, float]:
    """One row of the table that `measure` returns."""
    wanted = pd.Series([material, kind, float(strength), method], LABELS)
    matches = (table[LABELS] == wanted).all(axis=1)
    (row,) = table[matches].to_dict("records")
    return row


def draw(table: pd.DataFrame, material: Material, folder: Path) -> list[Path]:
    """Writes one chart per kind of distortion with several strengths; returns their paths.

    Args:
        table: as `measure` returns it, of this material and perhaps others.
        folder: must exist.
    """
    selected = table[table["material"] == material.name]
    several = [distortion for distortion in material.distortions if len(distortion.strengths) > 1]
    paths = [folder / f"{material.name}_{distortion.kind}.png" for distortion in several]
    for distortion, path in zip(several, paths, strict=True):
        _draw(selected, distortion, path)
    return paths


def markdown(table: pd.DataFrame, material: Material, shown: str, assumptions: str) -> str:
    """A Markdown table with a row for each distortion and strength, and a column for each method.

    Args:
        shown: the method whose container PSNR is in the table.
        assumptions: what the methods are given besides the container.
    """
    selected = table[table["material"] == material.name]
    methods = list(dict.fromkeys(selected["method"]))
    file = next((method for method in methods if _rows_of(selected, method)["opened"].notna().any()), "none")
    note = _NOTE.format(pairs=int(selected["pairs"].max()), file=file, shown=shown, assumptions=assumptions)
    head = ["distortion", f"container ({shown})", *methods]
    lines = [_line(selected, *step, methods, shown) for step in material.steps]
    rows = [head, ["---"] + ["--:"] * (len(head) - 1), *lines]
    return f"## {material.name.capitalize()}\n\n{note}\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _draw(selected: pd.DataFrame, distortion: Distortion, path: Path) -> None:
    """Strengths as equally spaced categories, the undistorted case in its place among them."""
    categories = _categories(distortion)
    below = "\nbelow it: share of the sealed files that still open" if selected["opened"].notna().any() else ""
    with chart(path, f"{distortion.title}: {distortion.unit}{below}", "secret PSNR in dB", size=(9, 5)) as axes:
        for method in dict.fromkeys(selected["method"]):
            values = _rows_of(selected, method).set_index(["kind", "strength"])[SECRET_PSNR]
            if values.isna().all():
                continue
            if (distortion.kind, distortion.strengths[0]) in values.index:
                axes.plot(range(len(categories)), [values[category] for category in categories], label=method)
            else:
                axes.axhline(values[NONE.kind, 0], color="#94a3b8", linestyle="--", label=method)
        axes.set_xticks(range(len(categories)), [_tick(selected, *category) for category in categories])
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")


def _categories(distortion: Distortion) -> list[tuple[str, float]]:
    """Kinds and strengths from left to right."""
    categories = [(distortion.kind, strength) for strength in distortion.strengths]
    before = 0 if distortion.neutral is None else sum(one < distortion.neutral for one in distortion.strengths)
    return [*categories[:before], (NONE.kind, 0), *categories[before:]]


def _tick(selected: pd.DataFrame, kind: str, strength: float) -> str:
    """The strength, and below it the share of sealed files that opened, if any."""
    opened = selected[(selected["kind"] == kind) & (selected["strength"] == strength)]["opened"].dropna()
    name = NONE.kind if kind == NONE.kind else f"{strength:g}"
    return "\n".join([name, *(f"{share:.0%}" for share in opened)])


def _line(
    selected: pd.DataFrame, distortion: Distortion, strength: float, methods: Sequence[str], shown: str
) -> list[str]:
    here = selected[(selected["kind"] == distortion.kind) & (selected["strength"] == strength)].set_index("method")
    name = (
        f"{distortion.title}, {strength:g} ({distortion.unit})" if len(distortion.strengths) > 1 else distortion.title
    )
    return [name, f"{here[CONTAINER_PSNR][shown]:.1f}", *_cells(here, methods)]


def _cells(here: pd.DataFrame, methods: Iterable[str]) -> list[str]:
    cells = []
    for method in methods:
        if method not in here.index:
            cells.append("")
        elif pd.notna(here["opened"][method]):
            cells.append(f"{here['opened'][method]:.0%}")
        else:
            cells.append(f"{here[SECRET_PSNR][method]:.1f}")
    return cells


def _rows_of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    return table[table["method"] == method]


def _embed(method: Method, pairs: Sequence[Pair], seed: int) -> list[Embedding]:
    return [method(cover, secret, seed + index) for index, (cover, secret) in enumerate(pairs)]


def _rows(
    material: Material, embedded: Mapping[str, list[Embedding]], seed: int, step: DistortionCase
) -> list[dict[str, object]]:
    """The rows of one distortion."""
    distortion, strength = step
    labels = {"material": material.name, "kind": distortion.kind, "strength": float(strength)}
    return [
        labels | {"method": name} | _means(material.pairs, embeddings, distortion.apply, strength, seed)
        for name, embeddings in embedded.items()
    ]


def _means(
    pairs: Sequence[Pair], embeddings: list[Embedding], apply: Apply, strength: float, seed: int
) -> dict[str, float]:
    received = apply([embedding.container for embedding in embeddings], strength, seed)
    rows = [_measure_pair(*each) for each in zip(pairs, embeddings, received, strict=True)]
    return pd.DataFrame(rows).mean().to_dict() | {"pairs": len(rows)}


def _measure_pair(pair: Pair, embedding: Embedding, received: np.ndarray) -> dict[str, float]:
    (cover, secret), recovered = pair, embedding.reveal(received)
    row = {CONTAINER_PSNR: psnr(cover, received)}
    if recovered.picture is None:
        return row | {"opened": float(recovered.opened)}
    return row | {SECRET_PSNR: psnr(secret, recovered.picture), SECRET_SSIM: ssim(secret, recovered.picture)}


def _measure_all(config: Config, material: Material, methods: dict[str, Method], base: Method) -> pd.DataFrame:
    run = partial(measure, seed=config.seed, workers=cpu_threads(config.train.threads))
    table = run(material, methods, progress=lambda steps: bar(steps, material.name))
    undistorted = replace(material, distortions=(NONE,))
    return pd.concat([table, run(undistorted, {BASE: base}, progress=lambda steps: steps)])


def _write(table: pd.DataFrame, materials: Sequence[Material], out: Path) -> None:
    write_table(out / "survive.csv", table)
    write_json(out / "metrics.json", _headline(table))
    for material in materials:
        draw(table, material, out)
    parts = [markdown(table, material, DEFAULT, _ASSUMPTIONS) for material in materials]
    (out / "survive.md").write_text("\n".join(["# What survives?\n", *parts]), encoding="utf-8")


def _headline(table: pd.DataFrame) -> dict[str, float]:
    """survive_<distortion>_<method>_secret_psnr, in dB."""
    figures = {
        f"survive_{name}_{method}_{SECRET_PSNR}": figure(table, *labels, method)[SECRET_PSNR]
        for name, labels in HEADLINE.items()
        for method in (DEFAULT, "plain", "plain_noise")
    }
    figures[f"survive_base_alone_{SECRET_PSNR}"] = figure(table, "pictures", "none", 0, BASE)[SECRET_PSNR]
    return {name: round(value, 4) for name, value in figures.items()}


def _headline_line(table: pd.DataFrame) -> str:
    """`default 31.0 and 28.0 dB, plain …`."""
    parts = []
    for method in (DEFAULT, "plain"):
        jpeg, h264 = (figure(table, *HEADLINE[name], method)[SECRET_PSNR] for name in ("jpeg_90", "h264_18"))
        parts.append(f"{method} {jpeg:.1f} and {h264:.1f} dB")
    return ", ".join(parts)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "film_cover", "film_secret", "out")
