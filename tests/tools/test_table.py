"""`make table`: experiments side by side."""

from tools.table import table_of


def row(name: str | None, beta: float, psnr: float | None, **others: object) -> dict[str, object]:
    """A row as DVC gives it, with more columns than anybody reads."""
    shown = {"Experiment": name, "rev": "workspace", "Created": "now", "beta": beta, "train.compile": "False"}
    figures = {"reports/evaluate/metrics.json:container_psnr": psnr, "secret_psnr": psnr, "secret_ssim": 0.9}
    return shown | figures | {"pipeline/config.py": "abc"} | others


def test_what_was_changed_comes_first_and_then_the_headline() -> None:
    table = table_of([row(None, 1, None), row("half", 0.5, 46.2178)], ["beta", "train.compile", "detect.pairs"])
    assert list(table.columns) == ["beta", "container", "secret"]
    assert list(table.index) == ["workspace", "half"]
    assert list(table.iloc[1]) == [0.5, 46.2178, 46.2178]
    assert max(map(len, table.to_string().splitlines())) < 60


def test_a_single_experiment_has_no_changes() -> None:
    assert list(table_of([row(None, 1, 46.0)], ["beta"]).columns) == ["container", "secret"]
