"""Stdin that a thread gives piece by piece."""

from __future__ import annotations

import asyncio

from launcher import limits
from launcher.control import messages as m
from launcher.run.stdin import FedStdin, StdinReader


def test_one_piece_at_a_time() -> None:
    """What is too long comes in parts, the next when the node has room; then the end."""
    fed, data = FedStdin(), b"x" * (limits.OUTPUT_PART_BYTES + 1)
    fed.feed(data)
    fed.feed(b"more")
    fed.end()

    async def read() -> list[bytes]:
        events: asyncio.Queue[m.Input] = asyncio.Queue()
        reader = StdinReader(events, fed.read)
        reader.start()
        parts = []
        while not parts or parts[-1]:
            parts.append((await events.get()).data)
            assert events.empty()
            reader.more()
        return parts

    parts = asyncio.run(read())
    assert [data[:-1], b"x", b"more", b""] == parts
