"""Hooks of mkdocs (mkdocs.yml): pages outside docs/, the API's reference, the notebook, and links to other files."""

import re
from pathlib import Path
from posixpath import join, normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[1]
# Pages of the site whose source is not in docs/, by the path of that source in the repository.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "demo/README.md": "browser.md",
}
LINK = re.compile(r"(?P<before>!?\[[^\]]*\]\()(?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
IMAGE = re.compile(r"(?P<before><(?:img|source)[^>]* src(?:set)?=\")(?P<path>[^\":]+)\"")
REFERENCE = """\
# Python reference

Everything that `import stegnet` gives. [Python](python.md) shows how it is used. The functions `stegnet.hide`,
`reveal`, `hide_album`, `info` and `capacity` are those of a `Session` that uses the networks in the package.

::: stegnet.api.Session

::: stegnet.api.Revealed

::: stegnet.results.output.Report

::: stegnet.hiding.method.Fit

## Keys

::: stegnet.keys.sources.Key
    options: { members: [], heading_level: 3 }

::: stegnet.keys.sources.Passphrase
    options: { members: [weakness], heading_level: 3 }

::: stegnet.keys.sources.Recipient
    options: { members: [], heading_level: 3 }

::: stegnet.keys.sources.Identity
    options: { members: [recipient], heading_level: 3 }

::: stegnet.keys.keyfiles
    options:
      show_root_heading: false
      show_root_toc_entry: false
      show_docstring_description: false
      heading_level: 3
      members: [make_key_file, read_key, make_identity_file, read_identity, read_recipient]

## Errors

::: stegnet.core.errors
    options:
      show_root_heading: false
      show_root_toc_entry: false
      heading_level: 3
      filters: ["Error$"]
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, the reference, and each file of the repository that a page links to."""
    texts = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    for source, uri in PAGES.items():
        texts[source] = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, uri, content=texts[source]))
    files.append(File.generated(config, "reference.md", content=REFERENCE))
    for uri, content in notebook().items():
        files.append(File.generated(config, uri, content=content))

    linked = {path for source, text in texts.items() for path in _targets(source, text)}
    for path in sorted(linked - texts.keys()):
        if (ROOT / path).is_file() and not path.startswith("docs/"):
            files.append(File.generated(config, _uri_of(path), abs_src_path=str(ROOT / path)))
    return files


def notebook() -> dict[str, str | bytes]:
    """Return the page of the notebook, and its pictures, by their paths in the site."""
    text, resources = MarkdownExporter().from_filename(str(ROOT / "docs" / "tour.ipynb"))
    return {"tour.md": text, **resources["outputs"]}


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page whose links lead to the site's own pages and files; a folder's name stays without its link."""
    source = {uri: path for path, uri in PAGES.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def linked(match: re.Match[str]) -> str:
        path = normpath(join(source, "..", match["path"]))
        if (ROOT / path).is_dir():
            return match["before"].strip("![](")
        return f"{match['before']}{_uri_of(path)}{match['anchor'] or ''})"

    def shown(match: re.Match[str]) -> str:
        return f'{match["before"]}{_uri_of(normpath(join(source, "..", match["path"])))}"'

    return IMAGE.sub(shown, LINK.sub(linked, markdown))


def _targets(source: str, text: str) -> set[str]:
    """Return the paths in the repository that a page links to."""
    matches = [*LINK.finditer(text), *IMAGE.finditer(text)]
    return {normpath(join(source, "..", match["path"])) for match in matches}


def _uri_of(path: str) -> str:
    """Return the path in the site for one in the repository."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"files/{path}.txt" if path.endswith(".md") else f"files/{path}"
