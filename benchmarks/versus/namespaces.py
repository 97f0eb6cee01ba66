"""Machines made of one: two network namespaces with a cable between them, an agent in each.

    left 10.79.0.1 ── veth ── 10.79.0.2 right
    left 10.79.1.1 ── veth ── 10.79.1.3 third

Where three are wanted the left one also passes on what the other two send each other.
The interfaces are made inside the namespaces, so nothing touches those of the machine itself.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .launching import NoFigure, distrcomp_words, environment

LEFT, RIGHT, THIRD = "10.79.0.1", "10.79.0.2", "10.79.1.3"
_TO_THIRD = "10.79.1.1"
_NAMES = {LEFT: "left", RIGHT: "right", THIRD: "third"}
_SLOTS_OF_THREE = 6
_START_LIMIT_S = 20.0
_END_LIMIT_S = 10.0

# Called as ssh is by both mpiexec: options, a host, a command for its shell. Each namespace gets a
# host name of its own, by which Open MPI tells machines apart.
_SHELL = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
set -- "node-${host##*.}" "$*"
exec ip netns exec "PREFIX-$host" unshare --uts \\
    sh -c 'echo "$0" > /proc/sys/kernel/hostname && exec sh -c "$1"' "$@"
"""


class Network(NamedTuple):
    """The two namespaces, ready for all three stacks.

    Attributes:
        shell: a program that runs a command in the namespace of an address, as ssh would.
        peers_file: two agents.
        three_peers_file: three agents, with room for more nodes.
        operator: the environment in which `distrcomp run` finds its credentials.
    """

    shell: Path
    peers_file: Path
    three_peers_file: Path
    operator: Mapping[str, str]

    def inside(self, address: str, words: Sequence[str]) -> list[str]:
        """`words` as a command in the namespace of this address."""
        return [str(self.shell), address, shlex.join(words)]


def why_impossible() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "unshare") if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Namespaces with agents; at the end they are removed with all that runs in them.

    Raises:
        NoFigure: they can't be made, or an agent doesn't start.
    """
    reason = why_impossible()
    if reason:
        raise NoFigure(reason)
    prefix = f"dcversus-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dcversus-")))
        stack.callback(_remove, prefix)
        _make(prefix)
        shell = folder / "shell"
        shell.write_text(_SHELL.replace("PREFIX", prefix))
        shell.chmod(0o700)
        operator = {"DISTRCOMP_HOME": str(folder / "operator")}
        made = Network(shell, folder / "peers.txt", folder / "three.txt", operator)
        lines = [f"{address} name={name} slots=" for address, name in _NAMES.items()]
        made.peers_file.write_text("".join(f"{line}1\n" for line in lines[:2]))
        made.three_peers_file.write_text("".join(f"{line}{_SLOTS_OF_THREE}\n" for line in lines))
        _call(distrcomp_words("cluster", "init"), operator)
        for address, name in _NAMES.items():
            file = str(folder / f"{name}.credentials")
            issue = ["cluster", "issue", name, "--address", address, "--output", file]
            _call(distrcomp_words(*issue), operator)
            agent = made.inside(address, distrcomp_words("agent", "--credentials", file))
            stack.enter_context(_agent(agent, folder / name))
        yield made


def _make(prefix: str) -> None:
    left, right, third = (f"{prefix}-{address}" for address in _NAMES)
    for namespace in (left, right, third):
        _call(["ip", "netns", "add", namespace])
        _call(["ip", "-netns", namespace, "link", "set", "lo", "up"])
    for device, other in (("eth0", right), ("eth1", third)):
        cable = ["link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", other]
        _call(["ip", "-netns", left, *cable])
    for namespace, address, device in (
        (left, LEFT, "eth0"),
        (left, _TO_THIRD, "eth1"),
        (right, RIGHT, "eth0"),
        (third, THIRD, "eth0"),
    ):
        _call(["ip", "-netns", namespace, "address", "add", f"{address}/24", "dev", device])
        _call(["ip", "-netns", namespace, "link", "set", device, "up"])
    _call(["ip", "-netns", right, "route", "add", "default", "via", LEFT])
    _call(["ip", "-netns", third, "route", "add", "default", "via", _TO_THIRD])
    passing = "echo 1 > /proc/sys/net/ipv4/ip_forward"
    _call(["ip", "netns", "exec", left, "sh", "-c", passing])


@contextlib.contextmanager
def _agent(words: Sequence[str], home: Path) -> Iterator[None]:
    """An agent that listens."""
    log = home.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            words,
            env=environment({"DISTRCOMP_HOME": str(home)}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        _wait(lambda: "listens on" in log.read_text(), _START_LIMIT_S, f"agent: {log.read_text()}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _remove(prefix: str) -> None:
    for namespace in (f"{prefix}-{address}" for address in _NAMES):
        listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True)
        for pid in listed.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)


def _wait(is_so: Callable[[], bool], limit_s: float, what: str) -> None:
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            raise NoFigure(f"not there after {limit_s:g} s: {what}")
        time.sleep(0.05)


def _call(words: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(words, env=environment(extra), capture_output=True, text=True)
    if done.returncode:
        raise NoFigure(f"{' '.join(words)}: {done.stderr.strip()}")
