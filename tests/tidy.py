"""The checks on the form of our code: source in, findings out. `test_tidy.py` runs them.

A finding is one line: where, what, and what to do instead.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import NamedTuple

FILE_LINES_MAX = 399
FUNCTION_LINES_MAX = 69
PARAMETERS_MAX = 6

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """One file: its path from the repository's root with slashes, its text, its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        is_package = self.path.endswith("/__init__.py")
        return self.module if is_package else self.module.rpartition(".")[0]


class Ban(NamedTuple):
    """A name or statement that must not stand in some files."""

    used: str
    where: str
    instead: str
    but_for: str = ""


_ARGUMENT_LIST = "a list of arguments: subprocess.run([...])"
_CONTROL_MESSAGE = "a control message: nothing is unpickled across a trust boundary"
_INFLATES = "as it is: nothing that is compressed is taken from others"
_MANIFEST = "the manifest of launcher/ship: no archive format crosses between machines"

BANS = (
    Ban("unittest.mock", "*", "a fake handed to the constructor"),
    Ban("pickle", "launcher/*", _CONTROL_MESSAGE),
    Ban("cloudpickle", "launcher/*", _CONTROL_MESSAGE),
    Ban("marshal", "launcher/*", _CONTROL_MESSAGE),
    Ban("shelve", "launcher/*", _CONTROL_MESSAGE),
    Ban("assert", "distrcomp/*", "raise an error of errors.py: python -O drops assertions"),
    Ban("assert", "launcher/*", "raise an error of errors.py: python -O drops assertions"),
    Ban("time.sleep", "tests/*", "wait for the event itself, or tests.leaks.wait_until"),
    Ban("print", "launcher/*", "click.echo, in launcher/cli", but_for="launcher/cli/*"),
    Ban("os.system", "*", _ARGUMENT_LIST),
    Ban("os.popen", "*", _ARGUMENT_LIST),
    Ban("subprocess.getoutput", "*", _ARGUMENT_LIST),
    Ban("subprocess.getstatusoutput", "*", _ARGUMENT_LIST),
    Ban("asyncio.create_subprocess_shell", "*", "asyncio.create_subprocess_exec"),
    Ban("shell=True", "*", _ARGUMENT_LIST),
    Ban("tarfile", "launcher/*", _MANIFEST),
    Ban("zipfile", "launcher/*", _MANIFEST),
    Ban("shutil.unpack_archive", "launcher/*", _MANIFEST),
    *(
        Ban(name, folder, _INFLATES)
        for name in ("zlib.decompress", "zlib.decompressobj", "gzip", "bz2", "lzma")
        for folder in ("launcher/*", "distrcomp/*")
    ),
    Ban(
        "asyncio",
        "distrcomp/*",
        "a blocking call or the control thread: nodes load no asyncio",
        but_for="distrcomp/cell_loop.py",  # for a notebook's cells that await
    ),
)

PURE_CLAIMS = ("no I/O", "strings in", "numbers in")

IMPURE_MODULES = (
    "socket",
    "select",
    "selectors",
    "threading",
    "subprocess",
    "asyncio",
    "time",
    "random",
    "os",
    "signal",
)


def parse(path: str, text: str) -> Source:
    """`text` as the file at `path`."""
    return Source(path, text, ast.parse(text, path))


def long_files(source: Source) -> list[str]:
    """A file of too many lines."""
    lines = len(source.text.splitlines())
    if lines <= FILE_LINES_MAX:
        return []
    return [f"{source.path}: {lines} lines, at most {FILE_LINES_MAX}: split it by what it does"]


def long_functions(source: Source) -> list[str]:
    """Functions of too many lines."""
    return [
        f"{source.path}:{function.lineno}: {function.name} has {lines} lines, at most "
        f"{FUNCTION_LINES_MAX}: give its steps names"
        for function in _functions(source)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]


def wide_functions(source: Source) -> list[str]:
    """Functions of too many parameters; `self` and `cls` are not counted."""
    return [
        f"{source.path}:{function.lineno}: {function.name} has {len(names)} parameters, at most "
        f"{PARAMETERS_MAX}: one frozen options object instead"
        for function in _functions(source)
        if len(names := _parameters(function)) > PARAMETERS_MAX
    ]


