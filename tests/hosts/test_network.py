"""The network of hosts itself: they talk, are cut off, and vanish."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Command
from tests.hosts.conftest import go_without
from tests.hosts.network import Host, Network, network, only_port, remove_leftovers
from tests.leaks import NAMESPACES, LeakChecker, listening_ports, wait_until, watched

ECHO = """
import socket, sys
server = socket.create_server(("", int(sys.argv[1])))
print("listening", flush=True)
while True:
    connection, (source, _) = server.accept()
    with connection:
        connection.sendall(source.encode() + b" said " + connection.recv(100))
"""
SAY = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])) as it:
        it.sendall(b"hello")
        print(it.recv(100).decode())
except OSError as error:
    print(type(error).__name__)
"""


def start_echo(host: Host, port: int = 6969) -> Command:
    """A server on `host` that listens by the time this returns."""
    server = host.start_program(sys.executable, "-c", ECHO, str(port))
    server.wait_for_line("listening")
    return server


def say(host: Host, to: str, port: int = 6969, timeout_s: float = 20) -> str:
    """What comes back when `host` says hello, or the name of the error."""
    words = (sys.executable, "-c", SAY, to, str(port), str(timeout_s))
    return host.start_program(*words).wait().out.strip()


@pytest.mark.parametrize("name", ["h1", "h2", "h3"])
def test_hosts_reach_each_other_by_name(three_hosts: Network, name: str) -> None:
    """A connection by name comes from the dialling host's own address."""
    start_echo(three_hosts.host("h1"))
    start_echo(three_hosts.host("operator"))
    host = three_hosts.host(name)
    assert say(host, "operator") == f"{host.address} said hello"
    assert say(three_hosts.host("operator"), "h1") == "10.77.0.10 said hello"


def test_hosts_have_their_own_loopback_and_name(three_hosts: Network) -> None:
    """What listens on one host is not on another's loopback; each has its own host name."""
    start_echo(three_hosts.host("h1"))
    assert say(three_hosts.host("h1"), "localhost") == "127.0.0.1 said hello"
    assert say(three_hosts.host("h2"), "localhost") == "ConnectionRefusedError"
    named = three_hosts.host("h3").start_program("uname", "-n").wait()
    assert named == (0, "h3\n", "")


def test_unknown_names_fail_at_once(three_hosts: Network) -> None:
    """A name that is no host's is unresolvable, without asking any server outside."""
    assert say(three_hosts.host("operator"), "h4.example.org") == "gaierror"


def test_hosts_have_their_own_folders(three_hosts: Network, tmp_path: Path) -> None:
    """Each host's commands see a home and a temporary folder of that host alone."""
    code = "import os; print(os.environ['DISTRCOMP_HOME'], os.environ['TMPDIR'], os.getcwd())"
    result = three_hosts.host("h2").start_program(sys.executable, "-c", code).wait()
    assert result.out.split() == [str(tmp_path / "h2" / each) for each in ("home", "tmp", "work")]


def test_firewall_leaves_only_one_port(three_hosts: Network) -> None:
    """Behind `only_port` that port answers and another drops; the host itself reaches both."""
    inner, outer = three_hosts.host("h1"), three_hosts.host("h2")
    start_echo(inner, 6969)
    start_echo(inner, 7000)
    start_echo(outer, 7000)
    assert say(outer, "h1", 7000) == "10.77.0.2 said hello"
    inner.firewall(only_port(6969))
    assert say(outer, "h1", 7000, timeout_s=0.3) == "TimeoutError"
    assert say(outer, "h1", 6969) == "10.77.0.2 said hello"
    assert say(inner, "localhost", 7000) == "127.0.0.1 said hello"
    assert say(inner, "h2", 7000) == "10.77.0.1 said hello"
    inner.firewall(only_port(7000))
    assert say(outer, "h1", 7000) == "10.77.0.2 said hello"


