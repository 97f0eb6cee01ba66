"""Who sends a bundle to whom: the launcher to a few peers, and those to the others; no I/O.

A peer that has the whole bundle can give it to others, a few at a time, so with each round there
are more that give. The launcher sends to the first DIRECT_MAX that lack much; whoever lacks little
gets it from the launcher at once, for then a further connection costs more than it saves. A peer
that could not get it from another one gets the rest from the launcher. While somebody waits,
somebody is being sent to or fetches: where that is not so, the launcher sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import limits
from ..records import record
from .events import Action, PassOn, Ship


@record
class _Lack:
    hashes: tuple[bytes, ...]
    offsets: tuple[int, ...]


class Distribution:
    """The way of one bundle to all its peers.

    Args:
        sizes: of each content, by its hash.
        can_give: for each peer, whether others can reach it.
    """

    def __init__(self, sizes: Mapping[bytes, int], can_give: Sequence[bool]) -> None:
        self._sizes = sizes
        self._can_give = can_give
        self._waiting: dict[int, _Lack] = {}
        self._direct: set[int] = set()
        self._n_direct = 0
        self._givers: set[int] = set()
        self._fetching: dict[int, int] = {}

    def lacks(
        self, peer: int, hashes: tuple[bytes, ...], offsets: tuple[int, ...], again: bool
    ) -> list[Action]:
        """A peer has said what it lacks.

        Args:
            again: it is not its first word: something came or lay damaged.
        """
        if not hashes:
            return []
        lack = _Lack(hashes, offsets)
        if again or not self._can_give[peer] or self._bytes_of(lack) < limits.PASSED_BYTES_MIN:
            return self._send(peer, lack)
        self._waiting[peer] = lack
        return self._go_on()

    def complete(self, peer: int) -> list[Action]:
        """A peer has everything."""
        self._forget(peer)
        if self._can_give[peer]:
            self._givers.add(peer)
        return self._go_on()

    def not_fetched(
        self, peer: int, hashes: tuple[bytes, ...], offsets: tuple[int, ...]
    ) -> list[Action]:
        """A peer could not get everything from another one."""
        giver = self._fetching.pop(peer, None)
        if giver is None or not hashes:
            return []
        return [*self._send(peer, _Lack(hashes, offsets)), *self._go_on()]

    def lost(self, peer: int) -> list[Action]:
        """A peer takes no part any more; who fetches from it will say so."""
        self._forget(peer)
        self._givers.discard(peer)
        return self._go_on()

    def is_fetching(self, peer: int) -> bool:
        """Whether a peer was told to get its files from another one, and has not answered."""
        return peer in self._fetching

    def _forget(self, peer: int) -> None:
        self._waiting.pop(peer, None)
        self._fetching.pop(peer, None)
        self._direct.discard(peer)

    def _send(self, peer: int, lack: _Lack) -> list[Action]:
        self._direct.add(peer)
        return [Ship(peer, lack.hashes, lack.offsets)]

    def _go_on(self) -> list[Action]:
        """Gives the peers that wait to whoever has room for them, in their order."""
        actions: list[Action] = []
        for peer in sorted(self._waiting):
            giver = self._giver_with_room()
            is_idle = not self._direct and not self._fetching
            if giver is not None:
                del self._waiting[peer]
                self._fetching[peer] = giver
                actions.append(PassOn(giver, peer))
            elif self._n_direct < limits.DIRECT_MAX or is_idle:
                self._n_direct += 1
                actions += self._send(peer, self._waiting.pop(peer))
            else:
                break
        return actions

    def _giver_with_room(self) -> int | None:
        """The giver with the fewest takers, if one has room for another."""
        takers = dict.fromkeys(sorted(self._givers), 0)
        for giver in self._fetching.values():
            if giver in takers:
                takers[giver] += 1
        least = min(takers, key=lambda each: takers[each], default=None)
        has_room = least is not None and takers[least] < limits.PASSED_AT_ONCE_MAX
        return least if has_room else None

    def _bytes_of(self, lack: _Lack) -> int:
        known = sum(self._sizes.get(sha256, 0) for sha256 in lack.hashes)
        return known - sum(lack.offsets)
