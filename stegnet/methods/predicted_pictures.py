"""Hiding and revealing arrays by a network that predicts pictures, through files, as the method "network" does."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from stegnet.core.disk import temporary_folder
from stegnet.core.names import SHIPPED_PREDICTOR
from stegnet.image.pictures import read_picture, write_png
from stegnet.keys import SYSTEM, KeySource, Randomness
from stegnet.methods.hiding import HideJob, found_file, hide_file
from stegnet.methods.method import Context, NotFound
from stegnet.methods.network import NetworkMethod, NetworkOptions
from stegnet.methods.sealed import SEALED
from stegnet.networks.predicting import PredictingNetwork
from stegnet.record import nothing_revealed, open_container
from stegnet.results import OutputTarget


class PredictedContainer(NamedTuple):
    """A container, (H, W, 3) uint8, as read from a PNG file, and the number of bytes that it holds of the secret."""

    pixels: np.ndarray
    hidden_bytes: int


def hide_predicted(
    network: PredictingNetwork,
    cover: np.ndarray,
    secret: np.ndarray,
    key_source: KeySource,
    randomness: Randomness = SYSTEM,
) -> PredictedContainer:
    """Hide one picture in another, as files.

    Args:
        network: the network that predicts the secret.
        cover: (H, W, 3) uint8.
        secret: (h, w, 3) uint8.
        key_source: key, passphrase or recipient.
        randomness: source of all randomness.

    Raises:
        CapacityError: the cover is too small.
    """
    context = Context(randomness=randomness, networks={SHIPPED_PREDICTOR: network})
    with temporary_folder() as folder:
        paths = Path(folder, "cover.png"), Path(folder, "secret.png")
        for path, picture in zip(paths, (cover, secret), strict=True):
            write_png(path, picture)
        out = OutputTarget(folder / "container.png")
        report = hide_file(HideJob(NetworkMethod(), NetworkOptions(verify=False), context), *paths, out, key_source)
        return PredictedContainer(read_picture(out.path), report.size or 0)


def reveal_predicted(network: PredictingNetwork, container: np.ndarray, key_source: KeySource) -> np.ndarray:
    """Reveal the picture that `hide_predicted` hid in another, (H, W, 3) uint8.

    Raises:
        RevealError: wrong key, nothing hidden, or the container was altered.
        WeightsError: hidden with other weights.
    """
    context = Context(networks={SHIPPED_PREDICTOR: network})
    with temporary_folder() as folder:
        path = folder / "container.png"
        write_png(path, container)
        with open_container(path, key_source) as opened:
            found = found_file(opened, context, SEALED)
            if isinstance(found, NotFound):
                raise nothing_revealed()
            found.write(OutputTarget(folder / "revealed.png"), strict=True)
        return read_picture(folder / "revealed.png")
