"""Brings a bundle into the stores of agents, so that a later run has it there already."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from .. import limits
from ..control import messages as m
from ..records import record
from ..ship.bundle import Bundle
from ..ship.manifest import pack_manifest
from .connect import Connection
from .controller import Controller
from .course import Course
from .sinks import Sinks
from .table import View


@record
class Stocked:
    """What became of it.

    Attributes:
        lacked_bytes: how much each peer had not had before, by its label; of those that have all.
        sent_bytes: how much of it was sent by this machine, and not by other peers.
        problems: a sentence for each peer that has not everything now.
        exit_code: 0 if all have.
    """

    lacked_bytes: dict[str, int]
    sent_bytes: int
    problems: tuple[str, ...]
    exit_code: int


async def stock(bundle: Bundle, connections: Sequence[Connection], view: View) -> Stocked:
    """Ships to all of them, whatever becomes of one; nothing is started.

    Args:
        bundle: what to ship.
        connections: agents of other machines.
        view: where progress is shown.
    """
    course = Course(
        labels=tuple(connection.peer.label for connection in connections),
        placement=(),
        opening=m.OpenRun(
            secrets.token_bytes(limits.RUN_ID_BYTES), pack_manifest(bundle.manifest), is_stock=True
        ),
        orders=(),
        proofs=(),
        sizes=bundle.sizes,
        can_give=(True,) * len(connections),
    )
    with view:
        sinks = Sinks(0, "none", None, lambda *_: None)
        controller = Controller(course, connections, bundle, sinks, view, None)
        await controller.run()
    machine, lacked = controller.machine, controller.shipper.lacked
    ledger, cause = machine.ledger, machine.ledger.cause()
    headlines = [failure.headline for failure in ledger.failures]
    if cause is not None and cause.headline not in headlines:  # it was ended from outside
        headlines.insert(0, cause.headline)
    return Stocked(
        {course.labels[peer]: lacked.get(peer, 0) for peer in sorted(machine.shipped)},
        controller.shipper.sent_bytes,
        (*headlines, *machine.notes),
        ledger.exit_code,
    )
