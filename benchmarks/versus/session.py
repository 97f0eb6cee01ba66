"""One run of the benchmark: all the work on all stacks, in turn, round by round."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import importing, launching, stacks, starting, table
from .launching import NoFigure
from .namespaces import Network
from .works import DISTRCOMP, STACKS, Work, job_of, rounds_of

_ORDERS = tuple(itertools.permutations(STACKS))


class Options(NamedTuple):
    """How to measure: how often, how thoroughly, how long one command may take."""

    rounds: int
    quick: bool
    limit_s: float


class Session:
    """The figures so far, and why some are missing.

    Args:
        works: what to measure.
        environments: those of the stacks of mpi4py.
        network: the two namespaces; without it, work that wants them is left out.
        say: gets a line of progress.
    """

    def __init__(
        self,
        works: Sequence[Work],
        environments: Mapping[str, Path],
        network: Network | None,
        say: Callable[[str], None],
    ) -> None:
        self._works = [work for work in works if network is not None or not work.network]
        self._environments = environments
        self._network = network
        self._say = say
        self._figures: dict[str, dict[str, dict[str, list[float]]]] = {
            work.name: {} for work in self._works
        }
        self._missing: dict[tuple[str, str], str] = {}

    def measure(self, options: Options) -> None:
        """Goes through all rounds; the order of the stacks changes with each."""
        for number in range(options.rounds):
            for work in self._works:
                done = self._do(work, number, options)
                if done:
                    self._say(f"round {number + 1}/{options.rounds}  {work.title}: {done}")

    def rows(self) -> list[table.Row]:
        """The table."""
        return [
            row for work in self._works for row in table.rows_of(work, self._figures[work.name])
        ]

    def missing(self) -> list[str]:
        """A line for each figure that is missing, saying why."""
        return [f"{work}, {stack}: {why}" for (work, stack), why in self._missing.items()]

    def record(self) -> dict[str, Any]:
        """All figures, for a machine to read."""
        return {"figures": self._figures, "missing": self.missing()}

    def _do(self, work: Work, number: int, options: Options) -> str:
        """One piece of work once on each stack that takes part in this round; what they needed."""
        if not work.job:
            return self._whole(work, options)
        said = []
        for stack in _ORDERS[number % len(_ORDERS)]:
            # A stack that once gave no figure would only use up the time limit again.
            if number < rounds_of(work, stack) and (work.name, stack) not in self._missing:
                said.append(f"{stack} {self._launch(work, stack, options)}")
        return ", ".join(said)

    def _launch(self, work: Work, stack: str, options: Options) -> str:
        job = job_of(work, stack, options.quick)
        network = self._network if work.network else None
        words, extra = stacks.command(work, stack, job, self._environments, network)
        try:
            with launching.on_cores(work.cores):
                calls = launching.figures(words, extra, options.limit_s)
        except NoFigure as error:
            return self._lose(work, stack, error)
        self._note(work, stack, calls)
        return table.figure(calls[work.bars[0].ours], work.bars[0].unit)

    def _whole(self, work: Work, options: Options) -> str:
        """An import or a launch."""
        if (work.name, DISTRCOMP) in self._missing:
            return ""
        network = self._network if work.network else None
        try:
            if work.n_node:
                measured = starting.figures(work, self._environments, network, options.limit_s)
            else:
                measured = importing.figures(options.limit_s)
        except NoFigure as error:
            return self._lose(work, DISTRCOMP, error)
        for who, calls in measured.items():
            self._note(work, who, calls)
        return ", ".join(
            f"{who} {table.figure(calls['time'], work.bars[0].unit)}"
            for who, calls in measured.items()
        )

    def _note(self, work: Work, stack: str, calls: Mapping[str, float]) -> None:
        for call, figure in calls.items():
            self._figures[work.name].setdefault(stack, {}).setdefault(call, []).append(figure)

    def _lose(self, work: Work, stack: str, error: NoFigure) -> str:
        """No figure at all counts then, not even one of an earlier round."""
        self._missing[work.name, stack] = str(error)
        self._figures[work.name].pop(stack, None)
        return f"no figure ({error})"
