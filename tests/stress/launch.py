"""Starts one run of the stress test over links of one kind, and judges its end."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from launcher.cluster.authority import create_cluster
from launcher.cluster.home import Home, write_private
from tests.command import Machine, Result
from tests.leaks import LeakChecker
from tests.mpi_stacks import STACKS, find
from tests.stress import plan, tally
from tests.stress.receiving import KEPT_BYTES_MAX

ROOT = Path(__file__).parents[2]
LINKS: Mapping[str, list[str]] = {
    "memory": ["ShmLink"],
    "sockets": ["StreamLink"],
    "tls": ["ShmLink", "TlsLink"],
    "plain": ["ShmLink", "StreamLink"],
    **{name: ["MpiLink"] for name in STACKS},
}
"""What a run can go over: shared memory; socket pairs inside one machine; two agents on loopback,
with and without encryption, with shared memory inside each; each real MPI."""
# Beside the time in which it sends: the start, the round under way, a machine that is very busy.
_ENDS_S = 120.0
# Burns a core for so many seconds, or until who started it is gone.
_BURN = """
import os, sys, time
until, parent = time.monotonic() + float(sys.argv[1]), os.getppid()
while time.monotonic() < until and os.getppid() == parent:
    sum(range(100_000))
"""


class Options(NamedTuple):
    """One run.

    Attributes:
        seed: decides what is sent.
        seconds: how long.
        nodes: how many.
        over: one of LINKS.
        threads: how many talk in the second half of the time; 0: there is no second half.
        busy: processes beside the run that keep cores busy.
        patience: seconds after which a message that doesn't come is lost.
        spoil: a fault to make on purpose, one of `lane.SPOILS`.
    """

    seed: int
    seconds: float = 60.0
    nodes: int = 4
    over: str = "memory"
    threads: int = 4
    busy: int = 0
    patience: float = 60.0
    spoil: str = ""


class Outcome(NamedTuple):
    """How a run ended: what each node counted, and what was wrong, if anything."""

    nodes: list[dict[str, Any]]
    faults: list[str]


def stress(options: Options, folder: Path, checker: LeakChecker) -> Outcome:
    """Does one run, with all that it needs below `folder`."""
    n_local = -(-options.nodes // 2) if options.over in ("tls", "plain") else options.nodes
    job = options._asdict() | {"n_local": n_local}
    words = ["run", "-q", "--output", "raw", "-n", str(options.nodes)]
    words += ["--recv-timeout", str(options.patience)]
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(contextlib.closing(Machine(folder / "here", checker)))
        if options.over in ("tls", "plain"):
            words += _two_agents(stack, machine, checker, n_local)
            words += ["--data-plane", options.over]
        for _ in range(options.busy):
            seconds = str(options.seconds + _ENDS_S)
            machine.start_program(sys.executable, "-c", _BURN, seconds)
        if options.over == "sockets":
            stack.enter_context(_without_shared_memory())
        program = ["-m", "tests.stress.node", json.dumps(job)]
        if options.over in STACKS:
            return judged(_mpiexec(machine, options, program), options)
        words += program
        return judged(machine.run(*words, cwd=ROOT, timeout=options.seconds + _ENDS_S), options)


def _mpiexec(machine: Machine, options: Options, program: list[str]) -> Result:
    """A run that a real MPI starts."""
    mpi = find(options.over)
    env = {**mpi.variables, "DISTRCOMP_RECV_TIMEOUT": str(options.patience)}
    words = [*mpi.mpiexec(options.nodes), *program]
    started = machine.start_program(*words, cwd=ROOT, env=env)
    return started.wait(options.seconds + _ENDS_S)


def judged(result: Result, options: Options) -> Outcome:
    """What a run's end means."""
    nodes = [json.loads(line) for line in result.out.splitlines() if line.startswith("{")]
    if result.code or len(nodes) != options.nodes:
        return Outcome(nodes, [f"exit code {result.code}, {len(nodes)} nodes\n{result.err}"])
    faults: list[str] = []
    links = sorted({kind for node in nodes for kind in node["links"]})
    if links != LINKS[options.over]:
        faults.append(f"the links are {links}, and should be {LINKS[options.over]}")
    of_lane = 2 * plan.ROUND_BYTES + KEPT_BYTES_MAX
    peak_max = tally.growth_bytes_max(max(1, options.threads), of_lane)
    for what, bound in (("peak", peak_max), ("creep", tally.CREEP_BYTES_MAX)):
        most = max(node[what] for node in nodes)
        if most > bound:
            faults.append(f"memory, {what}: {most:,} bytes; at most {bound:,} may be")
    total = tally.merged(nodes)
    sent = sum(count for what, count in total.items() if what.startswith("sent by"))
    if sent != total["messages"]:
        faults.append(f"{sent} messages were sent and {total['messages']} received")
    return Outcome(nodes, faults)


@contextlib.contextmanager
def _without_shared_memory() -> Iterator[None]:
    """What is started meanwhile may make no file that is large enough to be shared."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _two_agents(
    stack: contextlib.ExitStack, operator: Machine, checker: LeakChecker, slots: int
) -> list[str]:
    """Starts two agents of `operator`'s cluster on loopback; the options for a run on them."""
    authority = create_cluster(_home(operator), "stress")
    hosts = []
    for name in ("h1", "h2"):
        agent = Machine(operator.home.parent.parent / name, checker)
        stack.enter_context(contextlib.closing(agent))
        write_private(_home(agent).agent_credentials, authority.issue_agent(name, ["127.0.0.1"]))
        port = _free_port()
        started = agent.start("agent", "--listen", f"127.0.0.1:{port}", "--slots", str(slots))
        started.wait_for_line("listens on")
        hosts.append(f"127.0.0.1:{port} name={name} slots={slots}\n")
    peers_file = operator.work_dir / "peers.txt"
    peers_file.write_text("".join(hosts))
    return ["--peers", str(peers_file)]


def _home(machine: Machine) -> Home:
    home = Home.find({"DISTRCOMP_HOME": str(machine.home)})
    home.make_config()
    return home


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
