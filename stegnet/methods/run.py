"""The surroundings of every hiding and revealing: where networks run, randomness and progress."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stegnet.core.progress import Progress, in_steps, no_progress, under
from stegnet.core.randomness import system_bytes

if TYPE_CHECKING:
    from stegnet.keys import Randomness

T = TypeVar("T")


def unheard(_: str) -> None:
    """For those who read the same in the report."""


@dataclass(frozen=True)
class Run:
    """Everything that a hiding or revealing is given besides its files, key and options. It can be pickled.

    Attributes:
        weights: file of a pair or modem, used in place of the shipped one of its kind; None: only the shipped ones.
        device, precision, backend: as `load_engine` takes them.
        randomness: source of all that is random.
        progress: called as the work goes on.
        warn: called, before the work begins, with a line on what will give the container away, or make it slow.
        search: revealing looks for containers that were cropped, or have lost frames, too; it takes seconds.
        networks: those that were loaded, by the shipped file whose place they take.
    """

    weights: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    backend: str = "auto"
    randomness: "Randomness" = system_bytes
    progress: Progress = no_progress
    warn: Callable[[str], None] = unheard
    search: bool = False
    networks: dict[Path, Any] = field(default_factory=dict, repr=False, compare=False)

    def network(self, load: Callable[[Path, str, str, str], T], shipped: Path) -> T:
        """The networks in the chosen weights file if it is of the same kind as the shipped one, else in that.

        They are loaded once. Errors as `load`.
        """
        from stegnet.networks.card import same_kind  # here, since it imports other packages

        if shipped not in self.networks:
            chosen = self.weights if self.weights and same_kind(self.weights, shipped) else shipped
            self.networks[shipped] = load(chosen, self.device, self.precision, self.backend)
        return self.networks[shipped]

    def forewarn(self, history: str | None) -> None:
        """Warns of a cover by the lossy format that it has or had; None: it shows none."""
        from stegnet.results import betrayed_by

        if history:
            self.warn(betrayed_by(history))

    def in_steps(self, *phases: str) -> "Run":
        """The same, whose phases, if there are several, are numbered in this order."""
        return replace(self, progress=in_steps(self.progress, *phases))

    def under(self, phase: str) -> "Run":
        """The same, whose phases are all shown as one."""
        return replace(self, progress=under(phase, self.progress))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"networks": {}}


DEFAULT_RUN = Run()
