"""Stage report: one page that shows what the other stages measured."""

from pathlib import Path

from pipeline.config import Config
from pipeline.report.report import Reports, report
from pipeline.stage import run_stage
from stegnet.media.output import atomic_write


def main(config: Config, out: Path, **measured: Path | None) -> None:
    page = report(Reports(**measured)).render()
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(out) as part:
        part.write_text(page, encoding="utf-8")
    print(f"report: open {out} in a browser")


if __name__ == "__main__":
    run_stage(main, "weights", "curve", "evaluate", "video", "out", "studies?")
