"""Hide/reveal pairs: their interface, the registry of families, and weights files."""

import inspect
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from textwrap import shorten
from typing import Any, ClassVar, TypeVar

import safetensors.torch
import torch
from torch import Tensor, nn

from stegnet.core.errors import ConfigError, WeightsError, did_you_mean
from stegnet.core.names import MARK, TRUSTED, load_object
from stegnet.core.parallel import AUTO
from stegnet.core.pixels import MEANS
from stegnet.networks.card import CARD_KEY, NETWORKS, SHIPPED, Card, read_card


class Pair(nn.Module):
    """A network that hides one picture in another, and a network that reveals it.

    Pictures are float tensors (B, 3, H, W), sRGB in [0, 1]; H and W are multiples of 8. Both sides enhance the secret's
    base. The difference between the prepared secret and the base, its residual, is shuffled and hidden, then revealed,
    unshuffled, and joined with the base. The hiding network sees shuffled blocks out of context; the others see the
    whole picture.

    Attributes:
        periodic: a container's samples are read modulo `period()`, which is not 0.
        bits: 0; or, for a modem, the number of bits in each block of 8×8 pixels.
        hides_pictures: false for a network that hides bits.
        base, rate, container_weight: what suits it in training: the part of a secret that both sides know ("none",
            "means" or "coded"), the peak learning rate of AdamW, and the initial weight of the container's error, if it
            does not depend on the base.
        small: keyword arguments of a pair small enough for tests.
        published: parameters, and multiply-adds a pixel of 256×256 to hide and to reveal, by the paper or its code.
    """

    periodic = False
    bits = 0
    hides_pictures = True
    base: ClassVar[str] = MEANS
    rate: ClassVar[float] = 0.002
    container_weight: ClassVar[float | None] = None
    small: ClassVar[Mapping[str, Any]] = {}
    published: ClassVar[tuple[int, int, int] | None] = None

    def period(self) -> Tensor:
        """Return the period, () in [0, 1], modulo which a container's samples are read; 0 if they are read as they are.

        With a period, a mask of up to one period was subtracted from the covers given to `hide` and the containers
        given to `reveal`.
        """
        return torch.zeros(())

    def prepare(self, secret: Tensor) -> Tensor:
        """Return the picture to hide for `secret`, (B, 3, H, W), before the shuffle; by default the secret itself."""
        return secret

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container, (B, 3, H, W), which resembles `cover`; neither clamped to [0, 1] nor rounded.

        `secret` is its shuffled residual: around 0, with an RMS of about 0.1. The last step is in 32 bits, also under
        autocast: near 1, the steps of bfloat16 are those of a file.
        """
        raise NotImplementedError

    def penalty(self, cover: Tensor, container: Tensor) -> Tensor:
        """Return what the family's paper adds to the container's error in training, (); by default 0.

        Both are (B, 3, H, W); `container` is neither clamped nor rounded.
        """
        return container.new_zeros(())

    def reveal(self, container: Tensor) -> Tensor:
        """Return the hidden residual, (B, 3, H, W) float32, still shuffled, from `container` alone."""
        raise NotImplementedError

    def enhance(self, base: Tensor) -> Tensor:
        """Return the base, (B, 3, H, W), brought nearer to the secret; not clamped. By default unchanged.

        This is an in-loop filter, as in video codecs: the residual is the difference that remains after it.
        """
        return base

    def restore(self, base: Tensor, residual: Tensor) -> Tensor:
        """Return the secret, (B, 3, H, W), from its enhanced base and the residual in order; by default their sum."""
        return base + residual


_REGISTERED: dict[str, type[Pair]] = {}
Family = TypeVar("Family", bound=type[Pair])


def register(family: Family) -> Family:
    """Register a `Pair`, as a decorator, as the family with the name of its file."""
    _REGISTERED[family.__module__.rpartition(".")[2]] = family
    return family


def family_names() -> list[str]:
    """Return the names of all families: files in `stegnet.networks.families`, and families registered elsewhere."""
    folder = Path(__file__).with_name("families")
    return sorted({file.name for file in iter_modules([str(folder)])} | _REGISTERED.keys())


def build(name: str, **options: object) -> Pair:
    """Build an untrained pair of a family, or of any subclass of `Pair`, my.module:Class, with its options."""
    return find_family(name)(**options)


def options_of(section: Any) -> dict[str, Any]:
    """Return the family's keyword arguments in the `model` section of params.yaml. "auto" means its default."""
    parameters = inspect.signature(find_family(section.name)).parameters
    chosen = {key: value for key, value in asdict(section).items() if key in parameters and value != AUTO}
    return {key: chosen.get(key, parameter.default) for key, parameter in parameters.items()}


