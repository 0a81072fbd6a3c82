"""Stage code: hashes of the files that define the network and a loss of one's own, in this repository or outside.

DVC can't find files by a module's name, so `code` in params.yaml is the path of one's own, which this stage depends on.
Stages check and train depend on its output instead: a change of another network repeats neither.
"""

from pathlib import Path

from pipeline.config import Config
from pipeline.fingerprint import code_hashes, own_code
from pipeline.stage import run_stage, write_json
from stegnet.core.errors import ConfigError


def main(config: Config, out: Path) -> None:
    """Write the hashes of the files that define network and loss to `out`, as JSON.

    Raises ConfigError if DVC would not notice a change of them, since `code` is another path.
    """
    root = Path.cwd()
    watched = Path(config.code).resolve()
    for key, path in own_code(config).items():
        if not path.is_relative_to(watched):
            named = path.relative_to(root) if path.is_relative_to(root) else path
            reason = f"{key}: its code is in {named}, which DVC does not watch for changes"
            raise ConfigError(reason, f"-S code={named}, or a folder that holds all code of yours")
    for folder in (watched, *watched.parents) if watched.is_dir() and watched.is_relative_to(root) else ():
        if folder != root and (folder / ".dvc").is_dir():
            project = folder.relative_to(root)
            raise ConfigError(
                f"code: {config.code}: DVC watches no folder in {project}, a project of its own", "name a file"
            )
    write_json(out, code_hashes(config))


if __name__ == "__main__":
    run_stage(main, "out")
