"""How a node fares, from the kernel and from what it tells."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from ..control import looks
from .node_process import NodeProcess


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
    import psutil

    if node.has_ended:
        return looks.NodeStatus(node.node, peer, "ended")
    cpu_s: float | None = None
    memory_bytes: int | None = None
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(node.group)
        with process.oneshot():
            times = process.cpu_times()
            cpu_s, memory_bytes = float(times.user + times.system), process.memory_info().rss
            if process.status() == psutil.STATUS_STOPPED:
                state = "suspended"
    traffic = await node.traffic()
    return looks.NodeStatus(
        node=node.node,
        peer=peer,
        state=state,
        pid=node.group,
        cpu_s=cpu_s,
        memory_bytes=memory_bytes,
        bytes_in=traffic.bytes_in,
        bytes_out=traffic.bytes_out,
    )