def build_from(section: Any) -> Pair:
    """Build the untrained pair that the `model` section of params.yaml describes."""
    return build(section.name, **options_of(section))


def receptive_fields(pair: Pair) -> dict[str, int]:
    """Return the receptive field of each network by name, in pixels to each side: where its gradient is not zero.

    Networks that may see further than these pictures show are left out; so are all of a pair that hides no pictures.
    """
    strip = 384  # width of the pictures, in pixels
    cell = 8  # width of the part in their middle whose gradient is examined
    random = torch.Generator().manual_seed(0)
    fields = dict[str, int]()
    height = strip // 6
    width = strip
    middle = slice(strip // 2, strip // 2 + cell)
    networks = NETWORKS if pair.hides_pictures else {}
    for name, count in networks.items():
        pictures = torch.rand(count, 1, 3, height, width, generator=random, requires_grad=True)
        output = getattr(pair.cpu().eval(), name)(*pictures)
        (gradient,) = torch.autograd.grad(output[..., middle].sum(), pictures)
        touched = gradient.abs().amax((0, 1, 2, 3)).nonzero().flatten().tolist()
        reach = max([middle.start - touched[0], touched[-1] + 1 - middle.stop] if touched else [0])
        if reach < strip // 2 - cell:
            fields[name] = reach
    return fields


def chosen_places(names: str, known: Iterable[str]) -> set[str]:
    """Return the places of networks, joined by "+", that `model.place` names; each must be known."""
    places = {name.strip() for name in names.split("+")}
    if unknown := sorted(places - set(known)):
        raise ConfigError(
            f"unknown place {unknown[0]!r}", f"known: {', '.join(known)}, joined by +", parameter="model.place"
        )
    return places


def save_pair(path: Path, pair: Pair, card: Card) -> None:
    """Write a weights file: safetensors, with the card as JSON in its metadata. The output is deterministic."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in pair.state_dict().items()}
    text = json.dumps(asdict(card), sort_keys=True)
    # Not by save_file, which makes the file unreadable for other users.
    path.write_bytes(safetensors.torch.save(tensors, {CARD_KEY: text}))


def load_pair(path: Path = SHIPPED) -> tuple[Pair, Card]:
    """Load a weights file. Return the pair, in evaluation mode on the CPU, float32, and its card.

    Raises:
        WeightsError: the file is missing; weights and card do not match; or its network is neither part of this program
            nor trusted, since a weights file must not run foreign code.
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
            pair = build(card.model, **options)  # its backbone computes some of the buffers it needs
        pair.load_state_dict(tensors, assign=True)
    except (ConfigError, TypeError, RuntimeError) as error:
        reason = shorten(str(error), 160, placeholder=" …")
        raise WeightsError(f"weights and card do not match ({reason})", subject=path) from error
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise WeightsError("not all of its weights are finite numbers", "it is damaged: train it again", subject=path)
    return pair.eval(), card


def _tensors_of(pair: Pair, path: Path) -> dict[str, Tensor]:
    """Read the tensors of a weights file. Raises TypeError, before reading, if they are not those of the pair."""
    wanted = pair.state_dict()
    with safetensors.safe_open(path, framework="pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118  # it is no mapping
    for name in sorted(wanted.keys() | shapes.keys()):
        wanted_shape = list(wanted[name].shape) if name in wanted else None
        if shapes.get(name) != wanted_shape:
            raise TypeError(f"{name}: has the shape {shapes.get(name)}, not {wanted_shape}")
    tensors = safetensors.torch.load_file(path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() != wanted[name].is_floating_point():
            raise TypeError(f"{name}: is of the type {tensor.dtype}")
        tensors[name] = tensor.to(wanted[name].dtype, copy=True)  # which outlives the file
    return tensors


def find_family(name: str) -> type[Pair]:
    """Return the class of a family, or the class named my.module:Class.

    A family's file is imported when first asked for: hiding and revealing never import the others.
    """
    if MARK in name:
        family = load_object("model.name", name)
        if not (isinstance(family, type) and issubclass(family, Pair)):
            raise ConfigError(f"{name} is not a subclass of stegnet.networks.Pair", parameter="model.name")
        return family
    if name not in family_names():
        known = f"known: {', '.join(family_names())}; or a class of your own, my.module:Class"
        hint = f"{did_you_mean(name, family_names())} {known}".lstrip()
        raise ConfigError(f"unknown family {name!r}", hint, parameter="model.name")
    if name not in _REGISTERED:
        import_module(f"stegnet.networks.families.{name}")
    return _REGISTERED[name]
