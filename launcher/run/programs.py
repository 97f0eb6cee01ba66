"""The programs of a run that has several: what they ship, and which node runs which.

Nodes are numbered in order over the programs, as mpiexec numbers them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import limits
from ..control.programs import Program
from ..ship.bundle import Bundle
from ..ship.union import collect_all
from .course import Course
from .plain import cut
from .request import Request
from .results import NodeResult


def bundled(request: Request) -> tuple[Request, Bundle]:
    """All that the programs ship, and the request with their places in it; raises BadUsage."""
    bundle, entries = collect_all([part.wanted for part in request.parts])
    parts = tuple(
        replace(part, program=_placed(part.program, entry))
        for part, entry in zip(request.parts, entries, strict=True)
    )
    return replace(request, parts=parts), bundle


def _placed(program: Program, entry: str | None) -> Program:
    """A program by its path in the sandbox, if it is a file that is shipped."""
    if entry is None or not program.is_python or program.arguments[0].startswith("-"):
        return program
    path = f"./{entry}" if entry.startswith("-") else entry
    return replace(program, arguments=(path, *program.arguments[1:]))


def programs_of(request: Request, n_node: int) -> tuple[tuple[Program, ...], tuple[int, ...]]:
    """All programs of a run of `n_node` nodes, and for each node the index of its own."""
    programs = tuple(part.program for part in request.parts)
    counts = [n_node if part.n_node is None else part.n_node for part in request.parts]
    return programs, tuple(index for index, count in enumerate(counts) for _ in range(count))


def with_programs(nodes: Sequence[NodeResult], course: Course) -> tuple[NodeResult, ...]:
    """How nodes ended, and what each ran, where the run has several programs."""
    if not course.programs:
        return tuple(nodes)
    names = [cut(program, limits.PROGRAM_SHOWN_CHARACTERS_MAX) for program in course.programs]
    return tuple(replace(node, program=names[course.program_index(node.node)]) for node in nodes)


def names_by_node(request: Request, n_node: int) -> tuple[str, ...]:
    """What each node is to run, where the run has several programs."""
    if len(request.parts) < 2:
        return ()
    programs, program_of = programs_of(request, n_node)
    names = [
        cut(" ".join(program.arguments), limits.PROGRAM_SHOWN_CHARACTERS_MAX)
        for program in programs
    ]
    return tuple(names[index] for index in program_of)
