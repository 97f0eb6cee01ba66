"""How a node fares, from the kernel and from what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ..control import looks
from .guardian import status_of
from .node_process import NodeProcess
from .usage import cpu_seconds, resident_bytes


async def nodes_status(
    nodes: Iterable[NodeProcess], peer: str, state: Callable[[int], str]
) -> tuple[looks.NodeStatus, ...]:
    """What is known of the nodes on this machine.

    Args:
        peer: what this machine is called in the run.
        state: how far a node that has not ended has come, in a word.
    """
    return tuple(
        await asyncio.gather(*(_status(node, peer, state(node.node)) for node in list(nodes)))
    )


async def _status(node: NodeProcess, peer: str, state: str) -> looks.NodeStatus:
    if node.has_ended:
        return looks.NodeStatus(node.node, peer, "ended")
    if "State:\tT" in status_of(node.group):
        state = "suspended"
    cpu_s, memory_bytes = cpu_seconds(node.group), resident_bytes(node.group)
    traffic = await node.traffic()
    return looks.NodeStatus(
        node=node.node,
        peer=peer,
        state=state,
        pid=node.group,
        cpu_s=cpu_s,
        memory_bytes=memory_bytes or None,
        bytes_in=traffic.bytes_in,
        bytes_out=traffic.bytes_out,
    )
