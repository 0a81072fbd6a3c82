"""The tables of docs/performance.md: each figure in its cell, and nothing else on the page touched."""

from pathlib import Path

from tools.bench import BEGIN, END, run, tables, with_tables


def costs(*seconds: float) -> dict[str, dict[str, float]]:
    return {
        name: {"seconds": each, "megabytes": 100 * each}
        for name, each in zip(("hide", "reveal", "wrong key"), seconds, strict=True)
    }


FIGURES = {
    "machine": {"processor": "A CPU", "cores": "2 of 4", "system": "Linux, Python 3.11.9", "load": "0.3"},
    "pictures": {"a text": {"frames": 0} | costs(4, 2, 1)},
    "films": {"a film": {"frames": 100} | costs(10, 5, 3)},
}


def test_pictures_have_seconds_and_films_frames_per_second() -> None:
    text = tables(FIGURES)
    assert "2 of 4 cores of A CPU, Linux, Python 3.11.9; load average before: 0.3" in text
    assert "| a text | 4.0 | 2.0 | 1.0 | 400 MB | 200 MB |" in text
    assert "| a film | 10.0 | 20.0 | 3.0 | 1000 MB | 500 MB |" in text


def test_only_the_text_between_the_markers_is_replaced() -> None:
    page = with_tables(f"before\n{BEGIN}old\n{END}after\n", "new\n")
    assert page == f"before\n{BEGIN}\nnew\n\n{END}after\n"
    assert with_tables(page, "new\n") == page


def test_a_run_has_the_memory_of_its_own_process_not_of_this_one(tmp_path: Path) -> None:
    here = bytearray(b"x") * 600_000_000
    cost = run(("keygen", "my.key"), tmp_path)
    assert len(here) and (tmp_path / "my.key").exists()
    assert cost.seconds > 0
    assert 10 < cost.megabytes < 500
