"""A webcam session: camera, secret, page and recording together."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from stegnet.codec.files import NetworkLoader
from stegnet.codec.keys import SYSTEM, ContainerKeys, KeySource
from stegnet.codec.output import Progress, form_of
from stegnet.codec.record import MAX_FRAMES
from stegnet.codec.recording import Add, recorded
from stegnet.webcam.capture import capture, open_camera, open_secret
from stegnet.webcam.live import LivePipeline
from stegnet.webcam.server import PageServer, Statistics, StatisticsCounter


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
    """

    source: str
    size: tuple[int, int] | None = None
    loop: bool = True
    frames: int | None = None
    record: Path | None = None
    overwrite: bool = False


def run(
    options: SessionOptions,
    secret: Path,
    network: NetworkLoader,
    key_source: KeySource,
    server: PageServer,
    ready: Callable[[], None],
    progress: Progress,
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
    with (
        _recording(options, keys, progress) as add,  # first, so that it is completed after everything else has ended
        capture(camera_source) as camera,
        capture(secret_source) as hidden,
        server.running(),
    ):
        pipeline = LivePipeline(loaded, keys, camera, hidden, options.size)
        ready()
        counter = StatisticsCounter(options.record is not None)
        with closing(pipeline.frames(server.stop, options.frames or MAX_FRAMES)) as frames:
            for frame in frames:
                add(frame.container, frame.unsealed)
                view = counter.view(frame, camera.latest.count)
                server.latest.put(view)
                statistics = view.statistics
    return statistics


def _recording(options: SessionOptions, keys: ContainerKeys, progress: Progress) -> AbstractContextManager[Add]:
    out = options.record
    if out is None:
        return nullcontext(lambda container, unsealed: None)
    return recorded(out, form_of(out), keys, progress=progress, overwrite=options.overwrite)
