"""The cluster's private certificate authority, in the operator's home.

Whoever holds its key can make machines and operators of the cluster; it never leaves the folder
`cluster/`. Whatever is signed is entered in the list of members before it is handed out, and that
fails if a present member has the name or an address, so no machine can answer for another one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ..errors import BadUsage, CannotStart
from . import certificates, names
from .certificates import ROLE_AGENT, ROLE_OPERATOR, Issuer, Span, Subject
from .home import Home, make_private_folder, read_private, write_private
from .members import Member, Members

OPERATOR_NAME = "operator"
_CA_KEY, _CA_CERTIFICATE, _OPERATOR = "ca.key", "ca.pem", "operator.pem"
_SLACK = timedelta(minutes=5)  # clocks of machines differ (F-32)
_AUTHORITY_LIFE = timedelta(days=3652)
_LEAF_LIFE = timedelta(days=730)


@dataclasses.dataclass(frozen=True)
class Signed:
    """A new member and its certificate."""

    member: Member
    certificate_pem: str


def create_cluster(
    home: Home, name: str, clock: Callable[[], datetime] = certificates.now_utc
) -> Authority:
    """Makes authority, operator certificate and an empty list of members.

    The folder appears whole or not at all, and only if there is none.

    Raises:
        BadUsage: a cluster is there already, or `name` cannot be one.
        CannotStart: the folder cannot be written.
    """
    label = names.checked_name(name)
    folder = home.cluster
    if folder.exists():
        raise _already_there(folder)
    home.make_config()
    now = clock()
    issuer = certificates.make_issuer(label, Span.around(now, _SLACK, _AUTHORITY_LIFE))
    with _folder_in_the_making(folder) as draft:
        write_private(draft / _CA_KEY, issuer.key_pem)
        write_private(draft / _CA_CERTIFICATE, issuer.pem.encode())
        write_private(draft / _OPERATOR, _operator_credentials(issuer, now))
        Members(draft).create()
    return Authority(home, clock)


class Authority:
    """The authority of the cluster in `home`.

    Raises:
        CannotStart: there is no cluster, or its files are not safe or damaged.
    """

    def __init__(self, home: Home, clock: Callable[[], datetime] = certificates.now_utc) -> None:
        folder = home.cluster
        if not folder.exists():
            raise CannotStart(
                f"there is no cluster in {folder} yet: run `distrcomp cluster init` first"
            )
        key_pem = read_private(folder / _CA_KEY)
        certificate_pem = read_private(folder / _CA_CERTIFICATE)
        self._issuer = certificates.load_issuer(key_pem, certificate_pem, str(folder))
        self._clock = clock
        self.members = Members(folder)

    @property
    def ca_pem(self) -> str:
        return self._issuer.pem

    @property
    def ca_der(self) -> bytes:
        return self._issuer.der

    def sign_agent(self, request: bytes, name: str, addresses: Iterable[str]) -> Signed:
        """A certificate for the machine that sent `request` (DER), and its entry as a member.

        Raises:
            BadUsage: the request is damaged, or the name or an address is not one or is taken.
        """
        public_key = certificates.public_key_of_request(request)
        return self._sign(public_key, name, addresses, issued=False)

    def issue_agent(self, name: str, addresses: Iterable[str]) -> bytes:
        """Credentials, with a key made here, for a machine that cannot join by itself.

        Raises:
            BadUsage: the name or an address is not one or is taken.
        """
        key = certificates.new_key()
        signed = self._sign(key.public_key(), name, addresses, issued=True)
        return certificates.credentials_pem(key, signed.certificate_pem, self.ca_pem)

    def _sign(
        self,
        public_key: certificates.PublicKey,
        name: str,
        addresses: Iterable[str],
        *,
        issued: bool,
    ) -> Signed:
        now = self._clock()
        label = names.checked_name(name)
        hosts = tuple(dict.fromkeys(names.checked_host(address) for address in addresses))
        member = Member(label, hosts, (), int(now.timestamp()), issued=issued)
        self.members.refuse_taken(label, hosts)
        subject = Subject(label, ROLE_AGENT, member.certified)
        certificate = certificates.issue(self._issuer, public_key, subject, _leaf_span(now))
        member = dataclasses.replace(member, serials=(certificates.serial_text(certificate),))
        self.members.add(member)
        return Signed(member, certificates.certificate_to_pem(certificate))


def _operator_credentials(issuer: Issuer, now: datetime) -> bytes:
    key = certificates.new_key()
    subject = Subject(OPERATOR_NAME, ROLE_OPERATOR)
    certificate = certificates.issue(issuer, key.public_key(), subject, _leaf_span(now))
    return certificates.credentials_pem(
        key, certificates.certificate_to_pem(certificate), issuer.pem
    )


def _leaf_span(now: datetime) -> Span:
    return Span.around(now, _SLACK, _LEAF_LIFE)


def _already_there(folder: Path) -> BadUsage:
    return BadUsage(
        f"there is a cluster in {folder} already: use it, or set DISTRCOMP_HOME to another folder "
        "for a second one"
    )


@contextlib.contextmanager
def _folder_in_the_making(folder: Path) -> Iterator[Path]:
    """A private folder that is renamed to `folder` at the end, or removed if that fails."""
    draft = make_private_folder(folder.with_name(f".{folder.name}.{secrets.token_hex(8)}"))
    try:
        yield draft
        draft.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another command was faster
            raise _already_there(folder) from error
        raise CannotStart(f"{folder} cannot be made: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
