"""Secrets: key files, passphrases, public keys of recipients, and the subkeys derived from them.

`keys` derives subkeys, and agrees on keys by X25519 with an ephemeral key, which `elligator` disguises. `keytext`
defines keys as text, and `keyfiles` reads and writes them. Nothing here depends on pictures.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
