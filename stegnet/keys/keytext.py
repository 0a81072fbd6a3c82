"""Keys as text with a checksum: Bech32m (BIP 350), as age writes its keys (docs/format.md, "Keys as text").

No error is raised here while a local variable holds a secret: flaws of a text are returned, not raised.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import NamedTuple
from unicodedata import category

from stegnet.core.text import CommandLine, Text

KEY = "stegnet-key-"
IDENTITY = "stegnet-identity-"
RECIPIENT = "stegnet"
NAMES = {
    KEY: "a key",
    IDENTITY: "an identity",
    RECIPIENT: "a recipient",
    "age-secret-key-": "an identity of age",
    "age": "a recipient of age",
}
KEY_COMMENT = "# stegnet key: whoever has it can reveal what it hides"
IDENTITY_COMMENT = "# stegnet identity: whoever has it can reveal what is hidden for its recipient"
KEY_BYTES = 32
# Parts of a key's text by which it is known even if it was cut; JavaScript reads these expressions, too.
KEY_PART = (
    r"stegnet-(?:key|identity)-1|(?:stegnet|age|age-secret-key-)1[02-9ac-hj-np-z]{20}|# stegnet (?:key|identity):"
)
# Beginning of the key files of OpenSSH, PGP, TLS and age.
OTHER_KEY = r"-----BEGIN |(?:ssh|sk-ssh|ecdsa-sha2|sk-ecdsa-sha2)-\S+ AAAA|# created: \d{4}-"
NO_PASSPHRASE = "not a passphrase"
ONE_LINE = "a passphrase is a single line of text, and alone in its file"
MOST_BYTES = 4096  # largest file that may hold such a text
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKSUM = 6  # characters
_BECH32M = 0x2BC830A3


class Flaw(NamedTuple):
    """Flaw of a text, and a hint; neither quotes the text."""

    message: str
    hint: str = ""


def to_text(kind: str, data: bytes) -> str:
    """Return 32 bytes as text: lowercase for a recipient, else capitals, which make smaller QR codes."""
    text = encode(kind, data)
    return text if kind == RECIPIENT else text.upper()


def from_text(content: bytes, wanted: str) -> bytes | Flaw:
    """Return the 32 bytes of a KEY, IDENTITY or RECIPIENT in a text or file with a single line besides comments."""
    if not content.strip():
        return Flaw(f"empty, and so {_not(wanted)}", "it was cut: copy it again")
    lines = _lines(content, wanted)
    if lines == []:
        return Flaw(f"{_not(wanted)}: it holds a comment only", "it was cut: copy it again")
    line = lines[0] if lines is not None and len(lines) == 1 else ""
    kind = _kind(line) if line else None
    if kind != wanted:
        message = f"{NAMES[kind]}, {_not(wanted)}" if kind else _not(wanted)
        return Flaw(message, _hint(kind, wanted))

    decoded = decode_bech32m(line)
    if decoded is None or len(decoded[1]) != KEY_BYTES:
        return Flaw(f"{NAMES[wanted]} that was damaged or cut: its checksum is wrong", "copy it again")
    return decoded[1]


def passphrase_flaw(text: str, file: object = "") -> Flaw | None:
    """Return why a text is no passphrase: part of a key, whose comment everybody's share, or no single line of text.

    Args:
        text: without the end of its line.
        file: name of the file that it is from, for the hint.
    """
    part = re.search(KEY_PART, text, re.IGNORECASE)
    if part:
        what = part.group().lower()
        kind = next((kind for kind in NAMES if what.startswith(f"{kind}1")), IDENTITY if "identity" in what else KEY)
        ways = {
            KEY: Text("use it as a key file", CommandLine(f"--key-file {file or 'KEY'}", "")),
            IDENTITY: Text(
                "to reveal, use it as an identity",
                CommandLine(f"stegnet reveal --identity {file or 'ID'}", ""),
                "; to hide, its recipient, which is in its comment",
            ),
            RECIPIENT: Text(
                "use it as a recipient, to hide",
                CommandLine(f"stegnet hide --recipient {file or 'PUBLIC'}", ""),
                "; revealing needs its identity",
            ),
        }
        return Flaw(f"this is {NAMES[kind]}, {NO_PASSPHRASE}", ways.get(kind, ONE_LINE))
    if re.match(OTHER_KEY, text):
        return Flaw(f"this is a key of another program, {NO_PASSPHRASE}", ONE_LINE)
    if len(text.splitlines()) > 1:
        return Flaw(f"this is several lines, {NO_PASSPHRASE}", ONE_LINE)
    if any(category(character) == "Cc" and character != "\t" for character in text):
        return Flaw(f"this is no text, {NO_PASSPHRASE}", ONE_LINE)
    return None


def is_raw_key(content: bytes) -> bool:
    """Return whether this is a key file of earlier versions: 32 random bytes, not text such as a passphrase."""
    if len(content) != KEY_BYTES:
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return True
    control_characters = {*range(32), 127} - set(b"\t\n\r")  # which no text contains, besides tabs and line ends
    return not control_characters.isdisjoint(content)


def encode(prefix: str, data: bytes) -> str:
    """Encode bytes as Bech32m; the prefix is called the human-readable part in BIP 173."""
    values = _regrouped(data, 8, 5)
    remainder = _polymod([*_expanded(prefix), *values, *[0] * _CHECKSUM]) ^ _BECH32M
    checksum = [remainder >> 5 * place & 31 for place in reversed(range(_CHECKSUM))]
    return f"{prefix}1" + "".join(_ALPHABET[value] for value in [*values, *checksum])


def decode_bech32m(text: str) -> tuple[str, bytes] | None:
    """Return prefix and bytes of a Bech32m text; None if the text is invalid."""
    if not text.isascii() or not text.isprintable() or text not in (text.lower(), text.upper()):
        return None
    prefix, separator, rest = text.lower().rpartition("1")
    if not separator or not prefix or len(rest) < _CHECKSUM or " " in prefix or set(rest) - set(_ALPHABET):
        return None
    values = [_ALPHABET.index(letter) for letter in rest]
    if _polymod([*_expanded(prefix), *values]) != _BECH32M:
        return None

    data = _regrouped(values[:-_CHECKSUM], 5, 8)
    padding = 5 * (len(values) - _CHECKSUM) % 8  # bits
    if padding >= 5 or (padding and data.pop() != 0):
        return None
    return prefix, bytes(data)


def _lines(content: bytes, wanted: str) -> list[str] | None:
    """Return the lines of a text without comments, joining a key that mail wrapped; None if it is not text."""
    try:
        text = content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    without_width = dict.fromkeys((0x200B, 0x2060, 0xFEFF))  # characters that web pages and mail put into a text
    lines = [line.strip() for line in text.translate(without_width).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    start = next((number for number, line in enumerate(lines) if line.lower().startswith(f"{wanted}1")), len(lines))
    whole = "".join(lines[start:])
    return [whole] if decode_bech32m(whole) else lines


def _kind(line: str) -> str | None:
    """Return the kind of a text by its beginning; None if it is unknown."""
    line = line.lower()
    kinds = [kind for kind in NAMES if line.startswith(f"{kind}1")]
    kinds += [kind for kind in (KEY, IDENTITY) if kind.startswith(line[: len(kind)])]  # cut within the prefix
    return kinds[0] if kinds else None


def _hint(kind: str | None, wanted: str) -> str:
    """Return the remedy for a text of another kind than the wanted one."""
    uses = {
        KEY: "use it as a key file",
        IDENTITY: Text(
            "to reveal, use it as an identity",
            CommandLine("--identity", ""),
            "; to hide, its recipient, which is in its comment",
        ),
        RECIPIENT: "use it as a recipient, to hide; revealing needs its identity",
    }
    beginnings = {
        KEY: Text(
            "it begins with STEGNET-KEY-1",
            CommandLine("stegnet keygen", "; generate one"),
            "; if this is a passphrase, use it as one",
        ),
        IDENTITY: "it begins with STEGNET-IDENTITY-1",
        RECIPIENT: "it begins with stegnet1",
    }
    return uses[kind] if kind in uses else beginnings[wanted]


def _not(wanted: str) -> str:
    return f"not {NAMES[wanted]}" if wanted == RECIPIENT else f"not {NAMES[wanted]} file"


def _expanded(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(values: list[int]) -> int:
    """Return the remainder of BIP 173's polynomial code over GF(32)."""
    remainder = 1
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(generator):
            remainder ^= term if top >> place & 1 else 0
    return remainder


def _regrouped(values: bytes | list[int], size: int, wanted: int) -> list[int]:
    """Regroup bits into numbers of another size; the last one is padded with zeros."""
    number = 0
    for value in values:
        number = number << size | value
    bits = size * len(values)
    padding = -bits % wanted
    number <<= padding
    return [number >> place & (1 << wanted) - 1 for place in range(bits + padding - wanted, -1, -wanted)]
