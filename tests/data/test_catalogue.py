from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stegnet import DataError
from stegnet.data.catalogue import KINDS, Listed, read_catalogue, read_listing, read_package_pictures
from stegnet.data.shards import TEST

CATALOGUE = Path(__file__).parents[2] / "assets" / "sources.yaml"
SOURCES = read_catalogue(CATALOGUE)
PACKAGES = [source for source in SOURCES if source.kind == "package"]
ARCHIVES = {source.name: source for source in SOURCES if source.kind == "archive"}


def test_the_catalogue_in_assets():
    assert {source.kind for source in SOURCES} <= set(KINDS)
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert all(source.address and source.version and source.licence for source in SOURCES)
    assert PACKAGES


@pytest.mark.parametrize("source", [s for s in SOURCES if s.kind == "torchvision"], ids=lambda source: source.name)
def test_its_torchvision_sources_can_be_downloaded_as_they_are(source):
    import inspect

    import torchvision

    parameters = inspect.signature(getattr(torchvision.datasets, source.name.partition(":")[2])).parameters
    needed = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
    assert "download" in parameters
    assert needed <= {"root", "kwargs"}


@pytest.mark.parametrize("source", PACKAGES, ids=lambda source: source.name)
def test_package_pictures_match_their_hashes(source):
    pictures = read_package_pictures(source)
    assert [name for name, _ in pictures] == [Path(file).name for file in source.sha256]
    assert all(pixels.dtype == np.uint8 and pixels.shape[-1] == 3 for _, pixels in pictures)
    assert all(min(pixels.shape[:2]) >= 256 for _, pixels in pictures)


def test_a_file_that_changed_and_a_package_that_is_not_installed():
    file, pin = next(iter(PACKAGES[0].sha256.items()))
    source = replace(PACKAGES[0], sha256={file: pin[:-1] + ("0" if pin[-1] != "0" else "1")})
    with pytest.raises(DataError, match=f"{file} differs from its SHA-256 in sources.yaml") as caught:
        read_package_pictures(source)
    assert caught.value.hint == f"install {source.package} {source.version}"
    with pytest.raises(DataError, match="the package no-such-package-here is not installed"):
        read_package_pictures(replace(source, package="no-such-package-here"))


ENTRY = {"name": "a", "kind": "folder", "address": "b", "version": "1", "licence": "MIT"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "not a valid catalogue"),
        ("", "not a valid catalogue"),
        ("- [", "not a valid catalogue"),
        ("- {name: a}", "not a valid catalogue"),
        (f"- {ENTRY | {'licens': 'MIT'}}", "not a valid catalogue"),
        (f"- {ENTRY | {'kind': 'magic'}}", "a: unknown kind 'magic'"),
    ],
)
def test_a_bad_catalogue(tmp_path, text, reason):
    path = tmp_path / "sources.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=reason) as caught:
        read_catalogue(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


# Archives


def listing(name: str) -> list[Listed]:
    return read_listing(CATALOGUE.parent / ARCHIVES[name].files)


def test_the_lists_of_archives():
    """ImageNet's sample keeps every twentieth picture for testing; BSDS500 those whose names end in 0 and 5."""
    for source in ARCHIVES.values():
        assert len(source.version) == 40
        assert source.address.startswith("https://github.com/")
        assert source.address.endswith(f"/archive/{source.version}.tar.gz")
    files = {name: [row.file for row in listing(name)] for name in ARCHIVES}
    test = {name: [row.file for row in listing(name) if row.split == TEST] for name in ARCHIVES}
    assert {name: len(set(each)) for name, each in files.items()} == {"imagenet-sample": 1000, "bsds500": 400}
    assert test["imagenet-sample"] == sorted(files["imagenet-sample"])[19::20]
    assert test["bsds500"] == [file for file in files["bsds500"] if file.removesuffix(".jpg")[-1] in "05"]
    sums = [row.sha256 for name in ARCHIVES for row in listing(name)]
    assert len(set(sums)) == len(sums)  # no picture is in two, or twice


SUM = "0123456789abcdef" * 4


def test_a_listing_is_sorted_by_name(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"split,file,sha256\ntest,b.jpg,{SUM}\ntrain,a.jpg,{SUM}\n")
    assert read_listing(path) == [Listed("a.jpg", SUM, "train"), Listed("b.jpg", SUM, "test")]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (None, "not a valid list of pictures"),
        ("file,sha256\na.jpg,x\n", "not a valid list of pictures"),
        (f"file,sha256,split,licence\na.jpg,{SUM},train,MIT\n", "not a valid list of pictures"),
        (f"file,sha256,split\na.jpg,{SUM},train,more\n", "not a valid list of pictures"),
        ("file,sha256,split\na.jpg\n", "'a.jpg': needs a file name, a SHA-256 and a split"),
        (f"file,sha256,split\na.jpg,{SUM},\n", "'a.jpg': needs"),
        (f"file,sha256,split\na.jpg,{SUM},both\n", "'a.jpg': needs"),
        (f"file,sha256,split\na.jpg,{SUM[1:]},train\n", "'a.jpg': needs"),
        (f"file,sha256,split\na.jpg,{SUM.upper()},train\n", "'a.jpg': needs"),
        (f"file,sha256,split\n../a.jpg,{SUM},train\n", "'../a.jpg': needs"),
        (f"file,sha256,split\n/a.jpg,{SUM},train\n", "'/a.jpg': needs"),
        (f"file,sha256,split\n..,{SUM},train\n", "'..': needs"),
        (f"file,sha256,split\n,{SUM},train\n", "'': needs"),
        (f"file,sha256,split\na.jpg,{SUM},train\na.jpg,{SUM[::-1]},test\n", "lists a file twice"),
    ],
)
def test_a_bad_listing(tmp_path, rows, reason):
    path = tmp_path / "list.csv"
    if rows is not None:
        path.write_text(rows)
    with pytest.raises(DataError, match=reason) as caught:
        read_listing(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
