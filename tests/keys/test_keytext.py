"""Keys as text: Bech32m against BIP 350's vectors, and what is told of files that are no keys."""

import json
from pathlib import Path

import pytest

from stegnet.keys.keytext import IDENTITY, KEY, RECIPIENT, Flaw, decode_bech32m, encode, from_text, is_raw_key, to_text

VECTORS = json.loads((Path(__file__).parents[1] / "format/keytext.json").read_text())
BYTES = bytes.fromhex(VECTORS["bytes"])
KINDS = {"key": KEY, "identity": IDENTITY, "recipient": RECIPIENT}


def test_texts_of_bip_350():
    for text in VECTORS["bip350"]["valid"]:
        prefix, data = decode_bech32m(text)
        assert encode(prefix, data) == text.lower()
    for text in VECTORS["bip350"]["invalid"]:
        assert decode_bech32m(text) is None, text


def test_the_text_of_each_kind():
    for name, kind in KINDS.items():
        assert to_text(kind, BYTES) == VECTORS["texts"][name]
        assert from_text(VECTORS["texts"][name].encode(), kind) == BYTES


@pytest.mark.parametrize("file", VECTORS["files"], ids=lambda file: file["name"])
def test_files(file):
    content = file["content"].encode(file.get("encoding", "utf-8"))
    found = from_text(content, KEY)
    if file["answer"] == "key":
        assert found == BYTES
    else:
        assert isinstance(found, Flaw)
        assert found.message.startswith(file["answer"])
        assert found.hint
        assert not is_raw_key(content)


def test_no_flaw_holds_the_content():
    for wanted in KINDS.values():
        for content in (b"\x89PNG\r\n\x1a\n" + bytes(50), b"hunter2 " * 20):
            assert "hunter" not in "".join(from_text(content, wanted))


def test_each_letter_counts():
    text = VECTORS["texts"]["key"]
    for place in range(len(KEY) + 1, len(text)):
        for letter in "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".replace(text[place], ""):
            assert decode_bech32m(text[:place] + letter + text[place + 1 :]) is None


def test_raw_keys():
    assert is_raw_key(BYTES)
    assert not is_raw_key(BYTES[1:]) and not is_raw_key(BYTES + b"\n")
    comment = "# stegnet key: whoever has it can reveal what it hides"
    for cut in (VECTORS["texts"]["key"], comment, "AGE-SECRET-KEY-1" * 2):
        assert not is_raw_key(cut.encode()[:32])
