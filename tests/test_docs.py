"""Links, commands, parameters and paths in the documentation exist."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

import stegnet
from stegnet.channels.jpeg_form import JpegForm
from stegnet.channels.known_channel import KnownChannel
from stegnet.cli.command import make_parser
from stegnet.cli.parser import commands_of
from stegnet.methods import METHODS
from tests.support.printed import USED, printed_lines, printed_programs

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "PYPI.md", "CONTRIBUTING.md", "CHANGELOG.md", "demo/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
LONGEST_README = 140  # lines, without comments
CODE = r"(?:stegnet|pipeline|tools|tests|docs|demo)/[a-z_.][\w./-]*\w|study/[\w/-]+\.(?:py|yaml)"

each_document = pytest.mark.parametrize("document", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def code(page: Path) -> list[str]:
    """Lines of code blocks, continuation lines joined, and inline code."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.M | re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return [line.partition("  #")[0] for line in lines] + [" ".join(span.split()) for span in inline]


def anchors(page: Path) -> set[str]:
    """Anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def options() -> dict[str, set[str]]:
    """Long options of `stegnet`, named "", and of each of its commands."""
    parser = make_parser()
    commands = {"": parser} | dict(commands_of(parser))
    return {
        name: {each for each in command._option_string_actions if "--" in each} for name, command in commands.items()
    }


def parameters(values: dict, prefix: str = "") -> set[str]:
    """Dotted keys of all values and sections."""
    found = set()
    for key, value in values.items():
        found.add(prefix + key)
        if isinstance(value, dict):
            found |= parameters(value, f"{prefix}{key}.")
    return found


@each_document
def test_links(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_document
def test_commands(document: Path) -> None:
    found = [match for line in code(document) for match in re.finditer(r"\bstegnet (?:([a-z]+)\b)?([^|`]*)", line)]
    for match in found:
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", match[0]):
            assert option in options()[match[1] or ""], match[0]
        assert match[1] is None or match[1] in options(), match[0]


@each_document
def test_targets_parameters_and_stages(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    known = parameters(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    for line in code(document):
        assert set(re.findall(r"^(?:\$ )?make ([a-z-]+)", line)) <= targets, line
        assert set(re.findall(r"-S '?([a-z_.0-9]+)=", line)) <= known, line
        for study, names in re.findall(r"dvc (--cd study )?repro((?: +(?!-)[a-z]+(?:@[a-z]+)?)*)", line):
            wanted = {name.partition("@")[0] for name in names.split()}
            folder = ROOT / "study" if study else ROOT
            assert wanted <= set(yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]), line


@each_document
def test_modules_and_paths(document: Path) -> None:
    if document.name == "CHANGELOG.md":
        return  # it names what is gone
    for line in code(document):
        for module in re.findall(r"python -m ((?!pytest)[a-z_.]+)", line):
            file = ROOT / module.replace(".", "/")
            own = document.name == "training.md" and module == "pipeline.spread"  # a reader's
            assert own or file.is_dir() or file.with_suffix(".py").is_file(), line
        if re.fullmatch(CODE, line):
            assert (ROOT / line).exists() or (document.parent / line).exists(), line


def test_what_is_printed_is_run() -> None:
    """By tests/test_wheel.py, but for these lines, whose reasons stand in the pages."""
    found = {page: [*printed_lines(ROOT / page), *printed_programs(ROOT / page)] for page in USED}
    left_out = {page: sum(bool(each.reason) for each in found[page]) for page in USED}
    assert left_out == {"README.md": 8, "docs/howto.md": 0, "docs/python.md": 1, "docs/gui.md": 1, "docs/install.md": 3}
    blocks = {page: len(re.findall(r"^ *```(?:console|python)$", (ROOT / page).read_text(), re.M)) for page in USED}
    assert all(len(found[page]) >= blocks[page] for page in USED)


def test_python_names() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\bstegnet\.([\w.]*\w)", text)) <= {
        *vars(stegnet)["__all__"],
        "networks",
        *(f"networks.{name}" for name in vars(stegnet.networks)["__all__"]),
    }
    options = {name for method in METHODS.values() for name in method.info.option_names}
    sentence = re.search(r"further options .*?: (.*?)\. Returns", text)
    assert sentence
    assert options == set(re.findall(r"`(\w+)`", sentence[1]))


def test_readme_is_short_names_every_folder_and_links_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.sub(r"^<!--.*?-->\n", "", text, flags=re.M | re.S).splitlines()) <= LONGEST_README
    packages = {file.parent.name for file in (ROOT / "stegnet").glob("*/*.py")}
    assert packages <= set(re.findall(r"(\w+)/ ", text.partition("### Source tree")[2]))
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name})" not in text]


def test_the_glossary_names_files_that_exist() -> None:
    rows = re.findall(r"^\|.*\| (`[^|]+`) \|$", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.M)
    files = [file for row in rows for file in re.findall(r"`([^`]+)`", row)]
    assert len(files) > 60
    assert not [file for file in files if not (ROOT / file).exists() and not (ROOT / "stegnet" / file).exists()]


def test_the_format_names_every_entry_of_a_channels_file() -> None:
    grey = JpegForm(((1,) * 64,), ((1, 1),))
    sizes = (((640, 480), (640, 480)),)
    known = KnownChannel(grey, "islow", False, False, True, None, None, None, 1, sizes)
    held = json.loads(known.text())
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    section = page.partition("### Channel files")[2].partition("\n## ")[0]
    documented = re.findall(r"\w+", " ".join(re.findall(r"^(\w+(?:, \w+)*)  ", section, re.M)))
    assert sorted(documented) == sorted(held)
