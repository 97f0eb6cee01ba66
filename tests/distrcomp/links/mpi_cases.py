"""What only a link over MPI does; `tests.mpi.test_contract` runs it under mpiexec."""

from __future__ import annotations

from distrcomp.limits import KIB
from distrcomp.links.mpi import WINDOW_BYTES
from tests.distrcomp.links.kit import Pair, as_lists, message, move, send


def test_who_is_not_read_stops(pair: Pair) -> None:
    """MPI gets a bounded amount for a receiver that does not look, in small messages as well."""
    one, other = pair
    sent = [message(number, meta=bytes(1000)) for number in range(3000)]
    send(one, *sent)
    assert one.link.queued_bytes >= 3000 * 1000 - 2 * WINDOW_BYTES
    assert one.link.is_drained() is False
    move([one, other], lambda: len(other.received) == 3000)
    assert as_lists(sent) == as_lists(other.received)


def test_empty_messages_stop_as_well(pair: Pair) -> None:
    """Messages without content take memory, too."""
    one, other = pair
    send(one, *(message(1, meta=b"") for _ in range(6_000)))
    assert one.link.queued_bytes > 0
    move([one, other], lambda: len(other.received) == 6_000)


def test_a_long_meta_and_a_short_rest(pair: Pair) -> None:
    """Packets end where it suits them: inside a meta, a table, a last piece."""
    one, other = pair
    sent = [
        message(1, 256 * KIB + 1, 3, meta=bytes(300 * KIB)),
        message(2, 16 * KIB, 16 * KIB - 1, 0, 1, meta=b""),
        message(3, *[17] * 5000),
    ]
    send(one, *sent)
    move([one, other], lambda: len(other.received) == 3)
    assert as_lists(sent) == as_lists(other.received)


def test_goodbye_is_drained_when_seen(pair: Pair) -> None:
    """A goodbye has arrived when the other end has seen it, and not before."""
    one, other = pair
    one.link.finish()
    assert one.link.queued_bytes == 0
    assert one.link.is_drained() is False
    move([one, other], lambda: other.ended)
    move([one, other], lambda: one.link.is_drained())
