"""What can happen to a run, and what its machine asks of the shell around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# --- events --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FromPeer:
    """The agent on a peer has sent a message."""

    peer: int
    message: Any


@dataclass(frozen=True)
class PeerLost:
    """The agent on a peer cannot be heard any more, or has refused."""

    peer: int
    why: str


@dataclass(frozen=True)
class Interrupt:
    """The user pressed Ctrl-C, or the launcher was asked to end."""


@dataclass(frozen=True)
class TimerFired:
    """A timer that the machine set has run out."""

    name: str


@dataclass(frozen=True)
class ShipProgress:
    """More bytes have gone to some peer."""


# --- actions -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tell:
    """Send a message to the agent on a peer."""

    peer: int
    message: Any


@dataclass(frozen=True)
class Ship:
    """Send these blobs to a peer, each from an offset on."""

    peer: int
    hashes: tuple[bytes, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True)
class SetTimer:
    """Deliver TimerFired(name) in so many seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Say:
    """Tell the person at once, while the run goes on; on a terminal only, if it is an answer."""

    text: str
    is_answer: bool = False


Action = Tell | Ship | SetTimer | Say
