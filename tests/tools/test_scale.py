import json

from tests.support.figures import one_line, read_page
from tools.scale import UNITS, Cost, tables

PAGE = read_page("docs/scale.md")
MODEL, BOUNDS = 1, 2  # tables


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
