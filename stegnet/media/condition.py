"""What "hard to find" rests on: nobody can see from a file that it is an original."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from stegnet.core.names import STANDARD_INPUT, printable


class Premise(Enum):
    """What has to be so of a cover; in words, said of one and of several."""

    CAMERA = "{} is as its camera saved it", "they are as their cameras saved them"
    NEVER_LOSSY = "{} never was a JPEG or a film", "they never were JPEGs or films"
    RECORDED = "{} is as it was recorded", "they are as they were recorded"
    DELIVERED = "{} is as the app delivered it", "they are as the app delivered them"
    UNPUBLISHED = "nobody else has {}", "nobody else has their covers"  # of one that was reduced: no trace is left


@dataclass(frozen=True)
class Condition:
    """Condition under which a container is as hard to find as is said."""

    file: str  # name of the cover
    premise: Premise

    def __str__(self) -> str:
        return self.premise.value[0].format("the cover" if self.file == STANDARD_INPUT else printable(self.file))

    @property
    def of_it(self) -> str:
        """The condition, without the name of the cover."""
        return self.premise.value[0].format("it")


def of_all(conditions: Iterable[Condition | None]) -> str:
    """Return what has to be so of several covers, without their names."""
    premises = {condition.premise for condition in conditions if condition}
    return premises.pop().value[1] if len(premises) == 1 else "each cover is an original"
