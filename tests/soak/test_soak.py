"""Some runs of the soak, so that it can't rust."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hosts.conftest import go_without
from tests.hosts.network import why_impossible
from tests.leaks import LeakChecker
from tests.soak.field import field
from tests.soak.plan import PATIENT, STUCK, TRAFFIC, Plan
from tests.soak.tally import Tally

pytestmark = pytest.mark.hosts

PLANS = (
    Plan(0, TRAFFIC, "-", 4, 5, "tls", ()),
    Plan(1, PATIENT, "computing", 5, 4, "plain", (("node", 0.5),), waits_for_nodes=True),
    Plan(2, PATIENT, "sleeping", 6, 6, "tls", (("agent", 0.5),), waits_for_nodes=True),
    Plan(3, PATIENT, "sleeping", 7, 3, "tls", (("launcher", 0.5),), waits_for_nodes=True),
    Plan(4, PATIENT, "other_thread", 8, 3, "plain", ()),
    Plan(5, STUCK, "ring", 9, 4, "tls", ()),
)


def test_every_verdict_is_right(tmp_path: Path, leaks: LeakChecker) -> None:
    """Programs of each kind, and each kind of victim: no fault, and nothing left."""
    go_without(why_impossible(), os.environ)
    tally, victims = Tally(), set()
    with field(tmp_path, leaks) as hosts:
        for plan in PLANS:
            case = hosts.run(plan)
            assert [] == tally.add(case, hosts.tidy_up()), plan
            victims.update(killed.victim for killed in case.killed)
    assert {"node", "agent", "launcher"} == victims
