import io

from stegnet.core.streams import escape_unprintable


def test_what_an_encoding_lacks_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="latin-1", write_through=True))
    escape_unprintable()
    print("1–2", end="")
    assert raw.getvalue() == rb"1\u20132"


def test_output_may_be_kept_in_memory_or_missing(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    escape_unprintable()
    monkeypatch.setattr("sys.stdout", None)
    escape_unprintable()
