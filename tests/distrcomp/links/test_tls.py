"""A link between machines, and somebody in between who puts bytes of his own into it."""

from __future__ import annotations

import os
import socket

import pytest

from distrcomp.frames import message_parts
from distrcomp.limits import MIB
from tests.distrcomp.links.kit import as_lists, link_pair, message, move, send

RECORD = b"\x17\x03\x03\x01\x00" + os.urandom(256)


@pytest.mark.parametrize("injected", [RECORD, b"".join(message_parts(message(9, 10))), b"\0" * 99])
@pytest.mark.parametrize("inside", [True, False], ids=["inside a message", "between messages"])
def test_injected_bytes(injected: bytes, inside: bool) -> None:
    """S-10: what is put in ends the link; whole messages before it arrive, no part of one does."""
    with link_pair("tls") as (one, other):
        first = message(1, 1000)
        send(one, first)
        if inside:
            send(one, message(2, MIB))
        move([one, other], lambda: other.received)
        socket.socket.send(one.link._socket, injected)  # type: ignore[attr-defined]
        move([other], lambda: other.ended)
        assert as_lists([first]) == as_lists(other.received[:1])
        assert all(each.tag == 2 for each in other.received[1:])
        assert other.ended is not None
        assert other.ended.clean is False


def test_cut_by_somebody_else() -> None:
    """S-10: an end of the connection that TLS did not announce is no orderly end of the node."""
    with link_pair("tls") as (one, other):
        one.link._socket.shutdown(socket.SHUT_WR)  # type: ignore[attr-defined]
        move([other], lambda: other.ended)
        assert other.ended is not None
        assert other.ended.clean is False
