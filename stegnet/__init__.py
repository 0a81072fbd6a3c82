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

__version__ = "0.1.0"


def lazy_names(package: str, **homes: str) -> tuple:
    """Return the `__getattr__` and `__all__` of a package that imports nothing before it is used.

    Args:
        package: its `__name__`.
        homes: for each module below it, with "__" in place of dots, the names that are exported from there.
    """
    home = {name: module.replace("__", ".") for module, names in homes.items() for name in names.split()}
    assert home.keys().isdisjoint(homes), "a module that is imported hides the name that is as its own"

    def get(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{package}.{home[name]}"), name)

    return get, sorted(home)


__getattr__, __all__ = lazy_names(
    __name__,
    api="Revealed Session capacity hide hide_album info reveal",
    core__errors="CapacityError ClusterError ConfigError DataError DiskError KeyFileError MediaError PackageError "
    "RevealError StegnetError TrackingError TrainingError WeightsError",
    keys="Identity Key Passphrase Recipient make_identity_file make_key_file read_identity read_key read_recipient",
    methods="Fit",
    results="Report",
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
