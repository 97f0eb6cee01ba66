"""The packages of a run where its nodes will be: provided, if it asks for some, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from ..agent.guardian import Guardian
from ..ship.imports import foreign_imports
from .connect import Connection
from .phases import Timeline
from .programs import programs_of
from .request import Preparation, Request
from .table import View
from .versions import compare_libraries

if TYPE_CHECKING:
    from ..environment.lock import Lock


async def provide_packages(
    request: Request,
    preparation: Preparation,
    connections: Sequence[Connection],
    shown: tuple[View, Timeline],
    guardian: Guardian,
) -> tuple[str, ...]:
    """Makes the run's environment on each of these peers, if it has one; notes for the report.

    Args:
        shown: where it is shown how it gets on, and what remembers how long it took.
        guardian: cleans up if this process is killed.

    Raises:
        BadUsage: there is no such environment.
        CannotStart: some peer can't have it, or was lost.
    """
    view, timeline = shown
    lock: Lock | None = None
    notes: tuple[str, ...] = ()
    if request.need is not None:
        from .providing import provide  # most runs need none of what that loads

        def on_ready(label: str) -> None:
            timeline.done("environment", label, monotonic())

        timeline.enter("environment", monotonic())
        lock, notes = await provide(request.need, connections, view, on_ready, guardian)
    programs, _ = programs_of(request, preparation.plan.n_node)
    if len(connections) > 1 and any(program.is_python for program in programs):
        modules = foreign_imports(preparation.bundle.sources.values())
        notes += await compare_libraries(modules, lock, connections)
    return notes
