"""The kill matrix: who is killed in which phase of a run, and what must be seen then."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

import pytest

from tests.case_report import Record
from tests.command import Result
from tests.faults.phases import COLLECTIVES, PHASES, Phase
from tests.faults.places import BOUND_S, Place, check_run_is_gone, wait_for_sign

NODE, AGENT, LAUNCHER = VICTIMS = ("node", "agent", "launcher")
_CASES = {NODE: "F-01", AGENT: "F-02", LAUNCHER: "F-03"}


class Kill(NamedTuple):
    """One square of the matrix."""

    victim: str
    phase: Phase


def kills(
    victims: Collection[str], in_ci: Callable[[Kill], bool], has: Collection[str] = ()
) -> list[object]:
    """The squares for a place, as parameters; those that are not for CI are marked as such."""
    made: list[object] = []
    for victim, phase in itertools.product(victims, PHASES.values()):
        if phase.needs not in {"", *has} or (victim == NODE and not phase.has_nodes):
            continue
        kill = Kill(victim, phase)
        marks = [pytest.mark.case(_CASES[victim])]
        if not in_ci(kill):
            marks.append(pytest.mark.full_matrix)
        made.append(pytest.param(kill, id=f"{victim}, {phase.name}", marks=marks))
    return made


def is_main_phase(kill: Kill) -> bool:
    """Whether it is tried in CI: of the collectives only one for each victim."""
    chosen = {NODE: "barrier", AGENT: "allreduce", LAUNCHER: "bcast"}[kill.victim]
    others = [f"in {name}" for name in COLLECTIVES if name != chosen]
    return kill.phase.name not in others


def kill_in_phase(place: Place, kill: Kill, record_property: Record) -> None:
    """Kills the victim in the phase: the run ends with the right verdict, and leaves nothing."""
    with kill.phase.reach(place) as run:
        killed_at = time.monotonic()
        if kill.victim == NODE:
            os.kill(wait_for_sign(place, 1, "started"), signal.SIGKILL)
        elif kill.victim == AGENT:
            place.agents[place.labels[1]].kill()
        else:
            run.kill()
        place.release()
        check_verdict(place, kill, run.wait(timeout=BOUND_S))
    check_run_is_gone(place)
    if kill.phase.all_listen:
        name = f"{kill.victim} killed, {place.name}: until all else of the run is gone"
        record_property("seconds", (name, time.monotonic() - killed_at))


def check_verdict(place: Place, kill: Kill, result: Result) -> None:
    """Exit code and message are those that the documentation promises."""
    label = place.labels[1]
    first, told = result.out.partition("\n")[0], result.out + result.err
    if kill.victim == LAUNCHER:
        assert -signal.SIGKILL == result.code, result
    elif kill.victim == NODE and kill.phase.has_started:
        assert 128 + signal.SIGKILL == result.code, result
        assert f"node 1 on {label} was killed by SIGKILL (9)" == first
    elif kill.victim == NODE:
        assert 3 == result.code, result
        sentence = "ended before the program started: killed by SIGKILL (9)"
        assert f"node 1 on {label} {sentence}" in told
    elif kill.phase.name == "collecting":
        assert 0 == result.code, result
        assert f"{label} did not confirm that it cleaned up: " in told
    elif kill.phase.has_started:
        assert 1 == result.code, result
        assert f"the agent on {label} is gone: " in told
    else:
        assert 3 == result.code, result
        assert f"{label}: " in told
