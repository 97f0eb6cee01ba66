"""Agents that come back, and agents on IPv6."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest

from tests.faults.phases import PHASES
from tests.faults.places import BOUND_S, Peers, check_run_is_gone, start_run
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes

RING = """
import distrcomp as dc
dc.send((dc.node_id + 1) % dc.n_node, dc.node_id)
print("from", dc.recv((dc.node_id - 1) % dc.n_node))
"""


def check_ring(peers: Peers) -> None:
    """A run over both peers works."""
    result = start_run(peers, RING).wait(timeout=BOUND_S)
    assert 0 == result.code, result
    assert 3 == result.out.count("from")


def test_an_agent_starts_again_at_once(peers: Peers) -> None:
    """On its old port, with connections of the dead one still about; the run is over (F-16, F-35).

    Nothing of that run goes on in the new one.
    """
    with PHASES["in recv"].reach(peers) as run:
        peers.agents["b"].kill()
        peers.agents["b"].wait()
        peers.restart("b")
        assert 1 == run.wait(timeout=BOUND_S).code
    check_run_is_gone(peers)
    check_ring(peers)


def test_ipv6(tmp_path: Path, leaks: LeakChecker) -> None:
    """Control and mesh by IPv6, in brackets in the peers file (F-18)."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with contextlib.closing(Peers(tmp_path, leaks, "::1")) as peers:
        check_ring(peers)
