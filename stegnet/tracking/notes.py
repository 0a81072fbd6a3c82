"""What MLflow's pages say, so that a stranger knows what they are looking at."""

from collections.abc import Mapping

from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_GIT_DIRTY

from stegnet.tracking.names import COMMAND, REPEAT, RESTORED

TRAININGS_NOTE = """\
**One row is one training** of a pair of networks that hide a picture in a picture, named after the parameters that \
differ from its commit. Unfold a row (+) to see what was measured of its weights: `evaluate` on test pictures, `video` \
on a film, and longer studies where they were made. Every figure is measured from files: the container rounded to \
8 bits, written, read back.

**Compare trainings:** under Columns, choose the parameter `beta` and the figures `container_psnr` and `secret_psnr`; \
in the chart view, add a scatter chart of either over `beta`. PSNR is in dB, higher is better; `beta` weighs the \
secret's error. Figures with no stage before their name are means on test pictures; `film_…` are of the film; \
`train/…` is the curve of the training, on crops of training pictures; `evaluate/…` has each kind of pictures.

**Look:** the charts show each training's test pictures, and how they came to be. Artifacts of `video` hold \
`preview.mp4`, which plays here. A model's page has weights, ONNX files, card, signature and an example.

**Repeat:** each run says its command, under Description.
"""
DATA_NOTE = """\
**One row is one set of prepared pictures**: how many from where, and `manifest.csv` with the hash of each. The
trainings name the sets that they used, with their digests, under Datasets.
"""

_STAGES = {
    "prepare": "Pictures from `data.source`, cut to one size, for training and testing.",
    "train": "A training of a hide/reveal pair. Runs below it measured its weights; their headline stands here too.",
    "evaluate": "Quality on test pictures, hidden by key, written to PNG files and read back. "
    "Artifacts: every pair in `pairs.csv`, sheets of them in `pictures`.",
    "video": "A film hidden in a film and brought back. Artifacts: `preview.mp4` (plays here), the lossless "
    "`container.mkv` and `revealed.mkv`, every frame in `frames.csv`.",
}
_STUDY = "A study of the weights of the training above. Artifacts: its tables, charts and pictures."
_RESTORED = (
    "Logged from the files that it left, not while it ran: DVC restored them, or MLflow could not be reached. "
    "So its curve has steps, but no times."
)
_DIRTY = "**Not repeatable from the commit alone:** the code had changes that are not committed."


def describe(stage: str, tags: Mapping[str, str]) -> str:
    """A run's description, Markdown, from its tags."""
    parts = [_STAGES.get(stage, _STUDY)]
    if RESTORED in tags:
        parts.append(_RESTORED)
    parts.append(f"Repeat all of it:\n```\n{tags[REPEAT]}\n```")
    if RESTORED not in tags:
        parts.append(f"The command of this stage:\n```\n{tags[COMMAND]}\n```")
    if tags.get(MLFLOW_GIT_DIRTY) == "true":
        parts.append(_DIRTY)
    if MLFLOW_GIT_COMMIT not in tags:
        parts.append("No commit is known: it did not run in a git repository.")
    return "\n\n".join(parts)
