"""Which addresses of the other machines this one reaches, and why not the others.

Each is dialled as a link is, up to the other node's proof of who it is; no link comes of it.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import distrcomp as dc

from .. import limits
from ..errors import DistrcompError, OutsideRun
from ..joining import join
from ..links.handshake import reach
from ..notices import Place, Ticket

# Machines that are tried at once; one that is silent takes DIAL_TIMEOUT_S.
_AT_ONCE = 16


def ways_to_others() -> list[dict[str, Any]]:
    """For each other machine that can be dialled its node, and its addresses, each with the seconds
    that the way there and the proof took, or why it failed."""
    control = join().control
    if control is None:
        raise OutsideRun("start it by `distrcomp doctor`")
    ticket = control.ticket
    tries = [
        (node, place)
        for node, machine in enumerate(ticket.machine_of)
        if node != ticket.node_id and ticket.machines[machine].port
        for place in ticket.machines[machine].ways
    ]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda each: _try(ticket, *each), tries))


def stay() -> None:
    """Waits for the end of the run: others may still be on their way to this node."""
    if dc.n_node > 1:
        with contextlib.suppress(DistrcompError):
            dc.recv(timeout=2 * limits.DIAL_TIMEOUT_S)


def _try(ticket: Ticket, node: int, place: Place) -> dict[str, Any]:
    seconds, address, why = reach(ticket, node, place)
    named = {"host": place.host, "port": place.port, "address": address}
    return {"to": node, **named, "seconds": seconds, "why": why}
