"""What stands in certificates, and requests for them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from launcher.cluster import certificates
from launcher.cluster.certificates import Span, Subject
from launcher.errors import BadUsage, CannotStart

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
SPAN = Span.around(NOW, timedelta(minutes=5), timedelta(days=730))


def test_leaf() -> None:
    """A leaf says who it is, where, for what and how long, and can sign nothing."""
    issuer = certificates.make_issuer("lab", SPAN)
    subject = Subject("h1", "agent", ("h1", "10.0.0.1", "::1"))
    key = certificates.new_key().public_key()
    leaf = certificates.issue(issuer, key, subject, SPAN)
    leaf.verify_directly_issued_by(issuer.certificate)
    fields = {attribute.oid: attribute.value for attribute in leaf.subject}
    assert {NameOID.COMMON_NAME: "h1", NameOID.ORGANIZATIONAL_UNIT_NAME: "agent"} == fields
    assert (NOW - timedelta(minutes=5), NOW + timedelta(days=730)) == (
        leaf.not_valid_before_utc,
        leaf.not_valid_after_utc,
    )
    hosts = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ["h1"] == hosts.get_values_for_type(x509.DNSName)
    assert ["10.0.0.1", "::1"] == [str(ip) for ip in hosts.get_values_for_type(x509.IPAddress)]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


@pytest.mark.parametrize(
    ("role", "purposes"),
    [
        ("agent", {ExtendedKeyUsageOID.SERVER_AUTH}),
        ("operator", {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}),
        ("node", {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}),
    ],
)
def test_purposes(role: str, purposes: set[x509.ObjectIdentifier]) -> None:
    """An agent's certificate cannot be used to call anybody (S-06)."""
    issuer = certificates.make_issuer("lab", SPAN)
    key = certificates.new_key().public_key()
    leaf = certificates.issue(issuer, key, Subject("n", role), SPAN)
    found = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert purposes == set(found)


def test_authority_round_trip() -> None:
    """An authority is loaded from its two files; files that do not fit are refused."""
    issuer, other = (certificates.make_issuer("lab", SPAN) for _ in range(2))
    loaded = certificates.load_issuer(issuer.key_pem, issuer.pem.encode(), "/c")
    assert issuer.certificate == loaded.certificate
    pairs = [(issuer.key_pem, other.pem.encode()), (b"", b""), (issuer.key_pem, b"x")]
    for key_pem, pem in pairs:
        with pytest.raises(CannotStart, match=r"authority in /c is damaged"):
            certificates.load_issuer(key_pem, pem, "/c")


def test_key_is_not_shown() -> None:
    """Printing an authority does not show its key."""
    assert "key=" not in repr(certificates.make_issuer("lab", SPAN))


def test_request() -> None:
    """A request gives back the key of its maker."""
    key = certificates.new_key()
    request = certificates.make_request(key)
    assert key.public_key() == certificates.public_key_of_request(request)


def _request(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_foreign_keys(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
    """A request for another kind of key is refused."""
    with pytest.raises(BadUsage, match=r"not for an EC P-256 key"):
        certificates.public_key_of_request(_request(key))


def test_altered_requests() -> None:
    """A request altered in any byte either is refused or still proves the same key."""
    key = certificates.new_key()
    request = certificates.make_request(key)
    accepted: list[int] = []
    for index in range(len(request)):
        altered = request[:index] + bytes([request[index] ^ 1]) + request[index + 1 :]
        with contextlib.suppress(BadUsage):
            assert certificates.public_key_of_request(altered) == key.public_key()
            accepted.append(index)
    assert len(accepted) <= 3  # spare bits of the encoding


@given(st.binary())
def test_any_request(data: bytes) -> None:
    """From any bytes comes BadUsage, nothing else."""
    with pytest.raises(BadUsage):
        certificates.public_key_of_request(data)
