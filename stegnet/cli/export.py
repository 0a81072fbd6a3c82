"""`stegnet export`."""

import argparse
from pathlib import Path

from stegnet.cli import messages
from stegnet.cli.options import add_output_options
from stegnet.core.errors import MediaError

_DESCRIPTION = """\
Write the networks of WEIGHTS as ONNX files, which need no PyTorch: one each to
prepare, hide, reveal and restore. `hide` and `reveal` use those that lie beside
the weights file. Each is checked on rendered pictures first; one that does not
compute what the weights do is not written.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    export = commands.add_parser(
        "export",
        help="write a weights file as ONNX files",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument(
        "weights",
        type=Path,
        nargs="?",
        metavar="WEIGHTS",
        help="weights file (default: the one that comes with stegnet)",
    )
    add_output_options(export, "folder to write to (default: that of WEIGHTS)", required=False)
    export.set_defaults(run=_run, refuse=export.error)


def _run(options: argparse.Namespace) -> int:
    if options.weights is None and options.output is None:
        options.refuse("without WEIGHTS, --output is needed: stegnet's own ONNX files lie beside its weights")
    from stegnet.core.card import SHIPPED
    from stegnet.core.errors import extra
    from stegnet.engines.graphs import NETWORKS, graph_file

    weights = options.weights or SHIPPED
    folder = options.output or weights.parent
    files = {name: folder / graph_file(weights, name).name for name in NETWORKS}
    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder", "make it first")
    for file in files.values():
        if file.exists() and not options.force:
            raise MediaError(f"{file}: exists already", "`--force` overwrites it")
    with extra("export", "stegnet export"):
        from stegnet.export import export
    for found in export(weights, folder):
        messages.result(
            f"wrote {files[found.network]}: {files[found.network].stat().st_size / 1e6:.2f} MB, "
            f"{found.difference:.1e} apart at most, {100 * found.equal:.3f} % of the samples equal as 8 bits"
        )
    return 0
