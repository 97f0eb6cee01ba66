"""Credential files, the TLS contexts made of them, and TLS errors as sentences.

A credential file is one PEM file: private key, certificate, the authority's certificate. Every
context speaks TLS 1.3 only, with ALPN, and between launcher and agent both ends show certificates.
OpenSSL goes on when the two ends have no application protocol in common, so `peer_identity` looks
at it: nobody is anybody before that call has returned.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from distrcomp.errors import ProtocolError

from .. import limits
from ..errors import CannotStart, ChannelClosed
from ..records import record
from .home import Home, read_private

ALPN = "distrcomp/1"
JOIN_ALPN = "distrcomp-join/1"

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)

# OpenSSL's X509_V_ERR_ numbers (x509_vfy.h).
_NOT_YET_VALID, _EXPIRED, _WRONG_PURPOSE = 9, 10, 26
_WRONG_NAME = (62, 64)
_UNKNOWN_AUTHORITY = (2, 7, 18, 19, 20, 21, 30)

_WE_ARE_UNKNOWN = ("UNKNOWN_CA", "CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN")
_WE_ARE_OUTDATED = ("ALERT_CERTIFICATE_EXPIRED",)
_OLD_VERSION = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION")


@record
class Identity:
    """Whom a verified certificate is for.

    Args:
        name: the subject's CN.
        role: its OU: "operator", "agent" or "node".
        serial: the serial number, hexadecimal, lower case, without leading zeros.
    """

    name: str
    role: str
    serial: str


@record
class Credentials:
    """A credential file that was read, found safe, and proven to fit together.

    Args:
        path: where it lies.
        identity: whom it makes us.
        ca_pem: the cluster's authority.
    """

    path: Path
    identity: Identity
    ca_pem: str

    @classmethod
    def load(cls, path: Path) -> Credentials:
        """Reads `path`.

        Raises:
            CannotStart: the file is missing, unsafe (S-41), damaged, or out of date.
        """
        require_safe_python()
        text = read_private(path).decode("ascii", "replace")
        found = _CERTIFICATE.findall(text)
        if len(found) != 2:
            raise CannotStart(f"{path} is not a credential file of distrcomp's, or it is damaged")
        unproven = cls(path, Identity("", "", ""), found[1])
        return dataclasses.replace(unproven, identity=_prove(unproven))

    def server_context(self) -> ssl.SSLContext:
        """For an agent: who connects must show a certificate of the cluster."""
        context = self._context(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self) -> ssl.SSLContext:
        """For the launcher: the certificate must be of the cluster and bear the peer's name."""
        return self._context(ssl.PROTOCOL_TLS_CLIENT)

    def join_server_context(self) -> ssl.SSLContext:
        """For an invite: who connects has no certificate yet."""
        context = _bare_context(ssl.PROTOCOL_TLS_SERVER, JOIN_ALPN)
        _load_key(context, self.path)
        return context

    def _context(self, protocol: int) -> ssl.SSLContext:
        context = _bare_context(protocol, ALPN)
        _load_key(context, self.path)
        _load_authority(context, self.ca_pem)
        return context


def load_operator(home: Home) -> Credentials:
    """The operator's credentials; raises CannotStart, saying how to make a cluster."""
    if not home.operator_credentials.exists():
        raise CannotStart(
            f"there are no operator credentials here ({home.operator_credentials}): make a cluster "
            "with `distrcomp cluster init`, or run this on the machine that has one"
        )
    return _load_as(home.operator_credentials, "operator")


def load_agent(home: Home, path: Path | None = None) -> Credentials:
    """This machine's credentials, from `path` or else its home; raises CannotStart."""
    chosen = path or home.agent_credentials
    if path is None and not chosen.exists():
        raise CannotStart(
            f"this machine belongs to no cluster yet (there is no {chosen}): run `distrcomp "
            "cluster invite` where the cluster was made, then `distrcomp agent --join LINE` here"
        )
    return _load_as(chosen, "agent")


def join_client_context(ca_pem: str | None) -> ssl.SSLContext:
    """For a joining machine: verifies the server against `ca_pem`, or nothing at all if None."""
    context = _bare_context(ssl.PROTOCOL_TLS_CLIENT, JOIN_ALPN)
    context.check_hostname = False  # the operator is known by role, not by host
    if ca_pem is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        _load_authority(context, ca_pem)
    return context


def require_safe_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> None:
    """Raises CannotStart on Pythons whose TLS lets plain bytes through (CVE-2023-40217, S-04)."""
    if version < (3, 11, 5):
        running = ".".join(map(str, version))
        raise CannotStart(f"Python {running} has a TLS hole (CVE-2023-40217): use 3.11.5 or newer")


def speaks(connection: Any, alpn: str) -> bool:
    """Whether both ends of `connection` (as in `peer_identity`) agreed to speak `alpn`."""
    return connection is not None and connection.selected_alpn_protocol() == alpn


def peer_identity(connection: Any, alpn: str = ALPN) -> Identity:
    """Who is at the other end of `connection`.

    Args:
        connection: an ssl.SSLObject or ssl.SSLSocket after its handshake; from asyncio
            `writer.get_extra_info("ssl_object")`, None included.
        alpn: what the two ends must have agreed to speak.

    Raises:
        ProtocolError: no handshake, another protocol, or a certificate that no cluster makes.
    """
    if not speaks(connection, alpn):
        raise ProtocolError(f"the other end does not speak {alpn}")
    try:
        certificate = connection.getpeercert()
    except ValueError as error:
        raise ProtocolError("the handshake was not finished") from error
    if not certificate:
        raise ProtocolError("the other end showed no certificate")
    fields = [pair for part in certificate["subject"] for pair in part]
    values = [[value for key, value in fields if key == wanted] for wanted in _SUBJECT_FIELDS]
    if any(len(found) != 1 for found in values):
        raise ProtocolError("the certificate of the other end names no role")
    (name,), (role,) = values
    return Identity(name, role, f"{int(certificate['serialNumber'], 16):x}")


