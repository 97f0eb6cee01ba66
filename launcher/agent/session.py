"""What a launcher may ask of an agent, in which state, in which role; no I/O.

One table: every operation with the roles that may call it, the states in which it may come, and
the state after it. Whatever is not in the table is refused before anything looks at its content.

    new ──Hello──► greeted ──OpenRun──► shipping ──StartNodes──► starting ──Go──► running
                      │                     ▲                                       │
             WantEnvironment             OpenRun                                    │
                      └────► providing ─────┘                                       │
    any of these, once a run is open ────────────── CloseRun ──────────────────► closed ◄┘
    shipping ──TryRelease──► trying ──TakeRelease──► closed
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from ..control import environments as e
from ..control import files, looks, passing, updates
from ..control import messages as m
from ..errors import PeerRefused
from ..records import record


class State(Enum):
    """How far a launcher's session has come."""

    NEW = auto()
    GREETED = auto()
    PROVIDING = auto()
    SHIPPING = auto()
    STARTING = auto()
    RUNNING = auto()
    TRYING = auto()
    CLOSED = auto()


@record
class Operation:
    """Who may call, when, and what follows; None: the state stays."""

    roles: frozenset[str]
    states: frozenset[State]
    after: State | None = None


_OPERATOR = frozenset({m.OPERATOR})
_LOOKING = frozenset({m.OPERATOR, m.VIEWER})
_KNOWN = frozenset(State) - {State.NEW}
_PROVIDING = frozenset({State.PROVIDING})
_STARTED = frozenset({State.STARTING, State.RUNNING})
_OPEN = frozenset({State.SHIPPING, State.STARTING, State.RUNNING})

OPERATIONS: dict[type, Operation] = {
    m.Hello: Operation(_LOOKING, frozenset({State.NEW}), State.GREETED),
    m.Ping: Operation(_LOOKING, _KNOWN),
    e.AskInstalled: Operation(_OPERATOR, frozenset({State.GREETED, State.PROVIDING})),
    e.WantEnvironment: Operation(_OPERATOR, frozenset({State.GREETED}), State.PROVIDING),
    e.OfferWheels: Operation(_OPERATOR, _PROVIDING),
    e.WheelPart: Operation(_OPERATOR, _PROVIDING),
    m.OpenRun: Operation(_OPERATOR, frozenset({State.GREETED, State.PROVIDING}), State.SHIPPING),
    m.BlobPart: Operation(_OPERATOR, frozenset({State.SHIPPING})),
    passing.TakePass: Operation(_OPERATOR, frozenset({State.SHIPPING})),
    passing.FetchFrom: Operation(_OPERATOR, frozenset({State.SHIPPING})),
    m.StartNodes: Operation(_OPERATOR, frozenset({State.SHIPPING}), State.STARTING),
    m.OpenLink: Operation(_OPERATOR, _STARTED),
    m.RefuseLink: Operation(_OPERATOR, _STARTED),
    m.Go: Operation(_OPERATOR, frozenset({State.STARTING}), State.RUNNING),
    m.Input: Operation(_OPERATOR, frozenset({State.RUNNING})),
    m.EndOfNode: Operation(_OPERATOR, _STARTED),
    m.AbortRun: Operation(_OPERATOR, _STARTED),
    m.AskNodes: Operation(_OPERATOR, _STARTED),
    m.SignalNodes: Operation(_OPERATOR, _STARTED),
    looks.AskRuns: Operation(_LOOKING, _KNOWN),
    looks.TakeStacks: Operation(_LOOKING, _KNOWN),
    files.CollectFiles: Operation(_OPERATOR, frozenset({State.RUNNING})),
    m.CloseRun: Operation(_OPERATOR, _OPEN, State.CLOSED),
    updates.AskRelease: Operation(_OPERATOR, frozenset({State.GREETED})),
    updates.TryRelease: Operation(_OPERATOR, frozenset({State.SHIPPING}), State.TRYING),
    updates.TakeRelease: Operation(_OPERATOR, frozenset({State.TRYING}), State.CLOSED),
    updates.KeepRelease: Operation(_OPERATOR, frozenset({State.GREETED})),
}


class Session:
    """How far one launcher has come, and what it may ask next; `Conversation` carries it out.

    Args:
        role: what the launcher's certificate says it is.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self.state = State.NEW

    def admit(self, message: Any) -> None:
        """Lets `message` through and moves on, or raises PeerRefused; the one gate of an agent."""
        name = type(message).__name__
        operation = OPERATIONS.get(type(message))
        if operation is None:
            raise PeerRefused(f"{name} is not an operation of an agent")
        if self.role not in operation.roles:
            raise PeerRefused(f"a certificate of role {self.role!r} may not call {name}")
        if self.state not in operation.states:
            raise PeerRefused(f"{name} may not come now (the session is {self.state.name.lower()})")
        if operation.after is not None:
            self.state = operation.after
