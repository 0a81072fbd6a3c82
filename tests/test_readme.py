"""Figures in the README, evaluation.md and performance.md equal those in the reports that they come from."""

import math

import pytest

from tests.support.figures import (
    ROOT,
    SHIPPED,
    assert_rows,
    decibels,
    methods,
    one_line,
    read,
    read_page,
    rounded,
    table,
)

README, EVALUATION, PERFORMANCE, NETWORKS = map(
    read_page, ("README.md", "docs/evaluation.md", "docs/performance.md", "docs/networks.md")
)
EVALUATE, VIDEO = (SHIPPED / name for name in ("evaluate", "video"))
KINDS = {"photographs": "photographs", "ImageNet": "imagenet-sample", "BSDS500": "bsds500", "scenes": "scenes"}


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
    means = table("sizes/sizes.csv", "measure", "kind", "size", "side")["mean"]["psnr"]
    kinds, sizes, _ = (sorted(set(means.index.get_level_values(level))) for level in range(3))
    for kind in kinds:
        pairs = [[means.get((kind, size, side)) for side in ("container", "secret")] for size in sizes]
        assert_rows(EVALUATION, [[kind, *("{:.1f} / {:.1f}".format(*each) if each[0] else "–" for each in pairs)]])


def test_tradeoff() -> None:
    means = table("tradeoff/means.csv").fillna({"setting": ""}).set_index(["series", "setting"])
    for settings in ([("beta", "0.1"), ("beta", "0.65"), ("beta", "4")], [("baluja", ""), ("unet", "")]):
        pairs = [f"{row['container_psnr']:.1f} / {row['secret_psnr']:.1f}" for _, row in means.loc[settings].iterrows()]
        assert f"{', '.join(pairs[:-1])} and {pairs[-1]}" in one_line(EVALUATION)
    one, other = (means.loc[("beta", beta)] for beta in ("0.65", "1.5"))
    assert f"{one['container_psnr']:.1f} / {one['secret_psnr']:.1f} dB for β 0.65" in one_line(NETWORKS)
    assert f"{other['container_psnr']:.1f} / {other['secret_psnr']:.1f} for β 1.5" in one_line(NETWORKS)


def test_method_table() -> None:
    film, photographs = read(VIDEO / "metrics.json"), read(EVALUATE / "metrics.json")
    full = table("tradeoff/means.csv", "series", "setting").loc[("sealed", "full")]
    revealed, container = methods("revealed"), methods("container")
    assert decibels(revealed[2]) == rounded(photographs["secret_psnr"], film["film_secret_psnr"])
    assert decibels(container[2]) == rounded(photographs["container_psnr"], film["film_container_psnr"])
    assert decibels(revealed[3]) == rounded(full["secret_psnr"])
    assert decibels(container[3]) == rounded(full["container_psnr"])


SURVIVED = {
    "undistorted": ("pictures", "none", 0),
    "JPEG 95": ("pictures", "jpeg", 95),
    "JPEG 90": ("pictures", "jpeg", 90),
    "JPEG 80": ("pictures", "jpeg", 80),
    "noise, σ = 2 levels": ("pictures", "noise", 2),
    "H.264, CRF 18": ("film", "h264", 18),
}


def test_what_lossy_channels_leave() -> None:
    found = table("survive/survive.csv")
    opened = found[~found["kind"].isin(("none", "webp_lossless")) & (found["opened"] > 0)]
    told = [(row.kind, row.strength, round(row.opened * row.pairs)) for row in opened.itertuples()]
    assert told == [("blur", 0.3, 1)]
    psnr = found.set_index(["material", "kind", "strength", "method"])["secret_psnr"]
    networks = ("default", "plain", "plain_noise", "baluja_noise", "4-bit swap")
    rows = ([name, *(f"{psnr[(*case, network)]:.1f}" for network in networks)] for name, case in SURVIVED.items())
    assert_rows(EVALUATION, rows)


def test_speeds() -> None:
    """The page has the tables that `make bench` writes from its figures, or none before it ran."""
    from tools.bench import BEGIN, END, tables  # here, since it imports for seconds

    figures = ROOT / "reports" / "compare" / "bench.json"
    written = f"{BEGIN}\n{tables(read(figures))}\n{END}" if figures.exists() else BEGIN + END
    assert written in PERFORMANCE


def dash(value: float, form: str) -> str:
    """A figure, or a dash for one that was not measured."""
    return "–" if math.isnan(value) else form.format(value)


def robust_rows() -> list[list[str]]:
    """Rows of containers that survive JPEG; those of larger pictures are named so."""
    found = table("robust/messages.csv")
    return [
        [
            f"{row.promise}, {row.wanted:.0f} dB" + (f", {row.size}" if row.size != "256²" else ""),
            f"{row.container_psnr:.1f} dB, {row.container_ssim:.3f}, {dash(row.container_vmaf, '{:.1f}')}",
            f"{row.bits:.3f}", dash(row.ideal_QIM, "{:.3f}"),
            f"{round(row.messages * (1 - row.whole))} of {row.messages}",
            f"{row.refused}", f"{row.secret_psnr:.1f} dB, {row.secret_ssim:.3f}",
        ]
        for row in found.itertuples()
    ]  # fmt: skip


def test_what_survives_jpeg() -> None:
    assert_rows(EVALUATION, robust_rows())
