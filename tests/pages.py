"""Pages of the documentation as programs to write and sessions to type."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from tests.test_docs import ROOT

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_PROGRAM = re.compile(r"# ([\w/]+\.py)\n")
_NUMBER = re.compile(r"Total time : [\d.]+\.")


class Typed(NamedTuple):
    """A command that a page shows: its words after `distrcomp`, and what it prints."""

    words: list[str]
    printed: str


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in this language."""
    text = (ROOT / page).read_text("utf-8")
    return [body for found, body in _BLOCK.findall(text) if found == language]


def write_programs(page: str, folder: Path) -> None:
    """Writes each Python block whose first line names a file."""
    for block in blocks(page, "python"):
        name = _PROGRAM.match(block)
        if name is not None:
            (folder / name[1]).write_text(block)


def sessions(page: str) -> list[Typed]:
    """The commands of the page's console blocks, each with the lines up to the next one."""
    typed = []
    for block in blocks(page, "console"):
        for part in block.split("$ distrcomp ")[1:]:
            line, _, printed = part.partition("\n")
            typed.append(Typed(shlex.split(line), printed))
    return typed


def without_times(text: str) -> str:
    """What is the same each time."""
    return _NUMBER.sub("Total time.", text)
