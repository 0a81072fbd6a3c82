"""Keys and passphrases, and where results go."""

import os
import unicodedata
from functools import partial
from pathlib import Path


from tests.odd.case import KEY, WROTE_PICTURE, Case, prepare
from tests.odd.make import both, films, nothing, written

HIDE = "hide cover.png secret.png -o c.png"
PHRASE = "Träumerei at 5 o'clock"
NAME_255 = "n" * 251 + ".png"
INPUT_TOO = "is an input too"


def private(name: str, content: bytes):
    """What writes a file that only its owner can read."""
    return both(written(name, content), lambda: Path(name).chmod(0o600))


def key(what: str, make, code: int = 1, says: str = "error: k2: not a key file", **more) -> Case:
    return Case(f"key file {what}", make, f"{HIDE} --key-file k2", code, says, **more)


def phrase(what: str, content: bytes, code: int = 0, says: str = WROTE_PICTURE) -> Case:
    return Case(f"passphrase file {what}", private("p", content), f"{HIDE} --passphrase-file p", code, says)


def out(what: str, make=nothing, to: str = "o.png", code: int = 1, says: str = "error: ", **more) -> Case:
    return Case(f"output {what}", make, f"hide cover.png secret.png -o {to}", code, says, **more)


def named(what: str, name: str, line: str = "hide {0} secret.png -o 'out {1}'") -> Case:
    """The cover and the output have a name like this."""
    quoted = "'" + name.replace("'", "'\"'\"'") + "'"
    make = partial(os.rename, "cover.png", name)
    return Case(f"name {what}", make, line.format(quoted, quoted[1:-1]), 0, "wrote out ")


def long_way() -> None:
    Path("a/b").mkdir(parents=True)
    os.symlink("a/b", "short")


def link_is_replaced() -> None:
    assert not Path("o.png").is_symlink()
    assert Path("old.png").read_bytes() == b"old"


