"""Figures in docs/security.md, and of detection in the README, equal those in the reports that they come from."""

import pandas as pd
import pytest

from tests.support.figures import SHIPPED, cells, methods, one_line, percent, point, read, read_page, within

SECURITY = read_page("docs/security.md")


def test_wrong_key() -> None:
    figures = read(SHIPPED / "wrongkey" / "metrics.json")
    text = one_line(SECURITY)
    assert f"{figures['attempts']} attempts were made to open" in text
    assert f"to open pictures that hide nothing: {figures['opened']} opened" in text
    shared = (
        f"{figures[f'{name}_bits'] + 0.0:.{digits}f}"  # no −0
        for name, digits in (("no_key", 4), ("unrelated", 4), ("right_key", 2))
    )
    assert "{} (another picture's secret: {}; with the key: {})".format(*shared) in text


def test_known_pictures() -> None:
    table = pd.read_csv(SHIPPED / "known" / "known.csv")
    table = table[(table["kind"] == "photographs") & (table["copies"] == "the same")].set_index(["blocks", "attack"])
    for name in ("by how busy the blocks are", "by all statistics", "block by block"):
        attack = name.removeprefix("by ")
        without, own = (table.loc[(blocks, attack)] for blocks in ("read, without the mask", "read"))
        told = f"{percent(own['told'])} (AUC {point(own['auc'])})"
        assert cells(SECURITY, f"told {name}") == [f"told {name}", percent(without["told"]), told]
    (chance,) = set(table["chance"])
    assert f"Chance is {percent(chance)}." in SECURITY


def test_places() -> None:
    table = pd.read_csv(SHIPPED / "places" / "places.csv").set_index(["attack", "question", "method"])
    rows = [
        line.strip("| ").split(" | ")
        for line in SECURITY.splitlines()
        if line.startswith(("| shift", "| spread", "| change"))
    ]
    assert len(rows) == len(table) / 2
    for attack, question, _, *found in rows:
        for method, cell in zip(("sealed, 10% full", "network"), found, strict=True):
            row = table.loc[(attack, question, method)]
            assert cell == within(point(row["auc"], 3), point(row["low"]), point(row["high"])), (attack, question)


STEGANALYSIS = {
    "`sealed`, 0.05 bit per sample": ("sealed", 0.05),
    "`sealed`, 0.1": ("sealed", 0.1),
    "`sealed`, 0.2": ("sealed", 0.2),
    "`sealed`, 0.4": ("sealed", 0.4),
    "`sealed`, 1.0": ("sealed", 1.0),
    "`network`": ("network", -1),
    "±1 anywhere, 0.1 (as format 1 did)": ("±1 anywhere", 0.1),
}


@pytest.mark.parametrize(("name", "case"), STEGANALYSIS.items())
def test_steganalysis(name: str, case: tuple[str, float]) -> None:
    found = steganalysis(*case)
    accuracies = {
        features: within(percent(row["accuracy"]), f"{100 * row['low']:.0f}", f"{100 * row['high']:.0f}")
        for features, row in found.iterrows()
    }
    shown = [accuracies.get(features, "–") for features in ("CRMQ1", "SRMQ1", "SPAM")]
    assert cells(SECURITY, name) == [name, str(found["pairs"].max()), *shown]


def steganalysis(method: str, rate: float) -> pd.DataFrame:
    """The rows of a method with the most training pairs, by features."""
    table = pd.read_csv(SHIPPED / "steganalysis" / "steganalysis.csv").fillna({"rate": -1})
    rows = table[(table["method"] == method) & (table["rate"] == rate)]
    return rows[rows["pairs"] == rows["pairs"].max()].set_index("features")


def test_detection_in_the_method_table() -> None:
    network, few, full = (
        steganalysis(*case)["accuracy"].max() for case in (("network", -1), ("sealed", 0.1), ("sealed", 1.0))
    )
    row = methods("containers told from covers")
    assert row[2].strip() == f"{percent(network)} right"
    assert row[3].strip().startswith(f"{percent(few)} right at 0.1 bit per sample, {percent(full)} at 1:")


DETECTED = {
    "network, the attacker has the weights": ("network", "has the weights"),
    "network, the attacker trained weights of their own": ("network", "trained own weights"),
    "sealed, 1 bit per sample": ("sealed, 1 bits", "has the program"),
    "sealed, 0.4 bit": ("sealed, 0.4 bits", "has the program"),
    "sealed, 0.2 bit": ("sealed, 0.2 bits", "has the program"),
    "sealed, 0.1 bit": ("sealed, 0.1 bits", "has the program"),
    "sealed, 0.05 bit": ("sealed, 0.05 bits", "has the program"),
    "4-bit swap": ("4-bit swap", "has the program"),
    "nothing hidden": ("nothing hidden", "has the program"),
}


def detected(name: str) -> list[str]:
    """The row of a method and an attacker: accuracies by the number of training pairs."""
    table = pd.read_csv(SHIPPED / "detect" / "detect.csv")
    rows = table[(table["method"] == DETECTED[name][0]) & (table["attacker"] == DETECTED[name][1])].set_index("pairs")
    shares = [
        within(percent(row["accuracy"]), f"{100 * row['low']:.0f}", f"{100 * row['high']:.0f}")
        if row is not None
        else "–"
        for row in (rows.loc[pairs] if pairs in rows.index else None for pairs in sorted(set(table["pairs"])))
    ]
    return [name, *shares]


@pytest.mark.parametrize("name", DETECTED)
def test_detector(name: str) -> None:
    assert cells(SECURITY, name) == detected(name)


CLASSICAL = {
    "the network": "network",
    "sealed, all the room": "sealed, full",
    "sealed, a tenth of it": "sealed, a tenth",
    "lowest bits replaced (a control)": "replacement, all bits",
}


