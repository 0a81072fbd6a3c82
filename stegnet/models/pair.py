"""What every hide/reveal pair can do."""

from torch import Tensor, nn


class Pair(nn.Module):
    """A network that hides one picture in another, and its counterpart that brings it back.

    Pictures are float tensors (B, 3, H, W), sRGB in [0, 1]; H and W are multiples of 8. A secret is prepared,
    shuffled and hidden, then revealed, put back in order and restored. Shuffled, each of its blocks is hidden by
    itself; before and after, a network sees it whole.
    """

    def prepare(self, secret: Tensor) -> Tensor:
        """What is hidden for `secret`, (B, 3, H, W), before it is shuffled; by default the secret itself."""
        return secret

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """The container, (B, 3, H, W): looks like `cover`; not yet clamped to [0, 1] nor rounded."""
        raise NotImplementedError

    def reveal(self, container: Tensor) -> Tensor:
        """The secret, (B, 3, H, W), read from `container` alone; not clamped."""
        raise NotImplementedError

    def restore(self, pictures: Tensor) -> Tensor:
        """The secret, from what was revealed and put back in order; same shape, not clamped. By default the same."""
        return pictures
