"""How a machine joins: the messages, and what an invite decides; no I/O.

A joining machine makes two TLS connections, one question on each:

    1. AskAuthority  → AuthorityIs               server not verified: its answer must match the pin
    2. AskMembership → Membership → Stored       server verified: now the token may travel
                     → Refusal

The invite keeps its token in one of three states, and this table is all that can happen to it:

    state     granted   given_back   stored
    open      pending
    pending             open         used
    used

`granted`: a right token came. `given_back`: its machine could not be served or vanished before it
said Stored. So a token is spent exactly when a machine has its certificate on disk.

Wrong tokens cost: each source has a few tries, then one in JOIN_TRY_INTERVAL_S; a source out of
tries is refused before its token is looked at. A right token never costs anything.
"""

from __future__ import annotations

import dataclasses
import enum
import hmac
import math

from distrcomp.errors import InternalError
from distrcomp.schema import Schema

from .. import limits
from .lobby import crowd_of


@dataclasses.dataclass(frozen=True)
class AskAuthority:
    """Show me the authority's certificate. `protocol` is PROTOCOL."""

    protocol: int


@dataclasses.dataclass(frozen=True)
class AuthorityIs:
    """The certificate (DER), and the operator's clock for messages about clocks."""

    ca_der: bytes
    clock_unix_s: int


@dataclasses.dataclass(frozen=True)
class AskMembership:
    """Here is my token: sign `request` (DER) for a machine of this name and these addresses.

    `port` is where its agent will listen.
    """

    token: bytes = dataclasses.field(repr=False)
    name: str
    request: bytes
    addresses: tuple[str, ...]
    port: int


@dataclasses.dataclass(frozen=True)
class Membership:
    """The certificate of the new member."""

    certificate_pem: str


@dataclasses.dataclass(frozen=True)
class Refusal:
    """No, and why, in a sentence."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Stored:
    """The new member has its credentials on disk."""

    name: str


PROTOCOL = 2
SCHEMA = Schema(AskAuthority, AuthorityIs, AskMembership, Membership, Refusal, Stored)


class State(enum.Enum):
    """Of an invite's token."""

    OPEN = "open"
    PENDING = "pending"
    USED = "used"


class Event(enum.Enum):
    """What happens to an invite's token."""

    GRANTED = "granted"
    GIVEN_BACK = "given_back"
    STORED = "stored"


TABLE = {
    (State.OPEN, Event.GRANTED): State.PENDING,
    (State.PENDING, Event.GIVEN_BACK): State.OPEN,
    (State.PENDING, Event.STORED): State.USED,
}

_ASK_ANEW = "ask the operator for a new one (`distrcomp cluster invite`)"


class Desk:
    """Decides who may have the one place that an invite gives away.

    Args:
        token: the secret of the join line.
        ends_at: when the invite ends, by the clock that gives every `now`.
    """

    def __init__(self, token: bytes, ends_at: float) -> None:
        self._token = token
        self._ends_at = ends_at
        self._tries = _Tries()
        self.state = State.OPEN

    def ask(self, token: bytes, source: str, now: float) -> str | None:
        """Why `token`, shown by `source`, is refused; None if it is granted."""
        wait_s = self._tries.wait_s(source, now)
        if wait_s > 0:
            return f"too many wrong tokens came from {source}: wait {math.ceil(wait_s)} s"
        if not hmac.compare_digest(token, self._token):
            self._tries.spend(source, now)
            return (
                "this is not the join line that the operator waits for (each works once, and the "
                f"newest counts): {_ASK_ANEW}"
            )
        if now >= self._ends_at:
            return f"this join line has expired: {_ASK_ANEW}"
        if self.state is State.USED:
            return f"this join line has been used already (each works once): {_ASK_ANEW}"
        if self.state is State.PENDING:
            return "another machine is using this join line at this moment: each works once"
        self.settle(Event.GRANTED)
        return None

    def settle(self, event: Event) -> None:
        """Applies `event`; raises InternalError if it cannot happen now."""
        following = TABLE.get((self.state, event))
        if following is None:
            raise InternalError(f"a token that is {self.state.value} cannot be {event.value}")
        self.state = following

    @property
    def is_under_attack(self) -> bool:
        """Whether so many wrong tokens came that the invite should end."""
        return self._tries.spent >= limits.JOIN_TRIES_MAX


class _Tries:
    """Wrong tokens per source: a bucket of tries that fills again with time."""

    def __init__(self) -> None:
        self.spent = 0
        self._left: dict[str, tuple[float, float]] = {}  # tries left, and when that was so

    def wait_s(self, source: str, now: float) -> float:
        """How long until `source` may try again; 0 if now."""
        return max(0.0, (1.0 - self._now_left(source, now)) * limits.JOIN_TRY_INTERVAL_S)

    def spend(self, source: str, now: float) -> None:
        left = self._now_left(source, now)
        self._left.pop(crowd_of(source), None)
        if len(self._left) >= limits.JOIN_SOURCES_MAX:
            self._left.pop(next(iter(self._left)))  # the one that has been quiet longest
        self._left[crowd_of(source)] = (left - 1.0, now)
        self.spent += 1

    def _now_left(self, source: str, now: float) -> float:
        left, since = self._left.get(crowd_of(source), (math.inf, now))
        refilled = left + (now - since) / limits.JOIN_TRY_INTERVAL_S
        return min(float(limits.JOIN_TRIES_PER_SOURCE_MAX), refilled)
