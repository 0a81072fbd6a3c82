"""Keys as text with a checksum: Bech32m (BIP 350), as age writes its keys (docs/format.md, "Keys as text").

No error is raised here while a local variable holds a secret: flaws of a text are returned, not raised.
"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import NamedTuple

KEY, IDENTITY, RECIPIENT = "stegnet-key-", "stegnet-identity-", "stegnet"
AGE_IDENTITY, AGE_RECIPIENT = "age-secret-key-", "age"
NAMES = {
    KEY: "a key",
    IDENTITY: "an identity",
    RECIPIENT: "a recipient",
    AGE_IDENTITY: "an identity of age",
    AGE_RECIPIENT: "a recipient of age",
}
_HINTS = {
    KEY: "use it as a key file",
    IDENTITY: "use it as an identity, to reveal; its recipient, to hide for, is in its comment",
    RECIPIENT: "use it as a recipient, to hide; revealing needs its identity",
}
_BEGINNINGS = {
    KEY: "it begins with STEGNET-KEY-1; `stegnet keygen` makes one; if this is a passphrase, use it as one",
    IDENTITY: "it begins with STEGNET-IDENTITY-1",
    RECIPIENT: "it begins with stegnet1",
}
KEY_BYTES = 32
MOST_BYTES = 4096  # largest file that may hold such a text
_CONTROLS = {*range(32), 127} - set(b"\t\n\r")  # control characters, which no text contains
_UNSEEN = dict.fromkeys((0x200B, 0x2060, 0xFEFF))  # characters of no width, which web pages and mail put into a text
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKSUM = 6  # characters
_BECH32M = 0x2BC830A3
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


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
    kind = _kind(lines[0]) if lines and len(lines) == 1 else None
    if kind != wanted:
        told = f"{NAMES[kind]}, {_not(wanted)}" if kind else _not(wanted)
        return Flaw(told, _HINTS.get(kind) or _BEGINNINGS[wanted])
    found = decode(lines[0])
    if found is None or len(found[1]) != KEY_BYTES:
        return Flaw(f"{NAMES[wanted]} that was damaged or cut: its checksum is wrong", "copy it again")
    return found[1]


def is_raw_key(content: bytes) -> bool:
    """Return whether this is a key file of earlier versions: 32 random bytes, not text such as a passphrase."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return len(content) == KEY_BYTES
    return len(content) == KEY_BYTES and not _CONTROLS.isdisjoint(content)  # tabs and line ends are text


def encode(prefix: str, data: bytes) -> str:
    """Encode bytes as Bech32m; the prefix is called the human-readable part in BIP 173."""
    values = _regrouped(data, 8, 5, pad=True)
    remainder = _polymod([*_expanded(prefix), *values, *[0] * _CHECKSUM]) ^ _BECH32M
    checksum = [remainder >> 5 * place & 31 for place in reversed(range(_CHECKSUM))]
    return f"{prefix}1" + "".join(_ALPHABET[value] for value in [*values, *checksum])


def decode(text: str) -> tuple[str, bytes] | None:
    """Return prefix and bytes of a Bech32m text; None if the text is invalid."""
    if not text.isascii() or not text.isprintable() or text not in (text.lower(), text.upper()):
        return None
    prefix, separator, rest = text.lower().rpartition("1")
    if not separator or not prefix or len(rest) < _CHECKSUM or " " in prefix or set(rest) - set(_ALPHABET):
        return None
    values = [_ALPHABET.index(letter) for letter in rest]
    if _polymod([*_expanded(prefix), *values]) != _BECH32M:
        return None
    data = _regrouped(values[:-_CHECKSUM], 5, 8, pad=False)
    return None if data is None else (prefix, bytes(data))


def _lines(content: bytes, wanted: str) -> list[str] | None:
    """Return the lines of a text without comments, joining a key that mail wrapped; None if it is not text."""
    try:
        text = content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    lines = [line.strip() for line in text.translate(_UNSEEN).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    start = next((number for number, line in enumerate(lines) if line.lower().startswith(f"{wanted}1")), len(lines))
    whole = "".join(lines[start:])
    return [whole] if decode(whole) else lines


def _kind(line: str) -> str | None:
    """Return the kind of a text by its beginning; None if it is unknown."""
    line = line.lower()
    kinds = [kind for kind in NAMES if line.startswith(f"{kind}1")]
    kinds += [kind for kind in (KEY, IDENTITY) if kind.startswith(line[: len(kind)])]  # cut within the prefix
    return kinds[0] if kinds else None


def _not(wanted: str) -> str:
    return f"not {NAMES[wanted]}" if wanted == RECIPIENT else f"not {NAMES[wanted]} file"


def _expanded(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(values: list[int]) -> int:
    """Return the remainder of BIP 173's polynomial code over GF(32)."""
    remainder = 1
    for value in values:
        top, remainder = remainder >> 25, (remainder & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            remainder ^= term if top >> place & 1 else 0
    return remainder


def _regrouped(values: bytes | list[int], size: int, wanted: int, pad: bool) -> list[int] | None:
    """Regroup bits into numbers of another size; return None if leftover bits are too many or not zero."""
    number, bits = 0, size * len(values)
    for value in values:
        number = number << size | value
    left = bits % wanted
    if pad:
        number, bits = number << -bits % wanted, bits + -bits % wanted
    elif left >= size or number & (1 << left) - 1:
        return None
    else:
        number, bits = number >> left, bits - left
    return [number >> place & (1 << wanted) - 1 for place in range(bits - wanted, -1, -wanted)]
