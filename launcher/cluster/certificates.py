"""Keys and X.509 certificates: the one module that imports cryptography.

Every key is EC P-256. A certificate's subject says who it is: the name stands in CN, the role in
OU. Certificates pass OpenSSL's strict check (RFC 5280), which Python 3.13 applies by default.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..errors import BadUsage, CannotStart

ROLE_AUTHORITY, ROLE_OPERATOR, ROLE_AGENT, ROLE_NODE = "authority", "operator", "agent", "node"

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

_SIGNED_WITH = hashes.SHA256()
_CANNOT_PARSE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.InvalidVersion,
)
_PURPOSES = {
    ROLE_OPERATOR: [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
    ROLE_AGENT: [ExtendedKeyUsageOID.SERVER_AUTH],
    ROLE_NODE: [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
}


@dataclasses.dataclass(frozen=True)
class Span:
    """When a certificate is valid."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, now: datetime, before: timedelta, after: timedelta) -> Span:
        return cls(now - before, now + after)


@dataclasses.dataclass(frozen=True)
class Subject:
    """Whom a certificate is for.

    Args:
        name: at most 64 characters.
        role: one of the ROLE_ constants.
        hosts: host names and IP addresses by which it may be dialled.
    """

    name: str
    role: str
    hosts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Issuer:
    """A certificate authority: what it takes to sign."""

    key: PrivateKey = dataclasses.field(repr=False)
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return key_to_pem(self.key)


def now_utc() -> datetime:
    return datetime.now(UTC)


def new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_to_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def make_issuer(name: str, span: Span) -> Issuer:
    """A new authority called `name`, which may sign leaves only."""
    key = new_key()
    public_key = key.public_key()
    subject = _distinguished_name(Subject(name, ROLE_AUTHORITY))
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    certificate = (
        _builder(public_key, subject, subject, span)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, _SIGNED_WITH)
    )
    return Issuer(key, certificate)


def load_issuer(key_pem: bytes, certificate_pem: bytes, where: str) -> Issuer:
    """The authority in two PEM texts; raises CannotStart, naming `where`, if they do not fit."""
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        fits = key.public_key() == certificate.public_key()
    except _CANNOT_PARSE as error:
        raise CannotStart(f"the cluster's authority in {where} is damaged") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not fits:
        raise CannotStart(f"the cluster's authority in {where} is damaged: its key does not fit")
    return Issuer(key, certificate)


def issue(issuer: Issuer, public_key: PublicKey, subject: Subject, span: Span) -> x509.Certificate:
    """A certificate for the holder of `public_key`, signed by `issuer`."""
    builder = (
        _builder(public_key, _distinguished_name(subject), issuer.certificate.subject, span)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_PURPOSES[subject.role]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    if subject.hosts:
        hosts = [_general_name(host) for host in subject.hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return builder.sign(issuer.key, _SIGNED_WITH)


def credentials_pem(key: PrivateKey, certificate_pem: str, ca_pem: str) -> bytes:
    """One credential file: private key, certificate, the authority's certificate."""
    return key_to_pem(key) + certificate_pem.encode() + ca_pem.encode()


def certificate_to_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def serial_text(certificate: x509.Certificate) -> str:
    """The serial number as `credentials.Identity` has it."""
    return f"{certificate.serial_number:x}"


def make_request(key: PrivateKey) -> bytes:
    """A signing request for `key`, DER. It names nobody: the name is the authority's to give."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    return builder.sign(key, _SIGNED_WITH).public_bytes(serialization.Encoding.DER)


def public_key_of_request(request: bytes) -> PublicKey:
    """The key of a signing request (DER) whose sender has proven to hold it.

    Raises:
        BadUsage: it is not one, or not of an EC P-256 key.
    """
    try:
        parsed = x509.load_der_x509_csr(request)
        proven = parsed.is_signature_valid
        key = parsed.public_key()
    except _CANNOT_PARSE as error:
        raise BadUsage("the certificate request is damaged") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadUsage("the certificate request is not for an EC P-256 key")
    if not proven:
        raise BadUsage("the certificate request is not signed by its own key")
    return key


def _builder(
    public_key: PublicKey, subject: x509.Name, issuer: x509.Name, span: Span
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span.start)
        .not_valid_after(span.end)
    )


def _distinguished_name(subject: Subject) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, subject.role),
            x509.NameAttribute(NameOID.COMMON_NAME, subject.name),
        ]
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
