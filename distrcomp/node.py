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

import faulthandler
import importlib
import os
import runpy
import sys
import types
from collections.abc import Callable
from types import TracebackType

from . import limits
from .control import NoticeSocket
from .errors import CallError, DistrcompError, NodeLost
from .joining import World, join
from .notices import Failed

_INTERRUPTED = 130

Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def main(arguments: list[str]) -> int:
    """Runs the program that `arguments` name; the exit code for the process."""
    faulthandler.enable()
    folder = os.getcwd()
    world = join()
    try:
        _prepare()
        if world.control is not None:
            world.control.go.wait()
        _program(arguments)()
    except SystemExit as request:
        return _exit_code(world, request.code)
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
    module.__dict__.update(__file__=name, __builtins__=__builtins__)
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
        _say(str(code))
    world.fail(number, f"it called sys.exit({code!r})")
    return number


def code_of(error: BaseException) -> int:
    """The exit code of a node that an exception has ended."""
    return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def summary(error: BaseException) -> str:
    """An exception in one line, if that is how it says what it is."""
    import traceback

    return traceback.format_exception_only(error)[-1].strip()


def report(
    error: BaseException, folder: str, hook: Hook, notices: NoticeSocket | None = None
) -> None:
    """Tells of an exception that left the program, with paths as the user knows them.

    Args:
        error: the exception.
        folder: in which the program was started.
        hook: sys.excepthook, which may be the program's own.
        notices: the agent's ear, if an agent has started this node.
    """
    import traceback

    if isinstance(error, KeyboardInterrupt):
        _say(f"distrcomp: interrupted {_place(error, folder)}{_doing(error)}")
        return
    _cut_own_frames(error)
    place = _place(error, folder)
    told_whole = isinstance(error, CallError)  # its sentence says what it was raised from
    text = "".join(traceback.format_exception(error, chain=not told_whole))
    text = text.replace(folder + os.sep, "")
    echo_of = error.node if isinstance(error, NodeLost) else None
    if notices is not None:
        notices.send(Failed(_told(summary(error)), _told(text), echo_of))
    if isinstance(error, NodeLost):
        _say(f"distrcomp: stopped {place}: {error}")
    elif hook is sys.__excepthook__:
        _say(text.rstrip("\n"))
    else:
        hook(type(error), error, error.__traceback__)


def _told(text: str) -> str:
    """`text` as a notice can carry it: no lone surrogates, and not the whole of a huge message."""
    if len(text) > limits.TOLD_CHARS_MAX:
        half = limits.TOLD_CHARS_MAX // 2
        cut = f"\n[... {len(text) - 2 * half} characters left out ...]\n"
        text = text[:half] + cut + text[-half:]
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut_own_frames(error: BaseException) -> None:
    """Keeps of the traceback what is the program's: neither how we started it nor, where the error
    is one of distrcomp's calls, what happened inside that call."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename in _STARTERS:
        frame = frame.tb_next
    error.__traceback__ = frame
    if frame is None:  # a program that cannot be found or compiled has no frame of its own
        return
    while isinstance(error, DistrcompError) and frame.tb_next is not None:
        if frame.tb_next.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            frame.tb_next = None
            return
        frame = frame.tb_next


# Compiled code names its files as they were called where it was compiled.
_PACKAGE = (os.path.dirname(os.path.abspath(__file__)) + os.sep, "distrcomp/")
_STARTERS = {__file__, runpy.__file__, "<frozen runpy>"}


def _place(error: BaseException, folder: str) -> str:
    """Where in the program it happened, as `at FILE:LINE`."""
    import traceback

    for entry in reversed(traceback.extract_tb(error.__traceback__)):
        if not entry.filename.startswith(_PACKAGE) and entry.filename not in _STARTERS:
            return f"at {entry.filename.removeprefix(folder + os.sep)}:{entry.lineno}"
    return "before its first line"


def _doing(error: KeyboardInterrupt) -> str:
    """What a call of ours that was interrupted waited for."""
    return "".join(f", {note}" for note in getattr(error, "__notes__", ()))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  stderr is the program's own


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