def classical(name: str) -> list[str]:
    """The row of a method: areas under the ROC curve by attack."""
    table = pd.read_csv(SHIPPED / "classical" / "classical.csv").set_index(["method", "attack"])["auc"]
    return [name, *(point(table[CLASSICAL[name], attack]) for attack in ("sample pairs", "RS", "chi-square", "WS"))]


@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_attacks(name: str) -> None:
    assert cells(SECURITY, name) == classical(name)


LEAKS = {
    "the shipped pair": "",
    "the same, unshuffled and without mask": "_unshuffled",
    "Baluja 2017, retrained": "_baluja",
    "U-Net, retrained": "_unet",
    "4-bit swap, unscrambled": "_4_bit_swap",
}


def leak(name: str) -> list[str]:
    """The row of a method: correlation of edges with the secret's, and with an unrelated secret's."""
    figures = read(SHIPPED / "residual" / "metrics.json")
    return [name, *(point(figures[f"leak{LEAKS[name]}{of}"], 3) for of in ("", "_unrelated"))]


@pytest.mark.parametrize("name", LEAKS)
def test_leak(name: str) -> None:
    assert cells(SECURITY, name) == leak(name)


def robust_attacks(name: str) -> pd.DataFrame:
    return pd.read_csv(SHIPPED / "robust_attacks" / name)


def interval(row: object) -> str:
    return within(percent(row.accuracy), f"{100 * row.low:.0f}", f"{100 * row.high:.0f}")


def test_robust_containers_are_found() -> None:
    table, keyless = robust_attacks("detection.csv"), robust_attacks("keyless.csv").set_index(["medium", "rung"])
    for (medium, rung), rows in table.groupby(["medium", "rung"]):
        found, read = rows.set_index("features"), keyless.loc[(medium, rung)]
        jumps = interval(found.loc["jumps"]) if "jumps" in found.index else "–"
        certainty = within(point(read["auc"]), point(read["auc_low"]), point(read["auc_high"]))
        name = rung if medium == "pictures" else f"film, {rung}"
        shown = [name, interval(rows.iloc[0]), jumps, certainty, f"{100 * read['right']:.1f} %"]
        assert cells(SECURITY, name) == shown
    assert len(keyless) == table.groupby(["medium", "rung"]).ngroups
    pictures = table[table["features"] == "SPAM"]["accuracy"]
    films = table[table["features"] == "SPAM, one frame"]["accuracy"]
    shown = methods("containers told from covers")[4].strip()
    assert shown.startswith(f"{100 * pictures.min():.0f} to {percent(pictures.max())} right; films ")
    assert f"films {100 * films.min():.0f} to {percent(films.max())}" in shown


ROBUST_KEY = "same key against other keys"


def test_keys_of_robust_containers() -> None:
    """The page gives the range of all attacks that look for a key."""
    table = robust_attacks("places.csv")
    areas = table[table["question"] == ROBUST_KEY]
    assert f"between {point(areas['auc'].min())} and {point(areas['auc'].max())}" in one_line(SECURITY)
    assert (areas["low"] <= 0.5).all(), "the page says that chance is in each interval"
    assert (areas["high"] >= 0.5).all()
    borders = table[table["attack"] == "spread, over many keys"].set_index("method")["auc"]
    for method in ("robust, jpeg-75", "robust, h264-23"):
        shown = f"{point(borders[method])} ({point(borders[f'covers of {method}'])} in covers)"
        assert shown in one_line(SECURITY), method
    (still,) = table[table["attack"] == "change between frames, over one key"]["auc"]
    assert f"in films that stand still, {point(still)}" in one_line(SECURITY)


def test_robust_films_of_one_key() -> None:
    links = robust_attacks("links.csv").set_index("scenes")
    for scenes, words in (("the same", "of the same scene"), ("others", "of different scenes")):
        row = links.loc[scenes]
        shown = within(point(row["auc"]), point(row["low"]), point(row["high"]))
        assert f"{words} {shown}" in one_line(SECURITY), scenes
    assert f"{links['pairs'].iloc[0]} pairs of films" in one_line(SECURITY)


def test_recipients() -> None:
    table = pd.read_csv(SHIPPED / "recipients.csv").set_index(["attack", "question", "content"])
    assert set(table["pictures"]) == {150}
    for attack, question in table.index.droplevel("content").unique():
        rows = [table.loc[(attack, question, content)] for content in ("100 bytes", "a tenth full")]
        told = " | ".join(f"{point(row['auc'])} ({point(row['low'])}–{point(row['high'])})" for row in rows)
        assert f"| {attack} | {question} | {told} |" in SECURITY
    larger = pd.read_csv(SHIPPED / "recipients_352.csv").set_index("question").loc["this recipient against another"]
    (count,), (area,), (low,), (high,) = (
        {form(value) for value in larger[name]}
        for name, form in zip(("pictures", "auc", "low", "high"), (str, *3 * [point]), strict=True)
    )
    told = f"of {count} photographs of 352², both attacks tell this recipient from another with {area} ({low}–{high})"
    assert told in one_line(SECURITY)


def test_lossy_pasts() -> None:
    table = pd.read_csv(SHIPPED / "history.csv").set_index(["cover", "attack", "content"])
    for cover, attack in table.index.droplevel("content").unique():
        rows = [table.loc[(cover, attack, content)] for content in ("20 bytes", "a tenth full")]
        told = " | ".join(within(point(row["auc"], 3), point(row["low"]), point(row["high"])) for row in rows)
        assert f"| {cover} | {attack} | {told} |" in SECURITY
    assert f"{table['pictures'].max()} photographs of 160²" in one_line(SECURITY)
