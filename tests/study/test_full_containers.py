"""Full containers of covers and secrets of different sizes."""

from pathlib import Path
from typing import Any

import numpy as np

from stegnet.image.pictures import write_png
from study.full_containers import WAYS, measured
from tests.support.films import picture


def test_what_is_counted_for_a_pixel_is_counted_for_one_of_the_cover(tmp_path: Path) -> None:
    cover, secret = tmp_path / "cover.png", tmp_path / "secret.png"
    write_png(cover, picture(96, 128, 1) ^ np.random.default_rng(1).integers(0, 16, (96, 128, 3), np.uint8))
    write_png(secret, picture(40, 56, 2))
    rows: dict[Any, dict[str, Any]] = {row["hidden"]: row for row in measured(cover, secret)}
    assert rows.keys() == WAYS.keys()
    assert 4.3 < rows["bytes"]["bits_per_pixel"] < 4.4  # 1.5 of ternary code, less what finds and checks it, a sample
    assert all(row["secret_psnr"] > 20 for kind, row in rows.items() if kind != "bytes")
    assert all(row["container_psnr"] > 35 for row in rows.values())
    assert rows["bytes"]["container_psnr"] < rows["picture"]["container_psnr"]
