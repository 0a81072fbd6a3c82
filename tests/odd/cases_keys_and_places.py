"""Keys, passphrases and output paths."""

import os
import shlex
import unicodedata
from functools import partial
from pathlib import Path

from tests.odd.case import KEY, WROTE_PICTURE, Case, prepare
from tests.odd.make import Maker, both, filmed, folder, linked, nothing, renamed, written

HIDE = "hide cover.png secret.png -o c.png"
PHRASE = "Träumerei at 5 o'clock"
NOT_A_KEY, LENGTH = "error: k2: not a key file", "error: the passphrase is empty or too long"
NOT_TEXT = "error: the passphrase is not UTF-8 text"
INPUT_TOO, FULL = "is an input too", "can't be written (File too large)"


def key(what: str, make: Maker, says: str = NOT_A_KEY) -> Case:
    return Case(f"key file: {what}", make, f"{HIDE} --key-file k2", says)


def phrase(what: str, content: bytes, says: str = WROTE_PICTURE) -> Case:
    return Case(f"passphrase file: {what}", written("p", content), f"{HIDE} --passphrase-file p", says)


def again(what: str, content: bytes) -> Case:
    """Hidden with one encoding of the passphrase, revealed with another."""
    hide = partial(prepare, f"{HIDE} --passphrase-file p2")
    make = both(written("p", PHRASE.encode()), written("p2", content), hide)
    line = "reveal c.png -o s.png --passphrase-file p"
    return Case(f"passphrase hidden {what}, revealed without", make, line, says="wrote s.png: 40x50")


def given(what: str, options: str, says: str, code: int | None = None) -> Case:
    return Case(what, nothing, f"{HIDE} {options}", says, code)


def out(what: str, to: str, says: str, make: Maker = nothing) -> Case:
    return Case(f"output {what}", make, f"hide cover.png secret.png -o {to}", f"error: {says}")


def fine(what: str, to: str, make: Maker = nothing, **more) -> Case:
    return Case(f"output {what}", make, f"hide cover.png secret.png -o {to}", says="wrote ", **more)


def full(what: str, line: str, most: int, make: Maker = nothing) -> Case:
    name = line.split()[line.split().index("-o") + 1]
    return Case(f"full disk: {what}", make, line, f"error: {name}: {FULL}", most=most)


def named(what: str, name: str, suffix: str = ".png", before: str = "") -> Case:
    """Cover and output have a special name."""
    cover, to = shlex.quote(name + suffix), shlex.quote(f"--output=new {name}{suffix}")
    line = f"hide {to} -- {cover} secret{suffix}"
    return Case(f"name {what}", renamed(f"cover{suffix}", name + suffix), line, says="wrote new ")


def long_way() -> None:
    folder("a/b")()
    linked("short", "a/b")()


def link_is_replaced() -> None:
    assert not Path("o.png").is_symlink()
    assert Path("old.png").read_bytes() == b"old"


