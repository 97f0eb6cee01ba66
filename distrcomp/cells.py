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
from .last_words import summary
from .values import pack_plain, pickled, unpickled

LENGTH = struct.Struct("<Q")
MARK = b"\x1e"
_NAME_OF_MAIN = "__main__"
# So that a node that is waited for by others, and waits itself for a cell, is told as that.
_WAIT = compile("space.recv(0)", "<between cells>", "eval")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .communicator import Communicator


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
        self._is_running = False

    def on_interrupt(self, _: int, __: types.FrameType | None) -> None:
        """Handles SIGINT."""
        if self._is_running:
            raise KeyboardInterrupt

    def run(self, number: int, source: str) -> dict[str, Any]:
        """What a cell comes to: `result` in words, `images`, or `error` and `traceback`."""
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            try:
                self._is_running = True
                result = self._evaluate(source, name)
                return {"result": result, "images": list(_figures())}
            finally:
                self._is_running = False
        except BaseException as error:  # noqa: BLE001  the node lives on, whatever a cell raises
            self._is_running = False  # an interrupt may have come just before it was said
            return _failure(error)

    def _evaluate(self, source: str, name: str) -> str:
        try:
            body, last = _compiled(source, name)
        except SyntaxError as error:
            raise error.with_traceback(None) from None
        exec(body, self.names)  # noqa: S102  it is what a cell is for
        value = None if last is None else eval(last, self.names)  # noqa: S307  so is this
        if value is None or source.rstrip().endswith(";"):
            return ""
        self.names["_"] = value
        return repr(value)[: limits.CELL_RESULT_CHARS_MAX]

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
        except BaseException as error:  # noqa: BLE001  a value's own methods may raise anything
            return _failure(error)


def _compiled(source: str, name: str) -> tuple[types.CodeType, types.CodeType | None]:
    """A cell's code, and that of the expression at its end, if there is one."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = compile(tree, name, "exec", dont_inherit=True)
    if not isinstance(last, ast.Expr):
        return body, None
    return body, compile(ast.Expression(last.value), name, "eval", dont_inherit=True)


def renew(space: Communicator) -> None:
    """Gives the package's calls a message space of its own, in which nothing lies from before.

    After a cell that failed, messages may be unread and nodes in different collectives. All nodes
    call it together. What a program has imported by name, or made by `split`, stays as it was.
    """
    world = space.dup()
    vars(dc).update({name: getattr(world, name) for name in dc._CALLS}, world=world)


def main() -> int:
    """Obeys orders until there are no more; the exit code."""
    runner = Runner()
    space = dc.world.dup()
    signal.signal(signal.SIGINT, runner.on_interrupt)
    orders = _orders(_take_stdin()) if dc.node_id == 0 else None
    token = b""
    while True:
        order = next(orders, None) if orders is not None else eval(_WAIT, {"space": space})  # noqa: S307
        for node in range(1, space.n_node if orders is not None else 0):
            space.send(node, order)
        if order is None:
            return 0
        token = order.get("token", token)
        if order.get("renews"):
            renew(space)
        _answer(token, order["serial"], _obey(runner, order))


def _obey(runner: Runner, order: dict[str, Any]) -> dict[str, Any]:
    acts: dict[str, Callable[[], dict[str, Any]]] = {
        "begin": dict,
        "run": lambda: runner.run(order["number"], order["source"]),
        "push": lambda: runner.push(order["values"]),
        "pull": lambda: runner.pull(order["name"], is_plain=order["is_plain"]),
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


def _answer(token: bytes, serial: int, answer: dict[str, Any]) -> None:
    """Writes the markers, behind all that the cell has printed."""
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except (OSError, ValueError, AttributeError):  # a cell may have closed or replaced it
            continue
    ctypes.CDLL(None).fflush(None)
    for descriptor, told in ((1, {"serial": serial, **answer}), (2, {"serial": serial})):
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
