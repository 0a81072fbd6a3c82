"""The tables of docs/performance.md: each figure in its cell, and nothing else on the page touched."""

from pathlib import Path

from tools.bench import BEGIN, END, run, with_tables


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
