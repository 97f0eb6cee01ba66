"""What the soak runs next."""

from __future__ import annotations

from pathlib import Path

from tests.soak.plan import PATIENT, STUCK, TRAFFIC, Plan, make_plan
from tests.soak.shapes import PATIENT as PATIENT_SHAPES
from tests.soak.shapes import STUCK as STUCK_SHAPES
from tests.soak.shapes import core, stuck_nodes

SHAPES = (STUCK_SHAPES, PATIENT_SHAPES)


def plans(seed: int = 1, kill_every_s: float = 3.0) -> list[Plan]:
    """The first runs of a soak."""
    return [make_plan(seed, number, kill_every_s, SHAPES) for number in range(300)]


def test_the_seed_decides() -> None:
    """The same seed gives the same runs."""
    assert plans() == plans()
    assert plans(1) != plans(2)


def test_everything_comes() -> None:
    """All kinds and shapes, all victims, both data planes; nobody is killed in a deadlock."""
    made = plans()
    assert {TRAFFIC, STUCK, PATIENT} == {plan.kind for plan in made}
    assert {"-", *STUCK_SHAPES, *PATIENT_SHAPES} == {plan.shape for plan in made}
    assert {"node", "agent", "launcher"} == {who for plan in made for who, _ in plan.kills}
    assert {"tls", "plain"} == {plan.data_plane for plan in made}
    assert not any(plan.kills for plan in made if plan.kind == STUCK)


def test_kills_come_as_often_as_asked() -> None:
    """The mean of the times between two kills is the one that was asked for."""
    times = [after_s for plan in plans(kill_every_s=3.0) for _, after_s in plan.kills]
    assert 2.7 < sum(times) / len(times) < 3.3


def test_a_deadlock_has_two_nodes_at_least() -> None:
    """Which ones follows from the seed; some shapes take all."""
    for seed in range(50):
        assert 2 <= len(stuck_nodes("ring", seed, 5)) <= 5
    assert [0, 1, 2] == stuck_nodes("barrier", 1, 3)
    assert [0, 1] == stuck_nodes("ring", 1, 2)


def test_what_a_verdict_has_to_name() -> None:
    """All of a circle; of a barrier the two that wait for each other."""
    assert {0, 2, 3} == core("ring", [0, 2, 3])
    assert {0, 1} == core("barrier", [0, 1, 2, 3])


def test_the_program_has_every_shape() -> None:
    """Each shape is one of its functions."""
    text = Path(__file__).with_name("program.py").read_text("utf-8")
    assert all(f"\ndef {shape}(" in text for shape in (*STUCK_SHAPES, *PATIENT_SHAPES))
