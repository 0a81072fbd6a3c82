"""What every hide/reveal pair can do."""

from torch import Tensor, nn


class Pair(nn.Module):
    """A network that hides one picture in another, and its counterpart that brings it back.

    Pictures are float tensors (B, 3, H, W), sRGB in [0, 1]; H and W are multiples of 8.
    """

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """The container, (B, 3, H, W): looks like `cover`; not yet clamped to [0, 1] nor rounded."""
        raise NotImplementedError

    def reveal(self, container: Tensor) -> Tensor:
        """The secret, (B, 3, H, W), read from `container` alone; not clamped."""
        raise NotImplementedError
