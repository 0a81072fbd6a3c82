"""The surroundings of every hiding and revealing: where networks run, randomness and progress."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from stegnet.core.parallel import with_heartbeat
from stegnet.core.progress import Progress, in_steps, no_progress, under
from stegnet.core.randomness import system_bytes
from stegnet.keys import Randomness
from stegnet.networks.card import SHIPPED, same_kind
from stegnet.results import betrayed_by

T = TypeVar("T")


def ignore(_: str) -> None:
    """For those who read the same in the report."""


@dataclass(frozen=True)
class Context:
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
    randomness: Randomness = system_bytes
    progress: Progress = no_progress
    warn: Callable[[str], None] = ignore
    search: bool = False
    networks: dict[Path, Any] = field(default_factory=dict, repr=False, compare=False)

    def network(self, load: Callable[[Path, str, str, str], T], shipped: Path) -> T:
        """The networks in the chosen weights file if it is of the same kind as the shipped one, else in that.

        They are loaded once. Errors as `load`.
        """
        if shipped not in self.networks:
            chosen = self.weights if self.weights and same_kind(self.weights, shipped) else shipped
            self.networks[shipped] = load(chosen, self.device, self.precision, self.backend)
        return self.networks[shipped]

    @classmethod
    def of(cls, network: Any, **more: Any) -> "Context":
        """A context with a pair that was loaded, or is not in a file."""
        return cls(networks={SHIPPED: network}, **more)

    def warn_about_cover(self, history: str | None) -> None:
        """Warns of a cover by the lossy format that it has or had; None: it shows none."""
        if history:
            self.warn(betrayed_by(history))

    def in_steps(self, *phases: str) -> "Context":
        """The same, whose phases, if there are several, are numbered in this order."""
        return replace(self, progress=in_steps(self.progress, *phases))

    def under(self, phase: str) -> "Context":
        """The same, whose phases are all shown as one."""
        return replace(self, progress=under(phase, self.progress))

    def step(self, phase: str) -> Callable[[int, int], None]:
        """The callback of one phase, called with steps done and in all."""
        return lambda done, total: self.progress(phase, done, total)

    def with_heartbeat(self, phase: str, work: Callable[[], T]) -> T:
        """Result of work that can't be counted, in a thread; its phase is told about every second meanwhile."""
        return with_heartbeat(work, lambda: self.progress(phase, 0, 0))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"networks": {}}


DEFAULT_CONTEXT = Context()
