"""How a node that was forked from a server ends: as Python ends, but not taken apart.

Python's own end takes apart, object by object, all that a process holds. For a forked node nearly
all of that is shared with its server, and to take it apart is to write to it, for which it must be
copied first: as much work as all else that a small node does. So only what the program has made is
let go, in Python's order (`finalize_modules` in CPython's pylifecycle.c): its modules by name; what
lies in cycles; names that something still holds, one by one, of the last module first. Streams left
open anywhere are flushed. Then the process is over.

What always holds: nobody can tell by what a program writes that its end was short. Its threads have
been joined and its `atexit` functions called before, as ever, for ours is the first that was
registered and so the last to be called. Where more may be at an end than can be seen from here,
Python does it: where a thread goes on, and where a library has been loaded that may want to be told
(what Python itself brings excepted). Even then what is shared is not taken apart.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from .control import ThreadOfOurs

_NOT_SHARED = ("sys", "builtins", "__main__")
_OTHER_INTERPRETERS = ("_xxsubinterpreters", "_interpreters")
_BUFFERED = frozenset((io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom))


class ShortEnd:
    """To be made by the server, before it forks.

    Attributes:
        code: what the process is to end with; None: Python shall end it.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._shared: dict[str, object] = {}
        # Nobody who looks for garbage looks here, and so the modules live on to the last moment.
        cycle: list[object] = [self._shared]
        cycle.append(cycle)
        self.share({})
        atexit.register(self._leave)

    def share(self, hidden: dict[str, ModuleType]) -> None:
        """All nodes share what is loaded now, and what is `hidden` until it is asked for."""
        self._shared |= sys.modules | hidden
        for name in _NOT_SHARED:
            self._shared.pop(name, None)
        self._hidden = frozenset(hidden)
        self._libraries = _libraries()

    def _leave(self) -> None:
        if self.code is not None and _is_quiet() and _libraries() <= self._libraries:
            _let_go(list(self._own()))
            if _flush_all():
                os._exit(self.code)
        for name, module in self._shared.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]

    def _own(self) -> Iterator[str]:
        """The names of the program and the modules it has imported, the last at first."""
        for name in reversed(sys.modules):
            if self._shared.get(name) is not sys.modules[name]:
                yield name
            elif name not in self._hidden:
                break  # here begins what was there before
        yield "__main__"


def _is_quiet() -> bool:
    """Whether nothing goes on here but the end, and the control thread's sleep."""
    threads = [each for each in threading.enumerate() if each is not threading.main_thread()]
    return (
        all(type(each) is ThreadOfOurs for each in threads)
        and len(os.listdir("/proc/self/task")) == 1 + len(threads)
        and not any(name in sys.modules for name in _OTHER_INTERPRETERS)
    )


def _libraries() -> set[str]:
    """The shared libraries that this process has loaded, without those of Python's own modules."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        paths = {line.partition("/")[2] for line in file}
    return {path for path in paths if ".so" in path and "/lib-dynload/" not in path}


class _Witness:
    """Lives in a module's names for as long as they do, and leads to them."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        names["__distrcomp_witness__"] = self


def _let_go(own: list[str]) -> None:
    """Has the program's modules go, the first at first, and what only they hold."""
    atexit._clear()
    sys.last_type = sys.last_value = sys.last_traceback = None
    gc.collect()
    witnesses = []
    for name in reversed(own):
        module = sys.modules.pop(name, None)
        if issubclass(type(module), ModuleType):  # the class that it claims may be a proxy's answer
            names = object.__getattribute__(module, "__dict__")
            witnesses.append(weakref.ref(_Witness(names)))
    module = names = None
    gc.collect()
    for witness in reversed(witnesses):
        if (left := witness()) is not None:  # a function that somebody else holds, say
            _empty(left.names)
    left = None
    gc.collect()


def _empty(names: dict[str, Any]) -> None:
    """As Python does it: first what begins with one underscore, then all but the built-ins."""
    for is_private in (True, False):
        for name in list(names):
            begins_so = name.startswith("_") and not name.startswith("__")
            if begins_so is is_private and name != "__builtins__":
                names[name] = None


def _flush_all() -> bool:
    """Writes out what streams still hold; False: not all of the standard ones."""
    for each in gc.get_objects():  # none of the server's: those are frozen
        if type(each) in _BUFFERED:
            try:
                each.flush()
            except (OSError, ValueError):
                continue  # as where nobody has closed one: there is nobody to tell
    if "ctypes" in sys.modules:
        sys.modules["ctypes"].CDLL(None).fflush(None)
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except Exception:  # noqa: BLE001  Python says so, and ends by another code
        return False
    return True
