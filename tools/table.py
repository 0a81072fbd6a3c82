"""All experiments of DVC: what was changed, then the headline figures; nothing else (`make table`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import dvc.api
import pandas as pd

from pipeline.config import flatten, read
from stegnet.core.measures import BASE_PSNR, CONTAINER_PSNR, GAIN_PSNR, HIDE_MS, REVEAL_MS, SECRET_PSNR

HEADLINE = {
    CONTAINER_PSNR: "container",
    SECRET_PSNR: "secret",
    BASE_PSNR: "base",
    GAIN_PSNR: "gain",
    HIDE_MS: "hide ms",
    REVEAL_MS: "reveal ms",
}


def table_of(experiments: Sequence[Mapping[str, object]], params: Sequence[str]) -> pd.DataFrame:
    """Return a row for each experiment of `dvc.api.exp_show`: the parameters that differ, then the headline."""
    rows = pd.DataFrame(experiments)
    # DVC puts the file before a figure that several files have.
    columns = {name: f"reports/evaluate/metrics.json:{name}" for name in HEADLINE}
    named = {each if each in rows else columns[each]: heading for each, heading in HEADLINE.items()}
    changed = [name for name in params if name in rows and rows[name].astype(str).nunique() > 1]
    table = rows[[*changed, *(name for name in named if name in rows)]].rename(columns=named)
    return table.set_axis(rows["Experiment"].fillna(rows["rev"]).rename(None))


def main() -> None:
    """Print the table."""
    table = table_of(dvc.api.exp_show(), list(flatten(read(Path("params.yaml")))))
    print(table.to_string(na_rep="–", float_format="{:.4g}".format))


if __name__ == "__main__":
    main()
