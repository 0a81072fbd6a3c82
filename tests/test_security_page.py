"""Figures in docs/security.md, and of detection in the README, equal those in the reports that they come from."""

from collections.abc import Iterator
from itertools import product

import pandas as pd

from tests.support.figures import (
    SHIPPED,
    assert_rows,
    between,
    methods,
    one_line,
    percent,
    point,
    read,
    read_page,
    right,
    table,
    within,
)

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
    found = table("known/known.csv")
    found = found[(found["kind"] == "photographs") & (found["copies"] == "the same")].set_index(["blocks", "attack"])
    for name in ("told by how busy the blocks are", "told by all statistics", "told block by block"):
        attack = name.removeprefix("told ").removeprefix("by ")
        without, own = (found.loc[(blocks, attack)] for blocks in ("read, without the mask", "read"))
        told = f"{percent(own['told'])} (AUC {point(own['auc'])})"
        assert_rows(SECURITY, [[name, percent(without["told"]), told]])
    (chance,) = set(found["chance"])
    assert f"Chance is {percent(chance)}." in SECURITY


def test_places() -> None:
    found = table("places/places.csv", "attack", "question", "method")
    lines = [line for line in SECURITY.splitlines() if line.startswith(("| shift", "| spread", "| change"))]
    assert len(lines) == len(found) / 2
    for attack, question, _, *areas in (line.strip("| ").split(" | ") for line in lines):
        for method, shown in zip(("sealed, 10% full", "network"), areas, strict=True):
            assert shown == between(found.loc[(attack, question, method)], 3), (attack, question)


def steganalysis(method: str, rate: float):
    """The rows of a method with the most training pairs, by features."""
    found = table("steganalysis/steganalysis.csv").fillna({"rate": -1})
    rows = found[(found["method"] == method) & (found["rate"] == rate)]
    return rows[rows["pairs"] == rows["pairs"].max()].set_index("features")


def detected(covers: str, method: str, rate: str, rows) -> str:
    """A line of the table of detection: the features that find most, of rows by features."""
    best = rows.loc[rows["accuracy"].idxmax()]
    return f"| {covers} | {method} | {rate} | {right(best)} | {best.name} ({best['pairs']}) |"


METHODS = {
    "jpeg": "`jpeg`",
    "nsF5": "nsF5, simulated",
    "UERD": "UERD, simulated",
    "J-UNIWARD": "J-UNIWARD, simulated",
    "steghide": "steghide",
}


CNN = "CNN"


def jpeg_rows() -> Iterator[str]:
    """Lines on containers that are JPEGs."""
    found = table("jpeg_steganalysis/jpeg_steganalysis.csv")
    network = table("jpeg_detector/jpeg_detector.csv").assign(features=CNN, at_once=1)
    found = pd.concat([found[found["features"] != "RJCA"], network])
    for (at_once, quality, method, rate), rows in found.groupby(["at_once", "quality", "method", "rate"]):
        made = method == "jpeg, cover not a JPEG"
        covers = f"saved at {quality} by `jpeg`" if made else f"JPEG, quality {quality}"
        covers = covers if at_once == 1 else f"{at_once} at once, {covers}"
        yield detected(covers, METHODS["jpeg" if made else method], f"{rate:g}", rows.set_index("features"))


def network_on_jpegs() -> str:
    """Detection of the method jpeg by a network with a backbone by timm."""
    found = table("jpeg_detector/jpeg_detector.csv", "method", "rate")
    told = [f"{right(found.loc['jpeg', rate])} at {rate:g}" for rate in (0.4, 0.2, 0.1, 0.05)]
    return f"and `jpeg` about as often as they: in {', '.join(told)}."


def test_a_network_finds_its_controls_sooner_than_features_do() -> None:
    """Else its figures would prove nothing."""
    features = table("jpeg_steganalysis/jpeg_steganalysis.csv")
    features = features[(features["quality"] == 75) & (features["at_once"] == 1)]
    network = table("jpeg_detector/jpeg_detector.csv", "method", "rate")["accuracy"]
    best = features.groupby(["method", "rate"])["accuracy"].max()
    for control in (("steghide", 0.05), ("nsF5", 0.2)):
        assert network[control] > best[control]
    assert all(abs(network["jpeg", rate] - best["jpeg", rate]) < 0.03 for rate in (0.05, 0.1, 0.2, 0.4))
    assert network_on_jpegs() in one_line(SECURITY)


