"""Faces of packages that import nothing before it is used."""

from importlib import import_module

TYPE_CHECKING = False  # so named for type checkers: `typing` is not imported, since Ctrl-C is not handled yet
if TYPE_CHECKING:
    from collections.abc import Callable


def lazy(package: str, **homes: str) -> "tuple[Callable[[str], object], list[str]]":
    """The `__getattr__` and `__all__` of a package.

    Args:
        package: its `__name__`.
        homes: for each module below it, with "__" in place of dots, the names that are exported from there.
    """
    home = {name: module.replace("__", ".") for module, names in homes.items() for name in names.split()}

    def get(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return get, sorted(home)
