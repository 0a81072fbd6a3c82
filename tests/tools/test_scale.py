import json

from tests.support.figures import one_line, read_page
from tools.scale import UNITS, Cost, tables

PAGE = read_page("docs/scale.md")
MODEL, BOUNDS = 1, 2  # tables


def row(cost: Cost, table: int, name: str = "hide a picture", driver: float = 0.0) -> dict[str, str]:
    """The only row of a table, by its heading."""
    lines = tables({"costs": {name: vars(cost)}, "driver": driver})[table].splitlines()
    head, values = (line.strip("| ").split(" | ") for line in (lines[0], lines[2]))
    return dict(zip(head, values, strict=True))


def test_the_page_has_the_measured_costs() -> None:
    measured = json.loads(UNITS.read_text(encoding="utf-8"))
    assert not [table for table in tables(measured) if table not in PAGE]
    driver, frame = measured["driver"], Cost(**measured["costs"]["hide a frame, network"])
    smaller = frame.written / measured["costs"]["hide a frame, H.264 at CRF 23"]["written"]
    assert round(smaller) == 19, "the page says a nineteenth"
    for said in (
        f"The driver takes {1e3 * driver:.1f} ms",
        f"a million of one minute take {1_000_000 * 1500 * frame.written / 1e12:,.0f} TB",
        f"One driver submits {1 / driver:,.0f} tasks a second",
        f"a task must take {1600 * driver:.1f} s",
        f"16 films of an hour take {16 * 90_000 * (frame.read + frame.written) / 1e9:,.0f} GB",
    ):
        assert said in one_line(PAGE)


def test_a_million_pictures() -> None:
    """36 million seconds are 10,000 hours, or 6.25 of 1,600 cores."""
    cost = Cost(cpu=36.0, start=0.0, read=2000, written=1000)
    model, bounds = row(cost, MODEL), row(cost, BOUNDS)
    assert list(model.values())[1:] == ["10,000.0", "2.0", "1.0", "3,000,000", "1,000,000"]
    assert (bounds["processors"], bounds["bound by"]) == ("6.25", "processors")
