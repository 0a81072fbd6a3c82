"""The files of the page, which a browser loads as they are."""

import re

from stegnet.channels.destinations import DESTINATIONS, USUAL_CHANNELS
from stegnet.core.names import PICTURE
from stegnet.gui import server as gui
from tools.page_constants import PATH, page_constants

PAGE = PATH.parent
DEMO = PATH.parents[3] / "demo"
IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?from "([^"]+)"|^import "([^"]+)"|\bawait import\("([^"]+)"\)""", re.M)


def test_the_constants_are_pythons() -> None:
    assert PATH.read_text("utf-8") == page_constants(), "write them again: python -m tools.page_constants"


def test_the_destinations_are_those_of_the_command_line() -> None:
    """A line of the form for each, those of pictures before those of films; and the channels of the page without it."""
    named = re.findall(r"^    (\w+): \{", (PAGE / "form/destinations.js").read_text("utf-8"), re.M)
    assert named == [*DESTINATIONS, "file", "messenger", "website"]
    table = re.search(r"CHANNELS = \{(.*)\}", (PAGE.parent / "browser/page/jobs.js").read_text("utf-8"))
    assert table
    channels = table[1]
    for name, channel in re.findall(r'(\w+): "([^"]+)"', channels):
        assert channel == (DESTINATIONS[name].channel or USUAL_CHANNELS[PICTURE])


def test_each_module_names_files_of_the_page_alone() -> None:
    """A bare name or a file elsewhere would need a bundler."""
    for module in PAGE.rglob("*.js"):
        if "vendor" not in module.parts:
            for names in IMPORT.findall(module.read_text("utf-8")):
                imported = (module.parent / "".join(names)).resolve()
                assert imported.is_relative_to(PAGE) and imported.is_file(), f"{module.name}: {names}"


def test_the_page_without_the_program_knows_no_apps() -> None:
    """A channel's file is read by the program alone, so the form offers known apps where the backend has a choice."""
    assert re.search(r"^  makeChannel,$", (PAGE / "program/backend.js").read_text("utf-8"), re.M)
    assert not [path.name for path in (DEMO / "src").rglob("*.js") if "makeChannel" in path.read_text("utf-8")]


def test_the_page_is_small_and_holds_no_network() -> None:
    files = [file for file in PAGE.rglob("*") if file.is_file()]
    assert {file.suffix for file in files if file.suffix not in gui._PAGE_TYPES} <= {"", ".json"}
    assert sum(file.stat().st_size for file in files) < 1_000_000
