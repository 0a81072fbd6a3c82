"""Parts that all ways to hide share: options, payload, medium and container; and files found in a container.

`method` is the contract of a hiding method, `medium` that of what carries in a cover. A medium is in its form's folder.
"""

from stegnet.hiding.method import (
    AUTO,
    DEFAULT_CONTEXT,
    Context,
    CoverSize,
    Fit,
    FoundSecret,
    Method,
    MethodOptions,
    NewContainer,
    Payload,
    Room,
    option,
)

__all__ = [
    "AUTO",
    "DEFAULT_CONTEXT",
    "Context",
    "CoverSize",
    "Fit",
    "FoundSecret",
    "Method",
    "MethodOptions",
    "NewContainer",
    "Payload",
    "Room",
    "option",
]
