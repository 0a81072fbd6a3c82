"""The build backend, setuptools': with the system's C compiler or, where none works, the one in the package ziglang."""

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  # hooks that compile nothing

Settings = dict[str, str | list[str] | None] | None
# For all processors of a kind, as other compilers do; an environment may move to another machine.
ZIG = f"{shlex.quote(sys.executable)} -m ziglang cc -mcpu=baseline"


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Return the packages that `build_wheel` needs."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler_packages()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """Return the packages that `build_editable` needs."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler_packages()]


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Build a wheel, and return its name."""
    return _compiled(build_meta.build_wheel, wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Compile in place, build a wheel that leads here, and return its name."""
    return _compiled(build_meta.build_editable, wheel_directory, config_settings, metadata_directory)


def _compiler_packages() -> list[str]:
    return [] if _is_given() or _system_compiler() else ["ziglang"]


def _is_given() -> bool:
    """Return whether the user names a compiler; on Windows, setuptools finds Microsoft's."""
    return bool(os.environ.get("CC")) or os.name == "nt"


def _system_compiler() -> str | None:
    """Return the command of the first C compiler that works."""
    return next(filter(_works, (sysconfig.get_config_var("CC") or "cc", "cc", "gcc", "clang")), None)


def _works(command: str) -> bool:
    """Return whether a C compiler makes a library of a program that needs the system's headers."""
    with TemporaryDirectory() as folder:
        source = Path(folder, "tried.c")
        source.write_text("#include <stdlib.h>\nvoid *tried(void) { return malloc(1); }\n", encoding="ascii")
        call = [*shlex.split(command), "-shared", "-fPIC", "-o", f"{folder}/tried.so", str(source)]
        try:
            return subprocess.run(call, capture_output=True, check=False).returncode == 0
        except OSError:  # there is no such program
            return False


def _compiled(build: Callable[..., str], *arguments: object) -> str:
    """Build with a compiler that works. If there is none, SystemExit has a line for the user."""
    with TemporaryDirectory() as cache:
        os.environ |= {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
        if not _is_given():
            compiler = _system_compiler() or (ZIG if _works(ZIG) else None)
            if compiler is None:
                sys.exit("error: no C compiler works: install one (Debian: apt install gcc libc6-dev), or ziglang")
            os.environ["CC"] = compiler
            if compiler == ZIG and sys.platform == "linux":
                os.environ["LDSHARED"] = f"{ZIG} -shared"  # without options of the compiler that built Python
        try:
            return build(*arguments)
        except SystemExit:  # the compiler's own lines stand above
            if os.name != "nt" and not Path(sysconfig.get_path("include"), "Python.h").is_file():
                sys.exit("error: Python's C headers are missing: install them (Debian: apt install python3-dev)")
            raise
