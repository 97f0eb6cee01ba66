"""One launch from request to result: collect, connect, plan, run."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from time import monotonic

from distrcomp.cores import usable_cores
from distrcomp.notices import Machine, dialler

from .. import limits
from ..agent.guardian import Guardian
from ..agent.host import ENVIRONMENTS, Host
from ..agent.window import Window
from ..cluster.home import Home
from ..cluster.peers_file import Peer
from ..control import messages as m
from ..environment.need import Need
from ..errors import CannotStart, LauncherError
from ..records import record
from ..ship.bundle import Bundle, Wanted
from ..ship.manifest import pack_manifest
from .addresses import Net, machines_of
from .connect import Connection, Operator, connect_all, operator_here
from .controller import Controller
from .course import Course
from .output import NodeOutput
from .overview import Overview
from .packages import provide_packages
from .phases import Timeline
from .plan import Plan, PlannedPeer, make_plan
from .programs import Part, names_by_node, programs_of, with_programs
from .recording import Recorded, recording, wanted
from .results import Cause, RunResult
from .sinks import Sinks
from .stdin import read_stdin
from .table import View
from .versions import compare_pythons

_MISSED_FILE = re.compile(r"No such file or directory: '([^'/][^']*)'")


@record
class Request:
    """What the user asked for.

    Attributes:
        arguments: the program and its arguments; for Python what follows `python`.
        is_python: whether Python runs it; otherwise it is a command.
        wanted: what to ship.
        stdin_node: the node that reads our stdin; -1 for none.
        n_node: of all programs together.
        more: the other programs, where there are several.
        by_node: whether placing goes round the peers, instead of filling one after the other.
        net: which addresses nodes may dial; None: all.
        tells_links: whether it is said which addresses led to the other machines.
        proves_links: whether each two machines must reach each other before the program starts.
        record: what is recorded of its nodes: "tally", "calls" or "" for nothing.
        need: the environment that the nodes shall have; None: the agents' own.
        allow_skew: whether peers may have different versions of Python.
    """

    arguments: tuple[str, ...]
    is_python: bool
    wanted: Wanted
    peers: tuple[Peer, ...]
    n_node: int | None = None
    oversubscribe: bool = False
    environment: tuple[m.Setting, ...] = ()
    wdir: str = ""
    timeout_s: float | None = None
    stdin_node: int = 0
    continue_on_failure: bool = False
    on_deadlock: str = "abort"
    is_strict: bool = False
    data_plane: str = "tls"
    more: tuple[Part, ...] = ()
    by_node: bool = False
    collect: tuple[str, ...] = ()
    net: Net | None = None
    tells_links: bool = False
    proves_links: bool = True
    record: str = ""
    need: Need | None = None
    allow_skew: bool = False


@record
class Preparation:
    """Everything that is known before the first byte is shipped."""

    bundle: Bundle
    plan: Plan
    connections: list[Connection]
    notes: tuple[str, ...]
    programs: tuple[str, ...] = ()
    """What each node is to run, where there are several programs."""


@record
class Display:
    """How a run is shown.

    Attributes:
        view: where progress goes.
        open_sinks: makes the sinks for so many nodes.
        read_stdin: gives the next bytes for the node that gets stdin; none at the end.
    """

    view: View
    open_sinks: Callable[[int], Sinks]
    read_stdin: Callable[[], bytes] = read_stdin


class Launch:
    """One launch; use as `async with`, so that whatever was begun is ended.

    Attributes:
        kept: once it has run, what each node printed; recorded: the calls that all have recorded.

    Args:
        request: what to run, and where.

    Attributes:
        controller: of the run, once it goes on.
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
            folder = Path(tempfile.mkdtemp(prefix="distrcomp-"))
            try:
                self._here = Host(
                    folder,
                    "localhost",
                    usable_cores(),
                    is_temporary=True,
                    environments=Home.find(os.environ).cache / "agent" / ENVIRONMENTS,
                )
            except OSError as error:
                shutil.rmtree(folder, ignore_errors=True)
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
        notes += skew
        if self._request.data_plane == "plain" and len(set(plan.placement)) > 1:
            notes = (*notes, "messages between machines are not encrypted (--data-plane plain)")
        notes = (*notes, *_moved(self._connections))
        programs = names_by_node(request, plan.n_node)
        return Preparation(bundle, plan, self._connections, notes, programs)

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
        course = _course(request, preparation.bundle, connections, placement)
        has_stdin = 0 <= request.stdin_node < plan.n_node
        stdin = (placement[request.stdin_node], display.read_stdin) if has_stdin else None
        with display.view:
            notes = preparation.notes + await provide_packages(
                request, preparation, connections, (display.view, self._timeline)
            )
            sinks = display.open_sinks(plan.n_node)
            controller = Controller(
                course, connections, preparation.bundle, sinks, display.view, stdin
            )
            self.controller = controller
            controller.timeline = self._timeline
            guardian = None if self._here is None else self._here.guardian
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
                *_unshipped(ledger.cause(), request.wanted.folder),
            ),
            n_notes_before=len(preparation.notes) + controller.machine.n_notes_before,
            collected=tuple(controller.collection.files),
            collected_in=controller.collection.folder,
            phases=self._timeline.phases(),
            records=recording.records(ledger.clocks, ledger.started_at),
        )
        return result, [kept.text() for kept in sinks.kept]