_SUBJECT_FIELDS = ("commonName", "organizationalUnitName")


async def name_at(credentials: Credentials, host: str, port: int) -> str | None:
    """What the agent at `host`, `port` calls itself, if it is one of our cluster.

    For the message after a failed check of its name; nothing is sent to it.
    """
    context = credentials.client_context()
    context.check_hostname = False
    with contextlib.suppress(OSError, ProtocolError):  # includes TimeoutError and ssl.SSLError
        async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="")
            try:
                return peer_identity(writer.get_extra_info("ssl_object")).name
            finally:
                writer.transport.abort()
    return None


def explain_tls(error: BaseException, address: str, calls_itself: str | None = None) -> str:
    """One sentence on why no TLS connection to `address` came about.

    Args:
        error: what connecting, the handshake, or the first read after it raised; a
            ChannelClosed means that the handshake was done and no welcome came.
        address: whom we dialled, as in the peers file.
        calls_itself: what `name_at` says, where the name was wrong.
    """
    if isinstance(error, ChannelClosed):
        # An agent on asyncio sends no alert when it refuses a certificate: it just hangs up.
        if not isinstance(error.__cause__, ssl.SSLError):
            return (
                f"{address} is of this cluster but hung up before its welcome: most likely it does "
                "not accept our certificate; its own output says why"
            )
        error = error.__cause__
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error.verify_code, error.verify_message, address, calls_itself)
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if any(part in reason for part in _WE_ARE_OUTDATED):
        return (
            f"{address} refuses our certificate as out of date: compare the clocks "
            f"({_clock()} here), or make new operator credentials"
        )
    if "ALERT" in reason and any(part in reason for part in _WE_ARE_UNKNOWN):
        return f"{address} does not know us: it belongs to another cluster"
    if any(part in reason for part in _OLD_VERSION):
        return f"{address} speaks a TLS older than 1.3, so it is not a distrcomp agent"
    if isinstance(error, TimeoutError):
        return (
            f"{address} accepted the connection and then said nothing: no distrcomp agent, or one "
            "that is stopped or too busy"
        )
    return f"{address} answers but is not a distrcomp agent"


def _explain_certificate(code: int, message: str, address: str, calls_itself: str | None) -> str:
    if code in _WRONG_NAME:
        if calls_itself is None:
            return f"the machine at {address} does not bear that name: write `{address} name=NAME`"
        return (
            f"the machine at {address} calls itself {calls_itself}: write "
            f"`{address} name={calls_itself}` in the peers file if that is right"
        )
    if code == _EXPIRED:
        return (
            f"the certificate of {address} has expired by this machine's clock ({_clock()}): set "
            "the clock, or remove the machine from the cluster and let it join again"
        )
    if code == _NOT_YET_VALID:
        return (
            f"the certificate of {address} is not valid yet by this machine's clock ({_clock()}): "
            "compare the clocks of the two machines"
        )
    if code in _UNKNOWN_AUTHORITY:
        return f"{address} belongs to another cluster: its certificate is of another authority"
    if code == _WRONG_PURPOSE:
        return f"{address} shows a certificate that is not made for an agent"
    return f"the certificate of {address} is not acceptable: {message}"


def _clock() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def _bare_context(protocol: int, alpn: str) -> ssl.SSLContext:
    require_safe_python()
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.set_alpn_protocols([alpn])
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # nothing is resumed
    else:
        context.hostname_checks_common_name = False
    return context


def _load_key(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_cert_chain(path, password="")  # never ask at the terminal
    except (OSError, ValueError) as error:
        raise CannotStart(f"{path} is damaged: its key and certificate do not fit") from error


def _load_authority(context: ssl.SSLContext, ca_pem: str) -> None:
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise CannotStart("the certificate of the cluster's authority is damaged") from error


def _load_as(path: Path, role: str) -> Credentials:
    credentials = Credentials.load(path)
    if credentials.identity.role != role:
        raise CannotStart(
            f"{path} holds the credentials of {credentials.identity.role} "
            f"{credentials.identity.name}; those of an {role} are needed here"
        )
    return credentials


def _prove(credentials: Credentials) -> Identity:
    """Whom the credentials make us, by a handshake with ourselves in memory."""
    client_context = credentials.client_context()
    client_context.check_hostname = False
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = _bare_context(ssl.PROTOCOL_TLS_SERVER, ALPN)
    _load_key(server, credentials.path)
    ends = [
        client_context.wrap_bio(back, there),
        server.wrap_bio(there, back, server_side=True),
    ]
    try:
        for end in (*ends, *ends):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    except ssl.SSLCertVerificationError as error:
        dates = f" by this machine's clock ({_clock()})" if error.verify_code in (9, 10) else ""
        raise CannotStart(
            f"the certificate in {credentials.path} cannot be used: {error.verify_message}{dates}"
        ) from error
    except ssl.SSLError as error:
        raise CannotStart(f"{credentials.path} is damaged") from error
    return peer_identity(ends[0])
