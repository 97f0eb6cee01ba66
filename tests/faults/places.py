"""Where the tests of faults run: this machine alone, or with two agents on its loopback.

A run of the second kind is one over a network in all but the wires: two agents with credentials,
control and mesh by TLS over TCP, a fault proxy before the second one. It needs no root. Each agent
has an address of 127.0.0.0/8 of its own, so no test is in another one's way.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import psutil

from launcher.cluster.authority import create_cluster
from launcher.cluster.home import Home, write_private
from launcher.cluster.names import join_host_port
from tests.command import Command, Machine
from tests.faults.proxy import FaultProxy, Faults, Way
from tests.leaks import LeakChecker, wait_until

BOUND_S = 20.0
# All programs and signs of these tests have their place below the operator's folder to work in.
SIGNS = "signs"
# Run by each interpreter before anything of ours: the node says that it lives, and may be held.
HOLD = """
import os, signal
node = os.environ.get("DISTRCOMP_NODE_ID")
if node is not None:
    path = os.path.join(os.environ["SIGNS"], f"{node}.started")
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".part", path)
    if node == os.environ.get("HELD"):
        signal.pause()
"""


class Place(Protocol):
    """Where a run of three nodes takes place.

    Attributes:
        operator: the machine at which the run is started.
        options: where its nodes are to be.
        labels: what each node's peer is called.
        agents: the agent by the name of its peer; none where the launcher holds it.

    Where there are agents, that of node 1 is the one that is killed.
    """

    name: str
    operator: Machine
    options: tuple[str, ...]
    labels: tuple[str, ...]
    agents: dict[str, Command]

    def sandboxes(self) -> list[Path]:
        """The sandboxes of runs that exist now."""

    def release(self) -> None:
        """What a proxy holds may pass."""

    def holding_mesh(self) -> AbstractContextManager[Callable[[], None]]:
        """Inside it no node's connection comes to node 1's peer; what waits until one has tried."""


class ThisMachine:
    """This machine, without an agent."""

    name = "one machine"

    def __init__(self, machine: Machine) -> None:
        self.operator = machine
        self.options: tuple[str, ...] = ("-n", "3")
        self.labels = ("localhost",) * 3
        self.agents: dict[str, Command] = {}

    def sandboxes(self) -> list[Path]:
        """Those in the launcher's temporary folder."""
        return list(self.operator.temp_dir.iterdir())

    def release(self) -> None:
        """There is no proxy here."""

    def holding_mesh(self) -> AbstractContextManager[Callable[[], None]]:
        """There are no connections here."""
        raise NotImplementedError


class Peers:
    """Two peers on this machine's loopback, `a` with one node and `b`, behind a proxy, with two.

    Args:
        folder: of the test.
        checker: of the test.
        host: the address of both agents; without it each has one of its own.
    """

    name = "two agents"
    options: tuple[str, ...] = ("--peers", "peers.txt", "-n", "3")
    labels = ("a", "b", "b")

    def __init__(self, folder: Path, checker: LeakChecker, host: str | None = None) -> None:
        self._checker = checker
        self.operator = Machine(folder / "operator", checker)
        authority = create_cluster(_home(self.operator), "test")
        self.addresses = {name: (host or _loopback(), _port(name)) for name in "ab"}
        self._machines = {name: Machine(folder / name, checker) for name in "ab"}
        for name, machine in self._machines.items():
            credentials = authority.issue_agent(name, [self.addresses[name][0]])
            write_private(_home(machine).agent_credentials, credentials)
        self.agents = {name: self._start(name) for name in "ab"}
        for agent in self.agents.values():
            agent.wait_for_line("listens on")
            checker.watch_descriptors(agent.pid)
        self.route("b", self.addresses["b"])
        self._proxy: FaultProxy | None = None

    def restart(self, name: str, *before: str) -> None:
        """Starts the agent of a peer once more, with these words before its command."""
        self.agents[name] = self._start(name, *before)
        self.agents[name].wait_for_line("listens on")

    def _start(self, name: str, *before: str) -> Command:
        return start_agent(self._machines[name], self.addresses[name], *before)

    def route(self, name: str, address: tuple[str, int]) -> None:
        """Has this peer reached by way of `address`."""
        routes = {**self.addresses, name: address}
        lines = [
            f"{join_host_port(*routes[peer])} slots={slots} name={peer}\n"
            for peer, slots in (("a", 1), ("b", 2))
        ]
        (self.operator.work_dir / "peers.txt").write_text("".join(lines))

    @contextlib.contextmanager
    def behind_proxy(
        self, control: Faults | None = None, mesh: Faults | None = None
    ) -> Iterator[FaultProxy]:
        """Puts a proxy with these faults before `b`."""
        with FaultProxy(self.addresses["b"], control, mesh) as proxy:
            self.route("b", proxy.address)
            self._proxy = proxy
            yield proxy
            self._proxy = None

    def release(self) -> None:
        """What the proxy holds may pass."""
        if self._proxy is not None:
            self._proxy.release()

    def sandboxes(self) -> list[Path]:
        """Those of both agents."""
        return [path for machine in self._machines.values() for path in sandboxes_of(machine)]

    @contextlib.contextmanager
    def holding_mesh(self) -> Iterator[Callable[[], None]]:
        """The proxy holds them."""
        with self.behind_proxy(mesh=Faults(there=Way(hold_after=0))) as proxy:
            yield proxy.wait_for_held

    def sandboxes_on(self, name: str) -> list[Path]:
        """Those of one agent."""
        return sandboxes_of(self._machines[name])

    def close(self) -> None:
        """Nothing of a run may stay; then the agents end in order, and the machines with them."""
        check_run_is_gone(self)
        self._checker.check_descriptors()
        for machine in (*self._machines.values(), self.operator):
            machine.close()


