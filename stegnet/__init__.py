"""stegnet hides a picture in a picture or a film in a film, with neural networks, and reveals it again.

    key = stegnet.read_key(path)
    stegnet.hide("cover.mp4", "secret.mp4", "container.mkv", key=key)
    stegnet.reveal("container.mkv", "revealed.mp4", key=key)
    container = stegnet.hide(cover, secret, key=key).container      # arrays, (H, W, 3) uint8
    stegnet.reveal(container, key=key).picture

Nothing heavy is imported before it is used.
"""

from stegnet.core.lazy import lazy

__version__ = "0.1.0"

__getattr__, __all__ = lazy(
    __name__,
    api="Revealed Session hide info reveal room",
    core__errors="CapacityError ClusterError ConfigError DataError KeyFileError MediaError PackageError RevealError "
    "StegnetError TrackingError TrainingError WeightsError",
    keys="Identity Key Passphrase Recipient make_identity_file make_key_file read_identity read_key read_recipient",
    methods="Fit",
    results="Report",
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
