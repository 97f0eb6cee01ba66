"""Receiving with a status."""

from __future__ import annotations

import pytest

from distrcomp.mailbox import ANY
from distrcomp.mpi import MPI
from distrcomp.mpi.receiving import find, look_for, node, receive

COMM = MPI.COMM_SELF


def test_steps_agree() -> None:
    """Finding, looking and receiving see the same message, the oldest that fits."""
    core, status = COMM._core, MPI.Status()
    assert look_for(core, 0, 3) is None
    for text in ("first", "second"):
        core.send(0, text, 3)
    assert find(core, ANY, 3) is look_for(core, 0, ANY)
    assert "first" == receive(core, ANY, 3, status)
    assert "second" == receive(core, 0, 3, status)
    assert (0, 3) == (status.source, status.tag)


def test_wildcards() -> None:
    """Any source is what the core calls so."""
    assert [ANY, 0, 5] == [node(source) for source in (MPI.ANY_SOURCE, 0, 5)]


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_between_nodes() -> None:
    """Small and large messages from one or any node come with their source, tag and size."""
    comm, status = MPI.COMM_WORLD, MPI.Status()
    payloads = ["x", "x" * 5000, list(range(1000)), "x" * 500_000]
    if comm.rank:
        for payload in payloads:
            comm.send(payload, 0, tag=comm.rank)
            comm.send(payload, 0, tag=10)
        return
    seen: dict[int, int] = {1: 0, 2: 0}
    for _ in range(2 * len(payloads)):
        received = comm.recv(source=MPI.ANY_SOURCE, tag=10, status=status)
        assert received == payloads[seen[status.source]]
        seen[status.source] += 1
    for source in (2, 1):
        for payload in payloads:
            assert payload == comm.recv(source=source, status=status)
            assert (source, source) == (status.source, status.tag)
            assert status.count >= len(payload)