def deep_packages(source: Source) -> list[str]:
    """A file below more than one level of sub-packages."""
    if source.path.count("/") <= 2:
        return []
    return [f"{source.path}: a package inside a sub-package: one level is enough"]


def undocumented_module(source: Source) -> list[str]:
    """A public module, not empty, that doesn't say what it is."""
    name = source.module.rpartition(".")[2]
    if not source.tree.body or name.startswith("_") or ast.get_docstring(source.tree):
        return []
    return [f"{source.path}: no docstring: open with what the module is"]


def undocumented_tests(source: Source) -> list[str]:
    """Tests that don't say which behaviour they prove."""
    return [
        f"{source.path}:{function.lineno}: {function.name} has no docstring: say the behaviour"
        for function in _functions(source)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]


def banned_uses(source: Source, bans: tuple[Ban, ...] = BANS) -> list[str]:
    """Names and statements that the table bans from this file."""
    here = [
        ban
        for ban in bans
        if fnmatch(source.path, ban.where) and not fnmatch(source.path, ban.but_for)
    ]
    return [
        f"{source.path}:{line}: {ban.used} is banned here: {ban.instead}"
        for used, line in sorted({*_imports(source), *_names(source)}, key=lambda use: use[1])
        for ban in here
        if _is_within(used, ban.used)
    ]


def impure_imports(source: Source) -> list[str]:
    """Imports by which a module of pure logic would reach the outside."""
    return [
        f"{source.path}:{line}: imports {used}: take bytes, events or `now` as arguments instead"
        for used, line in _imports(source)
        if any(_is_within(used, impure) for impure in IMPURE_MODULES)
    ]


def claims_purity(source: Source) -> bool:
    """Whether the first paragraph of a module's docstring says that it does no I/O."""
    opening = (ast.get_docstring(source.tree) or "").partition("\n\n")[0]
    return any(claim in " ".join(opening.split()) for claim in PURE_CLAIMS)


def import_cycle(sources: Mapping[str, Source]) -> list[str]:
    """One cycle of imports among `sources` (by module name), if there is any.

    Imports inside functions count: a cycle broken by a late import is still a cycle.
    """
    graph = {
        module: {target for used, _ in _imports(source) if (target := _module_of(used, sources))}
        for module, source in sources.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        path = " <- ".join(error.args[1])
        return [f"import cycle {path}: move what both need into a module below them"]
    return []


def _functions(source: Source) -> Iterator[Function]:
    return (node for node in ast.walk(source.tree) if isinstance(node, Function))


def _parameters(function: Function) -> list[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    starred = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    names = [argument.arg for argument in (*named, *starred)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _is_within(used: str, name: str) -> bool:
    return used == name or used.startswith(f"{name}.")


def _module_of(used: str, sources: Mapping[str, Source]) -> str | None:
    """The module that an imported name is, or stands in."""
    return next((name for name in (used, used.rpartition(".")[0]) if name in sources), None)


def _running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only the type checker reads."""
    yield node
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        children: Iterator[ast.AST] = iter(node.orelse)
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from _running_nodes(child)


def _imports(source: Source) -> Iterator[tuple[str, int]]:
    """The dotted name and line of everything imported: `from a import b` is a.b."""
    for node in _running_nodes(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, source.package)
            yield from ((f"{origin}.{alias.name}", node.lineno) for alias in node.names)


def _origin(node: ast.ImportFrom, package: str) -> str:
    """The absolute name of what a `from` import takes from."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join(
        [*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])]
    )


def _names(source: Source) -> Iterator[tuple[str, int]]:
    """Names and attribute chains used, in terms of what was imported; also two bits of syntax."""
    known = _local_names(source)
    for node in _running_nodes(source.tree):
        if isinstance(node, ast.Assert):
            yield "assert", node.lineno
        elif isinstance(node, ast.keyword) and ast.unparse(node) == "shell=True":
            yield "shell=True", node.lineno
        elif isinstance(node, ast.Name):
            yield known.get(node.id, node.id), node.lineno
        elif isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            if first in known:
                yield f"{known[first]}.{rest}", node.lineno


def _local_names(source: Source) -> dict[str, str]:
    """What each imported name of the file stands for."""
    known: dict[str, str] = {}
    for node in _running_nodes(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, source.package)
            known |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
    return known
