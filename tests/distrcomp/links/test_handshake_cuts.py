"""A connection between two nodes that is cut after any number of bytes of its handshake."""

from __future__ import annotations

import pytest

from distrcomp.errors import LinkFailed
from tests.distrcomp.links.kit import listener, shake_hands, ticket
from tests.faults.proxy import FaultProxy, Faults, Way

BYTES_MAX = 4096
STEP = 97
PREAMBLE = 60  # about; what comes before the preamble is the agent's


def dial_through(faults: Faults) -> list[BaseException | None]:
    """The errors of both ends, None for an end that has a link."""
    with listener() as server, FaultProxy(server.getsockname(), mesh=faults) as proxy:
        ends = shake_hands(ticket(0, proxy.address[1]), ticket(1, proxy.address[1]), server)
        errors = [end.exception() for end in ends]
        for end, error in zip(ends, errors, strict=True):
            if error is None:
                end.result().close()
    return errors


@pytest.mark.parametrize("after", range(PREAMBLE, BYTES_MAX, STEP))
def test_cut_in_a_handshake(after: int) -> None:
    """Each end has a link, or the one documented error, within its bound (F-13)."""
    way = Way(cut_after=after, cut_by_reset=bool(after % 2))
    for faults in (Faults(there=way), Faults(back=way)):
        assert {LinkFailed, type(None)} >= {type(error) for error in dial_through(faults)}


def test_the_cuts_do_cut() -> None:
    """A cut in the certificates fails both ends; without one there is a link."""
    assert [LinkFailed] * 2 == [type(end) for end in dial_through(Faults(there=Way(cut_after=400)))]
    assert [None] * 2 == dial_through(Faults())
