"""The table of supported calls in docs/mpi4py.md, made from the code.

    python -m tests.distrcomp.mpi.calls

writes it anew into the page.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from distrcomp.mpi import MPI
from distrcomp.mpi.handles import Handle
from distrcomp.mpi.unsupported import UNSUPPORTED

PAGE = Path(__file__).parents[3] / "docs" / "mpi4py.md"
_MADE = re.compile(r"<!-- made: (\w) -->\n.*?<!-- end -->", re.DOTALL)


def classes() -> list[type]:
    """The public classes, those that stand on others after them."""
    found = {value for value in vars(MPI).values() if isinstance(value, type)}
    return sorted(found, key=lambda cls: (len(cls.__mro__), cls.__name__))


def calls(cls: type) -> list[str]:
    """The public calls of a class that none of the public classes below it has."""
    below = [base for base in cls.__mro__[1:] if base in (*classes(), Handle, RuntimeError)]
    known = {name for base in below for name in dir(base)}
    return [
        name
        for name in sorted(set(dir(cls)) - known, key=_order)
        if not name.startswith("_") and callable(getattr(cls, name))
    ]


def functions() -> list[str]:
    """The public functions of the module."""
    found = [
        name
        for name, value in vars(MPI).items()
        if callable(value) and not isinstance(value, type) and not name.startswith("_")
    ]
    return sorted((name for name in found if not hasattr(getattr(MPI, name), "handle")), key=_order)


def supported() -> str:
    """The table of calls by class."""
    rows = [("`MPI`", _had("", functions())), ("every handle", _had("", calls(Handle)))]
    rows += [(f"`MPI.{cls.__name__}`", _had(f"{cls.__name__}.", calls(cls))) for cls in classes()]
    table = [f"| {of} | {names} |" for of, names in rows if names]
    return "\n".join(["| of | calls |", "|---|---|", *table])


def unsupported() -> str:
    """The table of calls that can't be had."""
    rows = [f"| `MPI.{call}` | {reason} |" for call, reason in UNSUPPORTED.items()]
    return "\n".join(["| call | why |", "|---|---|", *rows])


def datatypes() -> str:
    """The predefined datatypes, in lines."""
    names = [
        name
        for name, value in vars(MPI).items()
        if isinstance(value, MPI.Datatype) and value != MPI.DATATYPE_NULL
    ]
    return "\n".join(textwrap.wrap(", ".join(f"`{name}`" for name in sorted(names)), 110))


def made(page: str) -> str:
    """The page with its made parts as the code has them."""
    parts = {"s": supported, "u": unsupported, "d": datatypes}

    def part(found: re.Match[str]) -> str:
        return f"<!-- made: {found[1]} -->\n\n{parts[found[1]]()}\n\n<!-- end -->"

    return _MADE.sub(part, page)


def parts_of(page: str) -> Iterator[str]:
    """Which made parts a page has."""
    return (found[1] for found in _MADE.finditer(page))


def _had(prefix: str, names: list[str]) -> str:
    """Those of the names that can be had, as the page has them."""
    return ", ".join(f"`{name}`" for name in names if prefix + name not in UNSUPPORTED)


def _order(name: str) -> tuple[str, bool, str]:
    """Objects' calls beside those for memory: `send`, then `Send`."""
    return name.lower(), name[0].isupper(), name


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text("utf-8")), "utf-8")
