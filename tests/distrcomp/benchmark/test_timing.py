"""How many rounds are timed, and how often."""

from __future__ import annotations

import pytest

from distrcomp.benchmark.timing import ROUNDS_MAX, SAMPLES, Batch, in_turn


class Machine:
    """Batches whose rounds take a known time; keeps what was asked for."""

    def __init__(self, *round_s: float) -> None:
        self.calls: list[tuple[int, int]] = []
        self.batches = [self._batch(number, each) for number, each in enumerate(round_s)]

    def _batch(self, number: int, round_s: float) -> Batch:
        def batch(rounds: int) -> float:
            self.calls.append((number, rounds))
            return rounds * round_s

        return batch


def test_samples_are_of_one_round() -> None:
    """Whatever the number of rounds, a sample is the time of one."""
    first, second = in_turn(Machine(1e-6, 1e-3).batches, 1.0)
    assert [pytest.approx(1e-6)] * SAMPLES == first
    assert [pytest.approx(1e-3)] * SAMPLES == second


def test_batches_take_turns() -> None:
    """After finding out how many rounds, the two are sampled one after the other."""
    machine = Machine(1e-6, 1e-3)
    in_turn(machine.batches, 1.0)
    assert [0, 1] * SAMPLES == [number for number, _ in machine.calls[-2 * SAMPLES :]]


def test_the_budget_is_kept() -> None:
    """All rounds together take about the budget."""
    machine = Machine(1e-6, 1e-3)
    in_turn(machine.batches, 1.0)
    assert 0.8 < sum(rounds * (1e-6, 1e-3)[number] for number, rounds in machine.calls) < 1.2


def test_slow_rounds_are_done_once() -> None:
    """Where one round takes longer than the budget, each is tried once and sampled once."""
    machine = Machine(5.0, 2.0)
    assert [[5.0], [2.0]] == in_turn(machine.batches, 0.5)
    assert [(0, 1), (1, 1), (0, 1), (1, 1)] == machine.calls


def test_a_clock_that_stands_still_ends_too() -> None:
    """Rounds that take no time at all are bounded by their number."""
    machine = Machine(0.0)
    assert [[0.0] * SAMPLES] == in_turn(machine.batches, 1.0)
    assert ROUNDS_MAX == max(rounds for _, rounds in machine.calls)
