"""How learning rate and container weight move over the steps of a training."""

import math


def learning_rate(step: int, steps: int, peak: float, end: float, warmup: int) -> float:
    """Linear warm-up over `warmup` steps, then half a cosine from `peak` to `end` · `peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2)


def container_weight(step: int, steps: int, start: float, ramp: float) -> float:
    """Weight of the container term: geometric from `start` to 1 over the first `ramp` of the steps.

    Secret first: with both terms at full weight from the start, the pair learns to leave the cover as
    it is and to reveal grey, and stays there.
    """
    return start ** max(0.0, 1 - step / (ramp * steps)) if ramp else 1.0
