"""`python -m mpi4py.run`: runs a program; an exception that leaves it ends the run.

    python -m mpi4py PROGRAM.py [ARGS]...
    python -m mpi4py -m MODULE [ARGS]...
    python -m mpi4py -c CODE [ARGS]...
    python -m mpi4py - [ARGS]...

Under distrcomp every failing node ends its run, so there is nothing to add here: the exception goes
on. `-rc NAME=VALUE,...` sets options of `mpi4py.rc`, as does `--rc=NAME=VALUE,...`.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from distrcomp.mpi.configuration import Value, rc

_USAGE = "usage: python -m {} [-rc NAME=VALUE,...] [PROGRAM | -m MODULE | -c CODE | -] [ARGS]..."


def run_command_line(args: Sequence[str] | None = None) -> None:
    """Runs what `args`, by default those of this process, name: a program, `-m` and a module, `-c`
    and code, or `-`; what follows are the program's arguments."""
    words = list(sys.argv[1:] if args is None else args)
    if not words:
        raise SystemExit("which program? give PROGRAM, -m MODULE, -c CODE or -")
    first = words[0]
    if first in ("-m", "-c") and len(words) < 2:
        raise SystemExit(f"argument expected for the {first} option")
    if first == "-m":
        sys.argv[:] = words[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv[:] = ["-c", *words[2:]]
        sys.path.insert(0, "")
        _execute(words[1], "<string>")
    elif first == "-":
        sys.argv[:] = words
        sys.path.insert(0, "")
        _execute(sys.stdin.read(), "<stdin>")
    else:
        sys.argv[:] = words
        if first.endswith(".py") or not os.path.isdir(first):
            sys.path.insert(0, os.path.dirname(os.path.abspath(first)))
        runpy.run_path(first, run_name="__main__")


def set_abort_status(status: Any) -> None:
    """Ends the run with `status` when this process ends.

    Args:
        status: an exit code; the message of SystemExit or anything else but None counts as 1.
    """
    import atexit

    from . import MPI

    if isinstance(status, SystemExit):
        status = status.code
    code = status if isinstance(status, int) else int(status is not None)
    atexit.register(MPI.COMM_WORLD.Abort, code)


def split_rc(words: list[str]) -> tuple[list[str], dict[str, Value]]:
    """The options `-rc NAME=VALUE,...` in front of a command line, and what follows them."""
    options: dict[str, Value] = {}
    while words and words[0].lstrip("-").partition("=")[0] == "rc" and words[0].startswith("-"):
        _, equals, text = words[0].partition("=")
        if not equals:
            text = words[1] if len(words) > 1 else ""
        words = words[1 if equals else 2 :]
        for entry in filter(None, text.split(",")):
            name, _, value = entry.partition("=")
            options[name.strip()] = _value(value.strip())
    return words, options


def main(name: str = "mpi4py") -> None:
    """The command `python -m mpi4py`."""
    words, options = split_rc(sys.argv[1:])
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(_USAGE.format(name) + "\n")
        raise SystemExit(0 if words else 2)
    rc(**options)
    run_command_line(words)


def _value(text: str) -> Value:
    known: dict[str, Value] = {"true": True, "false": False, "none": None, "": True}
    if text.lower() in known:
        return known[text.lower()]
    return int(text) if text.isdecimal() else text


def _execute(source: str, name: str) -> None:
    module = ModuleType("__main__")
    vars(module)["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    exec(compile(source, name, "exec", dont_inherit=True), vars(module))  # noqa: S102  what we are for


if __name__ == "__main__":
    main()
