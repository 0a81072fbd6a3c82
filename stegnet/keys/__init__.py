"""Secrets: key files, passphrases, public keys of recipients, and the subkeys derived from them.

`keys` derives, `recipients` agrees on keys by X25519 with an ephemeral key that `elligator` disguises; `keytext` is how
keys look as text, `keyfiles` reads and writes them. Nothing here knows pictures.
"""

from stegnet.keys.keyfiles import (
    make_identity_file,
    make_key_file,
    read_identity,
    read_key,
    read_recipient,
    shown_text,
    write_new,
)
from stegnet.keys.keys import (
    ANY_KEY,
    EPHEMERAL_TRITS,
    FILM_ID_BYTES,
    KEY_BYTES,
    SALT_BYTES,
    SYSTEM,
    ContainerKeys,
    Key,
    KeyRing,
    KeySource,
    Passphrase,
    Randomness,
    Unpicklable,
    guessing_years,
    random_words,
)
from stegnet.keys.recipients import Identity, Recipient, export_secret, import_secret

__all__ = [
    "ANY_KEY",
    "EPHEMERAL_TRITS",
    "FILM_ID_BYTES",
    "KEY_BYTES",
    "SALT_BYTES",
    "SYSTEM",
    "ContainerKeys",
    "Identity",
    "Key",
    "KeyRing",
    "KeySource",
    "Passphrase",
    "Randomness",
    "Recipient",
    "Unpicklable",
    "export_secret",
    "guessing_years",
    "import_secret",
    "make_identity_file",
    "make_key_file",
    "random_words",
    "read_identity",
    "read_key",
    "read_recipient",
    "shown_text",
    "write_new",
]
