"""The training of a network that predicts pictures: its bits, its choice of grids, and a few steps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from stegnet.core.names import SHIPPED_PREDICTOR
from stegnet.near import Steps, quantise, shipped_predictor
from stegnet.near.predicted import encode_predicted
from stegnet.networks import build_from, load_pair
from study.tasks.multiscale import Multiscale
from study.tasks.prediction import BITS_PER_PIXEL, PredictionTask, grid_bits, picture_bits, to_levels
from tests.support.lab import Config, render_scene

CPU = torch.device("cpu")


@pytest.fixture
def config(make_config: Callable[..., Config]) -> Config:
    """A training of a small network."""
    made = make_config(lr=0.004, crop=64, clip=1.0, container_ramp=0.0)
    return replace(made, model=replace(made.model, name="multiscale", blocks=1, width=8))


@pytest.fixture
def network(config: Config) -> Multiscale:
    torch.manual_seed(0)
    built = build_from(config.model)
    assert isinstance(built, Multiscale)
    return built


def scenes(side: int, count: int = 2) -> torch.Tensor:
    """Rendered pictures, (count, 3, side, side) uint8."""
    return torch.from_numpy(np.stack([render_scene(128, (5, seed))[:side, :side] for seed in range(count)])).permute(
        0, 3, 1, 2
    )


def test_grids_are_drawn_from_seed_and_step(config, network):
    task = PredictionTask(network, config, "fp32", 100)
    drawn = [task.plan(step, CPU).randomness for step in range(200)]
    assert task.plan(7, CPU).randomness == drawn[7]
    assert {draw.error for draw in drawn} == {draw.depth for draw in drawn} == {0, 1, 2}
    picture = torch.arange(64 * 64).reshape(1, 1, 64, 64)
    for draw in drawn:
        grid = draw.of(picture)
        assert grid.shape == (1, 1, 16, 16)
        assert (grid[..., 1:] - grid[..., :-1] == 1 << draw.depth).all()
        assert (grid[..., 1:, :] - grid[..., :-1, :] == 64 << draw.depth).all()
        assert draw.select(slice(1)) == draw


def test_a_picture_takes_the_bits_of_its_grids(network):
    levels = to_levels(scenes(32), 1)
    for one in network.predictors:
        one.film.data.normal_(0, 0.5)  # each grid has a first layer of its own
    filters = [[one(film) for one in network.predictors] for film in range(3, 6)]
    with torch.no_grad():
        grids = [grid_bits(filters[depth], levels[:, :, :: 1 << depth, :: 1 << depth], 1)[0] for depth in range(3)]
    coarsest = 3 * 4 * 4 * np.log2(86)
    torch.testing.assert_close(picture_bits(network, levels, 1), sum(grids) + coarsest, rtol=1e-5, atol=0.1)


@pytest.mark.parametrize("error", [0, 1, 2])
def test_the_coder_takes_the_bits_that_are_trained_for(error: int):
    """But for the rounding of tables, and the coder's last words; its levels are those of the training."""
    pair, _ = load_pair(SHIPPED_PREDICTOR)
    assert isinstance(pair, Multiscale)
    picture = scenes(128, 1)
    picture[..., :2, :] = torch.arange(256).reshape(2, 128)  # each value there is
    steps = Steps.even(2 * error + 1)
    levels = quantise(picture[0].permute(1, 2, 0).numpy(), steps)
    np.testing.assert_array_equal(to_levels(picture, error)[0].permute(1, 2, 0), levels)
    coded = 8 * len(encode_predicted(levels, steps, shipped_predictor()))
    assert coded == pytest.approx(picture_bits(pair, to_levels(picture, error), error).item(), rel=0.005, abs=80)


def test_it_learns(config: Config, run: Callable[..., Any]):
    after = run(config, task=PredictionTask)
    assert {BITS_PER_PIXEL, f"validation_{BITS_PER_PIXEL}"} <= set(after.curve[-1]) | set(after.curve[4])
    measured = [
        point[f"validation_{BITS_PER_PIXEL}"] for point in after.curve if f"validation_{BITS_PER_PIXEL}" in point
    ]
    assert measured[-1] < measured[0] < 24
    assert after.card.model == "multiscale"


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # PyTorch's own look at it
def test_all_grids_are_compiled_at_once(config, network):
    """Each further graph would take a minute, and after some, PyTorch gives up compiling."""
    eager, compiled = PredictionTask(network, config, "fp32", 100), PredictionTask(network, config, "fp32", 100)
    graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    compiled.compile(backend=backend)
    pictures = scenes(64)[:, None]
    for step in range(40):
        randomness = eager.plan(step, CPU).randomness
        expected, found = (task(pictures, randomness).terms.secret for task in (eager, compiled))
        assert found.item() == expected.item()
    assert len(graphs) == 1
