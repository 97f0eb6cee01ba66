"""The magics `%%nodes` and `%nodes` of IPython.

IPython is what calls this, so it is there; nothing else of the package needs it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import shlex
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

from distrcomp.values import pickled, unpack_plain, unpickled

from ..errors import BadUsage, CellFailed, LauncherError, NodesEnded
from .session import Cell, Session, request_for
from .text import cell_text, failure_text

_USAGE = "%nodes takes: push NAME..., pull NAME [NODE], stop; by itself it says who lives"


def _shortly(act: Callable[..., Any]) -> Callable[..., Any]:
    """Lets IPython show an error of ours by its sentence, without the lines that led to it."""

    @functools.wraps(act)
    def acting(*arguments: Any) -> Any:
        try:
            return act(*arguments)
        except LauncherError as error:
            told = [f"{type(error).__name__}: {error}"]
            # IPython's own hook, looked for at the exception.
            error._render_traceback_ = lambda: told  # type: ignore[attr-defined]
            raise

    return acting


def _at_exit(act: Callable[[], None]) -> None:
    """Has it called while threads can still be begun, which the end of a run needs.

    `atexit` is too late for that. Python's pools of threads forbid new ones where we register, too,
    the latest first, so theirs has to be loaded before.
    """
    importlib.import_module("concurrent.futures.thread")
    register = getattr(threading, "_register_atexit", atexit.register)
    register(act)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise BadUsage(f"{line}: {error}") from error


class Magics:
    """What a shell gets.

    Args:
        shell: an InteractiveShell of IPython.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._session: Session | None = None
        self._words: list[str] = []

    def register(self) -> None:
        """Makes the magics known."""
        self._shell.register_magic_function(self.cell, "cell", "nodes")
        self._shell.register_magic_function(self.line, "line", "nodes")

    def end_with_process(self) -> None:
        """Sees to the end of the nodes with this process."""
        _at_exit(self.stop)

    @_shortly
    def cell(self, line: str, source: str) -> None:
        """Runs a cell on all nodes; the first one, or one after their end, starts them.

        %%nodes [OPTIONS]: those of `distrcomp run`, such as -n 4, --peers FILE, --include GLOB.
        """
        session = self._living(_words(line))
        number = len(self._shell.history_manager.input_hist_parsed) - 1  # what stands at the cell
        with contextlib.suppress(SyntaxError):  # which the nodes tell, with its line
            source = self._shell.transform_cell(source)
        self._obeyed(session, {"act": "run", "number": number, "source": source})

    @_shortly
    def line(self, line: str) -> Any:
        """%nodes push NAME... | pull NAME [NODE] | stop"""
        match _words(line):
            case []:
                return click.echo(self._told(), nl=False)
            case ["stop"]:
                return self.stop()
            case ["push", *names] if names:
                return self._push(names)
            case ["pull", name]:
                return self._pull(name, None)
            case ["pull", name, node] if node.isdigit():
                return self._pull(name, int(node))
            case _:
                raise BadUsage(_USAGE)

    def stop(self) -> None:
        """Ends the nodes, if some live."""
        session, self._session = self._session, None
        if session is not None:
            session.stop()

    def _living(self, words: list[str]) -> Session:
        """The nodes that live, or else new ones."""
        if self._session is not None and not self._session.is_alive:
            self._session = None
        if self._session is not None:
            if words and words != self._words:
                raise BadUsage(
                    f"{self._session.n_node} nodes live already, started with "
                    f"{shlex.join(self._words) or 'no options'}: end them by `%nodes stop` first"
                )
            return self._session
        session = Session(request_for(words or self._words))
        with contextlib.ExitStack() as unless_begun:
            unless_begun.callback(session.stop)
            session.begin()
            unless_begun.pop_all()
        self._session, self._words = session, words or self._words
        _say(f"{session.n_node} nodes have been started; %nodes stop ends them")
        return session

    def _obeyed(self, session: Session, order: dict[str, Any]) -> Cell:
        """Shows what an order comes to; raises CellFailed, NodesEnded."""
        screen = _Screen()
        try:
            cell = session.order(order, lambda cell: screen.show(_text(session, cell)))
        except NodesEnded:
            screen.end(_text(session, session.cell))
            self._session = None
            raise
        outputs = [each.text() for each in session.take_outputs()]
        screen.end(cell_text(session.peers, outputs, cell.answers, cell.said))
        for node in sorted(cell.answers):
            for image in cell.answers[node].get("images", ()):
                _show_image(node, image)
        failed = failure_text(cell.answers)
        if failed:
            raise CellFailed(failed)
        return cell

    def _push(self, names: list[str]) -> None:
        missing = [name for name in names if name not in self._shell.user_ns]
        if missing:
            raise BadUsage(f"there is no {missing[0]} in the notebook")
        values = {}
        for name in names:
            try:
                values[name] = pickled(self._shell.user_ns[name])
            except Exception as error:  # pickling a value may raise anything
                raise BadUsage(f"{name} can't be sent: {type(error).__name__}: {error}") from error
        self._obeyed(self._living([]), {"act": "push", "values": values})

    def _pull(self, name: str, node: int | None) -> None:
        if self._session is None:
            raise BadUsage("no nodes live: a %%nodes cell starts them")
        if node is not None and node >= self._session.n_node:
            raise BadUsage(f"there are {self._session.n_node} nodes, from 0 on")
        # A pickle runs what its sender likes, so none is read that comes from another machine.
        is_plain = not self._session.is_here
        order = {"act": "pull", "name": name, "node": node, "is_plain": is_plain}
        cell = self._obeyed(self._session, order)
        givers = sorted(cell.answers) if node is None else [node]
        try:
            values = [
                (unpack_plain if is_plain else unpickled)(cell.answers[each].get("value", b""))
                for each in givers
            ]
        except Exception as error:  # unpickling a value may raise anything
            raise CellFailed(
                f"what a node has sent can't be read: {type(error).__name__}: {error}"
            ) from error
        self._shell.user_ns[name] = values if node is None else values[0]

    def _told(self) -> str:
        session = self._session
        if session is None or not session.is_alive:
            return "no nodes live: a %%nodes cell starts them\n"
        return "".join(f"node {node} on {peer}\n" for node, peer in enumerate(session.peers))


class _Screen:
    """Where a cell's text is shown, and shown anew in a notebook."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._shown = ""

    def show(self, text: str) -> None:
        """While it goes on: only where it can be replaced later."""
        if text and text != self._shown and "ipykernel" in sys.modules:
            self._put(text)

    def end(self, text: str) -> None:
        """All of it."""
        if text != self._shown:
            self._put(text)

    def _put(self, text: str) -> None:
        from IPython.display import display

        self._shown = text
        content = {"text/plain": text.removesuffix("\n")}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def _text(session: Session, cell: Cell) -> str:
    """What there is so far."""
    outputs = [each.text() for each in session.outputs]
    return cell_text(session.peers, outputs, dict(cell.answers), list(cell.said))


def _show_image(node: int, image: bytes) -> None:
    from IPython.display import Image, display

    display(f"Node {node}", Image(data=image, format="png"))


def _say(text: str) -> None:
    click.echo(f"distrcomp: {text}", err=True)
