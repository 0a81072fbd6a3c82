"""Where a container is sent, in a user's words, and the options by which what it hides survives that."""

from dataclasses import dataclass, field
from typing import Any

from stegnet.methods.method import AUTO


@dataclass(frozen=True)
class Destination:
    """A place that a container is sent to.

    Attributes:
        text: what happens to it there, after its name.
        method: by which it survives that.
        options: of that method.
    """

    text: str
    method: str = AUTO
    options: dict[str, Any] = field(default_factory=dict)


DESTINATIONS = {
    "file": Destination("arrives as it is"),
    "messenger": Destination("as a photo or video", "robust", {"survive": "messenger"}),
    "website": Destination("which encodes it again at its size", "robust", {"survive": None}),
    "resize": Destination("reduced, down to half its size", "robust", {"survive": "jpeg:75+resize:0.5"}),
    "crop": Destination("cropped, down to half its sides", "robust", {"survive": "jpeg:75+crop:0.5"}),
}
