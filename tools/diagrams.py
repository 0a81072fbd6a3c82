"""Draws the diagrams of the documentation as docs/diagrams/*.svg: python -m tools.diagrams."""

import re
import tomllib
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape

import yaml

FOLDER = Path("docs/diagrams")
MARGIN, LINE = 16, 17  # pixels
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .name { font-size: 14px; font-weight: 600 }
.note { fill: #59636e } .ground { fill: #ffffff } .line { fill: none; stroke: #59636e } .tip { fill: #59636e }
.box { fill: #f6f8fa; stroke: #818b98 } .key { fill: #ddf4ff; stroke: #0969da }
.salt { fill: #fff1c2; stroke: #9a6700 }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .note { fill: #a5afba } .ground { fill: #0d1117 }
.line { stroke: #9198a1 } .tip { fill: #9198a1 } .box { fill: #151b23; stroke: #656c76 }
.key { fill: #0c2d4d; stroke: #4493f8 } .salt { fill: #3d2e00; stroke: #d29922 } }"""
TIP = """<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>"""
NOTES = {
    "pipeline": "trains and measures, a module for each stage",
    "cli": "command line; loader of MLflow's models",
    "tasks": "folders in processes or on Ray; the window",
    "api": "Python functions; HTTP for the window",
    "files": "from file to file: folders, albums, information",
    "methods": "sealed, jpeg, h264, sound, network, robust",
    "networks": "families, engines, a pair at work",
    "results": "written files, reports",
    "record": "a frame's header, base, sound, share of a file",
    "sealing": "bits in samples: order, costs, trellis",
    "channels": "what happens to containers on their way",
    "media": "pictures and films alike: covers, compression",
    "video": "films, sound, H.264; pictures near-losslessly",
    "image": "pictures, JPEG coefficients, AVIF",
    "formats": "files of any kind; keys, passphrases, recipients",
    "kernels": "the slowest loops, in C and NumPy",
    "core": "errors, parameters, the keyed shuffle",
}
WAYS = (  # destination, cover or channel, method, option
    ("as a file: every bit arrives", "a JPEG that stays one", "jpeg", "-o out.jpg"),
    ("as a file: every bit arrives", "an MP4 that stays one; small files", "h264", "-o out.mp4"),
    ("as a file: every bit arrives", "a WAV or FLAC that stays one", "sound", "-o out.flac"),
    ("as a file: every bit arrives", "any other; large secrets are compressed", "sealed", "-o out.png, out.mkv"),
    ("as a file: every bit arrives", "a picture or film as large as its cover", "network", "--method network"),
    ("by an app that is known", "reduced, saved as JPEG; hard to find", "jpeg", "--for NAME.channel"),
    ("by any messenger", "reduced and encoded again", "robust", "--for messenger"),
    ("to a website", "encoded again at its size", "robust", "--for website"),
    ("reduced or cropped", "reduced, down to half its sides", "robust", "--for resize"),
    ("reduced or cropped", "cropped, down to half its sides", "robust", "--for crop"),
)


class Drawing:
    """Boxes, texts and arrows in pixels; `alt` tells in words what they show."""

    def __init__(self, name: str, alt: str, width: int, height: int) -> None:
        self.name = name
        self.alt = alt
        self.size = (width, height)
        self.parts: list[str] = []

    def text(self, x: float, y: float, words: str, kind: str = "note", anchor: str = "start") -> None:
        self.parts.append(f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, *lines: str, kind: str = "box") -> None:
        """A box with centred lines, of which the first is its name."""
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" class="{kind}"/>')
        top = y + (height - LINE * len(lines)) / 2 + 13
        for number, line in enumerate(lines):
            self.text(x + width / 2, top + LINE * number, line, "note" if number else "name", "middle")

    def arrow(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """A curve that leaves and arrives horizontally, or straight down."""
        bend = (x + to_x) / 2
        path = f"M{x:g} {y:g}C{bend:g} {y:g} {bend:g} {to_y:g} {to_x:g} {to_y:g}"
        self.parts.append(f'<path d="{path}" class="line" marker-end="url(#tip)"/>')

    def svg(self) -> str:
        width, height = self.size
        sides = f'width="{width}" height="{height}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {sides}>',
            f"<title>{escape(self.name)}</title>\n<desc>{escape(self.alt)}</desc>\n<style>{STYLE}</style>\n{TIP}",
            f'<rect {sides} rx="8" class="ground"/>',
        )
        return "\n".join((*head, *self.parts, "</svg>\n"))


def pipeline() -> Drawing:
    """The stages of dvc.yaml, right of those that they read from; an arrow that two others replace is left out."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    outs = {name: _outputs(stage) for name, stage in stages.items()}
    above: dict[str, set[str]] = {}  # the stages that a stage reads from, directly or through others
    near: dict[str, list[str]] = {}  # those that it reads from through no other
    depth: dict[str, int] = {}
    for name, stage in stages.items():  # in an order in which each reads from those before it
        reads = [each for each in above if _overlap(stage["deps"], outs[each])]
        far = {each for read in reads for each in above[read]}
        above[name], near[name] = far.union(reads), [each for each in reads if each not in far]
        depth[name] = 1 + max((depth[each] for each in reads), default=-1)
    wide, high, step, row, beside = 132, 62, 160, 74, Counter(depth.values())
    alt = "; ".join(f"{name} after {', '.join(read)}" for name, read in near.items() if read)
    size = 2 * MARGIN + step * len(beside) - 28, 2 * MARGIN + row * max(beside.values()) - 12
    drawing = Drawing("The pipeline's stages and their outputs", alt, *size)
    middle: dict[str, float] = {}
    for name in stages:
        number = [each for each in stages if depth[each] == depth[name]].index(name)
        x, y = MARGIN + step * depth[name], size[1] / 2 + row * (number - (beside[depth[name]] - 1) / 2)
        if len(near[name]) > 1:
            y = sum(middle[each] for each in near[name]) / len(near[name])
        middle[name] = y
        drawing.box(x, y - high / 2, wide, high, name, *outs[name][:2])
        for each in near[name]:
            drawing.arrow(MARGIN + step * depth[each] + wide, middle[each], x, y)
    return drawing


def _outputs(stage: dict) -> list[str]:
    """Outputs and metrics; files in a folder of the stage as that folder."""
    named = stage.get("outs", []) + stage.get("metrics", [])
    paths = [out if isinstance(out, str) else next(iter(out)) for out in named]
    return list(dict.fromkeys(f"{Path(path).parent}/" if path.count("/") > 1 else path for path in paths))


def _overlap(deps: list[str], outs: list[str]) -> bool:
    """Is one of them in the other?"""
    folders = [f"{out.rstrip('/')}/" for out in outs]
    return any(f"{dep}/".startswith(out) or out.startswith(f"{dep}/") for dep in deps for out in folders)


def layers() -> Drawing:
    """The first contract of import-linter: each row may import those below it."""
    contracts = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    rows = [re.findall(r"(?:stegnet\.)?(\w+)", row) for row in contracts[0]["layers"]]
    left, wide, high, step = 48, 400, 26, 34
    bottom = MARGIN + step * (len(rows) - 1) + high
    alt = f"From the top: {'; '.join(map(', '.join, rows))}. Each imports only what is below it."
    drawing = Drawing("The layers of the code", alt, 760, bottom + MARGIN)
    drawing.parts.append(f'<path d="M30 {MARGIN}V{bottom}" class="line" marker-end="url(#tip)"/>')
    for number, row in enumerate(rows):
        y, part = MARGIN + step * number, (wide + 8) / len(row)
        for place, name in enumerate(row):
            drawing.box(left + part * place, y, part - 8, high, name, kind="box" if name == "pipeline" else "key")
        drawing.text(left + wide + 16, y + 18, NOTES.get(row[0], ""))
    return drawing


def methods() -> Drawing:
    """The method for each destination, by the options of `stegnet hide`."""
    step, high, top = 48, 40, 54
    drawing = Drawing("Which method when", "; ".join(map(", ".join, WAYS)), 880, top + step * len(WAYS) + 8)
    headings = {136: "Where will it be sent?", 456: "Which cover? What happens to it?", 753: "Method and option"}
    for x, heading in headings.items():
        drawing.text(x, 32, heading, "name", "middle")
    for number, (place, case, name, option) in enumerate(WAYS):
        same = [other for other, way in enumerate(WAYS) if way[0] == place]
        y, middle = (top + high / 2 + step * row for row in (number, sum(same) / len(same)))
        if number == same[0]:
            drawing.box(MARGIN, middle - high / 2, 240, high, place)
        drawing.arrow(MARGIN + 240, middle, 306, y)
        drawing.box(306, y - high / 2, 300, high)
        drawing.text(456, y + 4, case, "", "middle")
        drawing.arrow(606, y, 642, y)
        drawing.box(642, y - high / 2, 222, high, name, option, kind="key")
    return drawing


def container() -> Drawing:
    """The way from a cover to a sealed container."""
    alt = (
        "One in 31 samples of a cover makes the salt, the others are data samples. Salt and frame key give the keys of "
        "the frame. In the order of the positions key, the data samples are the zones of lead, MAC, record and "
        "ephemeral key."
    )
    drawing = Drawing("From a cover to a container", alt, 860, 398)
    drawing.box(MARGIN, 20, 120, 76, "cover", "W×H pixels", "or a film's frame")
    drawing.arrow(136, 58, 172, 58)
    drawing.text(
        176, 34, "S = 3WH samples of 8 bits: of each 31, number 15 is a salt sample, the others are data samples"
    )
    for number in range(31):
        drawing.box(176 + 16 * number, 44, 14, 28, kind="salt" if number == 15 else "box")
    drawing.arrow(423, 72, 423, 108)
    drawing.box(324, 108, 198, 44, "salt", "SHA-256 of all salt samples", kind="salt")
    drawing.box(MARGIN, 178, 240, 44, "frame key", "from key file, passphrase, recipient", kind="key")
    drawing.arrow(256, 200, 324, 200)
    drawing.arrow(423, 152, 423, 178)
    drawing.box(324, 178, 198, 44, "HKDF-SHA256")
    drawing.arrow(522, 200, 600, 200)
    drawing.box(600, 178, 244, 44, "keys of this frame", "positions, lead, record, MAC", kind="key")
    drawing.text(
        MARGIN, 252, "Data samples in the order that the positions key gives, by runs of 32 (g: 1 to 64, by size):"
    )
    zones = (("lead", "400g", 110), ("MAC", "128g", 90), ("record", "the rest", 468), ("ephemeral key", "1,024g", 160))
    _row(drawing, 262, zones)
    drawing.text(
        MARGIN, 332, "The record, encrypted, then embedded by a trellis code with the cheapest steps of one level:"
    )
    picture, file = (
        ("base, sound", "of a picture or film", 250),
        ("or: bytes of a file", "all, or this frame's share", 294),
    )
    _row(drawing, 342, (("header", "kind, sizes, index", 180), picture, file, ("tag", "AES-GCM", 104)))
    return drawing


def _row(drawing: Drawing, y: float, fields: tuple[tuple[str, str, int], ...]) -> None:
    """Fields side by side: name, size, width."""
    x = MARGIN
    for name, size, wide in fields:
        drawing.box(x, y, wide - 4, 44, name, size)
        x += wide


def drawings() -> dict[str, str]:
    """The SVG of each diagram by its file's name."""
    return {f"{draw.__name__}.svg": draw().svg() for draw in (pipeline, layers, methods, container)}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, svg in drawings().items():
        (FOLDER / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
