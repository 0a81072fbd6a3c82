"""The page as one file: what it holds, and what it forbids. Browsers open it in tests/demo/test_one_page.py."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from stegnet.cli import main

LARGEST = 2_000_000  # bytes of a file that is sent along


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "stegnet.html"
    assert main(["page", "-o", str(path)]) == 0
    assert path.stat().st_size <= LARGEST
    return path.read_text(encoding="utf-8")


def test_it_names_no_other_file(text: str) -> None:
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    addresses = re.findall(r'(?:src|href)="([^"]*)"', markup)
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"\bimport\.meta|^import |@import|url\(", text, re.MULTILINE)


def test_its_policy_allows_its_own_script_and_style_alone(text: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules.pop("default-src") == "'none'"  # of all that is not named: requests, fonts, frames
    for tag, rule in (("style", "style-src"), ('script id="script"', "script-src")):
        found = re.search(rf"<{tag}>(.*?)</{tag.split()[0]}>", text, re.DOTALL)
        assert found
        digest = b64encode(sha256(found[1].encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert set(" ".join(rules.values()).split()) == {"blob:", "data:", "'none'"}


def test_it_holds_the_licence_of_what_others_wrote(text: str) -> None:
    assert "Copyright (c) 2023 Paul Miller" in text
    assert "Permission is hereby granted" in text


def test_a_file_that_exists_is_replaced_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "page.htm"
    path.write_text("mine", encoding="utf-8")
    assert main(["page", "-o", str(path)]) == 1
    assert path.read_text(encoding="utf-8") == "mine"
    assert main(["page", "-o", str(path), "--force"]) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["page.htm"]
