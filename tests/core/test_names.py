import pytest

from stegnet.core.names import FALLBACK, MAX_BYTES, Names, folded, safe_name, shown_capacity, shown_size

HARMFUL = {
    "../../etc/passwd": "passwd",
    "/etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "C:\\x.png": "x.png",
    "C:x.png": "C_x.png",
    "a.png:stream": "a.png_stream",
    "s3://bucket/a.png": "a.png",
    'what? "this" <is>|*': "what_ _this_ _is___",
    "two\nlines\x1b[31m.txt": "two_lines_[31m.txt",
    "gnp\u202egpj.exe": "gnp_gpj.exe",
    "half\udce4.png": "half_.png",
    ".bashrc": "bashrc",
    " . . name. . ": "name",
    "-rf": "_rf",
    "e\u0301.png": "é.png",
}


def test_safe_names():
    """Ordinary names stay, harmful ones and those of devices are changed, and something is always left."""
    for name, safe in HARMFUL.items():
        assert safe_name(name) == safe
    for name in ("holiday.jpg", "a b.tar.gz", "größe 漢字.png", "console.txt", "com.png", "no suffix", "a-b"):
        assert safe_name(name) == name
    for name in ("CON", "NUL", "aux.png", "LPT9.tar.gz", "com¹.txt", "PRN .txt", "conin$"):
        assert safe_name(name) == f"_{name}"
    for name in ("", ".", "...", " ", "a/", "\\"):
        assert safe_name(name) == FALLBACK


@pytest.mark.parametrize("name", ["x" * 300 + ".jpeg", "漢" * 100 + ".jpeg", "-" * 300, "CON." + "x" * 300, "a." * 200])
def test_long_names_keep_their_suffix(name):
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= MAX_BYTES
    assert safe.endswith(".jpeg") == name.endswith(".jpeg")
    assert safe_name(safe) == safe


def test_names_are_distinct():
    """Also where a file system folds case, or composes letters."""
    assert folded("A.png") == folded("a.PNG") != folded("b.png")
    assert folded("\u00e9.png") == folded("E\u0301.png")
    names = Names()
    taken = [names.take(stem, suffix) for stem, suffix in [("a", ".png"), ("A", ".png"), ("a", ".png"), ("a", ".mkv")]]
    assert taken == ["a.png", "A-2.png", "a-3.png", "a.mkv"]
    assert names.take("a-2", ".png") == "a-2-2.png"
    assert [names.take(stem, ".png") for stem in ("\u00e9", "e\u0301")] == ["\u00e9.png", "e\u0301-2.png"]


def test_sizes_are_rounded_and_what_fits_is_rounded_down():
    sizes = {1: "1 byte", 999: "999 bytes", 1000: "1 kB", 1499: "1.5 kB", 34567: "34.6 kB", 999_499: "999 kB"}
    sizes |= {999_500: "1 MB", 1_234_567: "1.23 MB", 999_999_999: "1 GB", 5 * 10**12: "5 TB"}
    assert {size: shown_size(size) for size in sizes} == sizes
    fits = {1: "1 byte", 999: "999 bytes", 1009: "1 kB", 34567: "34.5 kB", 999_999: "999 kB", 1_239_999: "1.23 MB"}
    assert {size: shown_capacity(size) for size in fits} == fits