CASES = (
    key("31 bytes", written("k2", KEY[:31])),
    key("33 bytes", written("k2", KEY + b"\n")),
    key("0 bytes", written("k2", b""), "error: k2: empty, and so not a key file"),
    key("folder", folder("k2"), "error: k2: can't be read (Is a directory)"),
    key("missing", nothing, "error: k2: no such key file"),
    key("32 zeros", written("k2", bytes(32)), WROTE_PICTURE),
    given("key file: /dev/urandom", "--key-file /dev/urandom", "error: /dev/urandom: not a key file"),
    given("key file: the cover", "--key-file cover.png", "error: cover.png: not a key file"),
    Case("cover: the key file", nothing, "hide k secret.png -o c.png", "error: k: neither a picture nor a film"),
    phrase("empty", b"", LENGTH),
    phrase("empty first line", b"\nsecond\n", LENGTH),
    phrase("1,024 bytes", b"x" * 1024),
    phrase("1,025 bytes", b"x" * 1025, LENGTH),
    phrase("a million bytes", b"x" * 10**6, LENGTH),
    phrase("Latin-1", "Träumerei".encode("latin-1"), NOT_TEXT),
    phrase("UTF-16", PHRASE.encode("utf-16"), NOT_TEXT),
    given("passphrase file: /dev/zero", "--passphrase-file /dev/zero", LENGTH),
    given("passphrase file: missing", "--passphrase-file p", "error: p: can't be read (No such file or directory)"),
    again("with CR LF at its end", f"{PHRASE}\r\n".encode()),
    again("with a byte order mark", f"\ufeff{PHRASE}\n".encode()),
    again("in decomposed letters", unicodedata.normalize("NFD", PHRASE).encode()),
    given("passphrase of a closed descriptor", "--passphrase-fd 99", "error: descriptor 99: can't be read"),
    given("passphrase of a descriptor that is no number", "--passphrase-fd x", "must be the number of an open file", 2),
    given("passphrase as an argument", "--passphrase Träumerei", "a passphrase is never an argument", 2),
    given(
        "key and passphrase", "--key-file k --passphrase-file p", "--passphrase-file: not allowed with --key-file", 2
    ),
    Case("neither key nor passphrase", nothing, HIDE, "error: missing: --key-file, --passphrase", 2, plain=True),
    Case("new key over an old one", nothing, "keygen k", "error: k: exists already"),
    Case("new key in a folder that is not there", nothing, "keygen no/k", "error: no/k: can't be written (No such"),
    Case("full disk: new key", nothing, "keygen k2", "error: k2: can't be written", most=10),
    out("is the cover", "cover.png --force", f"cover.png: {INPUT_TOO}"),
    out("is the secret", "secret.png --force", f"secret.png: {INPUT_TOO}"),
    out("is the key", "k.png --force --key-file k.png", f"k.png: {INPUT_TOO}", written("k.png", KEY)),
    out("is the weights file", "w.png --force --weights w.png", f"w.png: {INPUT_TOO}", renamed("w", "w.png")),
    out("is a hard link to the cover", "o.png --force", f"o.png: {INPUT_TOO}", partial(os.link, "cover.png", "o.png")),
    out("is a link to the cover", "o.png --force", f"o.png: {INPUT_TOO}", linked("o.png", "cover.png")),
    out("is the cover by another way", "short/../../cover.png --force", "short/../../cover.png: is an", long_way),
    Case(
        "output of reveal is the container", nothing, "reveal sealed.png -o sealed.png --force", "error: sealed.png: "
    ),
    Case("output of reveal is the key", nothing, "reveal sealed.png -o k --force", "error: k: is an input too"),
    fine(
        "is a link to another file",
        "o.png --force",
        both(written("old.png", b"old"), linked("o.png", "old.png")),
        check=link_is_replaced,
    ),
    out("is a link to nowhere", "o.png", "o.png: exists already", linked("o.png", "none.png")),
    out("is there already", "o.png", "o.png: exists already", written("o.png", b"old")),
    fine("is there already, --force", "o.png --force", written("o.png", b"old")),
    out("in a folder that is not there", "no/o.png", "no: no such folder"),
    out("is a folder", "o.png --force", "o.png: is a folder", folder("o.png")),
    out("is this folder", ". --force", ".: is a folder"),
    out("is empty", "''", ".: is a folder"),
    out("is a named pipe", "o.png --force", "o.png: is not a file that can be replaced", partial(os.mkfifo, "o.png")),
    out("is a link to /dev/null", "o.png --force", "o.png: is not a file that", linked("o.png", "/dev/null")),
    out(".jpg", "o.jpg", "o.jpg: a picture is written as .png"),
    out(".mkv for a picture", "o.mkv", "o.mkv: a picture is written as .png"),
    fine(".PNG in capitals", "O.PNG"),
    out("that is only a suffix", ".png", ".png: a picture is written as .png"),
    Case("output .avi for a film", nothing, "hide cover.mkv secret.mkv -o o.avi", "error: o.avi: a film is written as"),
    out("in /proc", "/proc/o.png", "/proc/o.png: can't be written"),
    full("picture", "hide cover.png secret.png -o o.png", 2000),
    full("film", "hide a.mkv secret.mkv -o o.mkv", 40000, filmed("a.mkv", frames=30, size="192x128")),
    full("film, MP4", "hide a.mkv secret.mkv -o o.mp4", 40000, filmed("a.mkv", frames=30, size="192x128")),
    full("film with a sealed file", "hide cover.mkv notes.txt --method sealed -o o.mkv", 9000),
    full("revealed picture", "reveal hidden.png -o s.png", 1000),
    full("revealed film", "reveal hidden.mkv -o s.mkv", 1000),
    full("revealed film, MP4", "reveal hidden.mkv -o s.mp4", 1000),
    full("revealed file", "reveal sealed.png -o s.txt", 100),
    named("with spaces", "a  b"),
    named("with quotes", "a'b\"c"),
    named("with a line break and a colour", "a\n\x1b[31mb"),
    named("with an emoji", "🙈"),
    named("that is no UTF-8 text", "a\udce4"),
    named("that starts with a dash", "-a"),
    named("that is a pattern", "a%d*?[b]"),
    named("that reads like an address", "data:a"),
    named("of a film, like a protocol", "concat:a|b", ".mkv"),
    named("of a film, like an address", "https:__a", ".mkv"),
    named("of a film, no UTF-8 text", "a\udce4\n", ".mkv"),
    named("of a film, a pattern", "a%03d", ".mkv"),
    Case(
        "names of 255 bytes",
        renamed("cover.png", f"{'n' * 251}.png"),
        f"hide {'n' * 251}.png secret.png -o {'o' * 251}.png",
    ),
    out("of 256 bytes", f"{'o' * 252}.png", f"{'o' * 252}.png: can't be written (File name too long)"),
    fine("through a folder that is a link", "short/c.png", long_way),
    Case("paths with dots", long_way, "hide a/../cover.png ./secret.png -o ../f/a/./b/c.png", "wrote ../f/a/b/c.png"),
    Case("cover with a path that goes on", nothing, "hide cover.png/ secret.png -o c.png", WROTE_PICTURE),
)
