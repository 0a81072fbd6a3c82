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


def test_sealed_method() -> None:
    means = pd.read_csv(SHIPPED / "tradeoff" / "means.csv").set_index(["series", "setting"])
    full, sixth = means.loc[("sealed", "full")], means.loc[("sealed", "0.25")]
    assert 1 / 6.5 < sixth["bits_per_pixel"] / full["bits_per_pixel"] < 1 / 5.5
    revealed, container = (methods(row)[3] for row in ("revealed", "container"))
    assert decibels(revealed) == rounded(full["secret_psnr"])
    assert decibels(container) == rounded(full["container_psnr"], sixth["container_psnr"])
    same = read(SHIPPED / "tradeoff" / "metrics.json")["bits_container_psnr_same_secret"]
    assert f"leaves a better container, {same:.1f} dB" in one_line(README)


def test_detector() -> None:
    table = (
        pd.read_csv(SHIPPED / "detect" / "detect.csv")
        .set_index(["method", "attacker", "pairs"])["accuracy"]
        .sort_index()
    )
    few = table["network", "has the weights", 30]
    assert f"a detector trained on 30 pairs classifies {few:.0%} of".replace("%", " %") in one_line(README)
    rows = {
        "network, the attacker has the weights in use": ("network", "has the weights"),
        "network, the attacker trained weights of their own with the same recipe": ("network", "trained own weights"),
        "sealed, all the room used": ("sealed, full", "has the program"),
        "sealed, a tenth of it": ("sealed, a tenth", "has the program"),
        "4-bit swap": ("4-bit swap", "has the program"),
    }
    for name, row in rows.items():
        found = table[row]
        cells = [f"{found[pairs]:.0%}".replace("%", " %") if pairs in found else "–" for pairs in (30, 100, 300, 600)]
        assert f"| {name} | {' | '.join(cells)} |" in SECURITY


def test_wrong_key() -> None:
    figures = read(SHIPPED / "wrongkey" / "metrics.json")
    text = one_line(SECURITY)
    assert f"{figures['attempts']} attempts were made to open" in text
    assert f"flipped, or to open pictures that hide nothing: {figures['opened']} opened" in text
    assert f"shares {figures['no_key_bits']:.4f} bit per sample" in text
    assert f"shares {figures['unrelated_bits']:.4f}, and with the right key {figures['right_key_bits']:.2f}" in text
    assert f"by that alone, {100 * figures['no_key_recognised']:.0f} % of" in text


def test_leak() -> None:
    figures = read(SHIPPED / "residual" / "metrics.json")
    text, form = one_line(SECURITY), lambda name: f"{figures[name]:.3f}".lstrip("0")
    assert f"by {form('leak')} (149 photographs; chance: {form('leak_unrelated')})" in text
    assert f"by {form('leak_unshuffled')} ({form('leak_unshuffled_unrelated')})" in text
    assert f"the U-Net by {form('leak_baluja')} and {form('leak_unet')}" in text
    assert f"4-bit swap by {form('leak_4_bit_swap')} ({form('leak_4_bit_swap_unrelated')})" in text


def test_classical_attacks() -> None:
    table = pd.read_csv(SHIPPED / "classical" / "classical.csv").set_index(["method", "attack"])["auc"]
    text = one_line(SECURITY)
    attacks = ("sample pairs", "RS", "chi-square")
    network, full, control = (
        [f"{table[method, attack]:.2f}".removeprefix("0") for attack in attacks]
        for method in ("network", "sealed, full", "replacement, all bits")
    )
    assert "for the network " + ", ".join(map("{} ({})".format, network, attacks)) in text
    assert f"for sealed with all the room {', '.join(full)};" in text
    assert f"which shows that they work, {', '.join(control)}." in text


def test_shuffle() -> None:
    figures = read(SHIPPED / "shuffle" / "metrics.json")
    row = next(line for line in SECURITY.splitlines() if line.startswith("| **detail, as the reveal network reads it"))
    blind = re.findall(r"\.\d\d(?= \()", row)[-3:]
    assert blind == [f"{figures[f'read_{block}_neighbours']:.2f}".lstrip("0") for block in (8, 16, 32)]


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
