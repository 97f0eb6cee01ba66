"""The line that lets one machine join: where to, whom to believe, and the secret; no I/O.

`dcj1.<payload>.<check>`: the payload is MessagePack in URL-safe base64, the check the first bytes
of its SHA-256. The check is against slips of copying; the line's safety is its token. No character
of it means anything to a shell.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import string

from distrcomp.errors import ProtocolError
from distrcomp.schema import Schema

from .. import limits
from ..errors import BadUsage
from . import names

CA_PIN_BYTES = 32
TOKEN_BYTES = 16

_FAMILY, _FORM = "dcj", "dcj1"
_CHECK_BYTES = 4
_EXPIRES_MAX = 2**40
_DAMAGED = "this join line is damaged: copy it whole"


@dataclasses.dataclass(frozen=True)
class JoinLine:
    """What a join line says.

    Args:
        host, port: where the invite listens.
        ca_pin: SHA-256 of the authority's certificate (DER).
        token: the secret, good for one machine.
        expires: when the invite ends, in Unix seconds by the operator's clock.
    """

    host: str
    port: int
    ca_pin: bytes
    token: bytes = dataclasses.field(repr=False)
    expires: int

    @property
    def address(self) -> str:
        return names.join_host_port(self.host, self.port)

    @property
    def text(self) -> str:
        """The line itself: a secret until it has been used."""
        packed = _SCHEMA.pack(self)
        payload = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        return f"{_FORM}.{payload}.{_check(packed)}"


_SCHEMA = Schema(JoinLine)


def parse_join_line(text: str) -> JoinLine:
    """The join line in `text`; white space, as a terminal's line break leaves it, is no matter.

    Raises:
        BadUsage: it is none, or not whole. The message does not repeat it.
    """
    line = "".join(text.split())
    form, _, rest = line.partition(".")
    if not form.startswith(_FAMILY):
        raise BadUsage(f"this is not a join line: one begins with {_FORM}.")
    if form != _FORM and form.removeprefix(_FAMILY).isdecimal():
        raise BadUsage("this join line is of another version of distrcomp: use the same on both")
    payload, _, check = rest.partition(".")
    try:
        packed = _decode(payload) if len(line) <= limits.JOIN_LINE_CHARACTERS_MAX else b""
        if form != _FORM or check != _check(packed):
            raise BadUsage(_DAMAGED)
        found = _SCHEMA.unpack(packed)
    except (ValueError, ProtocolError) as error:
        raise BadUsage(_DAMAGED) from error
    if not isinstance(found, JoinLine) or not _is_sound(found):
        raise BadUsage(_DAMAGED)
    return found


def _check(packed: bytes) -> str:
    return hashlib.sha256(packed).hexdigest()[: 2 * _CHECK_BYTES]


_ALPHABET = frozenset(string.ascii_letters + string.digits + "-_")


def _decode(payload: str) -> bytes:
    """The bytes of `payload`, of which there is exactly one spelling; raises ValueError."""
    if not _ALPHABET.issuperset(payload):
        raise binascii.Error("a foreign character")
    packed = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    if base64.urlsafe_b64encode(packed).rstrip(b"=").decode() != payload:
        raise binascii.Error("loose bits at the end")
    return packed


def _is_sound(line: JoinLine) -> bool:
    return (
        names.normal_host(line.host) == line.host
        and 1 <= line.port <= 65535
        and len(line.ca_pin) == CA_PIN_BYTES
        and len(line.token) == TOKEN_BYTES
        and 0 <= line.expires < _EXPIRES_MAX
    )
