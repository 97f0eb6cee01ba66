"""What an agent announces of itself on its network; no I/O.

An announcement is believed for one thing: that it may be worth while to dial an address. Who is
there shows by its certificate. It holds no secret: the fingerprint of the cluster's authority tells
members of other clusters that they are not meant, and who knows it can do nothing with it.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping, Sequence

from .. import limits
from ..errors import BadUsage
from ..records import record
from . import names

SERVICE = "_distrcomp._tcp.local."
_FORMAT = "1"
# 128 bits of SHA-256: nobody meets another cluster's by chance.
_FINGERPRINT_CHARACTERS = 32


@record
class Announcement:
    """An agent, as somebody says.

    Attributes:
        name: what it calls itself in its cluster.
        fingerprint: of its cluster's authority.
        addresses: where it may be dialled.
    """

    name: str
    fingerprint: str
    addresses: tuple[str, ...]
    port: int


def fingerprint_of(ca_pem: str) -> str:
    """What stands for a cluster in announcements."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(ca_pem)).hexdigest()
    return digest[:_FINGERPRINT_CHARACTERS]


def properties(announcement: Announcement) -> dict[str, str]:
    """What is told of an agent beside addresses and port."""
    return {"v": _FORMAT, "name": announcement.name, "cluster": announcement.fingerprint}


def read_announcement(
    told: Mapping[bytes, bytes | None], addresses: Sequence[str], port: int | None
) -> Announcement | None:
    """What somebody announces, if it is of our form; None for all else.

    Only addresses that can mean one machine are kept: neither loopback, which would be ourselves,
    nor those that mean everybody.
    """
    words = {name: (told.get(name.encode()) or b"") for name in ("v", "name", "cluster")}
    try:
        version, name, fingerprint = (words[key].decode("ascii") for key in words)
        name = names.checked_name(name)
    except (UnicodeDecodeError, BadUsage):
        return None
    hosts = [host for text in addresses if (host := _address(text)) is not None]
    if version != _FORMAT or not hosts or port not in names.PORTS or port is None:
        return None
    return Announcement(
        name,
        fingerprint[:_FINGERPRINT_CHARACTERS],
        tuple(dict.fromkeys(hosts))[: limits.ADDRESSES_TRIED_MAX],
        port,
    )


def _address(text: str) -> str | None:
    host = names.normal_host(text)
    is_address = host is not None and (":" in host or host.replace(".", "").isdigit())
    return host if host is not None and is_address and names.is_distinctive(host) else None
