"""The program of a notebook's nodes: runs cells, one after the other, in a namespace that stays.

Orders come to node 0 by its stdin, each a frame of MessagePack behind its length, and go from there
to the other nodes by a communicator of their own, so no message of a cell's can be taken for one.
Each node answers each order by a marker on stdout and one on stderr, behind all that the cell has
printed: a line that begins with a secret of the session's, so that no cell writes one by chance.
The end of stdin is the end.

Ctrl-C comes as SIGINT. It ends a cell; between cells it means nothing.
"""

from __future__ import annotations

import ast
import base64
import ctypes
import linecache
import os
import signal
import struct
import sys
import types
from collections.abc import Callable, Iterator
from typing import IO, Any

import msgpack

import distrcomp as dc

from . import limits, tracebacks
from .cell_shell import Shell, display
from .communicator import Communicator
from .errors import Unpicklable
from .last_words import summary
from .mailbox import ANY
from .renewal import renew
from .values import pack_plain, pickled, unpickled

LENGTH = struct.Struct("<Q")
MARK = b"\x1e"
_AWAITS = 0x80  # inspect.CO_COROUTINE
_NAME_OF_MAIN = "__main__"
# So that a node that is waited for by others, and waits itself for a cell, is told as that.
_WAIT = compile("space.recv(node)", "<between cells>", "eval")


class Runner:
    """Runs cells.

    Attributes:
        names: of the cells, those of a module `__main__`.
    """

    def __init__(self) -> None:
        module = types.ModuleType(_NAME_OF_MAIN)
        module.__dict__["__builtins__"] = __builtins__
        sys.modules[_NAME_OF_MAIN] = module  # so what a cell defines can be sent by its name
        self.names = module.__dict__
        shell = Shell(self.names, self._timed)
        self.names.update(display=display, get_ipython=lambda: shell)
        self._loop: Any = None  # its module is loaded where a cell awaits
        self._name = ""
        self._is_running = False

    def on_interrupt(self, _: int, __: types.FrameType | None) -> None:
        """Handles SIGINT."""
        if self._is_running and not (self._loop is not None and self._loop.cancel()):
            raise KeyboardInterrupt

    def run(self, number: int, source: str) -> dict[str, Any]:
        """What a cell comes to: `result` in words, `images`, or `error` and `traceback`."""
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            try:
                self._is_running = True
                self._name = name
                value, is_quiet = self._evaluate(source, name)
                result = "" if is_quiet else self._shown(value)
                return {"result": result, "images": list(_figures())}
            finally:
                self._is_running = False
        except BaseException as error:  # noqa: BLE001  the node lives on, whatever a cell raises
            self._is_running = False  # an interrupt may have come just before it was said
            return _failure(error)

    def _evaluate(self, source: str, name: str) -> tuple[Any, bool]:
        """The value of the last line, and whether a semicolon behind it asks not to show it."""
        try:
            body, last, is_quiet = _compiled(source, name)
        except SyntaxError as error:
            raise error.with_traceback(None) from None
        codes = [body] if last is None else [body, last]
        if any(code.co_flags & _AWAITS for code in codes):
            value = self._await(codes)
        else:
            for code in codes:
                value = eval(code, self.names)  # noqa: S307  it is what a cell is for
        return (None if last is None else value), is_quiet

    def _await(self, codes: list[types.CodeType]) -> Any:
        if self._loop is None:
            from .cell_loop import CellLoop

            self._loop = CellLoop()

        async def in_the_loop() -> Any:
            for code in codes:
                value = eval(code, self.names)  # noqa: S307  as above
                if code.co_flags & _AWAITS:
                    value = await value
            return value

        return self._loop.run(in_the_loop())

    def _timed(self, source: str) -> Any:
        return self._evaluate(source, self._name)[0]

    def _shown(self, value: Any) -> str:
        if value is None:
            return ""
        self.names["_"] = value
        return repr(value)[: limits.CELL_RESULT_CHARS_MAX]

    def close(self) -> None:
        """There are no more cells."""
        if self._loop is not None:
            self._loop.close()

    def push(self, values: dict[str, bytes]) -> dict[str, Any]:
        """Takes values of the notebook's."""
        try:
            self.names.update({name: unpickled(data) for name, data in values.items()})
        except BaseException as error:  # noqa: BLE001  it is told where they came from
            return _failure(error)
        return {}

    def pull(self, name: str, *, is_plain: bool) -> dict[str, Any]:
        """Gives a value, as plain data or by pickle."""
        if name not in self.names:
            return {"error": f"there is no {name}", "traceback": ""}
        try:
            return {"value": (pack_plain if is_plain else pickled)(self.names[name])}
        except Unpicklable as error:  # a sentence that says all
            return {"error": str(error), "traceback": ""}
        except BaseException as error:  # noqa: BLE001  a value's own methods may raise anything
            return _failure(error)


