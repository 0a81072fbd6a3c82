from dataclasses import replace

import pytest

from stegnet import DataError
from tests.support.lab import CATALOGUE, read_catalogue, read_listing, read_package_pictures

PACKAGE = next(source for source in read_catalogue(CATALOGUE) if source.kind == "package")


def test_a_file_that_changed_and_a_package_that_is_not_installed():
    file, pin = next(iter(PACKAGE.sha256.items()))
    source = replace(PACKAGE, sha256={file: pin[:-1] + ("0" if pin[-1] != "0" else "1")})
    with pytest.raises(DataError, match=f"{file} differs from its SHA-256 in sources.yaml") as caught:
        read_package_pictures(source)
    assert caught.value.hint == f"install {source.package} {source.version}"
    with pytest.raises(DataError, match="the package no-such-package-here is not installed"):
        read_package_pictures(replace(source, package="no-such-package-here"))


ENTRY = {"name": "a", "kind": "folder", "address": "b", "version": "1", "licence": "MIT"}
SUM = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (read_catalogue, None, "not a valid catalogue"),
        (read_catalogue, "- [", "not a valid catalogue"),
        (read_catalogue, f"- {ENTRY | {'licens': 'MIT'}}", "not a valid catalogue"),
        (read_catalogue, f"- {ENTRY | {'kind': 'magic'}}", "0.kind: .* is 'magic'"),
        (read_listing, None, "not a valid list of pictures"),
        (read_listing, "file,sha256\na.jpg,x\n", "not a valid list of pictures"),
        (read_listing, "file,sha256,split\na.jpg\n", "0.sha256: .* is None"),
        (read_listing, f"file,sha256,split\na.jpg,{SUM},both\n", "0.split: .* is 'both'"),
        (read_listing, f"file,sha256,split\na.jpg,{SUM.upper()},train\n", f"0.sha256: .* is '{SUM.upper()}'"),
        (read_listing, f"file,sha256,split\n../a.jpg,{SUM},train\n", "0.file: .* is '../a.jpg'"),
        (read_listing, f"file,sha256,split\n..,{SUM},train\n", "0.file: .* is '..'"),
        (read_listing, f"file,sha256,split\na.jpg,{SUM},train\na.jpg,{SUM[::-1]},test\n", "lists a file twice"),
    ],
)
def test_a_bad_catalogue_or_listing(tmp_path, read, text, reason):
    path = tmp_path / "sources"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
