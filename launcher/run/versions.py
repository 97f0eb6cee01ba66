"""Which versions the machines of a run have, compared before it starts.

All must have one Python x.y, for functions that are sent don't survive another, unless the user
says that differing ones will do. Libraries that differ are told of, no more: many a difference does
no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from distrcomp.errors import ProtocolError

from .. import limits
from ..agent.host import python_version
from ..control import environments as e
from ..control import messages as m
from ..errors import CannotStart, ChannelClosed
from .connect import Connection

# What distrcomp itself sends objects by.
_ALWAYS = ("numpy", "cloudpickle", "msgpack")
_HERE = "this machine"
_NONE = "not installed"


if TYPE_CHECKING:
    from ..environment.lock import Lock


def compare_pythons(connections: Sequence[Connection], allow_skew: bool) -> tuple[str, ...]:
    """Notes for the report where Python differs and may; raises CannotStart where it may not."""
    pythons = {} if any(each.peer.is_here for each in connections) else {_HERE: python_version()}
    pythons.update((_label(each), each.welcome.python) for each in connections)
    if len(set(pythons.values())) < 2:
        return ()
    rows = table("machine", {"Python": pythons})
    if allow_skew:
        return ("Python differs, and functions that are sent may fail (--allow-skew):", *rows)
    raise CannotStart(
        "\n".join(
            [
                "the machines have different versions of Python:",
                *rows,
                "run the agents with the same x.y, or give --allow-skew if nothing that is sent "
                "holds a function",
            ]
        )
    )


async def compare_libraries(
    modules: Collection[str], lock: Lock | None, connections: Sequence[Connection]
) -> tuple[str, ...]:
    """Notes for the report where the machines' own libraries differ.

    Args:
        modules: what the program imports that is not shipped.
        lock: of the run's environment; then only distrcomp's own libraries are the machines'.

    Raises:
        CannotStart: a peer was lost, or answers nonsense.
    """
    if len(connections) < 2:
        return ()
    wanted = [*_ALWAYS, *sorted(set(modules) - {*_ALWAYS})][: limits.COMPARED_MODULES_MAX]
    if lock is not None:
        wanted = [name for name in _ALWAYS if name not in lock.names]
    answers = await asyncio.gather(*(_ask(each, wanted) for each in connections))
    columns: dict[str, dict[str, str]] = {}
    for index, name in enumerate(wanted):
        column = {
            _label(each): answer[index] or _NONE
            for each, answer in zip(connections, answers, strict=True)
        }
        if len(set(column.values())) > 1:
            columns[name] = column
    if not columns:
        return ()
    return ("libraries differ between the machines:", *table("machine", columns))


async def _ask(connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    label = connection.peer.label
    try:
        await connection.channel.send(e.AskInstalled(tuple(names)))
        while not isinstance(answer := await connection.channel.receive(), e.Installed):
            if isinstance(answer, m.Refused):
                raise CannotStart(f"{label}: {answer.why}")
    except (ChannelClosed, ProtocolError) as error:
        raise CannotStart(f"{label} was lost before the run: {error}") from error
    if len(answer.versions) != len(names):
        raise CannotStart(f"{label} sent Installed with impossible content")
    return tuple(version[: limits.VERSION_CHARACTERS_MAX] for version in answer.versions)


def table(head: str, columns: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Lines of a table: a row for each machine, a column for each thing.

    Example:
        >>> table("machine", {"Python": {"h1": "3.11", "h22": "3.12"}})
        ['  machine  Python', '  h1       3.11', '  h22      3.12']
    """
    machines = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = [[head, *columns]]
    rows += [[name, *(column.get(name, "") for column in columns.values())] for name in machines]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _label(connection: Connection) -> str:
    return connection.peer.label
