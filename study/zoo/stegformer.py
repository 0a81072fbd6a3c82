"""StegFormer: a transformer in the form of a U-Net that hides, and another that reveals.

Ke, Wu and Guo 2024, "StegFormer: rebuilding the glory of autoencoder-based steganography" (AAAI). Sizes are those of
StegFormer-S in the authors' code (github.com/aoli-gei/StegFormer, model.py and train_StegFormer_single_image.py):
17.5 M parameters each way. Each level weighs its channels, and attends within windows of 8×8 tokens of 2×2 pixels,
shifted by half a window in every second block (Liu et al. 2021, "Swin transformer: hierarchical vision transformer
using shifted windows", ICCV); the lowest level attends to all tokens. Containers are generated, not added to the cover.

Departures: the code is for squares of one size, this for all sizes. Pictures are zero-padded to multiples of 32, and
each level's tokens to whole windows; masks keep padding out of the attention. Where a level has a single window, the
code neither shifts nor pads it. Channels are averaged over any height and width. A token's channels have another order,
which only permutes the weights.

All gradients are deterministic on CUDA: attention is computed by matrix products and a softmax, means by sums.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.compute import full_precision
from stegnet.core.pixels import GREY
from stegnet.networks import Pair

PATCH = 2  # side of a token in pixels
WINDOW = 8  # side of a window in tokens


class Attention(nn.Module):
    """Multi-head self-attention within windows of N tokens: (B, windows, N, C) to (B, windows, N, C)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, bias: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Return what each token gathers from those of its window.

        `bias`, (heads, N, N), is added to the scores; bool `mask`, (windows, 1, N, N), is true for tokens that must not
        see each other.
        """
        queries, keys, values = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5).unbind()
        scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-2, -1)  # (B, windows, heads, N, N)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(mask, float("-inf"))
        gathered = scores.softmax(-1) @ values  # (B, windows, heads, N, C / heads)
        result: Tensor = self.out(gathered.transpose(2, 3).flatten(3))
        return result


class GlobalAttention(nn.Module):
    """Self-attention to all tokens: (B, H, W, C) to (B, H, W, C), any H and W."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(channels, heads)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what each token gathers from all others."""
        gathered: Tensor = self.attention(tokens.flatten(1, 2)[:, None])
        return gathered.reshape(tokens.shape)


