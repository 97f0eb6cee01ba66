"""Kill -9 of each process of a run in each of its phases; on several hosts: tests/hosts."""

from __future__ import annotations

import pytest

from tests.case_report import Record
from tests.faults.matrix import AGENT, LAUNCHER, NODE, VICTIMS, Kill, is_main_phase, kill_in_phase
from tests.faults.matrix import kills as squares
from tests.faults.places import Peers, ThisMachine

pytestmark = pytest.mark.processes


def is_only_there(kill: Kill) -> bool:
    """What CI tries with agents is what it can't try without."""
    return (kill.victim == AGENT or kill.phase.needs) and is_main_phase(kill)


@pytest.mark.parametrize("kill", squares((NODE, LAUNCHER), is_main_phase))
def test_without_agents(here: ThisMachine, kill: Kill, record_property: Record) -> None:
    """Survivors end, exit code and message are right, nothing is left."""
    kill_in_phase(here, kill, record_property)


@pytest.mark.parametrize("kill", squares(VICTIMS, is_only_there, ("peers", "proxy")))
def test_with_agents(peers: Peers, kill: Kill, record_property: Record) -> None:
    """So they do over TLS and TCP, with agents, which then hold nothing of the run."""
    kill_in_phase(peers, kill, record_property)
