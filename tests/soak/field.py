"""The three hosts of a soak, one run on them at a time, and the killer."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.command import Command
from tests.hosts.cluster import NAMES, Cluster
from tests.hosts.network import network
from tests.leaks import LeakChecker, wait_until
from tests.soak.judge import Case, Killed
from tests.soak.plan import STUCK, Plan
from tests.soak.shapes import stuck_nodes
from tests.soak.traffic import expected, strays

_RUN_LIMIT_S = 90
_GONE_S = 20.0
_FILES = ("program.py", "shapes.py", "traffic.py")
_LOOK_S = 0.02


class Field:
    """Three hosts with agents, and an operator's machine.

    Args:
        cluster: theirs.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._folder = cluster.operator.work_dir
        for name in _FILES:
            shutil.copy(Path(__file__).with_name(name), self._folder / name)
        self._idle = {name: set(cluster.host(name).processes()) for name in NAMES}

    def run(self, plan: Plan) -> Case:
        """One run, to its end or its launcher's."""
        report = self._folder / "report.json"
        report.unlink(missing_ok=True)
        slots = -(-plan.n_node // len(NAMES))
        peers = self._folder / "soak-peers.txt"
        peers.write_text("".join(f"{name} slots={slots}\n" for name in NAMES))
        run = self._cluster.operator.start(
            *("run", "-n", str(plan.n_node), "--peers", peers.name),
            *("--output", "none", "--report", report.name, "--timeout", str(_RUN_LIMIT_S)),
            *("--data-plane", plan.data_plane, "program.py"),
            *(plan.kind, plan.shape, str(plan.seed)),
        )
        killed = list(self._kill(plan, run))
        code = run.wait(_RUN_LIMIT_S + 60).code
        told = _read(report)
        is_stuck = plan.kind == STUCK
        return Case(
            plan,
            code,
            told,
            killed,
            expected(plan.seed, plan.n_node),
            sum(strays(plan.seed, plan.n_node).values()),
            stuck_nodes(plan.shape, plan.seed, plan.n_node) if is_stuck else (),
        )

    def tidy_up(self) -> list[str]:
        """Waits until nothing of the run is left and starts the agents that were killed; faults."""
        faults = []
        for what, look in (
            ("processes", self._started),
            ("sandboxes", self._cluster.sandboxes),
            ("processes of the operator", self._cluster.operator.processes),
        ):
            try:
                wait_until(lambda look=look: not look(), _GONE_S, what)
            except AssertionError:
                faults.append(f"left after {_GONE_S:g} s: {what} {look()}")
        for name in NAMES:
            if not self._cluster.agents[name].is_running:
                self._cluster.agents[name] = agent = self._cluster.host(name).start("agent")
                agent.wait_for_line("listens on")
                self._idle[name] = set(self._cluster.host(name).processes())
        return faults

    def _kill(self, plan: Plan, run: Command) -> Iterator[Killed]:
        """Kills as planned until the run has ended."""
        dice = Random(f"{plan.seed}/killer")
        if plan.kills and plan.waits_for_nodes:
            wait_until(lambda: self._nodes() or not run.is_running, _RUN_LIMIT_S, "nodes")
        at = time.monotonic()
        for victim, after_s in plan.kills:
            at += after_s
            with contextlib.suppress(AssertionError):
                wait_until(
                    lambda: not run.is_running, max(_LOOK_S, at - time.monotonic()), "its end"
                )
            if not run.is_running:
                return
            yield from self._hit(victim, run, dice)

    def _hit(self, victim: str, run: Command, dice: Random) -> Iterator[Killed]:
        if victim == "launcher":
            run.kill()
            yield Killed(victim, "operator")
        elif victim == "agent":
            name = dice.choice(NAMES)
            agent = self._cluster.agents[name]
            if agent.is_running:
                agent.kill()
                wait_until(lambda: not agent.is_running, _GONE_S, "the killed agent's end")
                self._idle[name] = set()
                yield Killed(victim, name)
        elif nodes := self._nodes():
            node = dice.choice(sorted(nodes))
            with contextlib.suppress(ProcessLookupError):
                os.kill(nodes[node], signal.SIGKILL)
                yield Killed(victim, str(node))

    def _nodes(self) -> dict[int, int]:
        """The processes of the nodes that run, by node."""
        found: dict[int, int] = {}
        for pid in self._started():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                node = process.environ().get("DISTRCOMP_NODE_ID")
                if node is not None and os.getpgid(pid) == pid:
                    found[int(node)] = pid
        return found

    def _started(self) -> list[int]:
        """All processes on the hosts but the agents that live, and their guardians."""
        return [
            pid
            for name in NAMES
            for pid in self._cluster.host(name).processes()
            if pid not in self._idle[name]
        ]


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    read: dict[str, Any] = json.loads(path.read_text())
    return read


@contextlib.contextmanager
def field(folder: Path, checker: LeakChecker) -> Iterator[Field]:
    """The hosts, for as long as the soak takes."""
    with network(folder, checker) as made:
        yield Field(Cluster(made))