def start_agent(machine: Machine, address: tuple[str, int], *before: str) -> Command:
    """An agent of the machine at this address of the loopback."""
    words = (sys.executable, "-m", "launcher", "agent", "--listen", join_host_port(*address))
    return machine.start_program(*before, *words)


def sandboxes_of(machine: Machine) -> list[Path]:
    """The sandboxes of the agent there."""
    return list((machine.home / "cache" / "agent" / "sandboxes").glob("run-*"))


def check_run_is_gone(place: Place) -> None:
    """Within the bound no node and no sandbox is left, though the agents go on."""
    wait_until(lambda: not place.sandboxes(), BOUND_S, "the sandboxes to be removed")
    wait_until(lambda: not nodes_of(place), BOUND_S, "the nodes to be gone")


def nodes_of(place: Place) -> list[int]:
    """The nodes of the last run that live: those that have said so in their sign."""
    signs = signs_of(place).glob("*.started")
    return [pid for pid in (int(sign.read_text()) for sign in signs) if is_alive(pid)]


def signs_of(place: Place) -> Path:
    """The folder of the signs."""
    folder = place.operator.work_dir / SIGNS
    folder.mkdir(exist_ok=True)
    return folder


def start_run(place: Place, program: str, *options: str, held: int | None = None) -> Command:
    """Starts a run of three nodes that give signs; one may be held before it is a node."""
    work = place.operator.work_dir
    (work / "prog.py").write_text(program)
    (work / "hold").mkdir(exist_ok=True)
    (work / "hold" / "sitecustomize.py").write_text(HOLD)
    for sign in signs_of(place).iterdir():
        sign.unlink()
    variables = {"PYTHONPATH": work / "hold", "SIGNS": signs_of(place)}
    if held is not None:
        variables["HELD"] = str(held)
    given = [word for name, value in variables.items() for word in ("-x", f"{name}={value}")]
    words = (*place.options, *given, "--exclude", "signs", "--exclude", "hold", *options)
    return place.operator.start("run", *words, "prog.py")


def wait_for_sign(place: Place, node: int, word: str) -> int:
    """Returns once the node has given this sign; its pid."""
    sign = signs_of(place) / f"{node}.{word}"
    wait_until(lambda: sign.exists() and sign.stat().st_size > 0, 30, f"the sign {sign.name}")
    return int(sign.read_text())


def wait_asleep(pid: int) -> None:
    """Returns once the process's main thread sleeps in the kernel, waiting for something."""
    process = psutil.Process(pid)
    wait_until(lambda: process.status() == psutil.STATUS_SLEEPING, 30, f"{pid} to wait")


def is_alive(pid: int) -> bool:
    """Whether it has not ended; one that is not reaped yet has."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _port(name: str) -> int:
    """A port that is none of those which the kernel gives to anybody, another one for each."""
    return 20_000 + 2 * secrets.randbelow(5000) + "ab".index(name)


def _loopback() -> str:
    """An address of this machine that nobody else uses."""
    return ".".join(["127", *(str(1 + secrets.randbelow(250)) for _ in range(3))])


def _home(machine: Machine) -> Home:
    home = Home.find({"DISTRCOMP_HOME": str(machine.home)})
    home.make_config()
    return home