def costs_sentences() -> str:
    """Detection of an ideal code by DCTR, by costs."""
    found = table("jpeg_costs/jpeg_costs.csv", "method", "planes", "seen", "rate")

    def told(method: str, planes: str, seen: str) -> str:
        return " and ".join(right(found.loc[method, planes, seen, rate]) for rate in (0.2, 0.4))

    one = "in {} with J-UNIWARD's costs, {} with UERD's, {} with J-UNIWARD's polarised (Li et al. 2020)".format(
        *(told(method, "luma", "luma") for method in ("J-UNIWARD", "UERD", "J-UNIWARD, polarised"))
    )
    two = "by DCTR of all planes, in {} where luma carries all, {} where chroma carries its share".format(
        *(told("J-UNIWARD", planes, "all") for planes in ("luma", "all"))
    )
    own = table("jpeg_steganalysis/jpeg_steganalysis.csv", "quality", "method", "rate", "features", "at_once")
    changed = [own.loc[75, "jpeg", 0.4, "DCTR", 1], found.loc["J-UNIWARD", "luma", "luma", 0.4]]
    shares = [f"{100 * row['changed']:.0f} %" for row in changed]
    three = f"at 0.4 it changes {shares[0]} of the coefficients that are not 0, where that one changes {shares[1]}"
    return f"{one}; {two}. The code of `jpeg` is not ideal: {three}."


def test_costs_side_by_side() -> None:
    assert costs_sentences() in one_line(SECURITY)


def sample_rows() -> Iterator[str]:
    """Lines on containers that keep every sample."""
    for rate in (0.05, 0.1, 0.2, 0.4, 1.0):
        yield detected("no lossy past", "`sealed`", f"{rate:g}", steganalysis("sealed", rate))
    yield detected("no lossy past", "`network`", "–", steganalysis("network", -1))
    yield detected("no lossy past", "±1 anywhere", "0.1", steganalysis("±1 anywhere", 0.1))


def test_detection() -> None:
    lines = SECURITY.splitlines()
    start = lines.index("| covers | method | bits | called right | by (training pairs) |") + 2
    shown = lines[start : lines.index("", start)]
    assert sorted(shown) == sorted([*jpeg_rows(), *sample_rows()])


def test_qualities_at_which_steps_show() -> None:
    found = table("jpeg_steganalysis/jpeg_steganalysis.csv", "features", "method").loc["RJCA"]
    told = f"in {right(found.loc['J-UNIWARD'])}, and of `jpeg`, which saves at 95, in {right(found.loc['jpeg'])}"
    assert told in one_line(SECURITY)


def test_detection_in_the_method_table() -> None:
    network, few, full = (
        steganalysis(*case)["accuracy"].max() for case in (("network", -1), ("sealed", 0.1), ("sealed", 1.0))
    )
    row = methods("containers told from covers")
    assert row[2].strip() == f"{percent(network)} right"
    assert row[3].strip().startswith(f"{percent(few)} right at 0.1 bit per sample, {percent(full)} at 1:")
    found = read(SHIPPED / "jpeg_steganalysis" / "metrics.json")
    at_75, at_95 = (percent(found[f"jpeg_steganalysis_{quality}_0.2"]) for quality in (75, 95))
    assert row[5].strip() == f"{at_75} right at 0.2 bit per coefficient at quality 75, {at_95} at 95"


def network_sentence() -> str:
    """Detection by the small convolutional network, after 100 pairs."""
    found = table("detect/detect.csv", "method", "pairs", "attacker")

    def told(method: str, attacker: str = "has the program") -> str:
        return right(found.loc[(method, 100, attacker)])

    network = f"`network` in {told('network', 'has the weights')}, with weights of the attacker's own in "
    sealed = [told(f"sealed, {rate} bits") for rate in (1, 0.4, 0.1)]
    return (
        f"{network}{told('network', 'trained own weights')}; `sealed` at 1 bit per sample in {sealed[0]}, at 0.4 in "
        f"{sealed[1]}, at 0.1 in {sealed[2]}; a 4-bit swap in {told('4-bit swap')}; where nothing is hidden, it is "
        f"right in {told('nothing hidden')}."
    )


def test_detection_by_a_network() -> None:
    assert network_sentence() in one_line(SECURITY)


CLASSICAL = {
    "the network": "network",
    "sealed, all the room": "sealed, full",
    "sealed, a tenth of it": "sealed, a tenth",
    "lowest bits replaced (a control)": "replacement, all bits",
}


def classical_rows() -> Iterator[list[str]]:
    """Areas under the ROC curve by attack."""
    areas = table("classical/classical.csv", "method", "attack")["auc"]
    for name, method in CLASSICAL.items():
        yield [name, *(point(areas[method, attack]) for attack in ("sample pairs", "RS", "chi-square", "WS"))]


LEAKS = {
    "the shipped pair": "",
    "the same, unshuffled and without mask": "_unshuffled",
    "Baluja 2017, retrained": "_baluja",
    "U-Net, retrained": "_unet",
    "4-bit swap, unscrambled": "_4_bit_swap",
}


