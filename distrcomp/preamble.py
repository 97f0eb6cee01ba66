"""The first bytes of a connection to another machine's node, before its TLS handshake.

The agent that listens there reads exactly these and hands the socket over. They carry no secret and
grant nothing: who is really there is proven by the certificates of the run.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .errors import ProtocolError

# Not 0x16, with which every TLS connection begins, so one port serves both.
MAGIC = b"distrcomp-mesh1\n"
# As `dest`: the agent itself is wanted, by the agent of another peer (launcher.agent.passing).
AGENT_ITSELF = 2**32 - 1
_BODY = struct.Struct(">16sII")
PREAMBLE_BYTES = len(MAGIC) + _BODY.size


class Preamble(NamedTuple):
    """Which node of which run wants to talk to which."""

    run_id: bytes
    source: int
    dest: int


def pack_preamble(preamble: Preamble) -> bytes:
    """The bytes that a dialling node sends first."""
    return MAGIC + _BODY.pack(*preamble)


def parse_preamble(data: bytes) -> Preamble:
    """The preamble in exactly PREAMBLE_BYTES bytes; raises ProtocolError for any others."""
    if len(data) != PREAMBLE_BYTES or not data.startswith(MAGIC):
        raise ProtocolError("not the preamble of a node")
    return Preamble(*_BODY.unpack_from(data, len(MAGIC)))
