"""What an agent starts for a Python program: joins the run, waits for Go, becomes the program.

    python -P -m distrcomp.node PROGRAM.py [ARGS]...
    python -P -m distrcomp.node -m MODULE [ARGS]...
    python -P -m distrcomp.node -c CODE [ARGS]...

The program runs as the real `__main__`, with sys.argv and sys.path as Python itself would set them.
Where DISTRCOMP_PREPARE names a module, its `prepare()` is called before that, such as to put
something in the place of a module that the program will import.
An exception that leaves it is printed as Python prints it, without our own frames, and told to the
agent; one that is only the echo of another node's end takes one line.
"""

from __future__ import annotations

import builtins
import faulthandler
import importlib
import io
import os
import runpy
import sys
import types
from collections.abc import Callable

from .joining import World, join
from .last_words import code_of, report, say, summary
from .tracebacks import cut_in_threads


def main(arguments: list[str]) -> int:
    """Runs the program that `arguments` name; the exit code for the process."""
    faulthandler.enable()
    folder = os.getcwd()
    world = join()
    cut_in_threads(folder)
    if world.stacks is not None:
        world.stacks.write_crashes()
    if world.job is not None:  # mpiexec mixes what nodes write, so it must be whole lines
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True, write_through=False)
    try:
        try:
            _prepare()
            if world.control is not None:
                world.control.go.wait()
            _program(arguments)()
        except SystemExit as request:
            if (code := _exit_code(world, request.code)) != 0:
                return code
        _check_end(world)
    except BaseException as error:  # noqa: BLE001  whatever the program raised ends here
        report(error, folder, sys.excepthook, world.notices)
        world.fail(code_of(error), summary(error))
        return code_of(error)
    return 0


def _prepare() -> None:
    """Calls what the launcher wants called before the program; children of the node know nothing
    of it."""
    name = os.environ.pop("DISTRCOMP_PREPARE", None)
    if name is not None:
        importlib.import_module(name).prepare()


def _check_end(world: World) -> None:
    """Raises what a program that has come to its end has done wrong without hearing of it."""
    mismatch = world.mismatch_left(is_last=False)
    if mismatch is not None:
        raise mismatch


def _program(arguments: list[str]) -> Callable[[], object]:
    """Sets sys.argv and sys.path; what to call to run the program."""
    first = arguments[0]
    if first == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        return lambda: runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    if first == "-c":
        sys.argv = ["-c", *arguments[2:]]
        sys.path.insert(0, "")
        return lambda: _execute(arguments[1].encode(), "<string>")
    path = os.path.abspath(first)
    sys.argv = arguments
    sys.path.insert(0, os.path.dirname(path))
    return lambda: _execute(_read(path), path)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _execute(source: bytes, name: str) -> None:
    """Runs `source` as the module `__main__`, which lives on after it, as Python's own does."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=name, __builtins__=builtins)
    if name == "<string>":
        del module.__dict__["__file__"]
    sys.modules["__main__"] = module
    code = compile(source, name, "exec", dont_inherit=True)  # our own __future__ is not theirs
    exec(code, module.__dict__)  # noqa: S102  it is what we are for


def _exit_code(world: World, code: object) -> int:
    """What sys.exit(code) means; anything but 0 is a failure of this node."""
    if code is None or code == 0:
        return 0
    number = code & 0xFF or 1 if isinstance(code, int) else 1
    if not isinstance(code, int):
        say(str(code))
    world.fail(number, f"it called sys.exit({code!r})")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
