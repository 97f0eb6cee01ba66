"""A cluster on the three hosts."""

from __future__ import annotations

from pathlib import Path

from launcher.cluster.authority import create_cluster
from launcher.cluster.home import Home, write_private
from tests.command import Command
from tests.hosts.network import Host, Network

NAMES = ("h1", "h2", "h3")


class Cluster:
    """Three members, each with a listening agent, and an operator with a peers file.

    The credentials are issued here and now; how machines join by themselves has tests of its own.

    Args:
        network: where they are.

    Attributes:
        agents: the agent of each host that has one; a test may replace it.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.operator = network.host("operator")
        authority = create_cluster(_home(self.operator), "test")
        for name in NAMES:
            host = network.host(name)
            credentials = authority.issue_agent(name, [host.address])
            write_private(_home(host).agent_credentials, credentials)
        (self.operator.work_dir / "peers.txt").write_text("".join(f"{name}\n" for name in NAMES))
        self.agents = {name: network.host(name).start("agent") for name in NAMES}
        for agent in self.agents.values():
            agent.wait_for_line("listens on")

    def host(self, name: str) -> Host:
        """One of the hosts."""
        return self.network.host(name)

    def invite(self, name: str) -> Command:
        """Has one host join by the line of an invite; its listening agent."""
        invite = self.operator.start("cluster", "invite")
        agent = self.host(name).start("agent", "--join", join_line(invite))
        invited = invite.wait()
        assert 0 == invited.code, invited
        assert f"{name} joined from {self.host(name).address}" in invited.out
        agent.wait_for_line("listens on")
        return agent

    def retire(self, name: str) -> None:
        """Ends a host's agent and takes its credentials and its membership away."""
        self.agents[name].interrupt()
        self.agents[name].wait()
        _home(self.host(name)).agent_credentials.unlink()
        assert 0 == self.operator.run("cluster", "remove", name).code

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
        """The processes on the hosts beside each agent, its guardian and its fork server."""
        return [pid for name in NAMES for pid in self._beside_the_agent(name)]

    def _beside_the_agent(self, name: str) -> list[int]:
        processes = self.host(name).processes()  # none where a test has ended the agent
        own = [pid for pid in processes[1:] if _parent(pid) == processes[0]]
        return [pid for pid in processes[1:] if pid not in own[:2]]


def _parent(pid: int) -> int:
    """The process that has started this one; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def join_line(invite: Command) -> str:
    """The line that an invite prints."""
    words = invite.wait_for_line("dcj1").split()
    return next(word for word in words if word.startswith("dcj1"))


def _home(host: Host) -> Home:
    home = Home.find({"DISTRCOMP_HOME": str(host.home)})
    home.make_config()
    return home
