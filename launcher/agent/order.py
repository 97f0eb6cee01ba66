"""What an order to start nodes must fulfil, and be given, before anything is started."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from .. import limits
from ..control import messages as m
from ..errors import CannotStart, PeerRefused
from ..ship.manifest import check_path

_DATA_PLANES = ("tls", "plain")


def require_sound(order: m.StartNodes) -> None:
    """Raises PeerRefused unless it can be carried out as far as one can tell from its content.

    It names nodes, all that run on one of its machines, in order; and its texts are such as a
    process can be started with.
    """
    nodes = [node.node for node in order.nodes]
    is_sound = (
        order.arguments
        and nodes
        and len(order.machine_of) <= limits.NODES_MAX
        and all(0 <= machine < len(order.machines) for machine in order.machine_of)
        and 0 <= nodes[0] < len(order.machine_of)
        and nodes == _nodes_on(order.machine_of[nodes[0]], order)
        and all(setting.name and "=" not in setting.name for setting in order.environment)
        and not any("\0" in text for text in _texts_of_process(order))
        and order.data_plane in _DATA_PLANES
    )
    if not is_sound:
        raise PeerRefused("the order to start nodes makes no sense")


def _texts_of_process(order: m.StartNodes) -> Iterator[str]:
    yield from order.arguments
    for setting in order.environment:
        yield from (setting.name, setting.value)


def _nodes_on(machine: int, order: m.StartNodes) -> list[int]:
    return [node for node, its_machine in enumerate(order.machine_of) if its_machine == machine]


def start_folder(root: Path, wdir: str) -> str:
    """The folder below the sandbox in which the nodes start, made if missing; or CannotStart."""
    if not wdir:
        return str(root)
    check_path(wdir)
    folder = root / wdir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"--wdir {wdir} cannot be made: {error.strerror}") from error
    return str(folder)


def require_command(command: str, folder: str, path: str | None) -> None:
    """Raises CannotStart if there is no such command here."""
    found = shutil.which(str(Path(folder) / command) if "/" in command else command, path=path)
    if found is None:
        raise CannotStart(f"there is no command {command!r} on this machine")
