"""Two machines made of one: two network namespaces with a cable between them, an agent in each.

    left 10.79.0.1 ── veth ── 10.79.0.2 right

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

LEFT, RIGHT = "10.79.0.1", "10.79.0.2"
_NAMES = {LEFT: "left", RIGHT: "right"}
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
        peers_file: the two agents.
        operator: the environment in which `distrcomp run` finds its credentials.
    """

    shell: Path
    peers_file: Path
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
    """Two namespaces with agents; at the end they are removed with all that runs in them.

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
        made = Network(shell, folder / "peers.txt", operator)
        lines = [f"{address} name={name} slots=1\n" for address, name in _NAMES.items()]
        made.peers_file.write_text("".join(lines))
        _call(distrcomp_words("cluster", "init"), operator)
        for address, name in _NAMES.items():
            file = str(folder / f"{name}.credentials")
            issue = ["cluster", "issue", name, "--address", address, "--output", file]
            _call(distrcomp_words(*issue), operator)
            agent = made.inside(address, distrcomp_words("agent", "--credentials", file))
            stack.enter_context(_agent(agent, folder / name))
        yield made


def _make(prefix: str) -> None:
    left, right = f"{prefix}-{LEFT}", f"{prefix}-{RIGHT}"
    for namespace in (left, right):
        _call(["ip", "netns", "add", namespace])
    cable = ["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", right]
    _call(["ip", "-netns", left, *cable])
    for namespace, address in ((left, LEFT), (right, RIGHT)):
        _call(["ip", "-netns", namespace, "address", "add", f"{address}/24", "dev", "eth0"])
        for device in ("eth0", "lo"):
            _call(["ip", "-netns", namespace, "link", "set", device, "up"])


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
    for namespace in (f"{prefix}-{LEFT}", f"{prefix}-{RIGHT}"):
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
