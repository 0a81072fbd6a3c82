"""Runs the notebook docs/tour.ipynb, and writes it with its outputs, without times and warnings.

python -m tools.tour          # a few minutes
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tour.ipynb"
LONGEST = 1800  # seconds of a cell


def main() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    execute(notebook)
    nbformat.write(notebook, NOTEBOOK)


def execute(notebook: NotebookNode) -> None:
    """Give a notebook the outputs of a run in the folder docs; an error in a cell is raised."""
    resources = {"metadata": {"path": NOTEBOOK.parent}}
    NotebookClient(notebook, timeout=LONGEST, coalesce_streams=True, resources=resources).execute()
    notebook.metadata.pop("language_info", None)  # names the version of Python
    for cell in notebook.cells:
        cell.metadata = NotebookNode()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                output.pop("metadata", None)
                if output.output_type in ("display_data", "execute_result"):
                    output.metadata = NotebookNode()


if __name__ == "__main__":
    main()
