"""A run in every detail: what each agent will be told, and the run's own certificates."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from distrcomp.notices import Machine, dialler

from .. import limits
from ..control import messages as m
from ..ship.bundle import Bundle
from ..ship.manifest import pack_manifest
from .addresses import machines_of
from .connect import Connection
from .course import Course
from .programs import programs_of
from .recording import record_order, recording
from .request import Request


def course_of(
    request: Request,
    bundle: Bundle,
    connections: Sequence[Connection],
    placement: tuple[int, ...],
) -> Course:
    """The run in every detail: what each agent will be told."""
    run_id = secrets.token_bytes(limits.RUN_ID_BYTES)
    machines = machines_of(connections, request.net)
    record = record_order(request.record, len(placement))
    authority, certificates = _credentials(run_id, len(machines), len(placement))
    programs, program_of = programs_of(request, len(placement))
    orders = tuple(
        m.StartNodes(
            programs=recording(programs, record),
            stdin_node=request.stdin_node,
            nodes=tuple(
                m.NodeOrder(node, certificates[node], program_of[node])
                for node, index in enumerate(placement)
                if index == peer
            ),
            machines=machines,
            machine_of=placement,
            authority=authority,
            data_plane=request.data_plane,
        )
        for peer in range(len(machines))
    )
    is_python = [programs[index].is_python for index in program_of]
    names = [" ".join(program.arguments) for program in programs]
    return Course(
        labels=tuple(machine.label for machine in machines),
        placement=placement,
        opening=m.OpenRun(run_id, pack_manifest(bundle.manifest)),
        orders=orders,
        proofs=_proofs(machines, placement, is_python) if request.proves_links else (),
        continue_on_failure=request.continue_on_failure,
        timeout_s=request.timeout_s,
        program=" : ".join(names),
        on_deadlock=request.on_deadlock,
        is_strict=request.is_strict,
        programs=tuple(names) if len(names) > 1 else (),
        program_of=program_of,
        sizes=bundle.sizes,
        can_give=tuple(not connection.peer.is_here for connection in connections),
        collect=request.collect,
        tells_links=request.tells_links,
        record=record,
    )


def _credentials(run_id: bytes, n_machine: int, n_node: int) -> tuple[str, list[str]]:
    """The run's own CA and each node's key and certificate; nothing inside one machine."""
    if n_machine == 1:
        return "", [""] * n_node
    from ..cluster.run_credentials import RunAuthority

    authority = RunAuthority(run_id)
    return authority.ca_pem, [authority.node(node) for node in range(n_node)]


def _proofs(
    machines: Sequence[Machine], placement: Sequence[int], is_python: Sequence[bool]
) -> tuple[tuple[int, int], ...]:
    """For each pair of machines the (source, dest) of one link, by their lowest nodes.

    A command is no such node: it need not join the run.
    """
    lowest: dict[int, int] = {}
    for node, machine in enumerate(placement):
        if is_python[node]:
            lowest.setdefault(machine, node)
    nodes = [lowest[machine] for machine in sorted(lowest)]
    pairs = []
    for index, one in enumerate(nodes):
        for other in nodes[index + 1 :]:
            source = dialler(machines, placement, one, other)
            pairs.append((source, other if source == one else one))
    return tuple(pairs)
