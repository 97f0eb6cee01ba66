"""Runs whose connections are slow, come in pieces, pause, or break."""

from __future__ import annotations

import os
import threading

import pytest

from tests.command import Result
from tests.faults.places import BOUND_S, Peers, start_run, wait_for_sign
from tests.faults.proxy import Faults, Way

pytestmark = pytest.mark.processes

# All nodes send all others objects that the receiver can tell, many times.
EXCHANGE = """
import os, hashlib, distrcomp as dc
open(os.path.join(os.environ["SIGNS"], f"{{dc.node_id}}.there"), "w").write(str(os.getpid()))
def words(source, number):
    return hashlib.sha256(f"{{source}} {{number}}".encode()).digest() * {size}
others = [node for node in range(dc.n_node) if node != dc.node_id]
for number in range({rounds}):
    for node in others:
        dc.send(node, (number, words(dc.node_id, number)))
    for node in others:
        assert dc.recv(node) == (number, words(node, number)), (node, number)
print("all whole")
"""
SMALL, LARGE = EXCHANGE.format(size=100, rounds=3), EXCHANGE.format(size=30_000, rounds=5)
TALKS = "import time; print('x' * 100_000); time.sleep(1000)"
PAUSE_S = 3.0


def run_over(peers: Peers, program: str, faults: Faults) -> Result:
    """A run whose connections to `b` all have these faults."""
    with peers.behind_proxy(control=faults, mesh=faults):
        return start_run(peers, program).wait(timeout=60)


@pytest.mark.parametrize(
    ("way", "program"),
    [
        pytest.param(Way(delay_s=(0.05, 0.15)), SMALL, id="delay", marks=pytest.mark.case("F-14")),
        pytest.param(
            Way(delay_s=(0.1, 0.3)),
            SMALL,
            id="long delay",
            marks=[pytest.mark.case("F-14"), pytest.mark.full_matrix],
        ),
        pytest.param(Way(slice_bytes=1), SMALL, id="byte by byte", marks=pytest.mark.case("F-15")),
        pytest.param(Way(slice_bytes=7), LARGE, id="seven bytes", marks=pytest.mark.full_matrix),
        pytest.param(
            Way(bytes_per_s=12_500, slice_bytes=500),
            SMALL,
            id="100 kbit/s",
            marks=pytest.mark.case("F-15"),
        ),
    ],
)
def test_slow_lines(peers: Peers, way: Way, program: str) -> None:
    """All messages arrive whole and in order, and nobody is taken for lost."""
    result = run_over(peers, program, Faults(way, way))
    assert 0 == result.code, result
    assert 3 == result.out.count("all whole")


def test_a_pause_shorter_than_the_bound(peers: Peers) -> None:
    """A line that stands still for some seconds, and goes on, costs that and no more (F-15)."""
    with peers.behind_proxy() as proxy:
        run = start_run(peers, EXCHANGE.format(size=3000, rounds=300))
        wait_for_sign(peers, 1, "there")
        proxy.hold()
        proxy.wait_for_held()
        threading.Event().wait(PAUSE_S)  # the fault itself: nothing waits for its end
        proxy.release()
        result = run.wait(timeout=60)
    assert 0 == result.code, result
    assert 3 == result.out.count("all whole")


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (0, 3),
        (700, 3),
        (300_000, 1),
        pytest.param(30, 3, marks=pytest.mark.full_matrix),
        pytest.param(2000, 3, marks=pytest.mark.full_matrix),
        pytest.param(100_000, 1, marks=pytest.mark.full_matrix),
        pytest.param(1_000_000, 1, marks=pytest.mark.full_matrix),
    ],
)
def test_a_cut_between_nodes(peers: Peers, after: int, code: int) -> None:
    """The run ends with a node and its peer named; no object that was cut is received (F-13)."""
    cut = Faults(there=Way(cut_after=after))
    with peers.behind_proxy(mesh=cut):
        result = start_run(peers, LARGE).wait(timeout=BOUND_S)
    assert code == result.code, result
    told = result.out + result.err
    assert ("cannot reach node 1 on b" if code == 3 else "is gone: its connection") in told
    assert "AssertionError" not in told
    assert "all whole" not in result.out


@pytest.mark.parametrize("is_back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize(
    "after",
    [1500, 6000, *(pytest.param(n, marks=pytest.mark.full_matrix) for n in range(0, 40_000, 1531))],
)
def test_a_cut_between_launcher_and_agent(peers: Peers, after: int, is_back: bool) -> None:
    """The run ends, or does not start, with one sentence that names the peer (F-13)."""
    way = Way(cut_after=after, cut_by_reset=bool(after % 2))
    (peers.operator.work_dir / "large").write_bytes(os.urandom(100_000))
    with peers.behind_proxy(control=Faults(back=way) if is_back else Faults(there=way)) as proxy:
        run = start_run(peers, TALKS, "--include", "large")
        result = run.wait(timeout=BOUND_S)
    assert result.code in (1, 3), result
    told = result.out + result.err
    assert "the agent on b is gone" in told or "b: " in told or str(proxy.address[1]) in told
    assert "Traceback" not in told
