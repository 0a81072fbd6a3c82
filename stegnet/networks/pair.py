"""Hide/reveal pairs: their interface, the registry of families, and weights files."""

import inspect
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from textwrap import shorten
from typing import Any, TypeVar

import safetensors.torch
import torch
from torch import Tensor, nn

from stegnet.core.errors import ConfigError, WeightsError, did_you_mean
from stegnet.core.names import MARK, TRUSTED, load_object
from stegnet.core.parallel import AUTO
from stegnet.networks.card import CARD_KEY, NETWORKS, SHIPPED, Card, read_card


class Pair(nn.Module):
    """A network that hides one picture in another, and a network that reveals it.

    Pictures are float tensors (B, 3, H, W), sRGB in [0, 1]; H and W are multiples of 8. Both sides enhance the secret's
    base. What is left of the prepared secret, its residual, is shuffled and hidden, then revealed, unshuffled, and
    joined with the base. Hiding sees shuffled blocks out of context; the others see the whole picture.

    Attributes:
        base: which part of a secret both sides know, by default: "means" or "coded".
        learning_rate: of a training, by default.
        secret_first: in training, the container's error must weigh little at first, or nothing is learnt to be hidden.
        periodic: a container's samples count only modulo `period()`, which is not 0.
        bits: 0; or, of a modem, the number of bits in each block of 8×8 pixels.
    """

    base, learning_rate = "means", 0.002
    secret_first = True
    periodic = False
    bits = 0

    def period(self) -> Tensor:
        """The value, () in [0, 1], modulo which alone a container's samples count; 0 if all of a sample counts.

        Then `hide` is given covers from which a mask of up to a period was subtracted, and `reveal` containers.
        """
        return torch.zeros(())

    def prepare(self, secret: Tensor) -> Tensor:
        """Returns what is hidden for `secret`, (B, 3, H, W), before the shuffle; by default the secret itself."""
        return secret

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Returns the container, (B, 3, H, W), which resembles `cover`; neither clamped to [0, 1] nor rounded.

        `secret` is its shuffled residual: around 0, of an RMS of about 0.1.
        """
        raise NotImplementedError

    def reveal(self, container: Tensor) -> Tensor:
        """Returns what was hidden, (B, 3, H, W), the shuffled residual, from `container` alone."""
        raise NotImplementedError

    def enhance(self, base: Tensor) -> Tensor:
        """Returns the base, (B, 3, H, W), nearer to the secret; not clamped. By default unchanged.

        An in-loop filter as video codecs have: the residual is what is left after it.
        """
        return base

    def restore(self, base: Tensor, residual: Tensor) -> Tensor:
        """Returns the secret, (B, 3, H, W), from its enhanced base and the residual in order; by default their sum."""
        return base + residual


_STRIP, _CELL = 384, 8  # width of the pictures on which receptive fields are measured, and of the part looked at
_FAMILIES = Path(__file__).with_name("families")
_REGISTERED: dict[str, type[Pair]] = {}
Family = TypeVar("Family", bound=type[Pair])


def register(family: Family) -> Family:
    """Decorates a `Pair`, which becomes the family with the name of its file."""
    _REGISTERED[family.__module__.rpartition(".")[2]] = family
    return family


def family_names() -> list[str]:
    """The names of all families: those of the files in `stegnet.networks.families`, and those registered elsewhere."""
    return sorted({file.name for file in iter_modules([str(_FAMILIES)])} | _REGISTERED.keys())


def build(name: str, **options: object) -> Pair:
    """Builds an untrained pair of a family, or of a subclass of `Pair` anywhere, my.module:Class, with its options."""
    return find_family(name)(**options)


def options_of(section: Any) -> dict[str, Any]:
    """The family's keyword arguments in the `model` section of params.yaml; "auto" stands for the family's default."""
    parameters = inspect.signature(find_family(section.name)).parameters
    chosen = {key: value for key, value in asdict(section).items() if key in parameters and value != AUTO}
    return {key: chosen.get(key, parameter.default) for key, parameter in parameters.items()}


def build_from(section: Any) -> Pair:
    """Builds the untrained pair that the `model` section of params.yaml describes."""
    return build(section.name, **options_of(section))


def receptive_fields(pair: Pair) -> dict[str, int]:
    """The receptive field of each network by name, in pixels to each side, by where its gradient is not zero.

    Those that may see further than pictures of this size show are left out; of a modem, all are.
    """
    random, fields = torch.Generator().manual_seed(0), dict[str, int]()
    height, width, middle = _STRIP // 6, _STRIP, slice(_STRIP // 2, _STRIP // 2 + _CELL)
    for name, count in {} if pair.bits else NETWORKS.items():
        pictures = torch.rand(count, 1, 3, height, width, generator=random, requires_grad=True)
        output = getattr(pair.cpu().eval(), name)(*pictures)
        (gradient,) = torch.autograd.grad(output[..., middle].sum(), pictures)
        touched = gradient.abs().amax((0, 1, 2, 3)).nonzero().flatten().tolist()
        reach = max([middle.start - touched[0], touched[-1] + 1 - middle.stop] if touched else [0])
        if reach < _STRIP // 2 - _CELL:
            fields[name] = reach
    return fields


def chosen_places(names: str, known: Iterable[str]) -> set[str]:
    """The places of networks, joined by "+", that `model.place` names; each must be known."""
    places = {name.strip() for name in names.split("+")}
    if unknown := sorted(places - set(known)):
        raise ConfigError(
            f"unknown place {unknown[0]!r}", f"known: {', '.join(known)}, joined by +", parameter="model.place"
        )
    return places


def save_pair(path: Path, pair: Pair, card: Card) -> None:
    """Writes a weights file: safetensors, with the card as JSON in its metadata. The output is deterministic."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in pair.state_dict().items()}
    text = json.dumps(asdict(card), sort_keys=True)
    # Not by save_file, which makes the file unreadable for other users.
    path.write_bytes(safetensors.torch.save(tensors, {CARD_KEY: text}))


