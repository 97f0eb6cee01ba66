"""The programs of a run that has several: what they ship, and which node runs which.

Nodes are numbered in order over the programs, as mpiexec numbers them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..control.programs import Program
from ..ship.bundle import Bundle
from ..ship.union import collect_all
from .course import Course
from .plain import cut
from .request import Request
from .results import NodeResult

_NAME_CHARACTERS_MAX = 60
"""Of a program and its arguments in a line of the report."""


def bundled(request: Request) -> tuple[Request, Bundle]:
    """All that the programs ship, and the request with their places in it; raises BadUsage."""
    wanted = (request.wanted, *(part.wanted for part in request.more))
    bundle, entries = collect_all(wanted)
    first = Program(request.arguments, request.is_python)
    more = tuple(
        replace(part, program=_placed(part.program, entry))
        for part, entry in zip(request.more, entries[1:], strict=True)
    )
    return replace(request, arguments=_placed(first, entries[0]).arguments, more=more), bundle


def _placed(program: Program, entry: str | None) -> Program:
    """A program by its path in the sandbox, if it is a file that is shipped."""
    if entry is None or not program.is_python or program.arguments[0].startswith("-"):
        return program
    path = f"./{entry}" if entry.startswith("-") else entry
    return replace(program, arguments=(path, *program.arguments[1:]))


def programs_of(request: Request, n_node: int) -> tuple[tuple[Program, ...], tuple[int, ...]]:
    """All programs of a run of `n_node` nodes, and for each node the index of its own."""
    first = Program(request.arguments, request.is_python, request.environment, request.wdir)
    later = [part.n_node for part in request.more]
    counts = [n_node - sum(later), *later]
    programs = (first, *(part.program for part in request.more))
    return programs, tuple(index for index, count in enumerate(counts) for _ in range(count))


def with_programs(nodes: Sequence[NodeResult], course: Course) -> tuple[NodeResult, ...]:
    """How nodes ended, and what each ran, where the run has several programs."""
    if not course.programs:
        return tuple(nodes)
    names = [cut(program, _NAME_CHARACTERS_MAX) for program in course.programs]
    return tuple(replace(node, program=names[course.program_index(node.node)]) for node in nodes)


def names_by_node(request: Request, n_node: int) -> tuple[str, ...]:
    """What each node is to run, where the run has several programs."""
    if not request.more:
        return ()
    programs, program_of = programs_of(request, n_node)
    names = [cut(" ".join(program.arguments), _NAME_CHARACTERS_MAX) for program in programs]
    return tuple(names[index] for index in program_of)
