"""Following a program's imports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from launcher.ship.imports import foreign_imports, local_imports, module_file


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def names(folder: Path, program: str = "ring.py") -> set[str]:
    found = local_imports(folder / program, folder)
    return {file.relative_to(folder).as_posix() for file in found}


def test_direct_and_indirect(tmp_path: Path) -> None:
    """Modules are found through others, each with the place of its first import."""
    write(
        tmp_path,
        {"ring.py": "import os\n\nimport one", "one.py": "from two import x", "two.py": "x = 1"},
    )
    assert local_imports(tmp_path / "ring.py", tmp_path) == {
        tmp_path / "one.py": "imported by ring.py:3",
        tmp_path / "two.py": "imported by one.py:1",
    }


def test_nothing_but_local(tmp_path: Path) -> None:
    """The standard library and installed packages are not listed, nor are files not imported."""
    write(tmp_path, {"ring.py": "import json, numpy, missing.too", "other.py": ""})
    assert names(tmp_path) == set()


def test_a_copy_of_distrcomp_stays(tmp_path: Path) -> None:
    """A node has its peer's own distrcomp, so one beside the program is not shipped."""
    write(
        tmp_path,
        {
            "ring.py": "import distrcomp as dc\nfrom distrcomp import testing",
            "distrcomp/__init__.py": "from . import ops",
            "distrcomp/ops.py": "",
            "distrcomp/testing.py": "",
        },
    )
    assert names(tmp_path) == set()


def test_shadowing(tmp_path: Path) -> None:
    """A local file that shadows the standard library is listed, unless Python never looks."""
    write(tmp_path, {"ring.py": "import random, time, sys", "random.py": "", "time.py": ""})
    assert names(tmp_path) == {"random.py"}


def test_package(tmp_path: Path) -> None:
    """A module in a package brings the package's own files."""
    write(
        tmp_path,
        {
            "ring.py": "import a.b.c",
            "a/__init__.py": "",
            "a/b/__init__.py": "import late",
            "a/b/c.py": "",
            "a/unused.py": "",
            "late.py": "",
        },
    )
    assert names(tmp_path) == {"a/__init__.py", "a/b/__init__.py", "a/b/c.py", "late.py"}


def test_from_package_import_module(tmp_path: Path) -> None:
    """`from package import name` brings the module of that name, where there is one."""
    write(tmp_path, {"ring.py": "from a import b, c", "a/__init__.py": "c = 1", "a/b.py": ""})
    assert names(tmp_path) == {"a/__init__.py", "a/b.py"}


def test_star(tmp_path: Path) -> None:
    """`from package import *` brings the modules that a literal `__all__` names."""
    write(
        tmp_path,
        {
            "ring.py": "from a import *",
            "a/__init__.py": "__all__ = ['b', 'value']",
            "a/b.py": "",
            "a/c.py": "",
        },
    )
    assert names(tmp_path) == {"a/__init__.py", "a/b.py"}


def test_relative(tmp_path: Path) -> None:
    """Relative imports are resolved from the importing module's package."""
    write(
        tmp_path,
        {
            "ring.py": "import a.b.c",
            "a/__init__.py": "",
            "a/d.py": "",
            "a/e.py": "",
            "a/b/__init__.py": "from . import f",
            "a/b/c.py": "from .. import d\nfrom ..e import x\nfrom .... import ring",
            "a/b/f.py": "",
        },
    )
    assert names(tmp_path) == {
        f"a/{name}.py" for name in ("__init__", "d", "e", "b/__init__", "b/c", "b/f")
    }


def test_hidden_imports(tmp_path: Path) -> None:
    """Imports in functions and `try`, and import functions with literal names, count."""
    write(
        tmp_path,
        {
            "ring.py": (
                "import importlib\nfrom importlib import import_module\n"
                "def f():\n  import a\n"
                "try:\n  import b\nexcept ImportError:\n  pass\n"
                "importlib.import_module('c.d')\n__import__('e')\nimport_module(name='f')\n"
                "importlib.import_module(unknown)\n__import__()\n__import__('')\n"
            ),
            "c/__init__.py": "import importlib\nimportlib.import_module('.g', __name__)",
            **dict.fromkeys(["a.py", "b.py", "c/d.py", "c/g.py", "e.py", "f.py"], ""),
        },
    )
    assert names(tmp_path) == {"a.py", "b.py", "c/__init__.py", "c/d.py", "c/g.py", "e.py", "f.py"}


def test_namespace_package(tmp_path: Path) -> None:
    """A folder without `__init__.py` is a package too."""
    write(tmp_path, {"ring.py": "import a.b\nfrom c import d", "a/b.py": "", "c/d.py": ""})
    assert names(tmp_path) == {"a/b.py", "c/d.py"}


