"""The channel that a picture is hidden for: what is known of it, and what tells what arrives.

It is read from a file, learned from a pair of files, or learned from a command that does what the channel does.
"""

from dataclasses import dataclass
from pathlib import Path

from stegnet.channels.known_channel import KnownChannel, read_channel
from stegnet.channels.learning import learn_channel
from stegnet.channels.simulation import Command, Simulation
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import ConfigError, MediaError, called
from stegnet.core.pixels import encode_jpeg
from stegnet.core.text import CommandLine, Setting, Text
from stegnet.image.pictures import as_stored
from stegnet.media.cover import Cover


@dataclass(frozen=True)
class Transit:
    """A channel that is known well enough to hide for it.

    Attributes:
        known: what is known of the channel.
        command: the command that does what the channel does, by which containers are verified; None: there is none.
    """

    known: KnownChannel
    command: Command | None = None

    @property
    def simulator(self) -> Simulation:
        """The simulation that tells what arrives."""
        return Simulation(self.known.form, self.known.dct)


def transit_of_file(path: Path) -> Transit:
    """Return the transit through the channel of a file.

    Raises:
        MediaError: as `read_channel`; or too little is known to hide for the channel.
    """
    return _ready(read_channel(path), path)


def _transit_of_command(text: str, cover: Cover) -> Transit:
    """Return the transit through a command, which is learned from the cover; errors are those of `transit_of`."""
    usual_quality = 95
    command = Command(text)
    with temporary_folder() as folder:
        sent, received, again = (folder / name for name in ("sent.jpg", "received.jpg", "again.jpg"))
        if cover.stays_jpeg:
            sent.write_bytes(cover.read_bytes())
        else:
            pixels, profile = as_stored(*cover.picture)
            sent.write_bytes(encode_jpeg(pixels, usual_quality, icc=profile))
        command.run(sent, received)
        command.run(received, again)
        with called("channel", received), called("channel", again):
            known = learn_channel([(sent, received), (received, again)])
    return _ready(known, "channel", command)


def transit_of(file: tuple[Path] | None, command: str | None, cover: Cover) -> Transit:
    """Return the transit through the channel of a file, or through a command; one of them is given.

    Raises:
        ConfigError: both are given, or the command can't be run.
        MediaError: as `transit_of_file` or `learn_channel`; or the command fails, or makes no JPEG of the picture.
    """
    if file is not None and command is not None:
        raise ConfigError("give either a command or a channel's file", parameter="channel")
    if file is not None:
        return transit_of_file(*map(Path, file))
    assert command is not None
    return _transit_of_command(command, cover)


def _ready(known: KnownChannel, subject: object, command: Command | None = None) -> Transit:
    """Return the transit through a channel. Raises MediaError if too little is known of it."""
    if not known.exact and command is not None:
        problem = "makes pictures smaller, also those that it made before: it must keep the size"
        raise MediaError(problem, Text("use ", Setting("survive", "CHANNEL"), ", such as jpeg:75+resize:0.5"), subject)
    if not known.exact:
        problem = "does not tell whether what arrives can be computed"
        again = "send what arrived once more, and learn the channel from that pair, too"
        hint = Text(again, CommandLine("stegnet channel", ""))
        raise MediaError(problem, hint, subject)
    return Transit(known, command)
