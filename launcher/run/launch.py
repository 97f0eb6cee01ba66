"""One launch from request to result: collect, connect, plan, run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from time import monotonic

from distrcomp.cores import usable_cores

from ..agent.guardian import Guardian
from ..agent.host import ENVIRONMENTS, Host
from ..agent.window import Window
from ..cluster.home import Home
from ..cluster.peers_file import Peer
from ..errors import BadUsage, CannotStart, LauncherError
from ..ship.bundle import Bundle
from ..ship.folders import temporary_folder
from .connect import Connection, Operator, connect_all, operator_here
from .controller import Controller
from .orders import course_of
from .output import NodeOutput
from .overview import Overview
from .packages import provide_packages
from .phases import Timeline
from .plain import counted
from .plan import PlannedPeer, make_plan
from .programs import names_by_node, with_programs
from .recording import Recorded
from .request import Display, Preparation, Request
from .results import Cause, RunResult
from .versions import compare_pythons

_MISSED_FILE = re.compile(r"No such file or directory: '([^'/][^']*)'")


class Launch:
    """One launch; use as `async with`, so that whatever was begun is ended.

    Args:
        request: what to run, and where.

    Attributes:
        controller: of the run, once it goes on.
        kept: once it has run, what each node printed.
        recorded: once it has run, the calls that its nodes have recorded, if they have.
    """

    def __init__(self, request: Request) -> None:
        self.controller: Controller | None = None
        self._request = request
        self._here: Host | None = None
        self._connections: list[Connection] = []
        self._timeline = Timeline(monotonic())
        self.kept: list[NodeOutput] = []
        self.recorded: Recorded | None = None

    async def __aenter__(self) -> Launch:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            await connection.channel.close()
        if self._here is not None:
            await self._here.close()

    async def prepare(self, bundle: Bundle) -> Preparation:
        """Reaches the peers and places the nodes; raises CannotStart, BadUsage."""
        peers = self._request.peers
        if any(peer.is_here for peer in peers):
            folder = temporary_folder()
            try:
                self._here = Host(
                    folder,
                    "localhost",
                    usable_cores(),
                    is_temporary=True,
                    environments=Home.find(os.environ).cache / "agent" / ENVIRONMENTS,
                )
            except (OSError, CannotStart) as error:
                shutil.rmtree(folder, ignore_errors=True)
                if isinstance(error, CannotStart):
                    raise
                raise CannotStart(f"this machine lacks something: {error.strerror}") from error
        self._timeline.enter("connect", monotonic())
        operator = None if all(peer.is_here for peer in peers) else operator_here()
        self._connections = await connect_all(peers, operator, self._here, _by_name)
        for each in self._connections:
            self._timeline.done("connect", each.peer.label, each.welcomed_at)
        planned = [
            PlannedPeer(
                connection.peer.label,
                connection.welcome.slots if peer.slots is None else peer.slots,
                peer.is_here,
            )
            for peer, connection in zip(peers, self._connections, strict=True)
        ]
        request = self._request
        skew = compare_pythons(self._connections, request.allow_skew)
        plan, notes = make_plan(
            planned, request.n_node, request.oversubscribe, by_node=request.by_node
        )
        if request.stdin_node >= plan.n_node:
            has = counted(plan.n_node, "node")
            raise BadUsage(f"--stdin {request.stdin_node}: the run has {has}, from 0 on")
        notes += skew
        if self._request.data_plane == "plain" and len(set(plan.placement)) > 1:
            notes = (*notes, "messages between machines are not encrypted (--data-plane plain)")
        notes = (*notes, *_moved(self._connections))
        programs = names_by_node(request, plan.n_node)
        return Preparation(bundle, plan, self._connections, notes, programs)

    @contextlib.contextmanager
    def guarded(self) -> Iterator[Guardian]:
        """What cleans up if this process is killed: of the agent that it holds, or its own."""
        if self._here is not None:
            yield self._here.guardian
            return
        guardian = Guardian()
        try:
            yield guardian
        finally:
            guardian.release()

    def interrupt(self) -> None:
        """Ends the run, as Ctrl-C does."""
        if self.controller is not None:
            self.controller.interrupt()

    async def run(self, preparation: Preparation, display: Display) -> tuple[RunResult, list[str]]:
        """Runs it; how it went, and what each node printed."""
        request, plan = self._request, preparation.plan
        used = sorted(set(plan.placement))
        connections = [preparation.connections[index] for index in used]
        placement = tuple(used.index(index) for index in plan.placement)
        course = course_of(request, preparation.bundle, connections, placement)
        has_stdin = 0 <= request.stdin_node < plan.n_node
        stdin = (placement[request.stdin_node], display.read_stdin) if has_stdin else None
        with display.view, self.guarded() as guardian:
            notes = preparation.notes + await provide_packages(
                request, preparation, connections, (display.view, self._timeline), guardian
            )
            sinks = display.open_sinks(plan.n_node)
            controller = Controller(
                course, connections, preparation.bundle, sinks, display.view, stdin
            )
            self.controller = controller
            controller.timeline = self._timeline
            async with _window(guardian, controller.overview, course.opening.run_id):
                await controller.run()
        ledger, recording = controller.machine.ledger, controller.recording
        self.kept = sinks.kept
        self.recorded = recording.calls(ledger.clocks, ledger.started_at)
        result = RunResult(
            run_id=course.opening.run_id.hex(),
            program=course.program,
            n_node=plan.n_node,
            exit_code=ledger.exit_code,
            seconds=(ledger.ended_at or 0.0) - (ledger.started_at or ledger.ended_at or 0.0),
            cause=ledger.cause(),
            nodes=with_programs(ledger.results(), course),
            notes=(
                *notes,
                *controller.machine.notes,
                *_nothing_collected(request, controller),
                *_unshipped(ledger.cause(), request.parts[0].wanted.folder),
            ),
            n_notes_before=len(preparation.notes) + controller.machine.n_notes_before,
            collected=tuple(controller.collection.files),
            collected_in=controller.collection.folder,
            phases=self._timeline.phases(),
            records=recording.records(ledger.clocks, ledger.started_at),
        )
        return result, [kept.text() for kept in sinks.kept]


@contextlib.asynccontextmanager
async def _window(guardian: Guardian, overview: Overview, run_id: bytes) -> AsyncIterator[None]:
    """Lets the run be looked at, if there is a place for that; without one it runs all the same."""
    window: Window | None = None
    try:
        with contextlib.suppress(LauncherError, OSError):
            window = Window(Home.find(os.environ), guardian, run_id)
            window.open(overview)
        yield
    finally:
        if window is not None:
            await window.close()


def _unshipped(cause: Cause | None, folder: Path) -> tuple[str, ...]:
    """A hint where a program missed a file that lies here and was not shipped."""
    missed = _MISSED_FILE.search(cause.traceback) if cause is not None else None
    if missed is None or not (folder / missed[1]).exists():
        return ()
    return (f"{missed[1]} lies in {folder} but was not shipped: add --include {missed[1]!r}",)


def _nothing_collected(request: Request, controller: Controller) -> tuple[str, ...]:
    """A remark where --collect has come to nothing."""
    if not request.collect or controller.collection.files or not controller.machine.was_searched:
        return ()
    return (f"--collect {' '.join(request.collect)}: no node has written such a file",)


async def _by_name(peer: Peer, operator: Operator, lost: CannotStart) -> Connection:
    from .discover import by_name

    return await by_name(peer, operator, lost)


def _moved(connections: Sequence[Connection]) -> tuple[str, ...]:
    """Who was found elsewhere than the peers file says."""
    return tuple(
        f"{each.was_at} does not answer; {each.peer.label} was found by its name at "
        f"{each.peer.address}: correct the peers file"
        for each in connections
        if each.was_at
    )
