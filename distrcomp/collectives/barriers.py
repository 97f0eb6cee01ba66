"""Barriers; no I/O."""

from __future__ import annotations

from .port import PAIRWISE_MAX, Algorithm, Port, family


def barrier(port: Port) -> Algorithm:
    """Returns when all have come.

    Two tell each other. More of them tell their parent in a tree and are told (the combining tree
    of Mellor-Crummey and Scott, 1991): each waits at most twice, where the dissemination barrier
    (Hensgen, Finkel and Manber, 1988) has log2(n) rounds and a switch of processes in each, where
    they share cores.
    """
    if port.size <= PAIRWISE_MAX:
        for other in range(port.size):
            if other != port.here:
                port.send(other, 0)
                yield other
        return
    for team in _teams(port):
        parent, children = family(len(team), team.index(port.here))
        for child in children:
            yield team[child]
        if parent is not None:
            port.send(team[parent], 0)
    for team in reversed(_teams(port)):
        parent, children = family(len(team), team.index(port.here))
        if parent is not None:
            yield team[parent]
        for child in children:
            port.send(team[child], 0)


def _teams(port: Port) -> list[list[int]]:
    """Those among whom this node waits: its machine, and, if it is its first, the first ones."""
    mine = next(machine for machine in port.machines if port.here in machine)
    teams = [list(mine)]
    if port.here == mine[0] and len(port.machines) > 1:
        teams.append([machine[0] for machine in port.machines])
    return teams
