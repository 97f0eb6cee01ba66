"""Faults on several hosts: processes killed in each phase, and connections cut."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.case_report import Record
from tests.command import Command, Machine
from tests.faults.matrix import AGENT, LAUNCHER, NODE, VICTIMS, Kill, kill_in_phase, kills
from tests.faults.phases import PHASES
from tests.faults.places import BOUND_S, check_run_is_gone, start_run, wait_for_sign
from tests.hosts.cluster import NAMES, Cluster
from tests.hosts.network import ADDRESSES, Network
from tests.leaks import wait_until

SAMPLE = {(NODE, "in a large send"), (AGENT, "in allreduce"), (LAUNCHER, "mesh forming")}
_SYN_SENT = "02"  # the state's number in /proc/net/tcp
_DROP = """
table inet firewall {{
    chain in {{
        type filter hook input priority 0
        {}
    }}
}}
"""
EXCHANGE = """
import distrcomp as dc
others = [node for node in range(dc.n_node) if node != dc.node_id]
for number in range(20):
    for node in others:
        dc.send(node, (number, bytes([dc.node_id]) * 100_000))
    for node in others:
        assert dc.recv(node) == (number, bytes([node]) * 100_000)
print("all whole")
"""


class Hosts:
    """The cluster's three hosts with a node on each: a place of the kill matrix."""

    name = "three hosts"
    options: tuple[str, ...] = ("--peers", "peers.txt", "-H", "h1:1,h2:1,h3:1")
    labels = NAMES

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.operator: Machine = cluster.operator
        self.agents: dict[str, Command] = cluster.agents

    def sandboxes(self) -> list[Path]:
        """Those of all agents."""
        return self.cluster.sandboxes()

    def release(self) -> None:
        """There is no proxy here."""

    @contextlib.contextmanager
    def holding_mesh(self) -> Iterator[Callable[[], None]]:
        """h2 drops what comes from h1."""
        self.drop("h2", f"ip saddr {ADDRESSES['h1']} drop")
        yield self._wait_until_dialled

    def drop(self, name: str, rule: str) -> None:
        """Gives a host this rule for what comes in."""
        self.cluster.host(name).firewall(_DROP.format(rule))

    def _wait_until_dialled(self) -> None:
        pid = wait_for_sign(self, 0, "started")
        table = Path(f"/proc/{pid}/net/tcp")

        def is_dialling() -> bool:
            rows = [line.split() for line in table.read_text().splitlines()[1:]]
            return any(row[3] == _SYN_SENT for row in rows)

        wait_until(is_dialling, 30, "node 0 to dial node 1")


@pytest.fixture
def hosts(three_hosts: Network) -> Iterator[Hosts]:
    """A cluster on which nothing of a run may stay."""
    made = Hosts(Cluster(three_hosts))
    yield made
    check_run_is_gone(made)


def is_in_sample(kill: Kill) -> bool:
    """Whether CI tries it on hosts too."""
    return (kill.victim, kill.phase.name) in SAMPLE


@pytest.mark.parametrize("kill", kills(VICTIMS, is_in_sample, ("peers",)))
def test_kill(hosts: Hosts, kill: Kill, record_property: Record) -> None:
    """Survivors on all hosts end, exit code and message are right, nothing is left."""
    kill_in_phase(hosts, kill, record_property)


def cut_off(hosts: Hosts) -> None:
    """h2 hears and says nothing any more."""
    hosts.cluster.host("h2").cut()


def cut_from_operator(hosts: Hosts) -> None:
    """h2 hears nothing of the operator, and all others."""
    hosts.drop("h2", f"ip saddr {ADDRESSES['operator']} drop")


def cut_one_way(hosts: Hosts) -> None:
    """h2 hears nothing of h1, which hears it."""
    hosts.drop("h2", f"ip saddr {ADDRESSES['h1']} drop")


@pytest.mark.full_matrix
@pytest.mark.parametrize("phase", ["idle", "in a large send", "in recv", "in allreduce"])
@pytest.mark.parametrize("cut", [cut_off, cut_from_operator, cut_one_way])
def test_partition(
    hosts: Hosts, cut: Callable[[Hosts], None], phase: str, record_property: Record
) -> None:
    """One verdict for all, within the bound, whoever still hears whom (F-10, F-11)."""
    with PHASES[phase].reach(hosts) as run:
        cut_at = time.monotonic()
        cut(hosts)
        if cut is cut_one_way and phase == "idle":
            run.interrupt()  # nobody needs that link, so nobody misses it
        result = run.wait(timeout=3 * BOUND_S)
    if cut is not cut_one_way and PHASES[phase].all_listen:
        name = "a host falls silent, three hosts: until the run has ended"
        record_property("seconds", (name, time.monotonic() - cut_at))
    told = result.out + result.err
    assert (result.code, "is gone: " in told) in ((1, True), (130, False)), result
    assert "Traceback" not in result.err


def test_a_name_with_a_dead_address(hosts: Hosts) -> None:
    """A name with two addresses, of which one leads nowhere, is reached by the other (F-18)."""
    for name in ("operator", *NAMES):
        names = Path("/etc/netns", hosts.cluster.host(name).namespace, "hosts")
        with names.open("a") as file:
            file.writelines(f"fd00:dead::{number} {peer}\n" for number, peer in enumerate(NAMES))
    result = start_run(hosts, EXCHANGE).wait(timeout=60)
    assert 0 == result.code, result
    assert 3 == result.out.count("all whole")


@pytest.mark.parametrize("share", [5, pytest.param(10, marks=pytest.mark.full_matrix)])
def test_lost_packets(hosts: Hosts, share: int) -> None:
    """One in twenty packets is lost at each host, and nothing of a message (F-14)."""
    for name in NAMES:
        hosts.drop(name, f"numgen random mod 100 < {share} drop")
    result = start_run(hosts, EXCHANGE).wait(timeout=100)
    assert 0 == result.code, result
    assert 3 == result.out.count("all whole")
