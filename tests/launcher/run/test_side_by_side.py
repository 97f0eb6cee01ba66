"""Ways tried side by side: which one wins, and that nothing is left of the others."""

from __future__ import annotations

import asyncio

import pytest

from launcher.errors import CannotStart, PeerRefused
from launcher.run.side_by_side import NoWay, Winner, first_to_end
from tests.launcher.agent.agent_kit import play

NEVER = 3600.0


class Ways:
    """Ways that end as told: an exception, True at once, or when the event comes.

    Attributes:
        begun: which were gone, in order; `all_begun` says when all were.
        dropped: the ends that were undone.
        cancelled: the ways that were given up.
    """

    def __init__(self, **ends: object) -> None:
        self.ends = ends
        self.begun: list[str] = []
        self.all_begun = asyncio.Event()
        self.dropped: list[str] = []
        self.cancelled: list[str] = []

    async def go(self, way: str) -> str:
        """Goes one way."""
        self.begun.append(way)
        if len(self.begun) == len(self.ends):
            self.all_begun.set()
        end = self.ends[way]
        try:
            if isinstance(end, asyncio.Event):
                await end.wait()
        except asyncio.CancelledError:
            self.cancelled.append(way)
            raise
        if isinstance(end, Exception):
            raise end
        return f"end of {way}"

    async def drop(self, end: str) -> None:
        """Undoes an end."""
        self.dropped.append(end)

    async def first(self, stagger_s: float) -> Winner[str, str]:
        """The first of all of them."""
        return await first_to_end(list(self.ends), self.go, self.drop, stagger_s)


def test_the_first_is_enough() -> None:
    """Where the first way leads to its end no other is begun."""

    async def act() -> None:
        ways = Ways(a=True, b=True)
        assert Winner("a", "end of a", {}) == await ways.first(NEVER)
        assert ["a"] == ways.begun

    play(act)


def test_a_failure_begins_the_next() -> None:
    """A way that fails is no reason to wait: the next one is begun at once, and the winner says why
    the other one was not it."""

    async def act() -> None:
        nobody = CannotStart("nobody there")
        ways = Ways(a=nobody, b=True, c=True)
        assert Winner("b", "end of b", {"a": nobody}) == await ways.first(NEVER)
        assert ["a", "b"] == ways.begun

    play(act)


def test_a_slow_one_keeps_nobody_waiting() -> None:
    """Beside a way that says nothing the next one is gone, and the slow one is given up then."""

    async def act() -> None:
        ways = Ways(a=asyncio.Event(), b=True)
        assert Winner("b", "end of b", {}) == await ways.first(0.0)
        assert ["a"] == ways.cancelled

    play(act)


def test_a_slow_one_may_still_win() -> None:
    """A way is not given up for being slow: it wins when all others have failed."""

    async def act() -> None:
        late = asyncio.Event()
        nobody = CannotStart("nobody there")
        ways = Ways(a=late, b=nobody)
        asyncio.get_running_loop().call_soon(late.set)
        assert "a" == (await ways.first(0.0)).way

    play(act)


def test_all_fail() -> None:
    """Where no way leads anywhere, each says why."""

    async def act() -> None:
        one, other = CannotStart("nobody there"), CannotStart("somebody else there")
        with pytest.raises(NoWay) as caught:
            await Ways(a=one, b=other).first(NEVER)
        assert {"a": one, "b": other} == caught.value.failures

    play(act)


def test_a_refusal_is_the_end() -> None:
    """What the right machine refuses it refuses by every way: no other is tried."""

    async def act() -> None:
        ways = Ways(a=PeerRefused("no room"), b=True)
        with pytest.raises(PeerRefused, match="no room"):
            await ways.first(NEVER)
        assert ["a"] == ways.begun

    play(act)


def test_two_at_the_same_moment() -> None:
    """Of two that come to their end at once one is taken, and the other one is undone."""

    async def act() -> None:
        go = asyncio.Event()
        ways = Ways(a=go, b=go, c=CannotStart("nobody there"))
        first = asyncio.ensure_future(ways.first(0.0))
        await ways.all_begun.wait()
        go.set()
        won = await first
        assert {"end of a", "end of b"} == {won.end, *ways.dropped}

    play(act)


def test_given_up_as_a_whole() -> None:
    """When nobody wants the end any more, every way that was begun is given up."""

    async def act() -> None:
        ways = Ways(a=asyncio.Event(), b=asyncio.Event())
        first = asyncio.ensure_future(ways.first(0.0))
        await ways.all_begun.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert ["a", "b"] == sorted(ways.cancelled)

    play(act)
