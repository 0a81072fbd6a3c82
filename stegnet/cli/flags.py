"""The command line's options instead of the library's words for them, which the page and Python users read too."""

import re

# What the library says, and what does it here. The tests hold each phrase against the library's source.
_OPTIONS = {
    "choose another name, or overwrite it": "`--force` overwrites it",
    "with any_quality, it is hidden all the same": "`--any-quality` hides it all the same",
    "unless strict,": "without --strict,",
    "let it lose a little": "leave --lossless out",
    "give the result a name of its own": "`-o FILE` names another file",
    "hide as many as there is room for": "hide as many as there is room for (`--longer cut`)",
    "leave the secret's sound out": "leave the secret's sound out (`--no-sound`)",
    "spread it over several": "`--spread` it over several",
    "hide it without at_most_safe": "hide it without `--at-most-safe`",
    "let it stay one": "let it stay one (`-o NAME.jpg`)",
    "(resize does)": "(`--resize`)",
    "the method sealed": "`--method sealed`",
    "the method auto": "`--method auto`",
    "search for it": "try `--search`",
    "hide what survives that": "hide it with `--survive`",
    "a milder channel": "a milder `--survive`",
    "scale its pictures": "scale it by --size",
    "take the weights file": "take by --weights the file",
    "take the shipped ones": "omit --weights",
    "take it as a key file": "--key-file takes it",
    "of a passphrase, take it as one": "--passphrase-file reads a passphrase",
    "take it as an identity": "--identity takes it",
    "take it as a recipient": "--recipient takes it",
}
_VALUES = {  # with a value
    re.compile(r"the channel (\S+)"): r"`--survive \1`",
    re.compile(r"accept a container of (\S+) dB"): r"`--container-psnr \1`",
}
_PHRASES = re.compile("|".join(map(re.escape, _OPTIONS)))


def with_options(line: str) -> str:
    """A hint, note or warning of the library, with options where it names what they do."""
    line = _PHRASES.sub(lambda found: _OPTIONS[found[0]], line)
    for phrase, option in _VALUES.items():
        line = phrase.sub(option, line)
    return line