def load_pair(path: Path = SHIPPED) -> tuple[Pair, Card]:
    """Loads a weights file; returns the pair, in evaluation mode on the CPU, float32, and its card.

    Raises:
        WeightsError: there is no such file; weights and card do not match; or its network is not of this program, nor
            trusted: nobody's weights file shall run code.
    """
    card = read_card(path)
    if MARK in card.model and card.model != os.environ.get(TRUSTED):
        hint = f"if you trust that code, set {TRUSTED}={card.model}"
        raise WeightsError(f"its network is {card.model}, whose code would run here", hint, subject=path)
    # The file holds all weights; pretrained ones need not be downloaded.
    options = {key: value for key, value in card.options.items() if key != "pretrained"}
    try:
        with torch.device("cpu" if MARK in card.model else "meta"):  # where nothing is allocated
            pair = build(card.model, **options)
        tensors = _tensors_of(pair, path)
        if any(buffer.is_meta for name, buffer in pair.named_buffers() if name not in tensors):
            pair = build(card.model, **options)  # its backbone computes some of what it needs
        pair.load_state_dict(tensors, assign=True)
    except (ConfigError, TypeError, RuntimeError) as error:
        reason = shorten(str(error), 160, placeholder=" …")
        raise WeightsError(f"weights and card do not match ({reason})", subject=path) from error
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise WeightsError("not all of its weights are finite numbers", "it is damaged: train it again", subject=path)
    return pair.eval(), card


def _tensors_of(pair: Pair, path: Path) -> dict[str, Tensor]:
    """Reads the tensors of a weights file; a TypeError if they are not those of the pair, before they are read."""
    wanted = pair.state_dict()
    with safetensors.safe_open(path, framework="pt") as file:
        found = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118  # it is no mapping
    for name in sorted(wanted.keys() | found.keys()):
        shape = list(wanted[name].shape) if name in wanted else None
        if found.get(name) != shape:
            raise TypeError(f"{name}: has the shape {found.get(name)}, not {shape}")
    tensors = safetensors.torch.load_file(path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() != wanted[name].is_floating_point():
            raise TypeError(f"{name}: is of the type {tensor.dtype}")
        tensors[name] = tensor.to(wanted[name].dtype, copy=True)  # which outlives the file
    return tensors


def find_family(name: str) -> type[Pair]:
    """The class of a family, or the one named my.module:Class.

    A family's file is imported when it is asked for: hiding and revealing never import the others.
    """
    if MARK in name:
        family = load_object("model.name", name)
        if not (isinstance(family, type) and issubclass(family, Pair)):
            raise ConfigError(f"{name} is not a subclass of stegnet.networks.Pair", parameter="model.name")
        return family
    if name not in family_names():
        hint = f"{did_you_mean(name, family_names())} known: {', '.join(family_names())}".lstrip()
        raise ConfigError(f"unknown family {name!r}", hint, parameter="model.name")
    if name not in _REGISTERED:
        import_module(f"stegnet.networks.families.{name}")
    return _REGISTERED[name]
