from pathlib import Path

import pytest

from tools.counts import counts


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files = {
        "lib/__init__.py": '"""A library."""\n',
        "lib/small.py": "def one():\n    return 1\n",
        "lib/large.py": "X = 1\n" * 96
        + "class A:\n    def two(self, b, c, d, e, f, g):\n        x = 2\n        return x\n",
        "lib/deep/many.py": "def most(a, b, c, d, e, f, *, g): return 'visible'\n",
        "lib/methods/visible/method.py": "NAME = 'visible'\n",
        "demo/src/page.js": "show('visible');\n",
        "lib/deep/small.py": "def late():\n    import os\n",
        "tests/test_lib.py": "from stegnet.a.b import c\nfrom stegnet.a import d\nmonkeypatch.setattr(c, 'd', 1)\n",
        "study/one.py": "x = 1\n",
        "README.md": "three plain words\n",
        "dvc.yaml": "stages:\n  a:\n    deps: [lib, lib/small.py]  # lib\n    outs: [data]\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_counts_by_hand(repository: Path) -> None:
    assert counts(repository, ["lib"]) == {
        "modules without `__init__`": "5",
        "names of modules used again": "1",
        "lines a function, med/p90/max": "2/3/3",
        "imports inside functions": "1",
        "files that name a method, outside its folder": "1 + 1 of the page",
        "functions of seven arguments and more": "1",
        "library, lines": "107",
        "tests, lines": "3",
        "tests: deep imports; patches": "1; 1",
        "study; tools, lines": "1; 0",
        "README, words": "3",
        "DVC files, lines": "4, 25% of them paths of code",
    }