def test_cut_drops_everything_until_healed(three_hosts: Network) -> None:
    """A host that is cut off is silent both ways; healed, it answers, its firewall in place."""
    inner, outer = three_hosts.host("h1"), three_hosts.host("h2")
    start_echo(inner, 6969)
    start_echo(inner, 7000)
    start_echo(outer, 6969)
    inner.firewall(only_port(6969))
    inner.cut()
    assert say(outer, "h1", timeout_s=0.3) == "TimeoutError"
    assert say(inner, "h2", timeout_s=0.3) == "TimeoutError"
    assert say(inner, "localhost") == "127.0.0.1 said hello"
    inner.heal()
    assert say(outer, "h1") == "10.77.0.2 said hello"
    assert say(outer, "h1", 7000, timeout_s=0.3) == "TimeoutError"


def test_processes_and_listeners_of_a_host(three_hosts: Network, leaks: LeakChecker) -> None:
    """A host knows its processes and no other's; their listening ports can be seen."""
    server = start_echo(three_hosts.host("h1"))
    assert three_hosts.host("h1").processes() == [server.pid]
    assert three_hosts.host("h2").processes() == []
    assert [listening_ports(process) for process in leaks.processes()] == [[6969]]


def test_networks_stand_side_by_side(
    three_hosts: Network, leaks: LeakChecker, tmp_path: Path
) -> None:
    """Two networks with the same addresses at once don't hear each other."""
    with network(tmp_path / "other", leaks) as other:
        start_echo(three_hosts.host("h1"))
        assert say(three_hosts.host("h2"), "h1") == "10.77.0.2 said hello"
        assert say(other.host("h2"), "h1", timeout_s=5) == "ConnectionRefusedError"
    assert say(three_hosts.host("h3"), "h1") == "10.77.0.3 said hello"


def test_nothing_is_left_after_a_failure(can_network: None, tmp_path: Path) -> None:
    """A test that fails leaves no namespace, no file below /etc and no process."""

    def fail(made: Network) -> None:
        start_echo(made.host("h1"))
        raise ZeroDivisionError

    with watched(tmp_path) as checker:
        with pytest.raises(ZeroDivisionError), network(tmp_path, checker) as made:
            fail(made)
        assert checker.left() == []
        assert len(checker.namespaces) == 5
        assert not [name for name in checker.namespaces if (Path("/etc/netns") / name).exists()]


def test_a_daemon_left_on_a_host_is_an_error(
    can_network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has left its command's session is found at the end of the network, and killed."""
    monkeypatch.setattr("tests.hosts.network.GONE_TIMEOUT_S", 1.0)

    def use(made: Network) -> None:
        words = ("setsid", "--fork", "sh", "-c", "exec sleep 1000 >/dev/null 2>&1")
        assert made.host("h1").start_program(*words).wait().code == 0

    with watched(tmp_path) as checker:
        with (
            pytest.raises(AssertionError, match=r"left on the hosts:\n.*sleep 1000"),
            network(tmp_path, checker) as made,
        ):
            use(made)
        assert checker.processes() == []


def test_leftovers_of_the_dead_are_removed(can_network: None, leaks: LeakChecker) -> None:
    """A namespace whose maker is dead is removed, with what runs in it; a living one's is kept."""
    with subprocess.Popen(["true"]) as maker:
        pass
    family = f"dctidy{os.getpid()}"
    dead, living = f"{family}-{maker.pid}-0-h1", f"{family}-{os.getpid()}-0-h1"
    for name in (dead, living):
        leaks.namespaces.append(name)
        subprocess.run(["ip", "netns", "add", name], check=True)
    with subprocess.Popen(["ip", "netns", "exec", dead, "sleep", "1000"]) as left:
        wait_until(lambda: listed(dead) == [str(left.pid)], 10, "the process in its namespace")
        remove_leftovers(family)
    there = [(NAMESPACES / name).exists() for name in (dead, living)]
    subprocess.run(["ip", "netns", "delete", living], check=True)
    assert there == [False, True]


def test_a_skip_is_a_failure_in_ci() -> None:
    """Without root the tests are skipped with the reason; where CI is set they fail with it."""
    go_without(None, {"CI": "true"})
    with pytest.raises(pytest.skip.Exception, match="need root"):
        go_without("network namespaces need root", {})
    with pytest.raises(pytest.fail.Exception, match="need root"):
        go_without("network namespaces need root", {"CI": "true"})


def listed(namespace: str) -> list[str]:
    """The pids in a namespace, as `ip` lists them."""
    words = ["ip", "netns", "pids", namespace]
    return subprocess.run(words, capture_output=True, text=True).stdout.split()
