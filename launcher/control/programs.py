"""What the nodes of a run are to run. Parts of `messages`."""

from __future__ import annotations

from ..records import record


@record
class Setting:
    """One environment variable."""

    name: str
    value: str


@record
class Program:
    """One of the programs of a run.

    Attributes:
        arguments: the program and its arguments; for Python what follows `python`.
        is_python: whether Python runs it; otherwise it is a command.
        environment: what its nodes get beside the agent's own.
        wdir: the folder it starts in, below the sandbox.
    """

    arguments: tuple[str, ...]
    is_python: bool
    environment: tuple[Setting, ...] = ()
    wdir: str = ""
