"""Small runs for the tests of the machine, and the words to drive them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distrcomp.notices import Machine
from launcher.control import files
from launcher.control import messages as m
from launcher.run.course import Course
from launcher.run.events import Action, FromPeer, Interrupt, SetTimer, Tell
from launcher.run.life import State
from launcher.run.machine import RunMachine

HASH = b"h" * 32
CLOSED = m.RunClosed((), 0, ())


def make_course(
    placement: Sequence[int] = (0, 0, 1),
    proofs: Sequence[tuple[int, int]] = ((0, 2),),
    continue_on_failure: bool = False,
    timeout_s: float | None = None,
    is_strict: bool = False,
    **other: Any,
) -> Course:
    """A run of nodes on h0, h1, ... as `placement` says."""
    labels = tuple(f"h{peer}" for peer in range(max(placement) + 1))
    orders = tuple(
        m.StartNodes(
            programs=(m.Program(("prog.py",), True),),
            stdin_node=0,
            nodes=tuple(m.NodeOrder(n, "") for n, where in enumerate(placement) if where == peer),
            machines=tuple(Machine(label, label, 6969) for label in labels),
            machine_of=tuple(placement),
            authority="",
            data_plane="tls",
        )
        for peer in range(len(labels))
    )
    opening = m.OpenRun(b"r" * 16, b"")
    return Course(
        labels=labels,
        placement=tuple(placement),
        opening=opening,
        orders=orders,
        proofs=tuple(proofs),
        continue_on_failure=continue_on_failure,
        timeout_s=timeout_s,
        is_strict=is_strict,
        **other,
    )


class Driver:
    """A machine, its clock, and all that it has asked for.

    Attributes:
        told: the messages for each peer, in order.
        timers: the names of the timers that were set and have not fired.
    """

    def __init__(self, course: Course) -> None:
        self.machine = RunMachine(course)
        self.now = 100.0
        self.told: dict[int, list[Any]] = {peer: [] for peer in range(len(course.labels))}
        self.timers: list[str] = []
        self._take(self.machine.begin())

    def event(self, event: Any) -> list[Action]:
        """Something happens, a second after the last thing."""
        self.now += 1.0
        return self._take(self.machine.handle(event, self.now))

    def say(self, peer: int, *messages: Any) -> list[Action]:
        """A peer sends messages; what the machine does about them."""
        actions: list[Action] = []
        for message in messages:
            actions += self.event(FromPeer(peer, message))
        return actions

    def ship(self) -> None:
        """Every peer gets the files."""
        for peer in self.told:
            self.say(peer, m.Missing(()), m.Shipped())

    def start(self) -> None:
        """The files are shipped and every node is ready."""
        self.ship()
        for node, peer in enumerate(self.machine.course.placement):
            self.say(peer, m.NodeReady(node))

    def run(self) -> None:
        """The programs run."""
        self.start()
        for source, dest in self.machine.course.proofs:
            self.say(self.machine.course.placement[source], m.LinkReady(source, dest))

    def exit(self, node: int, code: int | None = 0, signal: int | None = None) -> list[Action]:
        """The process of a node ends."""
        return self.say(self.machine.course.placement[node], m.NodeExited(node, code, signal))

    def fail(
        self, node: int, error: str = "ValueError: boom", because_of: int | None = None
    ) -> Any:
        """The program of a node ends by an exception."""
        message = m.NodeFailed(node, error, f"Traceback of {node}", because_of)
        return self.say(self.machine.course.placement[node], message)

    def close(self) -> None:
        """Every peer has cleaned up."""
        for peer in self.told:
            self.say(peer, m.RunClosed((), 0, ()))

    @property
    def outcomes(self) -> list[str]:
        """How each node ended."""
        return [result.outcome for result in self.machine.ledger.results()]

    @property
    def headline(self) -> str | None:
        """How the report begins."""
        cause = self.machine.ledger.cause()
        return None if cause is None else cause.headline

    @property
    def exit_code(self) -> int:
        """Of the run."""
        return self.machine.ledger.exit_code

    def _take(self, actions: list[Action]) -> list[Action]:
        for action in actions:
            if isinstance(action, Tell):
                self.told[action.peer].append(action.message)
            elif isinstance(action, SetTimer):
                self.timers.append(action.name)
        return actions


def at(state: State, **options: Any) -> Driver:
    """A run that has come to `state`."""
    if state is State.COLLECTING:
        options = {"collect": ("*",), **options}
    driver = Driver(make_course(**options))
    if state in (State.STARTING, State.PROVING):
        (driver.ship if state is State.STARTING else driver.start)()
    elif state is not State.SHIPPING:
        driver.run()
    if state is State.STOPPING:
        driver.event(Interrupt())
    elif state in (State.COLLECTING, State.CLOSING, State.DONE):
        for node in range(len(driver.machine.course.placement)):
            driver.exit(node)
    if state in (State.CLOSING, State.DONE) and driver.machine.state is State.COLLECTING:
        for peer in driver.told:
            driver.say(peer, files.FilesSent(()))
    if state is State.DONE:
        driver.close()
    assert state is driver.machine.state
    return driver
