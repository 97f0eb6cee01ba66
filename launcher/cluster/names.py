"""What may be a machine's name or address, in one normal form; no I/O.

A name is one DNS label in lower case ("h1"). A host is what one dials: a host name, an IPv4
address or an IPv6 address without brackets. Two texts mean the same host exactly when their normal
forms are equal, so everything that is compared, stored or signed goes through here first.
"""

from __future__ import annotations

import ipaddress
import re

from ..errors import BadUsage

LOCALHOST = "localhost"
PORTS = range(1, 65536)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_HOST_CHARACTERS_MAX = 253
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # an interface's name on Linux


def shown(text: str) -> str:
    """`text` of unknown origin, quoted, escaped and cut, for a message to a person."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def checked_name(text: str) -> str:
    """The name `text` in lower case.

    Raises:
        BadUsage: it cannot be a machine's name.

    Example:
        >>> checked_name("H1")
        'h1'
    """
    name = text.lower() if text.isascii() else ""
    has_letter = any(character.isalpha() for character in name)
    if not _NAME.fullmatch(name) or not has_letter or name == LOCALHOST:
        raise BadUsage(
            f"{shown(text)} cannot be a machine's name: use letters, digits and inner hyphens, "
            "1 to 63 in all and one letter at least"
        )
    return name


def name_from_host(host_name: str) -> str:
    """A valid name as near as possible to the host name `host_name`.

    Example:
        >>> name_from_host("GPU_3.lab.example.org")
        'gpu-3'
    """
    short = re.sub(r"[^a-z0-9]+", "-", host_name.split(".")[0].lower())[:50].strip("-")
    if short in ("", LOCALHOST):
        return "machine"
    return short if any(character.isalpha() for character in short) else f"machine-{short}"


def normal_host(text: str) -> str | None:
    """The one form of the host `text`, or None if it is neither host name nor address.

    Example:
        >>> normal_host("H1.Example.ORG"), normal_host("0:0::1"), normal_host("10.0.0.300")
        ('h1.example.org', '::1', None)
    """
    address = _address(text)
    if address is not None:
        return str(address)
    name = text.lower()
    labels = name.split(".")
    if not name.isascii() or len(name) > _HOST_CHARACTERS_MAX or labels[-1].isdigit():
        return None  # all digits at the end: a mistyped IPv4 address
    return name if all(_HOST_LABEL.fullmatch(label) for label in labels) else None


def checked_host(text: str) -> str:
    """The same; raises BadUsage for what is neither a name nor an address.

    Example:
        >>> checked_host("H1")
        'h1'
    """
    host = normal_host(text)
    if host is None:
        raise BadUsage(f"{shown(text)} is neither a host name nor an IP address")
    return host


def is_distinctive(host: str) -> bool:
    """Whether the normal host `host` can mean one machine only.

    Loopback and link-local addresses mean another machine to everyone, so none of them is ever
    put into a certificate.
    """
    address = _address(host)
    if address is None:
        return host != LOCALHOST
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )


def parse_port(text: str) -> int | None:
    """The port in `text`, or None if there is none from 1 to 65535."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    port = int(text)
    return port if port in PORTS else None


def split_host_port(text: str) -> tuple[str, str | None]:
    """Host, without brackets, and what stands after its colon (None without a colon).

    Raises:
        BadUsage: brackets do not match, or a bare IPv6 address, in which a port would be lost.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise BadUsage(f"{shown(text)} is not an IPv6 address in brackets, like [::1]:6969")
        return host, rest[1:] if rest else None
    host, colon, port = text.partition(":")
    if ":" in port:
        example = f"[{text}] or [{text}]:6969" if normal_host(text) else "[::1] or [::1]:6969"
        raise BadUsage(f"{shown(text)}: an IPv6 address stands in brackets, as in {example}")
    return host, port if colon else None


def join_host_port(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None and not _ZONE.fullmatch(address.scope_id):
            return None
        return address.ipv4_mapped or address
    return address
