"""The page as one HTML file, which a browser opens from a disk: no program, no server, no request to anywhere.

It is assembled from the package's own modules in JavaScript: each becomes a function of one script, which runs in the
page and in its worker. Besides, it holds the styles, some examples, and the networks that hide and read what messengers
save again, in 8 bits. A Content-Security-Policy forbids all else.
"""

import json
import posixpath
import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

import numpy as np
from safetensors.numpy import load as load_tensors

from stegnet import __version__

_FOLDER = files("stegnet.gui")
_WEIGHTS = files("stegnet") / "weights"
_PAGE = "browser/page/main.js"
_WORKER = "browser/worker.js"
_EXAMPLES = ("dawn.jpg", "night.avif")  # of the page's: a cover that stays a JPEG, and a small secret
_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; worker-src blob:; img-src blob: data:; "
    "media-src blob:; base-uri 'none'; form-action 'none'"
)
# Statements of modules, each on lines of its own.
_IMPORT = re.compile(r"""^import (?:(\w+)|\* as (\w+)|\{([^}]*)\}) from ["']([^"']+)["'];$""", re.MULTILINE)
_LATER = re.compile(r"""\bawait import\(["']([^"']+)["']\)""")
_LIST = re.compile(r"^export \{([^}]*)\};$", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (\w+);$", re.MULTILINE)
_NAMES = re.compile(r"^export ((?:const|(?:async )?function\*?|class) ?(\w+|\{[^}]*\}|\[[^\]]*\]))", re.MULTILINE)


def one_page() -> str:
    """Return the page: HTML that needs no other file."""
    script = _script()
    style = "".join(
        _text(f"page/style/{name}") for name in re.findall(r'@import "\./(.+)";', _text("page/style/main.css"))
    )
    icon = f"data:image/svg+xml;base64,{b64encode(_bytes('page/icon.svg')).decode()}"
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    embedded = {
        "examples": {name: b64encode(_bytes(f"page/examples/{name}")).decode() for name in _EXAMPLES},
        "modem": _modem(),
    }

    page = _text("page/index.html")
    page = re.sub(r"<!-- in program -->.*?<!-- end -->|<!-- hosted:.*?-->", "", page, flags=re.DOTALL)
    page = re.sub(r"<!-- one file:(.*?)-->", r"\1", page, flags=re.DOTALL)
    page = page.replace('href="icon.svg"', f'href="{icon}"').replace('src="icon.svg"', f'src="{icon}"')
    policy_tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    page = page.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />\n    {policy_tag}')
    page = page.replace('<link rel="stylesheet" href="style/main.css" />', f"<style>{style}</style>")
    page = page.replace("VERSION", __version__)
    data = json.dumps(embedded)
    scripts = f'<script type="application/json" id="embedded">{data}</script>\n<script id="script">{script}</script>\n'
    return page.replace("  </body>", f"{scripts}  </body>")


def _script() -> str:
    """Return one script of all modules that the page and its worker need, without one that needs itself."""
    modules: dict[str, str] = {}
    for entry in (_PAGE, _WORKER):
        _add(entry, modules, ())
    notice = f"/*\nThe QR codes are drawn and read by qr (https://github.com/paulmillr/qr):\n\n{_text('page/vendor/LICENSE')}*/"
    start = f'use(globalThis.document ? "{_PAGE}" : "{_WORKER}");'
    script = "\n".join(
        [
            '\n"use strict";',
            notice,
            "const define = {};",
            "const made = {};",
            "const use = (name) => (made[name] ??= define[name]());",
            *modules.values(),
            start,
            "",
        ]
    )
    assert not re.search(r"</script|<!--", script, re.IGNORECASE)  # which would end it
    return script


def _add(path: str, modules: dict[str, str], users: tuple[str, ...]) -> None:
    """Add a module, as a function that returns what it exports, after those that it imports."""
    if path in modules:
        return
    assert path not in users, f"{path} imports itself"
    source = _text(path)
    exported: dict[str, str] = {}

    def needed(name: str) -> str:
        other = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        _add(other, modules, (*users, path))
        return f'use("{other}")'

    def imported(found: re.Match[str]) -> str:
        default, whole, some, name = found.groups()
        names = whole or f"{{ default: {default} }}" if default or whole else f"{{{some.replace(' as ', ': ')}}}"
        return f"const {names} = {needed(name)};"

    def named(found: re.Match[str]) -> str:
        declared = re.sub(r"\w+:", "", found[2])
        exported.update((name, name) for name in re.findall(r"\w+", declared))
        return found[1]

    def listed(found: re.Match[str]) -> str:
        for name in filter(None, map(str.strip, found[1].split(","))):
            inside, _, outside = name.partition(" as ")
            exported[outside or inside] = inside
        return ""

    def default(found: re.Match[str]) -> str:
        exported["default"] = found[1]
        return ""

    source = _IMPORT.sub(imported, source)
    source = _LATER.sub(lambda found: needed(found[1]), source)
    source = _DEFAULT.sub(default, _LIST.sub(listed, _NAMES.sub(named, source)))
    source = source.replace("import.meta.url", "document.baseURI")
    assert not re.search(r"^(?:import|export)\b", source, re.MULTILINE), f"{path} has a statement of another form"
    returned = ", ".join(name if name == inside else f"{name}: {inside}" for name, inside in exported.items())
    modules[path] = f'\ndefine["{path}"] = () => {{\n{source}\nreturn {{ {returned} }};\n}};'


def _modem() -> dict[str, object]:
    """Return the options of the modem, and its weights in the order in which modem_network.js reads them.

    Matrices are in 8 bits, each row with a scale of half precision, like all else; those of a convolution of 3×3 are
    nine, row by row. Bits that arrived carry as much as with the exact weights, within .002.
    """
    options = json.loads((_WEIGHTS / "modem.json").read_text(encoding="utf-8"))["options"]
    weights = load_tensors((_WEIGHTS / "modem.safetensors").read_bytes())
    body = [f"body.{index}.{layer}" for index in range(options["blocks"]) for layer in ("wide", "point")]
    numbers = b""
    for network in ("modulator", "demodulator"):
        for layer in ("first", *body, "last"):
            matrices = np.moveaxis(weights[f"{network}.{layer}.weight"], (0, 1), (-2, -1))  # (3, 3 or 1, 1, out, in)
            numbers += b"".join(map(_in_8_bits, matrices.reshape(-1, *matrices.shape[-2:])))
            numbers += weights[f"{network}.{layer}.bias"].astype("<f2").tobytes()
    numbers += weights["likelihoods"].astype("<f2").tobytes()
    used = {name: options[name] for name in ("rungs", "width", "blocks")}
    return {"options": used, "weights": b64encode(numbers).decode()}


def _in_8_bits(matrix: np.ndarray) -> bytes:
    """Return the scales of a matrix's rows, (out,) float16, and its numbers in units of them, (out, in) int8."""
    largest = 127
    scales: np.ndarray = (np.abs(matrix).max(1) / largest).astype("<f2")
    units = np.maximum(scales.astype(np.float32), np.finfo(np.float16).smallest_subnormal)[:, None]
    numbers: np.ndarray = np.clip(np.round(matrix / units), -largest, largest).astype(np.int8)
    return scales.tobytes() + numbers.tobytes()


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def _bytes(path: str) -> bytes:
    return _FOLDER.joinpath(*path.split("/")).read_bytes()


def _text(path: str) -> str:
    return _bytes(path).decode()
