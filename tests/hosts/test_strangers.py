"""Who does not belong to the cluster gets nowhere, and members are not disturbed by it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.command import Result
from tests.hosts.cluster import Cluster, join_line
from tests.hosts.network import Host, Network
from tests.hosts.test_runs import RING
from tests.leaks import wait_until

STRANGER = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.set_alpn_protocols(["distrcomp/1"])
with socket.create_connection(("h1", 6969), 10) as raw:
    try:
        with context.wrap_socket(raw) as tls:
            tls.sendall(b"\\x00\\x00\\x00\\x05hello")
            print("answered", tls.recv(100))
    except OSError as error:
        print("refused", type(error).__name__)
"""
SILENT = """
import socket, sys, time
sockets = [socket.create_connection(("h1", 6969), 10) for _ in range(40)]
print("connected", flush=True)
begun = time.monotonic()
assert all(each.recv(1) == b"" for each in sockets)
print("closed after", 3 < time.monotonic() - begun < 12)
"""


@pytest.fixture
def cluster(three_hosts: Network) -> Iterator[Cluster]:
    """A cluster whose agents must survive everything here."""
    made = Cluster(three_hosts)
    yield made
    result = made.operator.run("run", "-H", "h1:1,h2:1,h3:1", made.program(RING, "ring.py"))
    assert 0 == result.code, result


def join_anew(host: Host, line: str) -> Result:
    """What comes of joining by this line, for a host that keeps its credentials all the same."""
    shutil.move(host.home / "agent.pem", host.home / "kept.pem")
    result = host.run("agent", "--join", line)
    shutil.move(host.home / "kept.pem", host.home / "agent.pem")
    return result


def test_a_stranger_without_certificate_is_refused(cluster: Cluster) -> None:
    """TLS without a certificate gets no answer, and the log has one line about it (S-05)."""
    said = cluster.host("h3").start_program(sys.executable, "-c", STRANGER).wait().out
    assert said.startswith("refused") or "answered b''" in said
    cluster.agents["h1"].wait_for_line(f"refused {cluster.host('h3').address}")


def test_silent_strangers_do_not_delay_a_run(cluster: Cluster) -> None:
    """Connections that say nothing are closed after 5 s; a run starts meanwhile (S-01, S-15)."""
    strangers = cluster.host("h3").start_program(sys.executable, "-c", SILENT)
    strangers.wait_for_line("connected")
    result = cluster.operator.run("run", "-H", "h1:1,h2:1", cluster.program(RING, "ring.py"))
    assert 0 == result.code, result
    assert "closed after True" in strangers.wait().out


def test_another_cluster_is_refused(cluster: Cluster) -> None:
    """An operator of another cluster is told so, and has sent no program (S-05)."""
    h2 = cluster.host("h2")
    assert 0 == h2.run("cluster", "init").code  # h2 is an operator of its own now
    (h2.work_dir / "prog.py").write_text("print('started')\n")
    result = h2.run("run", "-H", "h1:1", "prog.py")
    assert 3 == result.code
    assert "h1:6969 belongs to another cluster" in result.err
    assert "started" not in result.out
    assert not cluster.sandboxes()


def test_an_agent_of_another_name_is_refused(cluster: Cluster) -> None:
    """Right cluster, wrong machine at that address: the name is checked (S-07)."""
    peers = cluster.operator.work_dir / "wrong.txt"
    peers.write_text("h1 name=h2\n")
    result = cluster.operator.run("run", "--peers", "wrong.txt", cluster.program(RING))
    assert 3 == result.code
    assert "calls itself h1" in result.err


def test_a_removed_member_is_refused(cluster: Cluster) -> None:
    """After `cluster remove` the launcher ships nothing to it; it may be invited anew (S-08)."""
    assert 0 == cluster.operator.run("cluster", "remove", "h3").code
    result = cluster.operator.run("run", "-H", "h3:1", cluster.program(RING))
    assert 3 == result.code
    assert "was removed from the cluster" in result.err
    cluster.agents["h3"].interrupt()
    cluster.agents["h3"].wait()
    (cluster.host("h3").home / "agent.pem").unlink()
    cluster.agents["h3"] = cluster.invite("h3")


def test_a_line_works_once(cluster: Cluster) -> None:
    """The line of an invite that was used is refused (S-13)."""
    cluster.retire("h1")
    invite = cluster.operator.start("cluster", "invite")
    line = join_line(invite)
    cluster.agents["h1"] = cluster.host("h1").start("agent", "--join", line)
    assert 0 == invite.wait().code
    cluster.agents["h1"].wait_for_line("listens on")
    result = join_anew(cluster.host("h2"), line)
    assert 3 == result.code
    assert "each join line works once" in result.err


def test_an_expired_line_is_refused(cluster: Cluster) -> None:
    """The line of an invite whose time is over says so (S-13)."""
    invite = cluster.operator.start("cluster", "invite", "--ttl", "1s")
    line = join_line(invite)
    assert 0 != invite.wait().code
    result = join_anew(cluster.host("h2"), line)
    assert 3 == result.code
    assert "expired" in result.err


def test_a_peer_that_does_not_answer(cluster: Cluster) -> None:
    """A firewall that drops everything: one sentence after the time-out, unlike a refusal."""
    cluster.host("h3").cut()
    result = cluster.operator.run("run", "-H", "h1:1,h3:1", cluster.program(RING))
    cluster.host("h3").heal()
    assert 3 == result.code
    assert "h3:6969 does not answer within 10 s" in result.err
    wait_until(lambda: not cluster.sandboxes(), 10, "nothing to be begun")


def test_issued_credentials_need_no_way_to_the_operator(cluster: Cluster) -> None:
    """`cluster issue NAME` makes a file to carry over; with it the agent serves."""
    h3 = cluster.host("h3")
    cluster.retire("h3")
    assert 0 == cluster.operator.run("cluster", "issue", "h3").code
    shutil.move(cluster.operator.work_dir / "h3.pem", h3.work_dir / "h3.pem")
    cluster.agents["h3"] = h3.start("agent", "--credentials", "h3.pem")
    cluster.agents["h3"].wait_for_line("listens on")
    assert "h3" in cluster.operator.run("cluster", "members").out
