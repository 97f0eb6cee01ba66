"""A cluster on the three hosts, made as a person makes it: init, invite, join, listen."""

from __future__ import annotations

from pathlib import Path

from tests.command import Command
from tests.hosts.network import Host, Network

NAMES = ("h1", "h2", "h3")


class Cluster:
    """Three hosts that have joined, each with a listening agent.

    Args:
        network: where they are.
        peers: the peers file on the operator's machine, which `invite` writes.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.operator = network.host("operator")
        self.peers = self.operator.work_dir / "peers.txt"
        self.agents: dict[str, Command] = {}
        made = self.operator.run("cluster", "init")
        assert made.code == 0, made
        for name in NAMES:
            self.agents[name] = self.join(name)

    def join(self, name: str) -> Command:
        """Invites one host, has it join, and returns its listening agent."""
        invite = self.operator.start("cluster", "invite", "--peers", str(self.peers))
        line = join_line(invite)
        agent = self.network.host(name).start("agent", "--join", line)
        invited = invite.wait()
        assert invited.code == 0, invited
        agent.wait_for_line("listens on")
        return agent

    def host(self, name: str) -> Host:
        """One of the hosts."""
        return self.network.host(name)

    def program(self, source: str, name: str = "prog.py") -> str:
        """Writes a program on the operator's machine; its name."""
        (self.operator.work_dir / name).write_text(source)
        return name

    def sandboxes(self) -> list[Path]:
        """The sandboxes that exist now, on all hosts."""
        return [
            path
            for name in NAMES
            for path in (self.host(name).home / "cache" / "agent" / "sandboxes").glob("run-*")
        ]

    def node_processes(self) -> list[int]:
        """The processes on the hosts beside each agent and its guardian."""
        return [pid for name in NAMES for pid in self.host(name).processes()[2:]]


def join_line(invite: Command) -> str:
    """The line that an invite prints."""
    return next(
        word for word in invite.wait_for_line("dcj1").split() if word.startswith(("'dcj1", "dcj1"))
    ).strip("'")
