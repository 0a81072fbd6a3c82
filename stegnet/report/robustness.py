"""What the page tells of quality under odd conditions: sizes, contents, other ways to hide, and lossy channels."""

from pathlib import Path

import pandas as pd

from stegnet.report.page import Gallery, Picture, Section, Table, Tile
from stegnet.report.tables import crossed, decimals, listed, read_json, read_table, words

_PSNR = decimals(1)


def sizes(name: str, folder: Path, repeat: str) -> Section:
    """Quality against the size of a picture."""
    table = read_table(folder / "sizes.csv")
    table = table[table["measure"] == "psnr"]
    table["column"] = table["side"] + ", " + table["kind"]
    text = "PSNR in dB of pictures of all sizes, none of them enlarged; scenes are rendered at the size."
    parts = (
        Picture.chart(folder / "sizes.png", "PSNR of container and secret against the size of the picture"),
        crossed(table, "size", "column", "mean", _PSNR, "mean PSNR in dB; the size is the picture's side in pixels"),
    )
    return Section(name, repeat, (text,), parts)


def contents(name: str, folder: Path, repeat: str) -> Section:
    """What covers and secrets are hard."""
    table = read_table(folder / "contents.csv").sort_values("secret_psnr")
    text = (
        "Covers and secrets that are hard, from dark photographs to noise. A network that learnt photographs has no "
        "room for what looks like none: noise in noise is lost on both sides."
    )
    columns = {
        "cover": ("cover", words), "secret": ("secret", words), "container_psnr": ("container, dB", _PSNR),
        "secret_psnr": ("secret, dB", _PSNR), "container_ssim": ("SSIM", decimals(3)),
        "secret_ssim": ("SSIM", decimals(3)), "refused": ("refused", words),
    }  # fmt: skip
    says = "the worst cases: cover, container, difference, secret and revealed secret"
    return Section(
        name,
        repeat,
        (text,),
        (Picture.contact_sheet(folder / "worst.png", says), listed(table, columns, "All contents, the worst first")),
    )


def tradeoff(name: str, folder: Path, repeat: str) -> Section:
    """Container against secret, for all ways to hide."""
    table = read_table(folder / "means.csv")
    text = (
        "Up and to the right is better. In a channel that keeps every bit, compressing the secret and embedding its "
        "bits (sealed, matching) leaves the container better than any network here; the ideal curve is what the best "
        "coding could do. The beta curve is of short trainings, equal for all of them; the ancestors' nets had seven "
        "times as many steps, on smaller crops, and are narrower than published. Hollow marks are published figures, "
        "of other pictures, and for HiNet, StegFormer and WIN of containers that were never written to a file."
    )
    columns = {
        "series": ("", words), "setting": ("setting", words), "how": ("", words),
        "bits_per_pixel": ("bits a pixel", decimals(2)), "container_psnr": ("container, dB", _PSNR),
        "secret_psnr": ("secret, dB", _PSNR),
    }  # fmt: skip
    says = "secret PSNR against container PSNR for networks, classical methods and published figures"
    parts = (Picture.chart(folder / "tradeoff.png", says), listed(table, columns, "All figures"))
    return Section(name, repeat, (text,), parts)


def survive(name: str, folder: Path, repeat: str) -> Section:
    """What lossy channels leave of a secret."""
    table = read_table(folder / "survive.csv")
    text = (
        "Nothing here was trained for it, and sealed bits die with the first changed bit: so the networks are handed "
        "their shuffle, and the default its block means, a thumbnail that a real container would have lost. What "
        "that thumbnail gives by itself is the line “means alone”: the default pair is worth what it has above it."
    )
    charts = tuple(Picture.chart(path, f"secret PSNR after {path.stem.replace('_', ': ')}") for path in _charts(folder))
    tables = [_survived(table[table["material"] == material]) for material in dict.fromkeys(table["material"])]
    return Section(name, repeat, (text,), (Gallery(charts), *tables))


def survive_tile(folder: Path) -> Tile | None:
    """What JPEG leaves."""
    if not (folder / "metrics.json").exists():
        return None
    figures = read_json(folder / "metrics.json")
    return Tile(
        "secret after JPEG 90",
        f"{figures['survive_jpeg_90_plain_secret_psnr']:.1f} dB",
        "a pair that hides whole pictures, not trained for it; the default loses all",
    )


def _charts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def _survived(table: pd.DataFrame) -> Table:
    """One line for each distortion, one column for each method."""
    table = table.assign(
        line=[f"{row.kind} {row.strength:g}" if row.kind != "none" else "none" for row in table.itertuples()],
        value=table["secret_psnr"].where(table["opened"].isna(), 100 * table["opened"]),
    )
    material = table["material"].iloc[0]
    caption = f"{material}: secret PSNR in dB; sealed: share in % of containers that still open"
    return crossed(table, "line", "method", "value", _PSNR, caption)
