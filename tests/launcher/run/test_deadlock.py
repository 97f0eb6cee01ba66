"""Which nodes wait for each other: the rule on pictures, and the way to a verdict."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.notices import Envelope, Standing, Waiting
from launcher import limits
from launcher.run.deadlock import (
    Ask,
    Diagnosis,
    Later,
    Stalled,
    Step,
    Verdict,
    Wakers,
    closed_set,
    stuck_set,
)

NOW = 100.0


def waiting(*sources: int, serial: int = 1, has_deadline: bool = False) -> Waiting:
    """A wait for these; for every node where none is given."""
    wanted = Envelope(0, sources[0] if sources else -1, -1)
    return Waiting(serial, "recv", "prog.py:1", 1.0, has_deadline, sources, wanted, ())


def standing(number: int, *wakers: int, serial: int = 1, **how: Any) -> Standing:
    """The answer of a node that waits for these; for every node where none is given."""
    how.setdefault("wakes_all", not wakers)
    return Standing(number, True, (serial,), tuple(wakers), **how)


PICTURES: list[tuple[dict[int, Wakers], set[int], set[int]]] = [
    ({0: {1}, 1: {0}}, set(), {0, 1}),
    ({0: {1}, 1: {2}, 2: {0}}, set(), {0, 1, 2}),
    ({0: {1}, 1: {2}}, set(), set()),  # 2 runs
    ({0: {1}, 1: {2}}, {2}, {0, 1}),
    ({0: {1}, 1: {0}, 2: {3}}, set(), {0, 1}),  # 3 runs
    ({0: {1}, 1: {0}, 2: {0}}, set(), {0, 1, 2}),
    ({0: {1, 2}, 1: {0}}, set(), set()),  # 2 runs and could wake 0
    ({0: {0}}, set(), {0}),
    ({0: None, 1: None, 2: None, 3: None}, set(), {0, 1, 2, 3}),
    ({0: None, 1: None, 2: None}, set(), set()),  # 3 runs
    ({0: None, 1: {0}, 2: None}, {3}, {0, 1, 2}),
    ({0: None, 1: {2}, 2: {1}}, set(), {1, 2}),
    ({}, {0, 1}, set()),
]


@pytest.mark.parametrize(("candidates", "ended", "expected"), PICTURES)
def test_pictures(candidates: dict[int, Wakers], ended: set[int], expected: set[int]) -> None:
    """Of four nodes: who can be woken by none but those who wait, or have ended."""
    assert expected == closed_set(candidates, ended, 4)


@given(data=st.data(), n_node=st.integers(1, 5))
def test_the_largest_set_by_trying_all(data: st.DataObject, n_node: int) -> None:
    """It is the union of all sets that fulfil the rule, which are tried one by one."""
    nodes = range(n_node)
    ended = data.draw(st.sets(st.sampled_from(nodes)))
    alive = [node for node in nodes if node not in ended]
    wakers = st.none() | st.frozensets(st.sampled_from(nodes), min_size=1)
    candidates: dict[int, Wakers] = {
        node: data.draw(wakers) for node in alive if data.draw(st.booleans())
    }

    def is_closed(some: tuple[int, ...]) -> bool:
        silent = {*some, *ended}
        for node in some:
            its = candidates[node]
            if not (set(nodes) if its is None else set(its)) <= silent:
                return False
        return True

    every = chain.from_iterable(combinations(candidates, size) for size in range(n_node + 1))
    largest = {node for some in every if is_closed(some) for node in some}
    assert largest == closed_set(candidates, ended, n_node)


ON_THE_WAY: list[tuple[dict[int, Standing], set[int]]] = [
    ({0: standing(1, 1), 1: standing(1, 0)}, {0, 1}),
    ({0: standing(1, 1), 1: Standing(1, False)}, set()),
    ({0: standing(1, 1, unread_from=(1,)), 1: standing(1, 0)}, set()),
    ({0: standing(1, 1), 1: standing(1, 0, unsent_to=(0,))}, set()),
    ({0: standing(1, 1, held=(1,)), 1: standing(1, 0, unsent_to=(0,))}, {0, 1}),
    ({0: standing(1, 1), 1: standing(1, 0, is_linking=True)}, set()),
    # What the third is about to hear doesn't concern the two who wait for each other.
    ({0: standing(1, 1), 1: standing(1, 0), 2: standing(1, 0, unread_from=(0,))}, {0, 1}),
    ({0: standing(1, 1), 1: standing(1, 0), 2: Standing(1, False)}, {0, 1}),
    # What comes from one who runs ends no wait of theirs.
    ({0: standing(1, 1, unread_from=(3,)), 1: standing(1, 0)}, {0, 1}),
]


@pytest.mark.parametrize(("answers", "expected"), ON_THE_WAY)
def test_what_is_on_its_way(answers: dict[int, Standing], expected: set[int]) -> None:
    """Who is about to hear something is not stuck, nor is who waits for such a one."""
    assert expected == stuck_set(answers, frozenset(), 4)


def test_the_last_words_of_one_who_has_ended_count() -> None:
    """What an ended node has sent and nobody has read may wake its receiver."""
    answers = {0: standing(1, 1, unread_from=(1,))}
    assert set() == stuck_set(answers, {1}, 2)


def number_of(steps: list[Step]) -> int:
    """The number of the one question, or look, that is asked for."""
    (step,) = steps
    assert isinstance(step, Ask | Later)
    return step.number


def asked(diagnosis: Diagnosis, steps: list[Step]) -> int:
    """Lets the time for the look come: the number of the question that follows."""
    return number_of(diagnosis.look(number_of(steps)))


def two_waiting() -> tuple[Diagnosis, int]:
    """Two of three nodes wait for each other and are asked."""
    diagnosis = Diagnosis(3)
    steps = diagnosis.wait(0, waiting(1), NOW)
    assert [Later(1, limits.DEADLOCK_LOOK_S)] == steps
    assert [] == diagnosis.wait(1, waiting(0), NOW)  # the look is near
    (ask,) = diagnosis.look(1)
    assert ask == Ask(1, frozenset({0, 1}))
    return diagnosis, 1


def test_a_verdict_needs_two_rounds_alike() -> None:
    """All are asked again when all have answered, and stand the same."""
    diagnosis, number = two_waiting()
    assert [] == diagnosis.answer(0, standing(number, 1), NOW)
    assert [Ask(2, frozenset({0, 1}))] == diagnosis.answer(1, standing(number, 0), NOW)
    assert [] == diagnosis.answer(0, standing(number, 1), NOW)  # late, of the first round
    assert [] == diagnosis.answer(1, standing(2, 0), NOW)
    (verdict,) = diagnosis.answer(0, standing(2, 1), NOW + 0.5)
    assert isinstance(verdict, Verdict)
    assert {0, 1} == set(verdict.waits)
    assert 1.5 == verdict.waits[0][0].seconds  # one second when it was told, half a second since


@pytest.mark.parametrize(
    "other",
    [
        standing(2, 0, serial=2),
        standing(2, 0, arrivals=1),
        standing(2, 0, 2),
        standing(2, 0, unread_from=(0,)),
        Standing(2, False),
    ],
)
def test_no_verdict_where_the_second_round_differs(other: Standing) -> None:
    """A new wait, an arrival, a new waker, something on its way, one that runs: ask again later."""
    diagnosis, number = two_waiting()
    diagnosis.answer(0, standing(number, 1), NOW)
    diagnosis.answer(1, standing(number, 0), NOW)
    diagnosis.answer(0, standing(2, 1), NOW)
    steps = diagnosis.answer(1, other, NOW)
    assert [Later(2, limits.DEADLOCK_PAUSE_S_MIN)] == steps
    assert 3 == asked(diagnosis, steps)


def test_pauses_grow_until_somebody_waits_anew() -> None:
    """Who is busy is asked less and less often, to a bound."""
    diagnosis, number = two_waiting()
    pauses = []
    for _ in range(6):
        diagnosis.answer(0, Standing(number, False), NOW)
        (later,) = steps = diagnosis.answer(1, standing(number, 0), NOW)
        assert isinstance(later, Later)
        pauses.append(later.seconds)
        number = asked(diagnosis, steps)
    assert [0.2, 0.4, 0.8, 1.6, 2.0, 2.0] == pauses
    assert [Later(8, limits.DEADLOCK_LOOK_S)] == diagnosis.wait(2, waiting(0), NOW)
    assert Ask(number + 1, frozenset({0, 1, 2})) in diagnosis.look(8)
    for node in (0, 1):
        diagnosis.answer(node, Standing(number + 1, False), NOW)
    assert [Later(9, 0.2)] == diagnosis.answer(2, standing(number + 1, 0), NOW)


def test_who_goes_on_ends_the_inquiry() -> None:
    """Answers that still come are of no use, and nobody is asked while one of them runs."""
    diagnosis, number = two_waiting()
    steps = diagnosis.resume(0, 1)
    assert [] == diagnosis.look(number_of(steps))
    assert [] == diagnosis.answer(0, standing(number, 1), NOW)
    assert [] == diagnosis.answer(1, standing(number, 0), NOW)
    assert set() == diagnosis.suspects()


def test_an_end_makes_others_suspects() -> None:
    """Who waits for any of three can be helped by none once one has ended and one waits for it."""
    diagnosis = Diagnosis(3)
    diagnosis.wait(0, waiting(), NOW)
    diagnosis.look(1)
    steps = diagnosis.wait(1, waiting(0), NOW)
    assert [] == diagnosis.look(number_of(steps))
    assert Ask(1, frozenset({0, 1})) in diagnosis.look(number_of(diagnosis.end(2)))
    assert [] == diagnosis.end(2)


def test_a_time_limit_is_a_way_out() -> None:
    """One thread with a deadline, or that waits for one who runs, and a node is no suspect."""
    diagnosis = Diagnosis(3)
    diagnosis.wait(0, waiting(1), NOW)
    diagnosis.wait(1, waiting(0, has_deadline=True), NOW)
    assert set() == diagnosis.suspects()
    diagnosis.resume(1, 1)
    diagnosis.wait(1, waiting(0, serial=2), NOW)
    assert {0, 1} == diagnosis.suspects()
    diagnosis.wait(0, waiting(2, serial=2), NOW)
    assert set() == diagnosis.suspects()


def test_a_verdict_falls_once() -> None:
    """The same waits are not judged again; a new one of one of them is."""
    diagnosis, number = two_waiting()
    for round_number in (number, number + 1):
        diagnosis.answer(0, standing(round_number, 1), NOW)
        diagnosis.answer(1, standing(round_number, 0), NOW)
    assert [] == diagnosis.look(number_of(diagnosis.wait(2, waiting(2, has_deadline=True), NOW)))
    diagnosis.resume(0, 1)
    steps = diagnosis.wait(0, waiting(1, serial=2), NOW)
    assert number + 2 == asked(diagnosis, steps)


def test_waits_have_a_bound() -> None:
    """Of a node that tells of ever more waits the oldest are forgotten."""
    diagnosis = Diagnosis(1)
    for serial in range(limits.WAITS_PER_NODE_MAX + 10):
        diagnosis.wait(0, waiting(0, serial=serial), NOW)
    assert limits.WAITS_PER_NODE_MAX == len(diagnosis._waits[0])


def test_a_long_wait_without_a_verdict_is_told_once() -> None:
    """Where a thread may still act nodes are named all the same when they have waited for long."""
    diagnosis, number = two_waiting()
    for seconds in (1.0, limits.STALL_TOLD_AFTER_S, limits.STALL_TOLD_AFTER_S + 5):
        diagnosis.answer(0, Standing(number, False), NOW + seconds)
        *stall, later = diagnosis.answer(1, standing(number, 0), NOW + seconds)
        number = asked(diagnosis, [later])
        if seconds == limits.STALL_TOLD_AFTER_S:
            (told,) = stall
            assert isinstance(told, Stalled)
            assert ([0, 1], {0}) == (list(told.waits), told.running)
        else:
            assert [] == stall
