"""Inline metadata of a program (PEP 723): what it needs and how it likes to be run; no I/O."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any

from ..errors import BadUsage
from ..records import record

# The reference expression of the specification.
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_KIND = "script"


@record
class Metadata:
    """What a program says of itself.

    Attributes:
        dependencies: what it needs, each as pip understands it.
        requires_python: what Python's version must fulfil; "" for any.
        defaults: its table `[tool.distrcomp]`.
    """

    dependencies: tuple[str, ...] = ()
    requires_python: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)


def read_metadata(source: str, name: str) -> Metadata:
    """The metadata in a program's source; empty where there is none.

    Args:
        name: the program, for a sentence about what is wrong.

    Raises:
        BadUsage: the block can't be understood.

    Example:
        >>> read_metadata('# /// script\\n# dependencies = ["six"]\\n# ///\\n', "a.py").dependencies
        ('six',)
    """
    n_blocks = len(_blocks(source))
    if not n_blocks:
        return Metadata()
    if n_blocks > 1:
        raise BadUsage(f"{name} has {n_blocks} blocks `# /// script`: one is allowed")
    lines = block_of(source).splitlines()
    content = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
    import tomllib  # most programs have no block

    try:
        read = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise BadUsage(f"{name}: its block `# /// script` is no TOML: {error}") from error
    dependencies = read.get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(one, str) for one in dependencies):
        raise BadUsage(f"{name}: `dependencies` in its block `# /// script` is no list of texts")
    requires_python = read.get("requires-python", "")
    if not isinstance(requires_python, str):
        raise BadUsage(f"{name}: `requires-python` in its block `# /// script` is no text")
    tools = read.get("tool", {})
    defaults = tools.get("distrcomp", {}) if isinstance(tools, dict) else {}
    if not isinstance(defaults, dict):
        raise BadUsage(f"{name}: `tool.distrcomp` in its block `# /// script` is no table")
    return Metadata(tuple(dependencies), requires_python, defaults)


def block_of(source: str) -> str:
    """The lines of the block as they stand there; "" where there is none."""
    return "".join(_blocks(source))


def _blocks(source: str) -> list[str]:
    return [found["content"] for found in _BLOCK.finditer(source) if found["type"] == _KIND]
