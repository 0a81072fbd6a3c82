"""`stegnet export`: exports a weights file to ONNX."""

import argparse

from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.options import add_output_options
from stegnet.core.disk import already_exists, local_path
from stegnet.core.errors import MediaError, extra
from stegnet.networks.card import NETWORKS, SHIPPED
from stegnet.networks.engines import graph_file

DESCRIPTION = """\
Export the networks of WEIGHTS as ONNX files, one each to prepare, hide, reveal
and restore. `hide` and `reveal` use the ONNX files next to the weights file,
without needing PyTorch. Each file is first checked against PyTorch on rendered
pictures, and not written if the results differ.
"""


def add_arguments(export: argparse.ArgumentParser) -> None:
    """Add the weights file and the output folder."""
    export.add_argument(
        "weights", type=local_path, nargs="?", metavar="WEIGHTS", help="weights file (default: the one in the package)"
    )
    add_output_options(export, "output folder (default: that of WEIGHTS)", required=False)


def execute(options: argparse.Namespace) -> int:
    """Write the ONNX files, and print their agreement with PyTorch; existing ones need `--force`."""
    if options.weights is None and options.output is None:
        options.usage_error("without WEIGHTS, --output is required: stegnet's own ONNX files must stay unchanged")
    weights = options.weights or SHIPPED
    folder = options.output or weights.parent
    files = {name: folder / graph_file(weights, name).name for name in NETWORKS}
    if not folder.is_dir():
        raise MediaError("no such folder", "create it first", subject=folder)
    for file in files.values():
        if file.exists() and not options.force:
            raise already_exists(file)
    with extra("export", "stegnet export"):
        from stegnet.networks.onnx_export import export
    for check in export(weights, folder):
        messages.result(
            f"wrote {files[check.network]}: {files[check.network].stat().st_size / 1e6:.2f} MB, "
            f"maximum difference {check.difference:.1e}, {100 * check.equal:.3f} % of the 8-bit samples are equal"
        )
    return ExitCode.SUCCESS
