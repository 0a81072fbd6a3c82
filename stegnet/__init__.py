"""stegnet hides a picture in a picture or a film in a film, with neural networks, and reveals it again.

    pair = stegnet.load()
    key = stegnet.read_key(path)
    container = pair.hide(cover, secret, key)      # arrays, (H, W, 3) uint8
    pair.reveal(container, key).picture
    pair.hide_film("cover.mp4", "secret.mp4", "container.mkv", key)

Nothing heavy is imported before it is used.
"""

__version__ = "0.1.0"

_HOMES = {
    "stegnet.api": ("LoadedPair", "load"),
    "stegnet.keys": (
        "Identity",
        "Key",
        "Passphrase",
        "Recipient",
        "make_identity_file",
        "make_key_file",
        "read_identity",
        "read_key",
        "read_recipient",
    ),
    "stegnet.methods.network": ("Revealed",),
    "stegnet.results": ("Report",),
    "stegnet.core.errors": (
        "CapacityError",
        "ClusterError",
        "ConfigError",
        "DataError",
        "KeyFileError",
        "MediaError",
        "PackageError",
        "RevealError",
        "StegnetError",
        "TrackingError",
        "TrainingError",
        "WeightsError",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'stegnet' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
