"""A webcam session: camera, secret, page and recording together."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stegnet.keys import SYSTEM, KeySource
from stegnet.methods import Run
from stegnet.methods.network import chosen_network
from stegnet.record import MAX_FRAMES
from stegnet.webcam.capture import capture, open_camera, open_secret
from stegnet.webcam.live import LiveFrame, LivePipeline
from stegnet.webcam.recording import Recording, recorded
from stegnet.webcam.server import PageServer, Statistics, StatisticsCounter


@dataclass(frozen=True)
class SessionOptions:
    """Options of a session.

    Attributes:
        source: camera or film; see `open_camera`.
        secret: picture or film that is shown as hidden.
        size: width and height of covers; None for the camera's own.
        loop: a film used as camera starts again at its end.
        frames: number of frames after which to end; None for no limit.
        recording: what is recorded; None: nothing.
    """

    source: str
    secret: Path
    size: tuple[int, int] | None = None
    loop: bool = True
    frames: int | None = None
    recording: Recording | None = None


def run_session(
    options: SessionOptions, key_source: KeySource, server: PageServer, ready: Callable[[], None], run: Run
) -> Statistics:
    """Shows and records frames until `server.stop` is set, the frames are complete, or the source ends.

    Args:
        ready: called as soon as the page is served.
    Returns:
        Statistics of the last frame; empty if there was none.
    Raises:
        StegnetError: any but DataError, TrainingError and TrackingError.
    """
    camera_source, secret_source = open_camera(options.source, options.loop), open_secret(options.secret)
    network, keys = chosen_network(run), key_source.new_keys(SYSTEM)
    statistics: Statistics = {}
    with (
        _recording(options.recording) as add,  # first, so that it is completed after everything else has ended
        capture(camera_source) as camera,
        capture(secret_source) as hidden,
        server.running(),
    ):
        pipeline = LivePipeline(network, keys, camera, hidden, options.size)
        if options.recording:
            options.recording.check(*pipeline.size)
        ready()
        counter = StatisticsCounter(options.recording is not None)
        with closing(pipeline.frames(server.stop, options.frames or MAX_FRAMES)) as frames:
            for frame in frames:
                add(frame)
                view = counter.view(frame, camera.latest.count)
                server.latest.put(view)
                statistics = view.statistics
    return statistics


@contextmanager
def _recording(recording: Recording | None) -> Iterator[Callable[[LiveFrame], None]]:
    """Yields the function that records a frame."""
    if recording is None:
        yield lambda frame: None
        return
    with recorded(recording) as add:
        yield lambda frame: add(frame.cover, frame.stamp)
