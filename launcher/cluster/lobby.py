"""Which of the unknown connections at a port must give way; no I/O.

A new one is always let in: beyond a cap it puts out the oldest of the largest crowd. So whoever
belongs here, and shows it in the 50 ms that a handshake takes, gets in while strangers hold their
connections open, however many they are (S-15). Refusing the newest would let them shut the door.
"""

from __future__ import annotations

import ipaddress
from collections import Counter


class Lobby:
    """The connections whose other end is unknown.

    Args:
        strangers_max: how many there may be in all.
        per_source_max: and from one source.
    """

    def __init__(self, strangers_max: int, per_source_max: int) -> None:
        self._strangers_max = strangers_max
        self._per_source_max = per_source_max
        self._sources: dict[int, str] = {}  # in order of arrival

    def enter(self, number: int, source: str) -> int | None:
        """Lets connection `number` in; returns the one that must be closed for it, if any."""
        crowd = crowd_of(source)
        self._sources[number] = crowd
        counts = Counter(self._sources.values())
        if counts[crowd] <= self._per_source_max:
            if len(self._sources) <= self._strangers_max:
                return None
            crowd = counts.most_common(1)[0][0]
        oldest = next(key for key, value in self._sources.items() if value == crowd)
        self.leave(oldest)
        return oldest

    def leave(self, number: int) -> None:
        """Connection `number` is closed, or no stranger any more."""
        self._sources.pop(number, None)


def crowd_of(source: str) -> str:
    """What one stranger holds at least: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if address.version == 4:
        return source
    return str(ipaddress.ip_network((int(address), 64), strict=False))
