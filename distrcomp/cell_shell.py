"""What a notebook's cells have in IPython's place on nodes, where IPython need not be.

The notebook's own IPython has turned its syntax into Python (`!ls` is `get_ipython().system('ls')`)
before a cell comes here; this is that `get_ipython()`, with what makes sense on a node and no more.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

_VARIABLE = re.compile(r"\{\{|\}\}|\$\$|\{([^{}]+)\}|\$([A-Za-z_]\w*)")
_DOUBLE = {"{{": "{", "}}": "}", "$$": "$"}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


class UnknownMagic(NameError):
    """A cell has used a magic that nodes have not."""


def display(*values: object) -> None:
    """Shows values, as IPython's `display` does, in words."""
    for value in values:
        _say(repr(value))


class Shell:
    """What `get_ipython()` gives.

    Args:
        names: of the cells.
        evaluate: runs source as a cell's, and gives the value of its last line.
    """

    def __init__(self, names: dict[str, Any], evaluate: Callable[[str], Any]) -> None:
        self._names = names
        self._evaluate = evaluate
        self._line_magics: dict[str, Callable[[str], Any]] = {
            "cd": self._cd,
            "matplotlib": lambda _: None,  # figures are shown anyway
            "pinfo": self._help,
            "pinfo2": self._help,
            "pwd": lambda _: os.getcwd(),
            "time": self._time,
        }
        self._cell_magics: dict[str, Callable[[str], Any]] = {
            "bash": lambda cell: self._run("bash", cell),
            "sh": lambda cell: self._run("sh", cell),
            "time": self._time,
        }

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"on nodes get_ipython() has no {name}: no IPython runs there")

    def run_line_magic(self, name: str, line: str, *_: object) -> Any:
        """`%name line`, and what it comes to."""
        return self._magic("%", name, self._line_magics)(self._expanded(line))

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """`%%name line` above a cell."""
        act = self._magic("%%", name, self._cell_magics)
        if line.strip():
            raise UnknownMagic(f"on nodes %%{name} takes nothing behind it")
        return act(cell)

    def system(self, command: str) -> None:
        """`!command`: by the shell; its output is shown as the cell's."""
        self._run("sh", self._expanded(command))

    def getoutput(self, command: str, *_: object, **__: object) -> list[str]:
        """`x = !command`: the lines that it prints."""
        sys.stdout.flush()
        words = ["/bin/sh", "-c", self._expanded(command)]
        ended = subprocess.run(words, stdout=subprocess.PIPE, check=False)
        self._names["_exit_code"] = ended.returncode
        return ended.stdout.decode(errors="backslashreplace").splitlines()

    def _run(self, shell: str, text: str) -> None:
        sys.stdout.flush()
        self._names["_exit_code"] = subprocess.run([shell, "-c", text], check=False).returncode

    def _magic(
        self, sign: str, name: str, known: dict[str, Callable[[str], Any]]
    ) -> Callable[[str], Any]:
        if name not in known:
            names = " ".join(sign + each for each in known if not each.startswith("pinfo"))
            raise UnknownMagic(f"nodes have no {sign}{name}; they have {names}")
        return known[name]

    def _cd(self, folder: str) -> None:
        os.chdir(os.path.expanduser(folder.strip() or "~"))
        _say(os.getcwd())

    def _help(self, name: str) -> None:
        import pydoc

        try:
            value = eval(name, self._names)  # noqa: S307  it stands in a cell
        except Exception:  # noqa: BLE001  what it raises says the same
            _say(f"Object `{name}` not found.")
            return
        _say(pydoc.plain(pydoc.render_doc(value)))

    def _time(self, source: str) -> Any:
        began, used = time.perf_counter(), os.times()
        try:
            return self._evaluate(source)
        finally:
            wall, now = time.perf_counter() - began, os.times()
            user, system = now.user - used.user, now.system - used.system
            _say(f"CPU times: user {user:.3g} s, sys: {system:.3g} s")
            _say(f"Wall time: {wall:.3g} s")

    def _expanded(self, text: str) -> str:
        """With `$name` and `{expression}` replaced where the cells know them, as in IPython."""

        def value(found: re.Match[str]) -> str:
            source = found[1] or found[2]
            if source is None:
                return _DOUBLE[found[0]]
            try:
                return str(eval(source, self._names))  # noqa: S307  it stands in a cell
            except Exception:  # noqa: BLE001  it was meant for the shell, such as ${HOME}
                return found[0]

        return _VARIABLE.sub(value, text)
