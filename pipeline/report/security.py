"""Sections on security: what an attacker without the key can see and detect."""

from pathlib import Path

from pipeline.report.page import Picture, Section, Table, decimals, percent, read_json, read_table, text

_THREE = decimals(3)
_TESTED = {
    "pairs": ("training pairs", text), "accuracy": ("accuracy", percent), "low": ("95 % CI from", percent),
    "high": ("to", percent), "auc": ("AUC", _THREE), "tested": ("tested", text),
}  # fmt: skip


def steganalysis(name: str, folder: Path, command: str) -> Section:
    """Accuracy of classifiers on rich features."""
    paragraph = (
        "Classifiers of the field, trained on features of covers and their containers and tested on other photographs; "
        "50 % is chance. CRMQ1 and SRMQ1 are the parts of the colour rich model: across the channels, and within each. "
        "Rates are in bits for each sample, three for each pixel. The published methods are simulated: they hide "
        "nothing, and change as few samples as an ideal code would."
    )
    columns = {
        "method": ("", text), "rate": ("rate", decimals(2)), "features": ("features", text),
        "pairs": ("training pairs", text), "accuracy": ("accuracy", percent), "low": ("95 % CI from", percent),
        "high": ("to", percent), "auc": ("AUC", _THREE), "tested": ("tested", text),
    }  # fmt: skip
    chart = Picture.chart(folder / "steganalysis.png", "accuracy of the colour features over the rate of each method")
    return Section(name, command, (paragraph,), (chart, _all_figures(folder / "steganalysis.csv", columns)))


def jpeg_steganalysis(name: str, folder: Path, command: str) -> Section:
    """Accuracy of classifiers on features of JPEGs."""
    paragraph = (
        "Classifiers of the field, each tested on photographs that it was not trained on; 50 % is chance. Rates are in "
        "bits for each coefficient of luma that is not 0. The method jpeg hides in a JPEG, or in one that it makes of "
        "another cover. Of the other methods, steghide is the program, and the rest are simulated. A classifier that "
        "does not find those says nothing of the method jpeg either."
    )
    columns = {
        "method": ("", text), "quality": ("quality", text), "rate": ("rate", decimals(2)),
        "features": ("features", text), "at_once": ("pictures at once", text), **_TESTED,
    }  # fmt: skip
    return Section(name, command, (paragraph,), (_all_figures(folder / "jpeg_steganalysis.csv", columns),))


def robust_attacks(name: str, folder: Path, command: str) -> Section:
    """Detection of containers that survive JPEG or H.264, and traces of their keys."""
    paragraph = (
        "Covers are in the form of the containers: JPEG 95, or H.264 at CRF 18. SPAM features with an ensemble "
        "classifier see a picture, or one frame of a film; jumps is how much low frequencies change where a run of "
        "frames begins, against all other frames. Films are windows that move over photographs. 50 % is chance."
    )
    keyless_text = (
        "Without the key, the public modem reads bits with the dither of another; its certainty tells containers from "
        "covers. Films of the same scene and the same key would be told from films of two keys if they shared a dither."
    )
    columns = {
        "medium": ("", text), "rung": ("rung", text), "features": ("attack", text), "pairs": ("training pairs", text),
        "tested": ("tested", text), "accuracy": ("accuracy", percent), "low": ("95 % CI from", percent),
        "high": ("to", percent), "auc": ("AUC", _THREE),
    }  # fmt: skip
    detection = Table.of(read_table(folder / "detection.csv"), columns, "Containers told from covers")
    keyless = {
        "medium": ("", text), "rung": ("rung", text), "containers": ("containers", text),
        "right": ("bits read right", _THREE), "low": ("95 % CI from", _THREE), "high": ("to", _THREE),
        "auc": ("AUC of its certainty", _THREE), "auc_low": ("from", _THREE), "auc_high": ("to", _THREE),
    }  # fmt: skip
    links = {
        "rung": ("rung", text), "scenes": ("scenes", text), "pairs": ("pairs", text), "auc": ("AUC", _THREE),
        "low": ("95 % CI from", _THREE), "high": ("to", _THREE),
    }  # fmt: skip
    parts = (
        detection,
        Table.of(read_table(folder / "keyless.csv"), keyless, "What is read without the key"),
        Table.of(read_table(folder / "links.csv"), links, "Films of one key against films of two"),
    )
    return Section(name, command, (paragraph, keyless_text), parts)


def wrongkey(name: str, folder: Path, command: str) -> Section:
    """Output for a wrong key and without one."""
    figures = read_json(folder / "metrics.json")
    paragraphs = (
        f"{figures['attempts']:.0f} attempts to open containers with another key or a key that differs in one bit, and "
        f"to open pictures that hide nothing: {figures['opened']:.0f} succeeded, and all got the same answer.",
        "The reveal network itself runs without a key: it yields the shuffled residual, which is what the sealed base "
        "leaves of a secret, under the mask if the network has one. Its correlation and mutual information with the "
        "true secret equal those with an unrelated secret.",
    )
    summary = read_table(folder / "summary.csv")
    columns = {
        "kind": ("", text), "state": ("opened with", text), "of": ("of", text),
        "correlation": ("correlation", _THREE), "correlation_others": ("with other secrets", _THREE),
        "mutual_information": ("mutual information, bits", decimals(4)),
        "mutual_information_others": ("with other secrets", decimals(4)), "told": ("secret identified", percent),
    }  # fmt: skip
    parts = (
        Picture.contact_sheet(
            folder / "pictures.png", "output for the right key, for a key with one bit flipped, and without a key"
        ),
        Table.of(summary[summary["kind"] == summary["kind"].iloc[0]], columns),
        Table.of(summary, columns, "All kinds of pictures"),
    )
    return Section(name, command, paragraphs, parts)


def _all_figures(path: Path, columns: dict) -> Table:
    return Table.of(read_table(path), columns, "All figures")