def _compiled(source: str, name: str) -> tuple[types.CodeType, types.CodeType | None, bool]:
    """A cell's code, that of an expression at its end, and whether a semicolon ends that."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, name, "exec", flags, dont_inherit=True)
    if not isinstance(last, ast.Expr):
        return body, None, False
    lines = source.encode().splitlines()  # as ast counts columns
    rest = lines[(last.end_lineno or 0) - 1][last.end_col_offset or 0 :]
    code = compile(ast.Expression(last.value), name, "eval", flags, dont_inherit=True)
    return body, code, rest.lstrip(b" \t)").startswith(b";")


def main() -> int:
    """Obeys orders until there are no more; the exit code."""
    runner = Runner()
    space = dc.world.dup()
    answers = os.dup(1), os.dup(2)  # a cell may close its own
    signal.signal(signal.SIGINT, runner.on_interrupt)
    orders = _orders(_take_stdin()) if dc.node_id == 0 else None
    others = range(1, space.n_node) if orders is not None else range(0)
    token = b""
    while True:
        order = next(orders, None) if orders is not None else _wait(space, 0)
        for node in others:
            space.send(node, order)
        if order is None:
            runner.close()
            return 0
        token = order.get("token", token)
        if order.get("renews"):
            renew(space)
        _answer(answers, token, order["serial"], _obey(runner, order))
        # So a node that others wait for in vain is seen to wait, too, as long as the cell goes on.
        for _ in others:
            _wait(space, ANY)
        if orders is None:
            space.send(0, None)


def _wait(space: Communicator, node: int) -> Any:
    return eval(_WAIT, {"space": space, "node": node})  # noqa: S307


def _obey(runner: Runner, order: dict[str, Any]) -> dict[str, Any]:
    acts: dict[str, Callable[[], dict[str, Any]]] = {
        "begin": dict,
        "run": lambda: runner.run(order["number"], order["source"]),
        "push": lambda: runner.push(order["values"]),
        "pull": lambda: (
            runner.pull(order["name"], is_plain=order["is_plain"])
            if order["node"] in (None, dc.node_id)
            else {}
        ),
    }
    return acts[order["act"]]()


def _take_stdin() -> IO[bytes]:
    """Our stdin, in whose place cells have an empty one."""
    taken = os.fdopen(os.dup(0), "rb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return taken


def _orders(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    while len(head := stream.read(LENGTH.size)) == LENGTH.size:
        yield msgpack.unpackb(stream.read(LENGTH.unpack(head)[0]))


def _answer(
    descriptors: tuple[int, int], token: bytes, serial: int, answer: dict[str, Any]
) -> None:
    """Writes the markers, behind all that the cell has printed."""
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except (OSError, ValueError, AttributeError):  # a cell may have closed or replaced it
            continue
    ctypes.CDLL(None).fflush(None)
    both = {"serial": serial, **answer}, {"serial": serial}
    for descriptor, told in zip(descriptors, both, strict=True):
        body = base64.b64encode(msgpack.packb(told))
        line = memoryview(b"".join((MARK, token, b" ", body, b"\n")))
        while line:
            line = line[os.write(descriptor, line) :]


def _failure(error: BaseException) -> dict[str, Any]:
    """An exception in words, with the lines of cells and of what they call, and none of ours."""
    import traceback

    tracebacks.cut(error)
    text = "".join(traceback.format_exception(error))
    try:
        first = summary(error)
    except BaseException:  # noqa: BLE001  its own __str__ raises
        first = type(error).__name__
    told = {"error": first, "traceback": text}
    return {key: value.encode("utf-8", "backslashreplace").decode() for key, value in told.items()}


def _figures() -> Iterator[bytes]:
    """The figures of matplotlib that are open, as PNG; they are closed."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    import io

    for number in pyplot.get_fignums():
        file = io.BytesIO()
        pyplot.figure(number).savefig(file, format="png", bbox_inches="tight")
        yield file.getvalue()
    pyplot.close("all")


if __name__ == "__main__":
    sys.exit(main())