class WindowAttention(nn.Module):
    """Self-attention within windows: (B, H, W, C) to (B, H, W, C), any H and W.

    A bias for each head depends on the relative position of two tokens (Liu et al. 2021, equation 4).

    Args:
        channels: channels of a token.
        heads: number of heads.
        shift: tokens by which the windows are shifted, 0 to WINDOW - 1.
    """

    places: Tensor  # (WINDOW², WINDOW²) int64, of the relative positions in the table

    def __init__(self, channels: int, heads: int, shift: int) -> None:
        super().__init__()
        std = 0.02  # standard deviation of the initial table
        span = 2 * WINDOW - 1  # relative positions in each direction
        self.shift = shift
        self.attention = Attention(channels, heads)
        self.table = nn.Parameter(torch.empty(span**2, heads))
        nn.init.trunc_normal_(self.table, std=std)
        with torch.device("cpu"):  # even if the weights are elsewhere, since no file has it
            rows, cols = torch.meshgrid(torch.arange(WINDOW), torch.arange(WINDOW), indexing="ij")
            place = (span * rows + cols).flatten()
            places = place[:, None] - place[None, :] + (span + 1) * (WINDOW - 1)
        self.register_buffer("places", places, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what each token gathers from those of its window."""
        height, width = tokens.shape[1:3]
        padded = functional.pad(tokens, (0, 0, 0, whole(width, WINDOW) - width, 0, whole(height, WINDOW) - height))
        windows = to_windows(padded.roll((-self.shift, -self.shift), (1, 2)))
        bias = self.table[self.places].permute(2, 0, 1)  # (heads, N, N)
        mask = window_mask(height, width, self.shift, tokens.device)
        gathered = from_windows(self.attention(windows, bias, mask), padded.shape[1] // WINDOW)
        return gathered.roll((self.shift, self.shift), (1, 2))[:, :height, :width]


def whole(side: int, unit: int) -> int:
    """Return a side rounded up to whole units, in a form from which an exporter sees that it is a multiple of them."""
    return (side + unit - 1) // unit * unit


def to_windows(tokens: Tensor) -> Tensor:
    """Cut tokens, (B, H, W, C), into windows, (B, windows, WINDOW², C); H and W are multiples of WINDOW."""
    cut: Tensor = tokens.unflatten(2, (-1, WINDOW)).unflatten(1, (-1, WINDOW))
    return cut.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def from_windows(windows: Tensor, rows: int) -> Tensor:
    """Join windows, (B, windows, WINDOW², C), `rows` from top to bottom, to tokens, (B, H, W, C)."""
    cut: Tensor = windows.unflatten(1, (rows, -1)).unflatten(3, (WINDOW, WINDOW))
    return cut.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def window_mask(height: int, width: int, shift: int, device: torch.device) -> Tensor:
    """Return which tokens of a window must not see each other, (windows, 1, WINDOW², WINDOW²) bool.

    Tokens, (height, width), were padded to whole windows and moved by `shift` up and to the left. Tokens that left
    on one side came in on the other, where they are no neighbours.
    """
    kinds = 4  # of places along a side: moved in from the other side or not, padding or not
    groups: list[Tensor] = []
    for side in (height, width):
        padded = whole(side, WINDOW)
        source = torch.arange(padded, device=device).roll(-shift)  # places before the move
        groups.append((source < shift).long() + 2 * (source >= side).long())
    group = to_windows((kinds * groups[0][:, None] + groups[1][None, :])[None, ..., None])[0, ..., 0]  # (windows, N)
    return (group[:, :, None] != group[:, None, :])[:, None]


class TransformerBlock(nn.Module):
    """Attention, then an MLP, each after a layer norm and with a skip: (B, H, W, C) to (B, H, W, C)."""

    def __init__(self, channels: int, attention: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = attention
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), activation, nn.Linear(4 * channels, channels))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens with the outputs of both added."""
        tokens = tokens + self.attention(self.norm1(tokens))
        refined: Tensor = tokens + self.mlp(self.norm2(tokens))
        return refined


class ChannelAdapter(nn.Module):
    """A projection of the features, added with a weight for each channel: (B, C, H, W) to (B, C, H, W), any H and W."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Sequential(
            nn.Conv2d(channels, 4 * channels, 1), nn.GELU(), nn.Conv2d(4 * channels, channels, 1)
        )
        # No activation stands between the two linear layers, as in the authors' code.
        self.weigh = nn.Sequential(nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        """Weigh each channel of the projection by a function of all their means, and add it."""
        projected = self.project(features)
        weights = self.weigh(projected.mean((2, 3)))  # (B, C)
        added: Tensor = features + weights[:, :, None, None] * projected
        return added


class AdaptiveBlock(nn.Module):
    """The channel adaptive transformer block: (B, C, H, W) to (B, C, H, W), H and W multiples of PATCH."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        width = channels * PATCH**2  # of a token
        self.adapter = ChannelAdapter(channels)
        self.blocks = nn.Sequential(
            TransformerBlock(width, WindowAttention(width, heads, 0), nn.LeakyReLU()),
            TransformerBlock(width, WindowAttention(width, heads, WINDOW // 2), nn.LeakyReLU()),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Weigh the channels, and refine the tokens within windows."""
        return from_tokens(self.blocks(to_tokens(self.adapter(features))))


class Bottleneck(nn.Module):
    """The global enhanced bottleneck: (B, C, H, W) to (B, C, H, W), H and W multiples of PATCH.

    A depthwise convolution encodes positions (Chu et al. 2021, "Conditional positional encodings for vision
    transformers", arXiv 2102.10882).
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        blocks = 2
        width = channels * PATCH**2  # of a token
        self.position = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.blocks = nn.Sequential(
            *(TransformerBlock(width, GlobalAttention(width, heads), nn.GELU()) for _ in range(blocks))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Add each token's position, and refine the tokens by what they gather from all others."""
        tokens = to_tokens(features)
        positions = self.position(tokens.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return from_tokens(self.blocks(tokens + positions))


def to_tokens(features: Tensor) -> Tensor:
    """Join PATCH×PATCH pixels to a token: (B, C, H, W) to (B, H/2, W/2, 4C)."""
    return functional.pixel_unshuffle(features, PATCH).permute(0, 2, 3, 1)


def from_tokens(tokens: Tensor) -> Tensor:
    """Return the features of the pixels of tokens: (B, H/2, W/2, 4C) to (B, C, H, W)."""
    return functional.pixel_shuffle(tokens.permute(0, 3, 1, 2), PATCH)


class TransformerUNet(nn.Module):
    """The network for both directions, (B, channels, H, W) to (B, 3, H, W), any H and W.

    Args:
        channels: channels of the input.
        width: channels of the first level; each further level doubles them.
        blocks: number of adaptive blocks in each level but the lowest.
    """

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        # Heads of the levels, from fine to coarse, on the way down and on the way up.
        heads_down = (1, 2, 4, 8)
        heads_bottleneck = 16
        heads_up = (2, 4, 8, 16)
        steps = len(heads_down)  # of downsampling
        self.unit = PATCH * 2**steps
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.encoders = nn.ModuleList()
        self.downs = nn.ModuleList()
        for level, heads in enumerate(heads_down):
            count = width * 2**level
            self.encoders.append(_stage(count, heads, blocks))
            self.downs.append(nn.Conv2d(count, 2 * count, 4, 2, 1))
        below = width * 2**steps
        self.bottleneck = Bottleneck(below, heads_bottleneck)
        self.ups = nn.ModuleList()
        self.decoders = nn.ModuleList()
        for level, heads in reversed(list(enumerate(heads_up))):
            count = width * 2**level
            self.ups.append(nn.ConvTranspose2d(below, count, 2, 2))
            self.decoders.append(_stage(2 * count, heads, blocks))
            below = 2 * count
        self.last = nn.Conv2d(below, 3, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pad to the unit, and return a picture, (B, 3, H, W) float32, in no certain range."""
        height, width = pictures.shape[-2:]
        padding = (0, whole(width, self.unit) - width, 0, whole(height, self.unit) - height)
        features = self.first(functional.pad(pictures, padding))
        skips: list[Tensor] = []
        for encode, down in zip(self.encoders, self.downs, strict=True):
            skips.append(encode(features))
            features = down(skips[-1])
        features = self.bottleneck(features)
        for up, decode in zip(self.ups, self.decoders, strict=True):
            features = decode(torch.cat([up(features), skips.pop()], dim=1))
        with full_precision(features.device):  # a picture must not be rounded to fewer bits than a file has
            picture: Tensor = self.last(features.float())
        return picture[..., :height, :width]


def _stage(channels: int, heads: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(AdaptiveBlock(channels, heads) for _ in range(blocks)))


class StegFormer(Pair):
    """Two transformers that share no weights.

    The defaults are StegFormer-S; a width of 16 is StegFormer-B, and 32 with two blocks StegFormer-L.

    Args:
        blocks: number of adaptive blocks in each level but the lowest.
        width: channels of the first level.
    """

    small: ClassVar = {"width": 1}
    published = 34_961_314, 154_728, 154_512  # StegFormer-S, 17.5 M each way (model.py of aoli-gei/StegFormer)

    def __init__(self, blocks: int = 1, width: int = 8) -> None:
        super().__init__()
        self.hider = TransformerUNet(6, width, blocks)
        self.revealer = TransformerUNet(3, width, blocks)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the output of the hiding network for the cover and the secret in [0, 1]."""
        container: Tensor = self.hider(torch.cat([cover, secret + GREY / 255], dim=1))
        return container

    def penalty(self, cover: Tensor, container: Tensor) -> Tensor:
        """Return the restrict loss: half the mean square by which samples exceed 1, and as much for those below 0.

        Each mean is over the samples outside [0, 1] alone, as in the authors' code (class Restrict_Loss of
        train_StegFormer_single_image.py).
        """
        above = (container - 1).clamp_min(0)
        below = container.clamp_max(0)
        return _mean_square_where_not_0(above) / 2 + _mean_square_where_not_0(below) / 2

    def reveal(self, container: Tensor) -> Tensor:
        """Return the output of the revealing network, less mid-grey."""
        revealed: Tensor = self.revealer(container)
        return revealed - GREY / 255


def _mean_square_where_not_0(excess: Tensor) -> Tensor:
    count = (excess != 0).sum().clamp_min(1)
    return excess.square().sum() / count
