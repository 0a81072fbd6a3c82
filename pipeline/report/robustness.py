"""Sections on robustness: picture sizes, arithmetic, JPEG and H.264."""

from pathlib import Path

from pipeline.report.page import (
    FigureTile,
    Picture,
    Section,
    Table,
    decimals,
    percent,
    read_json,
    read_table,
    text,
)
from stegnet.core.measures import CONTAINER, CONTAINER_PSNR, PSNR, SIDES, SSIM, VMAF

_PSNR = decimals(1)
_QUALITY = {PSNR.of(side): (f"{side}, {PSNR.unit}", _PSNR) for side in SIDES} | {
    SSIM.of(side): (f"{side}, {SSIM.heading}", decimals(3)) for side in SIDES
}
_FILMS = {
    "channel": ("survives", text), "content": ("hidden", text), "films": ("films", decimals(0)),
    "refused": ("refused", decimals(0)), "bits": ("bits per pixel and frame", decimals(4)),
    "groups_whole": ("groups whole", percent), "groups_low": ("at least", percent), "groups": ("groups", decimals(0)),
    "whole": ("messages whole", percent), "messages": ("messages", decimals(0)),
    "larger": ("bytes", decimals(2)), "larger_alike": ("bytes, encoded alike", decimals(2)),
    CONTAINER_PSNR: (f"container, {PSNR.unit}", _PSNR), VMAF.of(CONTAINER): ("container, VMAF", _PSNR),
}  # fmt: skip


def sizes(name: str, folder: Path, command: str) -> Section:
    """Quality by picture size."""
    table = read_table(folder / "sizes.csv")
    table = table[table["measure"] == PSNR.key]
    table["column"] = table["side"] + ", " + table["kind"]
    paragraph = f"{PSNR.axis} by picture size. No picture is enlarged; scenes are rendered at their size."
    caption = f"Mean {PSNR.axis}; the size is the side in pixels"
    parts = (
        Picture.chart(folder / "sizes.png", "PSNR of container and secret over picture size"),
        Table.pivot(table, "size", "column", "mean", _PSNR, caption),
    )
    return Section(name, command, (paragraph,), parts)


def arithmetic(name: str, folder: Path, command: str) -> Section:
    """The networks against the same base and its residual hidden by plain arithmetic."""
    paragraph = (
        "What a network must beat. A sample modulo 3, 4 or 5 is a digit. residual: some digits carry the coded base "
        "and all others its quantised residual; digital: all carry one AVIF file. Both spend nothing on authentication "
        "or on hiding where the digits are. The network is measured by key, from its real containers."
    )
    columns = {
        "kind": ("pictures", text), "method": ("", text), "modulus": ("modulo", decimals(0)),
        "quality": ("quality of the base", decimals(0)), "bits_per_pixel": ("bits per pixel", decimals(2)),
    }  # fmt: skip
    columns |= {PSNR.of(side): (f"{side}, {PSNR.unit}", _PSNR) for side in SIDES}
    columns |= {f"{PSNR.of(side)}_worst": (f"worst {side}, {PSNR.unit}", _PSNR) for side in SIDES}
    return Section(name, command, (paragraph,), (Table.of(read_table(folder / "summary.csv"), columns, "Means"),))


def robust(name: str, folder: Path, command: str) -> Section:
    """Messages and pictures that come back from containers made to survive JPEG."""
    paragraph = (
        "Containers of the method robust, saved as JPEG again by real codecs. Information is what the bits of a rung "
        "hold after JPEG, and so what ideal coding would carry; dashed: the same bits by plain dithered quantisation "
        "index modulation (QIM), without the networks. Messages fill a container after error correction; they went "
        "through seven ways of saving that hiding did not simulate. The secret picture is as large as its cover."
    )
    columns = {
        "size": ("pictures", text), "promise": ("survives", text), "bits": ("bits per pixel", decimals(3)),
        "ideal_modem": ("with ideal coding", decimals(3)), "ideal_QIM": ("ideal QIM", decimals(3)),
        "whole": ("whole", decimals(4)), "whole_low": ("at least", decimals(4)), "messages": ("messages", decimals(0)),
        "refused": ("refused", text), VMAF.of(CONTAINER): ("container, VMAF", _PSNR),
    }  # fmt: skip
    columns |= _QUALITY
    parts = (
        Picture.chart(folder / "bits.png", "information over JPEG quality, for each rung"),
        Table.of(read_table(folder / "messages.csv"), columns, "Means; shares with the lower 95 % limit"),
    )
    return Section(name, command, (paragraph,), parts)


def robust_tile(folder: Path) -> FigureTile | None:
    """Net bits per pixel through JPEG 75."""
    if not (folder / "metrics.json").exists():
        return None
    figures = read_json(folder / "metrics.json")
    bits, whole = (figures[f"robust_jpeg_75_38db_{key}"] for key in ("bits", "whole"))
    note = f"of encrypted data come back ({100 * whole:.2f} % of messages whole), container at 38 dB"
    return FigureTile("survives JPEG 75", f"{bits:.2f} bits per pixel", note)


def robust_films(name: str, folder: Path, command: str) -> Section:
    """Messages that come back from films made to survive H.264."""
    paragraphs = (
        "A text of 43 bytes, and as many random bytes as there is room for, hidden by `--survive CHANNEL` in the first "
        "96 frames of films, which were then encoded again by ffmpeg's command line, in ways within the promise and "
        "beyond. A film is hidden in groups of 48 frames, each of which comes back or not.",
        "Medians: bits are net, after error correction and encryption, per pixel and frame of the groups; bytes are "
        "those of the written film's pictures against its cover as anyone encodes it, and as hiding encodes it.",
    )
    promises, ways = read_table(folder / "promises.csv"), read_table(folder / "encodings.csv")
    ways["encoded again by"] = ways["channel"] + ": " + ways["encoding"]
    ways["encoded again by"] += ways["promised"].map({True: "", False: " (not promised)"})
    parts = (
        Picture.chart(folder / "bits.png", "information over the constant rate factor of H.264, for each rung"),
        Table.of(promises, _FILMS, "Groups and messages that come back as promised, with the lower 95 % limit"),
        Table.pivot(ways, "encoded again by", "content", "groups_whole", percent, "Groups that come back"),
    )
    return Section(name, command, paragraphs, parts)


def robust_films_tile(folder: Path) -> FigureTile | None:
    """Net bits per pixel and frame through H.264 at CRF 23."""
    if not (folder / "promises.csv").exists():
        return None
    table = read_table(folder / "promises.csv")
    rows = table[(table["channel"] == "h264:23") & (table["content"] == "filled") & (table["films"] > 0)]
    if rows.empty:
        return None
    row = rows.iloc[0]
    note = f"per pixel and frame of encrypted data come back ({percent(row['groups_whole'])} of groups whole)"
    return FigureTile("survives H.264, CRF 23", f"{row['bits']:.4f} bits", note)
