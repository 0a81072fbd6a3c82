"""`stegnet channel`: learns what an app does to pictures that are sent through it, or shows what is known."""

import argparse
import json
from pathlib import Path

from stegnet.channels import learn_channel, read_channel
from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.options import add_force_option
from stegnet.core.disk import atomic_write, local_path
from stegnet.core.errors import MediaError
from stegnet.core.names import CHANNEL_SUFFIX
from stegnet.results import OutputTarget

DESCRIPTION = """\
Learn what an app or a site does to pictures, from a photograph that was sent
through it and what arrived. What `stegnet hide --for NAME.channel` then hides
arrives whole, and is hard to find. Send any photograph from a camera to
yourself, and save what arrives; send that once more, and save it, too:

  $ stegnet channel photo.jpg received.jpg received.jpg again.jpg -o app.channel
  $ stegnet hide other.jpg note.txt --for app.channel --key-file k -o sent.jpg

The first pair shows the size that the app reduces pictures to, the second
whether what arrives can be computed to the bit. If it can't, as with mozjpeg,
use --for messenger. Covers of other proportions, also upright ones, need one
more pair of such a photograph each, until the pairs tell by which rule the app
reduces pictures. Pictures in colours and grey ones need a channel each. With
one NAME.channel instead of pairs, show what is known.
"""


def add_arguments(channel: argparse.ArgumentParser) -> None:
    """Add the pairs of files, the output and the amount of output."""
    channel.add_argument(
        "files", nargs="+", type=local_path, metavar="FILE", help="SENT RECEIVED pairs; or one NAME.channel"
    )
    output_help = f"file to write, NAME{CHANNEL_SUFFIX}; without it, what was learned is only shown"
    channel.add_argument("-o", "--output", type=local_path, metavar="OUT", help=output_help)
    add_force_option(channel)
    channel.add_argument("--json", action="store_true", help="print the file of the channel")


def execute(options: argparse.Namespace) -> int:
    """Learn a channel or read its file, and show what is known of it."""
    files: list[Path] = options.files
    output: Path | None = options.output
    if len(files) == 1:
        if output is not None:
            options.usage_error("a channel is learned from pairs of files: SENT RECEIVED")
        known = read_channel(files[0])
    else:
        if len(files) % 2:
            options.usage_error("give the files in pairs: SENT RECEIVED SENT RECEIVED …")
        if output is not None:
            if output.suffix != CHANNEL_SUFFIX:
                options.usage_error(f"argument -o: OUT must end in {CHANNEL_SUFFIX}")
            if output.exists() and any(output.samefile(path) for path in files if path.exists()):
                raise MediaError("is also an input", "write the channel elsewhere", subject=output)
            OutputTarget(output, options.force).check((), "channel")
        known = learn_channel(list(zip(files[::2], files[1::2], strict=True)))
    if options.json:
        messages.result(json.dumps(json.loads(known.text())))
    else:
        for name, line in known.described():
            messages.result(f"{name}: {line}")
        if known.missing:
            messages.note(known.missing)
    if output is not None:
        with atomic_write(output, overwrite=options.force) as part:
            part.write_text(known.text(), encoding="utf-8")
        messages.note(f"wrote {output}")
    return ExitCode.SUCCESS
