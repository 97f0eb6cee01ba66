"""The command lines: how each stack starts program.py, on one machine and between two.

mpi4py gets what a user who has read the manuals would give it: the defaults of both MPI libraries
inside a machine; `--oversubscribe` where Open MPI has more nodes than cores; between two namespaces
TCP by name, because MPICH would find out that it is one machine and take shared memory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .launching import distrcomp_words
from .namespaces import LEFT, RIGHT, Network
from .works import DISTRCOMP, MEETING, MPICH, Work

PROGRAM = "program.py"
HELLO = "hello.py"


class Command(NamedTuple):
    """What to start, and what to add to the environment."""

    words: list[str]
    extra: Mapping[str, str]


def command(
    work: Work,
    stack: str,
    job: list[str],
    environments: Mapping[str, Path],
    network: Network | None,
) -> Command:
    """How to do this work on this stack; `network` is there where the work wants one."""
    if stack == DISTRCOMP:
        return _distrcomp(work, job, network)
    folder = environments[stack] / "bin"
    program = [str(folder / "python"), PROGRAM, "mpi4py", *job]
    mpiexec = [str(folder / "mpiexec"), "-n", str(work.n_node)]
    if stack == MPICH:
        return _mpich(mpiexec, program, network)
    return _openmpi(mpiexec, program, work, network)


def start_command(
    work: Work, stack: str, environments: Mapping[str, Path], network: Network | None
) -> Command:
    """How to launch a program that says hello; MPI always on one machine."""
    meet = ["meet"] if work.n_node == MEETING else []
    if stack != DISTRCOMP:
        folder = environments[stack] / "bin"
        mpiexec = [str(folder / "mpiexec"), "-n", str(work.n_node)]
        return Command([*mpiexec, str(folder / "python"), HELLO, "mpi4py", *meet], {})
    words = ["run", "-n", str(work.n_node), "--quiet", "--output", "raw"]
    program = [HELLO, DISTRCOMP, *meet]
    if network is None:
        return Command(distrcomp_words(*words, *program), {})
    peers = ["--peers", str(network.three_peers_file)]
    return Command(
        network.inside(LEFT, distrcomp_words(*words, *peers, *program)), network.operator
    )


def _distrcomp(work: Work, job: list[str], network: Network | None) -> Command:
    run = ["run", "-n", str(work.n_node), "--quiet", "--output", "raw"]
    program = [PROGRAM, DISTRCOMP, *job]
    if network is None:
        return Command(distrcomp_words(*run, *program), {})
    peers = ["--peers", str(network.peers_file), "--data-plane", "plain"]
    words = network.inside(LEFT, distrcomp_words(*run, *peers, *program))
    return Command(words, network.operator)


def _mpich(mpiexec: list[str], program: list[str], network: Network | None) -> Command:
    if network is None:
        return Command([*mpiexec, *program], {})
    # hydra's `ssh` is any program that takes a host and a command.
    reach = ["-launcher", "ssh", "-launcher-exec", str(network.shell), "-hosts", f"{LEFT},{RIGHT}"]
    words = network.inside(LEFT, [*mpiexec, *reach, *program])
    return Command(words, {"UCX_TLS": "tcp,self"})


def _openmpi(
    mpiexec: list[str], program: list[str], work: Work, network: Network | None
) -> Command:
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    if network is None:
        crowded = ["--oversubscribe"] if work.n_node > 2 else []
        return Command([*mpiexec, *root, *crowded, *program], {})
    reach = ["--prtemca", "plm_ssh_agent", str(network.shell), "--host", f"{LEFT}:1,{RIGHT}:1"]
    # Each of the two "machines" would bind its only node to its first core: to the same one.
    apart = ["--bind-to", "none"]
    tcp = ["--mca", "pml", "ob1", "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "eth0"]
    return Command(network.inside(LEFT, [*mpiexec, *root, *reach, *apart, *tcp, *program]), {})