def leak_rows() -> Iterator[list[str]]:
    """Correlation of edges with the secret's, and with an unrelated secret's."""
    figures = read(SHIPPED / "residual" / "metrics.json")
    for name, method in LEAKS.items():
        yield [name, *(point(figures[f"leak{method}{of}"], 3) for of in ("", "_unrelated"))]


def test_rows_of_tables() -> None:
    for rows in (classical_rows(), leak_rows()):
        assert_rows(SECURITY, rows)


def test_robust_containers_are_found() -> None:
    found = table("robust_attacks/detection.csv")
    keyless = table("robust_attacks/keyless.csv", "medium", "rung")
    for (medium, rung), rows in found.groupby(["medium", "rung"]):
        features, opened = rows.set_index("features"), keyless.loc[(medium, rung)]
        jumps = right(features.loc["jumps"]) if "jumps" in features.index else "–"
        area = opened[["auc", "auc_low", "auc_high"]].rename({"auc_low": "low", "auc_high": "high"})
        name = rung if medium == "pictures" else f"film, {rung}"
        assert_rows(SECURITY, [[name, right(rows.iloc[0]), jumps, between(area), f"{100 * opened['right']:.1f} %"]])
    assert len(keyless) == found.groupby(["medium", "rung"]).ngroups
    pictures, films = (found[found["features"] == name]["accuracy"] for name in ("SPAM", "SPAM, one frame"))
    shown = methods("containers told from covers")[4].strip()
    assert shown.startswith(f"{100 * pictures.min():.0f} to {percent(pictures.max())} right; films ")
    assert f"films {100 * films.min():.0f} to {percent(films.max())}" in shown


def test_films_with_few_blocks_in_use() -> None:
    found, keyless = table("few_blocks/detection.csv"), table("few_blocks/keyless.csv", "rung")
    linked = table("few_blocks/links.csv", "rung", "scenes")
    for rung, rows in found.groupby("rung"):
        features, opened = rows.set_index("features"), keyless.loc[rung]
        jumps = right(features.loc["jumps"]) if "jumps" in features.index else "–"
        area = opened[["auc", "auc_low", "auc_high"]].rename({"auc_low": "low", "auc_high": "high"})
        links = between(linked.loc[(rung, "the same")])
        name = f"{rung}, three of 32 blocks"
        assert_rows(SECURITY, [[name, right(features.loc["SPAM, one frame"]), jumps, between(area), links]])


def test_keys_of_robust_containers() -> None:
    """The page gives the range of all attacks that look for a key."""
    found = table("robust_attacks/places.csv")
    areas = found[found["question"] == "same key against other keys"]
    assert f"between {point(areas['auc'].min())} and {point(areas['auc'].max())}" in one_line(SECURITY)
    assert ((areas["low"] <= 0.5) & (areas["high"] >= 0.5)).all(), "the page says that chance is in each interval"


def assert_areas(name: str, first: tuple[str, ...], contents: tuple[str, str], digits: int) -> None:
    """Each attack has a row of areas, for two contents."""
    found = table(name, *first, "content")
    for key in found.index.droplevel("content").unique():
        told = " | ".join(between(found.loc[(*key, content)], digits) for content in contents)
        assert f"| {' | '.join(key)} | {told} |" in SECURITY


def test_recipients_and_lossy_pasts() -> None:
    assert_areas("recipients.csv", ("attack", "question"), ("100 bytes", "a tenth full"), 2)
    assert_areas("history.csv", ("method", "cover", "attack"), ("20 bytes", "a tenth full"), 3)


def test_few_blocks_of_a_jpeg() -> None:
    found = table("robust_jpegs.csv", "quality", "rate", "features", "at_once")
    messages = (95, 0.0096, "100 bytes"), (95, 0.056, "1 kB"), (75, 0.012, "100 bytes"), (75, 0.075, "1 kB")
    for quality, share, message in messages:
        ways = [(quality, share, *how) for how in product(("DCTR", "SPAM"), (1, 16))]
        rows = [found.loc[way] if way in found.index else None for way in ways]
        areas = [
            "–" if row is None else within(*(point(row[name]) for name in ("auc", "auc_low", "auc_high")))
            for row in rows
        ]
        assert f"| {quality} | {message} | {' | '.join(areas)} |" in SECURITY


def test_film_levels() -> None:
    found = table("film_levels/film_levels.csv", "rate", "features")
    for rate in (0.05, 0.1, 0.2, 0.4):
        name = f"{rate:g}".removeprefix("0") + ", more than there is room for" * (rate > 0.25)
        assert_rows(SECURITY, [[name, *(right(found.loc[(rate, features)]) for features in ("levels", "SPAM"))]])
