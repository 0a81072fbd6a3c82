"""stegnet hides any file, picture or film in a picture, film or sound, and reveals it again.

    stegnet.make_key_file("k")                                      # once; the receiver needs a copy
    key = stegnet.read_key("k")                                     # or stegnet.Passphrase("six random words")
    stegnet.capacity("cover.jpg")                                   # what fits
    stegnet.hide("cover.jpg", "letter.pdf", "sent.jpg", key=key)
    stegnet.reveal("sent.jpg", "letter.pdf", key=key)
    stegnet.hide("cover.mp4", "secret.mp4", "sent.mkv", key=key)    # a film with its sound
    stegnet.hide("cover.jpg", "note.txt", "photo.jpg", key=key, survive="messenger")
    stegnet.hide("cover.jpg", b"a text", "sent.jpg", key=key)       # bytes, or arrays, (H, W, 3) uint8
    container = stegnet.hide(cover, secret, key=key).container
    stegnet.reveal(container, key=key).picture

More: help(stegnet.hide), help(stegnet.reveal), help(stegnet.Session). Nothing is imported before it is used.
"""

from lazy_loader import attach_stub

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
