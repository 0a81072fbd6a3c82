"""stegnet hides a picture in a picture or a film in a film, with neural networks, and reveals it again.

    key = stegnet.read_key(path)
    stegnet.hide("cover.mp4", "secret.mp4", "container.mkv", key=key)
    stegnet.reveal("container.mkv", "revealed.mp4", key=key)
    container = stegnet.hide(cover, secret, key=key).container      # arrays, (H, W, 3) uint8
    stegnet.reveal(container, key=key).picture

Nothing is imported before it is used.
"""

__version__ = "0.1.0"


def lazy_names(package: str, **homes: str) -> tuple:
    """The `__getattr__` and `__all__` of a package that imports nothing before it is used.

    Args:
        package: its `__name__`.
        homes: for each module below it, with "__" in place of dots, the names that are exported from there.
    """
    home = {name: module.replace("__", ".") for module, names in homes.items() for name in names.split()}

    def get(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{package}.{home[name]}"), name)

    return get, sorted(home)


__getattr__, __all__ = lazy_names(
    __name__,
    api="Revealed Session hide hide_album info reveal room",
    core__errors="CapacityError ClusterError ConfigError DataError DiskError KeyFileError MediaError PackageError "
    "RevealError StegnetError TrackingError TrainingError WeightsError",
    keys="Identity Key Passphrase Recipient make_identity_file make_key_file read_identity read_key read_recipient",
    methods="Fit",
    results="Report",
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
