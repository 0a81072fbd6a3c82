"""Names of hidden files, which come from somebody else."""

import pytest

from stegnet.codec.naming import printable, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("Grüße aus Köln ☃.png", "Grüße aus Köln ☃.png"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\autoexec.bat", "autoexec.bat"),
        (".bashrc", "bashrc"),
        ("...", "revealed"),
        ("-rf", "rf"),
        ("--force.png", "force.png"),
        (" a ", "a"),
        ("a.txt. . ", "a.txt"),
        ("a\nb\x1b[31m\0.png", "ab[31m.png"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\udcff.png", "a.png"),
        ('what? "a:b|c"<*>.txt', "what_ _a_b_c____.txt"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("LPT¹", "_LPT¹"),
        ("aux .h", "_aux .h"),
        ("console.log", "console.log"),
        ("com10", "com10"),
        ("", "revealed"),
        ("\u200b", "revealed"),
    ],
)
def test_what_is_left_of_a_name(name, safe):
    assert safe_name(name) == safe


@pytest.mark.parametrize("name", ["n" * 255, "n" * 251 + ".png", "ü" * 120 + ".jpeg", "x." + "y" * 250])
def test_a_long_name_is_cut(name):
    safe = safe_name(name)
    assert len(safe.encode()) <= 200
    assert safe.startswith(name[:40])
    if name.endswith((".png", ".jpeg")):
        assert safe.endswith(name[-4:])


def test_a_name_in_a_message_can_not_control_a_terminal():
    assert printable("a\x1b[2J\u202e.png") == "a\\x1b[2J\\u202e.png"
