"""The files in which a stage leaves its figures, the same bytes for the same figures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

_DIGITS = 4


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes figures; folders that are missing are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def write_table(path: Path, table: pd.DataFrame, index: str | None = None) -> None:
    """Writes a table as CSV, rounded; `index`: the name under which its row numbers go along, if at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.round(_DIGITS).to_csv(path, index=bool(index), index_label=index, lineterminator="\n")