@contextlib.asynccontextmanager
async def _window(
    guardian: Guardian | None, overview: Overview, run_id: bytes
) -> AsyncIterator[None]:
    """Lets the run be looked at, if there is a place for that; without one it runs all the same."""
    keeper = guardian or Guardian()
    window: Window | None = None
    try:
        with contextlib.suppress(LauncherError, OSError):
            window = Window(Home.find(os.environ), keeper, run_id)
            window.open(overview)
        yield
    finally:
        if window is not None:
            await window.close()
        if guardian is None:
            keeper.release()


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


def _course(
    request: Request,
    bundle: Bundle,
    connections: Sequence[Connection],
    placement: tuple[int, ...],
) -> Course:
    """The run in every detail: what each agent will be told."""
    run_id = secrets.token_bytes(limits.RUN_ID_BYTES)
    machines = machines_of(connections, request.net)
    record = wanted(request.record, len(placement))
    authority, certificates = _credentials(run_id, len(machines), len(placement))
    programs, program_of = programs_of(request, len(placement))
    orders = tuple(
        m.StartNodes(
            programs=recording(programs, record),
            stdin_node=request.stdin_node,
            nodes=tuple(
                m.NodeOrder(node, certificates[node], program_of[node])
                for node, index in enumerate(placement)
                if index == peer
            ),
            machines=machines,
            machine_of=placement,
            authority=authority,
            data_plane=request.data_plane,
        )
        for peer in range(len(machines))
    )
    is_python = [programs[index].is_python for index in program_of]
    names = [" ".join(program.arguments) for program in programs]
    return Course(
        labels=tuple(machine.label for machine in machines),
        placement=placement,
        opening=m.OpenRun(run_id, pack_manifest(bundle.manifest)),
        orders=orders,
        proofs=_proofs(machines, placement, is_python) if request.proves_links else (),
        continue_on_failure=request.continue_on_failure,
        timeout_s=request.timeout_s,
        program=" : ".join(names),
        on_deadlock=request.on_deadlock,
        is_strict=request.is_strict,
        programs=tuple(names) if len(names) > 1 else (),
        program_of=program_of,
        sizes=bundle.sizes,
        can_give=tuple(not connection.peer.is_here for connection in connections),
        collect=request.collect,
        tells_links=request.tells_links,
        record=record,
    )


def _credentials(run_id: bytes, n_machine: int, n_node: int) -> tuple[str, list[str]]:
    """The run's own CA and each node's key and certificate; nothing inside one machine."""
    if n_machine == 1:
        return "", [""] * n_node
    from ..cluster.run_credentials import RunAuthority

    authority = RunAuthority(run_id)
    return authority.ca_pem, [authority.node(node) for node in range(n_node)]


def _proofs(
    machines: Sequence[Machine], placement: Sequence[int], is_python: Sequence[bool]
) -> tuple[tuple[int, int], ...]:
    """For each pair of machines the (source, dest) of one link, by their lowest nodes.

    A command is no such node: it need not join the run.
    """
    lowest: dict[int, int] = {}
    for node, machine in enumerate(placement):
        if is_python[node]:
            lowest.setdefault(machine, node)
    nodes = [lowest[machine] for machine in sorted(lowest)]
    pairs = []
    for index, one in enumerate(nodes):
        for other in nodes[index + 1 :]:
            source = dialler(machines, placement, one, other)
            pairs.append((source, other if source == one else one))
    return tuple(pairs)
