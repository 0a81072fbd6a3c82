"""A long film as several tasks: its segments, and then one that joins them (`stegnet.methods.segments`).

Segments lie as hidden files beside the result until it is there.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import ceil
from secrets import token_hex

from stegnet.cluster.tasks import SEGMENT, Task, segment_start
from stegnet.core.address import remove
from stegnet.files import Outcome
from stegnet.methods import Part

MOST = 100  # frames of a film that a task hides in at once
_SEGMENTS = 16  # of a film at most, as each decodes its films from their start


class SegmentedFilm:
    """A film that is being made in segments.

    Args:
        task: to hide in all of it.
        frames: of the cover.
    Attributes:
        segments: tasks that can be done at once.
        join: the task that makes the film of them.
    """

    def __init__(self, task: Task, frames: int) -> None:
        count = min(ceil(frames / MOST), _SEGMENTS)
        edges = [frames * number // count for number in range(count + 1)]
        start = f"{segment_start(task.jobs[0])}-{token_hex(6)}"  # another run's are others
        places = tuple(task.out.path / f"{start}-{number}.mkv" for number in range(count))
        self.segments = [
            replace(task, part=Part(only=range(*span)), segment=place)
            for place, *span in zip(places, edges, edges[1:], strict=False)
        ]
        self.join = replace(task, part=Part(made=places))
        self._left, self._failed = count, []

    def next(self, found: list[Outcome]) -> Task | list[Outcome] | None:
        """Notes that a segment is done.

        Returns:
            The task to do next, or what comes of the film if a segment failed, or nothing while others are missing.
        """
        self._left -= 1
        self._failed += [outcome for outcome in found if outcome.error]
        return None if self._left else self._failed[:1] or self.join

    def remove(self) -> None:
        """Deletes the segments.

        Raises:
            MediaError: they can't be deleted.
        """
        for place in self.join.part.made:
            remove(place)


def remove_old(tasks: Iterable[Task]) -> None:
    """Deletes segments of the same films that a run which was killed has left.

    Raises:
        MediaError: they can't be deleted.
    """
    for task in tasks:
        for name in task.present:
            if name.startswith(SEGMENT):
                remove(task.out.path / name)
