"""Which local modules a program imports, found by reading and never by running it.

Local is what lies below the search folder, the one that Python puts first on `sys.path`. Names are
looked up in it as Python's FileFinder does: a package, a compiled module, a source file, a folder.
What is not found there is the peer's own affair: the standard library or something installed.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from .. import limits
from ..records import record

_PACKAGE_MODULE = "__init__"
_OURS = "distrcomp"
"""Never shipped: a node has its peer's own, also where a copy lies beside the program."""


@record
class _Import:
    """One mention of modules in a source file: `from {level dots}{module} import {names}`."""

    module: str
    line: int
    level: int = 0
    names: tuple[str, ...] = ()


def local_imports(program: Path, search: Path) -> dict[Path, str]:
    """The local modules that a program imports, directly or through others.

    Imports inside functions and `try`, `importlib.import_module("name")` and `__import__("name")`
    count too. A file that Python can't parse is listed, and its own imports are not followed.

    Args:
        program: the program's file, below `search`.
        search: the folder that Python puts first on `sys.path` for it.

    Returns:
        Each file, the program left out, with the reason: "imported by ring.py:3".
    """
    folders = _Folders()
    found: dict[Path, str] = {}
    program_name = program.relative_to(search).as_posix()
    waiting = deque([program])
    for file in folders.lookup(search, program.relative_to(search).parts[:-1])[0]:
        if file != program:
            found[file] = f"package of {program_name}"
            waiting.append(file)
    while waiting:
        importer = waiting.popleft()
        importer_name = importer.relative_to(search)
        for mention in _imports_in(_parse(importer)):
            for file in _files_of(mention, importer_name.parts[:-1], search, folders):
                if file != program and file not in found:
                    found[file] = f"imported by {importer_name.as_posix()}:{mention.line}"
                    waiting.append(file)
    return found


def module_file(name: str, search: Path) -> Path | None:
    """The file that `-m name` runs, if the module is local: a package's is its `__main__.py`.

    The `__init__.py` of the packages around it are found by `local_imports`.
    """
    folders = _Folders()
    files, package = folders.lookup(search, name.split("."))
    if package is not None:
        main = package / "__main__.py"
        return main if main.is_file() else None
    sources = [file for file in files if file.stem == name.rpartition(".")[2]]
    return sources[-1] if sources else None


def foreign_imports(files: Iterable[Path]) -> set[str]:
    """The top-level modules that these sources import and that are neither theirs nor Python's.

    Args:
        files: a program's, whatever they are; those that are no Python are left out.
    """
    sources = [file for file in files if file.suffix == ".py"]
    own = {part for file in sources for part in (file.stem, file.parent.name)}
    found = {
        mention.module.partition(".")[0]
        for file in sources
        for mention in _imports_in(_parse(file))
        if not mention.level
    }
    return found - own - sys.stdlib_module_names - {"", "distrcomp", "launcher"}


class _Folders:
    """Lookups of modules in folders, each folder listed once."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def lookup(self, folder: Path, parts: Iterable[str]) -> tuple[list[Path], Path | None]:
        """What `import part.part...` loads from `folder`.

        Returns:
            The files, outermost first, and the last part's own folder if it is a package.
        """
        files: list[Path] = []
        inner: Path | None = folder
        for part in parts:
            if inner is None:
                break
            more, inner = self._locate(inner, part)
            files += more
        return files, inner

    def _locate(self, folder: Path, name: str) -> tuple[list[Path], Path | None]:
        """The files of the module `name` in `folder`, and its own folder if it is a package."""
        names = self._list(folder)
        if not name or "/" in name:
            return [], None
        inner = folder / name
        is_folder = name in names and inner.is_dir()
        if is_folder and (files := self._module_files(inner, _PACKAGE_MODULE)):
            return files, inner
        if files := self._module_files(folder, name):
            return files, None
        return [], inner if is_folder else None  # a namespace package

    def _module_files(self, folder: Path, name: str) -> list[Path]:
        """Source and compiled forms: a peer's Python may take another one than ours."""
        names = self._list(folder)
        compiled = [
            file for file in sorted(names) if file.startswith(f"{name}.") and file.endswith(".so")
        ]
        sources = [file for file in (f"{name}.py",) if file in names]
        return [folder / file for file in sources + compiled if (folder / file).is_file()]

    def _list(self, folder: Path) -> frozenset[str]:
        names = self._names.get(folder)
        if names is None:
            try:
                names = frozenset(file.name for file in folder.iterdir())
            except OSError:
                names = frozenset()
            self._names[folder] = names
        return names


def _files_of(
    mention: _Import, package: tuple[str, ...], search: Path, folders: _Folders
) -> Iterator[Path]:
    """The local files that one mention loads, seen from a module of `package`."""
    if mention.level > len(package):
        return  # beyond the top: Python refuses it
    base = package[: len(package) - mention.level + 1] if mention.level else ()
    parts = (*base, *mention.module.split(".")) if mention.module else base
    if not parts or parts[0] in sys.builtin_module_names or parts[0] == _OURS:
        return
    files, inner = folders.lookup(search, parts)
    yield from files
    if inner is None or not mention.names:
        return
    names = mention.names
    if "*" in names:
        names = _exports(_parse(inner / f"{_PACKAGE_MODULE}.py"))
    for name in names:
        yield from folders.lookup(inner, (name,))[0]


def _parse(file: Path) -> ast.Module | None:
    """The syntax tree of a source file; None for anything else."""
    if file.suffix != ".py":
        return None
    try:
        if file.stat().st_size > limits.SCANNED_SOURCE_BYTES_MAX:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the program's own, shown when it runs
            return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imports_in(tree: ast.Module | None) -> Iterator[_Import]:
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield _Import(node.module or "", node.lineno, node.level, names)
        elif isinstance(node, ast.Call) and _is_import_function(node.func):
            name = _literal_name(node)
            module = name.lstrip(".")
            if module:
                yield _Import(module, node.lineno, len(name) - len(module))


def _is_import_function(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr == "import_module"
    return isinstance(function, ast.Name) and function.id in ("import_module", "__import__")


def _literal_name(call: ast.Call) -> str:
    """The module's name where it stands in the call itself, else an empty text."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
    for argument in (*call.args[:1], *named):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value
    return ""


def _exports(tree: ast.Module | None) -> tuple[str, ...]:
    """The names in a literal `__all__`, which `import *` loads as modules where they are some."""
    for node in tree.body if tree else ():
        if isinstance(node, ast.Assign):
            named = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if "__all__" in named and isinstance(node.value, ast.List | ast.Tuple):
                items = [item.value for item in node.value.elts if isinstance(item, ast.Constant)]
                return tuple(item for item in items if isinstance(item, str))
    return ()