CASES = (
    key("of 31 bytes", private("k2", KEY[:31])),
    key("of 33 bytes", private("k2", KEY + b"\n")),
    key("of 0 bytes", private("k2", b"")),
    key("is a folder", partial(os.mkdir, "k2"), says="error: k2: can't be read (Is a directory)"),
    key("missing", nothing, says="error: k2: no such key file"),
    key("that others can read", both(written("k2", KEY), lambda: Path("k2").chmod(0o644)), 0, "warning: k2: others on"),
    key("of 32 zeros", private("k2", bytes(32)), 0, WROTE_PICTURE),
    Case("key file /dev/urandom", nothing, f"{HIDE} --key-file /dev/urandom", 1, "error: /dev/urandom: not a key file"),
    Case("key file is the cover", nothing, f"{HIDE} --key-file cover.png", 1, "error: cover.png: not a key file"),
    Case("cover is the key file", nothing, "hide k secret.png -o c.png", 1, "error: k: neither a picture nor a film"),
    phrase("empty", b"", 1, "error: the passphrase is empty or too long"),
    phrase("with an empty first line", b"\nsecond\n", 1, "error: the passphrase is empty or too long"),
    phrase("of 1,024 bytes", b"x" * 1024),
    phrase("of 1,025 bytes", b"x" * 1025, 1, "error: the passphrase is empty or too long"),
    phrase("of a million bytes", b"x" * 10**6, 1, "error: the passphrase is empty or too long"),
    phrase("not UTF-8", "Träumerei".encode("latin-1"), 1, "error: the passphrase is not UTF-8 text"),
    phrase("in UTF-16", PHRASE.encode("utf-16"), 1, "error: the passphrase is not UTF-8 text"),
    phrase("of zeros", bytes(9)),
    Case(
        "passphrase file /dev/zero",
        nothing,
        f"{HIDE} --passphrase-file /dev/zero",
        1,
        "error: the passphrase is empty or",
    ),
    *(
        Case(
            f"passphrase hidden {how}, revealed plain",
            both(
                private("p", PHRASE.encode()),
                private("p2", hidden),
                partial(prepare, "hide cover.png secret.png -o c.png --passphrase-file p2"),
            ),
            "reveal c.png -o s.png --passphrase-file p",
            says="wrote s.png: 40x50",
        )
        for how, hidden in (
            ("with CR LF at its end", f"{PHRASE}\r\n".encode()),
            ("with a byte order mark", f"\ufeff{PHRASE}\n".encode()),
            ("in decomposed letters", unicodedata.normalize("NFD", PHRASE).encode()),
        )
    ),
    Case(
        "passphrase of a closed descriptor",
        nothing,
        f"{HIDE} --passphrase-fd 99",
        1,
        "error: descriptor 99: can't be read",
    ),
    Case(
        "passphrase of a descriptor that is no number", nothing, f"{HIDE} --passphrase-fd x", 2, "must be the number of"
    ),
    Case(
        "passphrase as an argument", nothing, f"{HIDE} --passphrase Träumerei", 2, "a passphrase is never an argument"
    ),
    Case("key and passphrase", nothing, f"{HIDE} --key-file k --passphrase-file p", 2, "not allowed with argument"),
    Case("neither key nor passphrase", nothing, HIDE, 2, "one of the arguments --key-file", plain=True),
    Case("new key over an old one", nothing, "keygen k", 1, "error: k: exists already"),
    Case("new key in a folder that is not there", nothing, "keygen no/k", 1, "error: no/k: can't be written"),
    Case("new key on a full disk", nothing, "keygen k2", 1, "error: k2: can't be written", most=10),
    out("is the cover", to="cover.png --force", says=f"error: cover.png: {INPUT_TOO}"),
    out("is the secret", to="secret.png --force", says=f"error: secret.png: {INPUT_TOO}"),
    out("is the key", private("k.png", KEY), "k.png --force --key-file k.png", says=f"error: k.png: {INPUT_TOO}"),
    out(
        "is the weights file",
        partial(os.rename, "w", "w.png"),
        "w.png --force --weights w.png",
        says=f"error: w.png: {INPUT_TOO}",
    ),
    out(
        "is a hard link to the cover",
        partial(os.link, "cover.png", "o.png"),
        "o.png --force",
        says=f"error: o.png: {INPUT_TOO}",
    ),
    out(
        "is a symbolic link to the cover",
        partial(os.symlink, "cover.png", "o.png"),
        "o.png --force",
        says=f"error: o.png: {INPUT_TOO}",
    ),
    out("is the cover by another way", long_way, "short/../../cover.png --force", says="error: "),
    out(
        "is a link to another file",
        both(written("old.png", b"old"), partial(os.symlink, "old.png", "o.png")),
        "o.png --force",
        0,
        "wrote o.png",
        check=link_is_replaced,
    ),
    out("is a link to nowhere", partial(os.symlink, "none.png", "o.png"), code=0, says="wrote o.png"),
    out("is there already", written("o.png", b"old"), says="error: o.png: exists already"),
    out("is there already, with --force", written("o.png", b"old"), "o.png --force", 0, "wrote o.png: 97x61"),
    out("in a folder that is not there", to="no/o.png", says="error: no: no such folder"),
    out("under a file", to="k/o.png", says="error: k/o.png: can't be written (Not a directory)"),
    out("is a folder", partial(os.mkdir, "o.png"), "o.png --force", says="error: o.png: is a folder"),
    out("is this folder", to=". --force", says="error: .: is a folder"),
    out("is empty", to="''", says="error: .: is a folder"),
    out(
        "is a named pipe", partial(os.mkfifo, "o.png"), "o.png --force", says="error: o.png: is not a file that can be"
    ),
    out(
        "is a link to /dev/null",
        partial(os.symlink, "/dev/null", "o.png"),
        "o.png --force",
        says="error: o.png: is not a file",
    ),
    out(".jpg", to="o.jpg", says="error: o.jpg: a picture is written as .png"),
    out(".mkv for a picture", to="o.mkv", says="error: o.mkv: a picture is written as .png"),
    out(".PNG in capitals", to="O.PNG", code=0, says="wrote O.PNG"),
    out("without a suffix", to="o", says="error: o: a picture is written as .png"),
    out("that is only a suffix", to=".png", says="error: .png: a picture is written as .png"),
    Case(
        "output .avi for a film",
        nothing,
        "hide cover.mkv secret.mkv -o o.avi",
        1,
        "error: o.avi: a film is written as .mkv or",
    ),
    out("in /proc", to="/proc/o.png", says="error: /proc/o.png: can't be written"),
    out("in /sys", to="/sys/o.png", says="error: /sys/o.png: can't be written"),
    out("of a picture on a full disk", to="o.png", says="error: o.png: can't be written (File too large)", most=2000),
    *(
        Case(
            f"output {suffix} of a film on a full disk",
            films("a.mkv", frames=30, size="192x128"),
            f"hide a.mkv secret.mkv -o o{suffix}",
            1,
            f"error: o{suffix}: can't be written (File too large)",
            most=40000,
        )
        for suffix in (".mkv", ".mp4")
    ),
    Case(
        "output of a sealed film on a full disk",
        nothing,
        "hide cover.mkv notes.txt --method sealed -o o.mkv",
        1,
        "error: o.mkv: can't be written (File too large)",
        most=9000,
    ),
    Case(
        "output of a revealed picture on a full disk",
        nothing,
        "reveal hidden.png -o s.png",
        1,
        "error: s.png: can't be written (File too large)",
        most=1000,
    ),
    Case(
        "output of a revealed film on a full disk",
        nothing,
        "reveal hidden.mkv -o s.mkv",
        1,
        "error: s.mkv: can't be written (File too large)",
        most=1000,
    ),
    Case(
        "output of a revealed file on a full disk",
        nothing,
        "reveal sealed.png -o s.txt",
        1,
        "error: s.txt: can't be written (File too large)",
        most=100,
    ),
    named("with spaces", "a  b.png"),
    named("with quotes", "a'b\"c.png"),
    named("with a line break and a colour", "a\n\x1b[31mb.png"),
    named("with an emoji", "🙈.png"),
    named("that no UTF-8 text is", "a\udce4.png"),
    named("that reads like an address", "data:a.png"),
    named("that starts with a dash", "-a.png", "hide --output='out {1}' -- {0} secret.png"),
    named("that is a pattern", "a%d*.png"),
    Case(
        "name of 255 bytes", partial(os.rename, "cover.png", NAME_255), f"hide {NAME_255} secret.png -o {'o' * 251}.png"
    ),
    Case(
        "name of 256 bytes",
        nothing,
        f"hide cover.png secret.png -o {'o' * 252}.png",
        1,
        f"error: {'o' * 252}.png: can't be written (File name too long)",
    ),
    Case(
        "film with a name that reads like a protocol",
        partial(os.rename, "cover.mkv", "concat:a.mkv|b.mkv"),
        "hide 'concat:a.mkv|b.mkv' secret.mkv -o 'file:c.mkv'",
        says="wrote file:c.mkv",
    ),
    Case(
        "film with a name of no UTF-8 text",
        partial(os.rename, "cover.mkv", "a\udce4\n.mkv"),
        "hide 'a\udce4\n.mkv' secret.mkv -o 'c\udce4\n.mkv'",
    ),
    Case(
        "paths through a folder that is a link",
        long_way,
        "hide a/../cover.png ./secret.png -o short/c.png",
        says="wrote short/c.png",
    ),
)
