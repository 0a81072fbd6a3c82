"""Imports point one way, hiding never imports the laboratory, and each heavy package has one door (pyproject.toml)."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
# As messages quote the command line: `stegnet hide …`, `--key-file K` or --port.
COMMANDS = re.compile(r"`stegnet (?!gui`)|(?<![\w-])--[a-z]{2}")


def test_contracts_of_imports() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kept, 0 broken" in done.stdout


def test_no_package_exports_a_name_that_one_of_its_modules_has() -> None:
    """Whoever imports that module first gets the module instead of the name."""
    packages = [path.parent for path in (ROOT / "stegnet").rglob("__init__.py")]
    assert len(packages) > 5
    for folder in packages:
        package = import_module(".".join(folder.relative_to(ROOT).parts))
        modules = {path.stem for path in folder.iterdir()}
        assert not modules.intersection(getattr(package, "__all__", ())), folder


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Yields texts below a node, except docstrings, help of options and methods, and the command line's own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("CommandLine", "option", "MethodInfo"):
                continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield from texts_of(node)


def test_only_the_command_line_is_told_of_commands_and_options() -> None:
    """Messages of the library name settings, which each face spells; the window and the page have no options."""
    quoted = []
    for path in sorted((ROOT / "stegnet").rglob("*.py")):
        if "cli" not in path.relative_to(ROOT).parts:
            texts = texts_of(ast.parse(path.read_text(encoding="utf-8")))
            quoted += [f"{path}: {text}" for text in texts if COMMANDS.search(text)]
    comment = re.compile(r"/\*.*?\*/|^\s*//.*?$|\s// .*?$", re.DOTALL | re.MULTILINE)
    scripts = [*(ROOT / "stegnet/gui").rglob("*.js"), *(ROOT / "demo/src").rglob("*.js")]
    for path in scripts:
        if "vendor" not in path.parts:
            lines = comment.sub("", path.read_text(encoding="utf-8")).replace("\\`", "`").splitlines()
            quoted += [f"{path}: {line}" for line in lines if re.search(r"stegnet (hide|reveal|info)\b", line)]
            quoted += [f"{path}: {line}" for line in lines if COMMANDS.search(line) and "Property(" not in line]
    assert quoted == []


def test_a_public_method_that_overrides_none_has_a_docstring() -> None:
    """An override does what the method of its base says; ruff's rule D102 can't tell it from others."""
    nodes = [node for path in (ROOT / "stegnet").rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    methods: dict[str, set[str]] = {}  # by the names of classes, their own and their bases'
    bases = {of.name: {ast.unparse(base).split("[")[0].split(".")[-1] for base in of.bases} for of in classes}
    for of in classes:
        methods.setdefault(of.name, set()).update(each.name for each in of.body if isinstance(each, ast.FunctionDef))

    def of_bases(name: str) -> set[str]:
        return set().union(*(methods.get(base, set()) | of_bases(base) for base in bases.get(name, ()) if base != name))

    plain = {"ABC", "Protocol", "Generic", "NamedTuple", "Enum", "IntEnum", "StrEnum", "Exception"}
    known = [of for of in classes if not of.name.startswith("_") and bases[of.name] <= methods.keys() | plain]
    assert len(known) > 100
    lacking = [
        f"{of.name}.{each.name}"
        for of in known
        for each in of.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_") and not ast.get_docstring(each)
        if each.name not in of_bases(of.name) and not any("setter" in ast.unparse(by) for by in each.decorator_list)
    ]
    assert lacking == []
