"""What can happen to a run, and what its machine asks of the shell around it."""

from __future__ import annotations

from typing import Any

from ..records import record

# --- events --------------------------------------------------------------------------------------


@record
class FromPeer:
    """The agent on a peer has sent a message."""

    peer: int
    message: Any


@record
class PeerLost:
    """The agent on a peer cannot be heard any more, or has refused."""

    peer: int
    why: str
    stood_still_s: float = 0.0


@record
class Interrupt:
    """The run is to end: the user pressed Ctrl-C, or for the reason that is given."""

    why: str = ""


@record
class TimerFired:
    """A timer that the machine set has run out."""

    name: str


@record
class CannotKeep:
    """This machine cannot keep what the agents send back."""

    why: str


@record
class ShipProgress:
    """More bytes have gone to some peer."""


# --- actions -------------------------------------------------------------------------------------


@record
class Tell:
    """Send a message to the agent on a peer."""

    peer: int
    message: Any


@record
class Ship:
    """Send these blobs to a peer, each from an offset on."""

    peer: int
    hashes: tuple[bytes, ...]
    offsets: tuple[int, ...]


@record
class PassOn:
    """Have one peer get what it lacks from another one."""

    giver: int
    taker: int


@record
class SetTimer:
    """Deliver TimerFired(name) in so many seconds."""

    name: str
    seconds: float


@record
class Say:
    """Tell the person at once, while the run goes on; on a terminal only, if it is an answer."""

    text: str
    is_answer: bool = False


Action = Tell | Ship | PassOn | SetTimer | Say