def test_package_before_module(tmp_path: Path) -> None:
    """Of a package and a module of one name Python takes the package; of a bare folder, not."""
    write(
        tmp_path,
        {"ring.py": "import a, b", "a.py": "", "a/__init__.py": "", "b.py": "", "b/data.py": ""},
    )
    assert names(tmp_path) == {"a/__init__.py", "b.py"}


def test_compiled(tmp_path: Path) -> None:
    """Compiled modules come with the source that may stand in for them."""
    write(
        tmp_path,
        {
            "ring.py": "import fast, pkg",
            "fast.py": "",
            "fast.cpython-311-x86_64-linux-gnu.so": "",
            "fast.abi3.so": "",
            "fastest.so": "",
            "pkg/__init__.abi3.so": "",
        },
    )
    assert names(tmp_path) == {
        "fast.py",
        "fast.cpython-311-x86_64-linux-gnu.so",
        "fast.abi3.so",
        "pkg/__init__.abi3.so",
    }


@pytest.mark.parametrize("text", ["def (", "\0", "'\\udc80", "# coding: nonsense\n", "(" * 5000])
def test_broken_module(tmp_path: Path, text: str) -> None:
    """A module that Python can't parse is listed and not followed."""
    write(tmp_path, {"ring.py": "import broken", "broken.py": text})
    assert names(tmp_path) == {"broken.py"}


def test_program_in_another_encoding(tmp_path: Path) -> None:
    """The encoding that a source file declares is honoured."""
    (tmp_path / "ring.py").write_bytes(b"# coding: latin-1\nx = '\xe9'\nimport a")
    write(tmp_path, {"a.py": ""})
    assert names(tmp_path) == {"a.py"}


def test_nothing_is_run_or_warned_of(tmp_path: Path) -> None:
    """Modules are read, not run, and their own warnings stay theirs."""
    write(
        tmp_path, {"ring.py": "import a", "a.py": "'\\d'\nraise SystemExit\nimport b", "b.py": ""}
    )
    before = set(sys.modules)
    assert names(tmp_path) == {"a.py", "b.py"}
    assert {"a", "b"} & (set(sys.modules) - before) == set()


def test_cycle_and_self(tmp_path: Path) -> None:
    """Modules that import each other and the program end the search all the same."""
    write(tmp_path, {"ring.py": "import a", "a.py": "import b, ring", "b.py": "import a"})
    assert names(tmp_path) == {"a.py", "b.py"}


def test_climbing_names(tmp_path: Path) -> None:
    """A literal that is no module name leads nowhere."""
    text = "\n".join(
        f"__import__({name!r})" for name in ("/etc/passwd", "a/b", "..", "a..b", "x\0")
    )
    write(tmp_path, {"ring.py": text, "a/b.py": ""})
    assert names(tmp_path) == set()


def test_program_in_a_package(tmp_path: Path) -> None:
    """`-m a.b` brings the files of the packages around it."""
    write(
        tmp_path,
        {"a/__init__.py": "import c", "a/b.py": "from . import d", "a/d.py": "", "c.py": ""},
    )
    found = local_imports(tmp_path / "a/b.py", tmp_path)
    assert found[tmp_path / "a/__init__.py"] == "package of a/b.py"
    assert names(tmp_path, "a/b.py") == {"a/__init__.py", "a/d.py", "c.py"}


def test_module_file(tmp_path: Path) -> None:
    """`-m` runs a module's file, a package's `__main__.py`, or nothing local."""
    write(
        tmp_path, {"m.py": "", "p/__init__.py": "", "p/__main__.py": "", "p/q.py": "", "n/m.py": ""}
    )
    write(tmp_path, {"empty/__init__.py": "", "spaced/__main__.py": "", "fast.so": ""})
    assert module_file("m", tmp_path) == tmp_path / "m.py"
    assert module_file("p", tmp_path) == tmp_path / "p/__main__.py"
    assert module_file("p.q", tmp_path) == tmp_path / "p/q.py"
    assert module_file("n.m", tmp_path) == tmp_path / "n/m.py"
    assert module_file("spaced", tmp_path) == tmp_path / "spaced/__main__.py"
    for name in ("empty", "timeit", "p.z", "m.x", "", ".", "..", "/etc"):
        assert module_file(name, tmp_path) is None


def test_what_is_neither_ours_nor_pythons(tmp_path: Path) -> None:
    """Third-party modules are named once, by their first part; relative ones and ours are not."""
    (tmp_path / "helper").mkdir()
    sources = {
        "prog.py": "import os, numpy.linalg, helper.one\nfrom yaml import load\nimport distrcomp",
        "helper/one.py": "from . import two\nimport importlib as i\ni.import_module('rich.text')",
        "data.txt": "import nothing",
    }
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    assert {"numpy", "yaml", "rich"} == foreign_imports(tmp_path / name for name in sources)
