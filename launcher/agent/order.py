"""What an order to start nodes must fulfil before anything is started."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..control import messages as m
from ..errors import CannotStart, PeerRefused


def require_sound(order: m.StartNodes) -> None:
    """Raises PeerRefused unless it names nodes, all that run on one of its machines, in order."""
    nodes = [node.node for node in order.nodes]
    is_sound = (
        order.arguments
        and nodes
        and all(0 <= machine < len(order.machines) for machine in order.machine_of)
        and 0 <= nodes[0] < len(order.machine_of)
        and nodes == _nodes_on(order.machine_of[nodes[0]], order)
    )
    if not is_sound:
        raise PeerRefused("the order to start nodes contradicts itself")


def _nodes_on(machine: int, order: m.StartNodes) -> list[int]:
    return [node for node, its_machine in enumerate(order.machine_of) if its_machine == machine]


def require_command(command: str, folder: str, path: str | None) -> None:
    """Raises CannotStart if there is no such command here."""
    found = shutil.which(str(Path(folder) / command) if "/" in command else command, path=path)
    if found is None:
        raise CannotStart(f"there is no command {command!r} on this machine")
