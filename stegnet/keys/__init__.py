"""Secrets: key files, passphrases, public keys of recipients, and the subkeys derived from them.

`keys` derives subkeys, and agrees on keys by X25519 with a disguised ephemeral key. `keytext` defines keys as text, and
`keyfiles` reads and writes them. Nothing here depends on pictures.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    keyfiles="make_identity_file make_key_file read_identity read_key read_recipient shown_text write_new",
    keys="ANY_KEY ContainerKeys EPHEMERAL_TRITS FILM_ID_BYTES Identity KEY_BYTES Key KeyRing KeySource "
    "PUBLIC_DEMONSTRATION_KEY Passphrase Randomness Recipient SALT_BYTES SYSTEM Unpicklable export_secret "
    "guessing_years import_secret random_words seeded",
)
