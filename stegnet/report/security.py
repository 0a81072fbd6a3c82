"""What the page tells of those who have no key: what they see, detect, put together."""

from pathlib import Path

from stegnet.report.page import Picture, Section, Table, Tile
from stegnet.report.tables import decimals, listed, read_json, read_table, share, words

_THREE = decimals(3)


def residual(name: str, folder: Path, repeat: str) -> Section:
    """Residual maps, their spectrum, and the leak score."""
    text = (
        "What the container differs in from its cover. The leak score is the correlation of that difference with the "
        "secret; unrelated is the same with another secret, so what is left above it is leaked. Shuffled by key, "
        "hardly more than chance is left; unshuffled, as the ancestors do it, the secret's edges show."
    )
    columns = {
        "method": ("", words), "likeness": ("compared by", words), "secret": ("with the secret", _THREE),
        "unrelated": ("with another", _THREE), "excess": ("leak", _THREE), "low": ("95 % from", _THREE),
        "high": ("to", _THREE),
    }  # fmt: skip
    parts = (
        Picture.contact_sheet(
            folder / "residual.png", "difference of container and cover, amplified, and its spectrum"
        ),
        Picture.chart(folder / "leak.png", "leak score for each method, beside chance"),
        listed(read_table(folder / "leak.csv"), columns, "All figures"),
    )
    return Section(name, repeat, (text,), parts)


def classical(name: str, folder: Path, repeat: str) -> Section:
    """Sample pairs, RS and chi-square."""
    text = (
        "Attacks on lowest bits, on containers against covers: area under the ROC curve, 0.5 is guessing, 1 is sure, "
        "and so is 0: there the attack is always wrong, and its opposite right. The control, plain replacement of "
        "lowest bits, shows that the attacks work."
    )
    columns = {
        "method": ("", words), "attack": ("attack", words), "auc": ("AUC", _THREE), "low": ("95 % from", _THREE),
        "high": ("to", _THREE), "pictures": ("pictures", words),
    }  # fmt: skip
    chart = Picture.chart(folder / "classical.png", "AUC of each attack on each method")
    return Section(name, repeat, (text,), (chart, listed(read_table(folder / "classical.csv"), columns, "All figures")))


def detect(name: str, folder: Path, repeat: str) -> Section:
    """Accuracy of a trained detector."""
    text = (
        "High-capacity hiding is found by whoever has the program and trains for it; the figures say how much that "
        "takes. A small convolutional net is trained on pairs of cover and container, and tried on photographs that "
        "it never saw. 50 % is guessing. The attacker has the program, and the weights in use or only "
        "weights of his own; never a key."
    )
    columns = {
        "method": ("", words), "attacker": ("attacker", words), "pairs": ("training pairs", words),
        "accuracy": ("accuracy", share), "low": ("95 % from", share), "high": ("to", share), "auc": ("AUC", _THREE),
    }  # fmt: skip
    chart = Picture.chart(folder / "detect.png", "accuracy of a detector against the number of its training pairs")
    return Section(name, repeat, (text,), (chart, listed(read_table(folder / "detect.csv"), columns, "All figures")))


def detect_tile(folder: Path) -> Tile | None:
    """How few pairs a detector needs."""
    if not (folder / "detect.csv").exists():
        return None
    table = read_table(folder / "detect.csv")
    first = table[(table["method"] == "network") & (table["attacker"] == "has the weights")].iloc[0]
    return Tile("found by a detector", share(first["accuracy"]), f"trained on {first['pairs']} pairs; 50 % is guessing")


def wrongkey(name: str, folder: Path, repeat: str) -> Section:
    """What comes out with a wrong key."""
    figures = read_json(folder / "metrics.json")
    text = (
        f"{figures['attempts']:.0f} attempts to open containers with another key, a key that differs in one bit, or to "
        f"open pictures that hide nothing: {figures['opened']:.0f} opened, and all get the same answer.",
        "Below the program's door, the reveal net runs without a key: it gives shuffled detail. Its correlation and "
        "mutual information with the true secret are those of another picture's secret; only statistics of its blocks "
        "show.",
    )
    summary = read_table(folder / "summary.csv")
    columns = {
        "kind": ("", words), "state": ("opened with", words), "of": ("of", words),
        "correlation": ("correlation", _THREE), "correlation_others": ("with other secrets", _THREE),
        "mutual_information": ("information, bits", decimals(4)),
        "mutual_information_others": ("with other secrets", decimals(4)), "told": ("secret told", share),
    }  # fmt: skip
    says = "what comes out with the right key, with one bit off, and without"
    parts = (
        Picture.contact_sheet(folder / "pictures.png", says),
        listed(summary[summary["kind"] == summary["kind"].iloc[0]], columns),
        listed(summary, columns, "All kinds of pictures"),
    )
    return Section(name, repeat, text, parts)


def shuffle(name: str, folder: Path, repeat: str) -> Section:
    """The jigsaw and the known frame."""
    figures = read_json(folder / "metrics.json")
    text = (
        "Who runs the public reveal net sees the blocks of the secret's detail, in a keyed order, turned and negated. "
        "A solver tries to put them together; the share of truly adjacent blocks that it puts side by side says how "
        "far it gets."
    )
    rows = [[metric.replace("_", " "), f"{value:.3f}"] for metric, value in figures.items()]
    parts = (
        Picture.contact_sheet(
            folder / "pictures.png", "the secret, its blocks as they are read, and what a solver makes of them"
        ),
        Table(["", "share"], rows),
    )
    return Section(name, repeat, (text, "All tables: attack.md beside the figures."), parts)
