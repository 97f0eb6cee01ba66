"""What an invite decides."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.errors import InternalError, ProtocolError
from launcher import limits
from launcher.cluster.join_protocol import (
    SCHEMA,
    TABLE,
    AskMembership,
    Desk,
    Event,
    State,
)

TOKEN, WRONG = b"t" * 16, b"w" * 16


def test_the_right_token() -> None:
    """The right token is granted once, and used once its machine has stored its certificate."""
    desk = Desk(TOKEN, 100.0)
    assert desk.ask(TOKEN, "a", 0.0) is None
    assert "at this moment" in str(desk.ask(TOKEN, "b", 1.0))
    desk.settle(Event.STORED)
    assert "has been used already" in str(desk.ask(TOKEN, "b", 2.0))


def test_given_back() -> None:
    """A machine that could not be served leaves the token good."""
    desk = Desk(TOKEN, 100.0)
    assert desk.ask(TOKEN, "a", 0.0) is None
    desk.settle(Event.GIVEN_BACK)
    assert desk.ask(TOKEN, "a", 1.0) is None


def test_table() -> None:
    """What the table does not name cannot happen."""
    for state, event in itertools.product(State, Event):
        desk = Desk(TOKEN, 100.0)
        desk.state = state
        if (state, event) in TABLE:
            desk.settle(event)
            assert TABLE[state, event] is desk.state
        else:
            with pytest.raises(InternalError):
                desk.settle(event)


def test_expiry() -> None:
    """After its end a line is refused (S-13)."""
    desk = Desk(TOKEN, 100.0)
    assert "has expired" in str(desk.ask(TOKEN, "a", 100.0))
    assert State.OPEN is desk.state


@pytest.mark.parametrize("token", [b"", WRONG, TOKEN[:-1], TOKEN + b"t", b"\xff" * 1000])
def test_wrong_token(token: bytes) -> None:
    """A wrong token is refused without a word on how wrong it is."""
    assert "not the join line" in str(Desk(TOKEN, 100.0).ask(token, "a", 0.0))


def test_guesses_are_slowed_down() -> None:
    """A source has a few tries, then one in two seconds; others are not held up (S-13)."""
    desk = Desk(TOKEN, 1e9)
    for _ in range(limits.JOIN_TRIES_PER_SOURCE_MAX):
        assert "not the join line" in str(desk.ask(WRONG, "a", 0.0))
    assert "too many wrong tokens came from a: wait 2 s" == desk.ask(TOKEN, "a", 0.0)
    assert desk.ask(TOKEN, "b", 0.0) is None
    desk.settle(Event.GIVEN_BACK)
    assert desk.ask(TOKEN, "a", limits.JOIN_TRY_INTERVAL_S) is None


def test_ten_thousand_guesses() -> None:
    """Of 10,000 guesses in 100 s from one source, 55 are looked at (S-13)."""
    desk = Desk(TOKEN, 1e9)
    answers = [str(desk.ask(WRONG, "a", number / 100)) for number in range(10_000)]
    assert 54 <= sum("not the join line" in answer for answer in answers) <= 56
    assert not desk.is_under_attack


def test_one_ipv6_network_is_one_source() -> None:
    """Addresses of one IPv6 network share their tries."""
    desk = Desk(TOKEN, 1e9)
    for host in range(limits.JOIN_TRIES_PER_SOURCE_MAX):
        desk.ask(WRONG, f"2001:db8::{host}", 0.0)
    assert "too many" in str(desk.ask(WRONG, "2001:db8::ffff", 0.0))
    assert "too many" not in str(desk.ask(WRONG, "2001:db8:0:1::1", 0.0))


def test_attack() -> None:
    """Wrong tokens from everywhere end the invite, and memory stays bounded."""
    desk = Desk(TOKEN, 1e9)
    for number in range(limits.JOIN_TRIES_MAX):
        assert not desk.is_under_attack
        desk.ask(WRONG, f"10.0.{number // 256}.{number % 256}", 0.0)
    assert desk.is_under_attack


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    """From any bytes comes a message of the join or ProtocolError."""
    with contextlib.suppress(ProtocolError):
        SCHEMA.unpack(data)


def test_token_is_not_shown() -> None:
    """Printing a question does not show its token."""
    assert repr(TOKEN) not in repr(AskMembership(TOKEN, "h1", b"", (), 6969))
