"""Proofs that a JPEG was changed: covers are never accused, containers are not, and steps everywhere are."""

from typing import Any

import numpy as np
import pytest

from study.proofs import FILLS, Quantiser, edge_basis, explained, measured

STEPS = np.full(64, 4.0)


def test_steps_where_an_encoder_leaves_a_rule_are_proven(cat: np.ndarray) -> None:
    """A letterbox, and two sides that stick out over the edge."""
    pixels = cat[:253, :251].copy()
    pixels[:48] = 90
    rows: list[dict[str, Any]] = [row for seed in range(2) for row in measured("Pillow", 95, pixels, seed)]
    found = {key: {row["rule"]: 0 for row in rows} for key in ("covers", "containers", "control")}
    for row in rows:
        for key, counts in found.items():
            counts[row["rule"]] += row[key]
    assert not any(found["covers"].values()) and not any(found["containers"].values())
    assert found["control"]["edge"] > 0


@pytest.mark.parametrize("fill", FILLS)
def test_what_an_encoder_fills_is_explained_by_its_fill_alone(fill: str) -> None:
    """And by no other, where the pixels are no smooth ones."""
    pixels = np.random.default_rng(0).integers(0, 256, 5 * 8) - 128
    for each in FILLS:
        levels = np.rint(edge_basis(fill, 5, 8) @ pixels / STEPS)
        assert explained(edge_basis(each, 5, 8), levels, STEPS, Quantiser()) == (each == fill)


def test_coefficients_of_a_trellis_may_be_nearer_to_zero() -> None:
    basis, pixels = edge_basis("replicate", 3, 8), np.random.default_rng(1).integers(-128, 128, 3 * 8)
    levels = np.rint(basis @ pixels / STEPS)
    chosen = np.where(np.abs(levels) <= 3, 0, levels)
    for shown, trellis, known in ((levels, False, True), (chosen, False, False), (chosen, True, True)):
        assert explained(basis, shown, STEPS, Quantiser(trellis=trellis)) == known
