"""A webcam session: camera, secret, page and recording together."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stegnet.files.files import NetworkLoader
from stegnet.keys.keys import SYSTEM, ContainerKeys, KeySource
from stegnet.record.record import MAX_FRAMES
from stegnet.results.output import OutputTarget, Progress, Report, form_of
from stegnet.webcam.capture import capture, open_camera, open_secret
from stegnet.webcam.film_recording import Hiding, check_sides, recorded_to_survive
from stegnet.webcam.live import LiveFrame, LivePipeline
from stegnet.webcam.recording import recorded
from stegnet.webcam.server import PageServer, Statistics, StatisticsCounter

# Called with the report of a recording that survives H.264.
Wrote = Callable[[Report], None]


@dataclass(frozen=True)
class SessionOptions:
    """Options of a session.

    Attributes:
        source: camera or film; see `open_camera`.
        size: width and height of covers; None for the camera's own.
        loop: a film used as camera starts again at its end.
        frames: number of frames after which to end; None for no limit.
        record: container file to write, .mkv or .mp4, or None.
        overwrite: `record` may be overwritten.
        survive: channel that the recording survives, as `parse_crf` takes it; None: it is a container without loss.
    """

    source: str
    size: tuple[int, int] | None = None
    loop: bool = True
    frames: int | None = None
    record: Path | None = None
    overwrite: bool = False
    survive: str | None = None


def run(
    options: SessionOptions,
    secret: Path,
    network: NetworkLoader,
    key_source: KeySource,
    server: PageServer,
    ready: Callable[[], None],
    progress: Progress,
    wrote: Wrote = lambda report: None,
) -> Statistics:
    """Shows and records frames until `server.stop` is set, the frames are complete, or the source ends.

    Args:
        ready: called as soon as the page is served.
        progress: called while the recording is completed.
    Returns:
        Statistics of the last frame; empty if there was none.
    Raises:
        StegnetError: any but DataError, TrainingError and TrackingError.
    """
    camera_source, secret_source = open_camera(options.source, options.loop), open_secret(secret)
    loaded = network()
    keys = key_source.new_keys(SYSTEM)
    statistics: Statistics = {}
    recording = _recording(options, keys, secret, key_source, wrote, progress)
    with (
        recording as add,  # first, so that it is completed after everything else has ended
        capture(camera_source) as camera,
        capture(secret_source) as hidden,
        server.running(),
    ):
        pipeline = LivePipeline(loaded, keys, camera, hidden, options.size)
        if options.survive:
            check_sides(*pipeline.size)
        ready()
        counter = StatisticsCounter(options.record is not None)
        with closing(pipeline.frames(server.stop, options.frames or MAX_FRAMES)) as frames:
            for frame in frames:
                add(frame)
                view = counter.view(frame, camera.latest.count)
                server.latest.put(view)
                statistics = view.statistics
    return statistics


@contextmanager
def _recording(
    options: SessionOptions, keys: ContainerKeys, secret: Path, key_source: KeySource, wrote: Wrote, progress: Progress
) -> Iterator[Callable[[LiveFrame], None]]:
    """Yields the function that records a frame."""
    out = options.record
    if out is None:
        yield lambda frame: None
    elif options.survive is None:
        with recorded(out, form_of(out), keys, progress=progress, overwrite=options.overwrite) as add:
            yield lambda frame: add(frame.container, frame.unsealed)
    else:
        target = OutputTarget(out, options.overwrite)
        hiding = Hiding(secret, target, key_source, options.survive, wrote, progress)
        with recorded_to_survive(hiding) as add_cover:
            yield lambda frame: add_cover(frame.cover, frame.unsealed.record.stamp)
