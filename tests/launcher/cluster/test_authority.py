"""The cluster's authority."""

from __future__ import annotations

import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from launcher.cluster import certificates
from launcher.cluster.authority import Authority, create_cluster
from launcher.cluster.credentials import Credentials, Identity, load_operator
from launcher.cluster.home import Home, write_private
from launcher.errors import BadUsage, CannotStart


def test_create(home: Home) -> None:
    """A new cluster is a 0700 folder of four 0600 files, and an operator who is one."""
    create_cluster(home, "Lab")
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.cluster.iterdir()}
    expected = dict.fromkeys(("ca.key", "ca.pem", "operator.pem", "members.json"), 0o600)
    assert expected == files
    assert 0o700 == stat.S_IMODE(home.cluster.stat().st_mode)
    assert ["cluster"] == [path.name for path in home.config.iterdir()]
    assert ("operator", "operator") == (
        load_operator(home).identity.name,
        load_operator(home).identity.role,
    )


def test_create_twice(home: Home, authority: Authority) -> None:
    """A cluster is never overwritten."""
    with pytest.raises(BadUsage, match=r"there is a cluster in .* already"):
        create_cluster(home, "lab")
    assert authority.ca_pem == Authority(home).ca_pem


def test_create_with_a_bad_name(home: Home) -> None:
    """A name that is none leaves nothing behind."""
    with pytest.raises(BadUsage, match=r"cannot be a machine's name"):
        create_cluster(home, "a b")
    assert not home.config.exists()


def test_no_cluster(home: Home) -> None:
    """Without a cluster the message says how to make one."""
    with pytest.raises(CannotStart, match=r"no cluster in .* run `distrcomp cluster init`"):
        Authority(home)


def test_unsafe_key(home: Home, authority: Authority) -> None:
    """An authority's key that others may read is not used (S-41)."""
    (home.cluster / "ca.key").chmod(0o644)
    with pytest.raises(CannotStart, match=r"chmod 600 .*ca\.key"):
        Authority(home)


def test_issue(home: Home, authority: Authority) -> None:
    """Issued credentials work, and their machine is a member."""
    pem = authority.issue_agent("H1", ["10.0.0.1", "H1.example.org", "10.0.0.1"])
    write_private(home.agent_credentials, pem)
    (member,) = authority.members.all()
    assert ("h1", ("10.0.0.1", "h1.example.org")) == (member.name, member.addresses)
    identity = Credentials.load(home.agent_credentials).identity
    assert Identity("h1", "agent", member.serials[0]) == identity


def test_sign(authority: Authority) -> None:
    """A request is signed for the name and addresses that the operator's side chose (S-13)."""
    request = certificates.make_request(certificates.new_key())
    signed = authority.sign_agent(request, "h1", ["127.0.0.1", "10.0.0.1"])
    assert (signed.member,) == authority.members.all()
    assert ("h1", "10.0.0.1") == signed.member.certified
    assert signed.certificate_pem.startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(
    ("name", "addresses", "said"),
    [
        ("h1", [], "the name h1 belongs to member h1"),
        ("H1", [], "the name h1 belongs to member h1"),
        ("h2", ["10.0.0.1"], "the address 10.0.0.1 belongs to member h1"),
        ("h2", ["::ffff:10.0.0.1"], "the address 10.0.0.1 belongs to member h1"),
        ("h2", ["h1"], "the address h1 belongs to member h1"),
        ("h2", ["a b"], "neither a host name nor an IP address"),
        ("h.2", [], "cannot be a machine's name"),
    ],
)
def test_refused(authority: Authority, name: str, addresses: list[str], said: str) -> None:
    """Nobody gets a certificate for another one's name or address (S-07)."""
    authority.issue_agent("h1", ["10.0.0.1"])
    with pytest.raises(BadUsage, match=said):
        authority.issue_agent(name, addresses)
    assert 1 == len(authority.members.all())


def test_bad_request(authority: Authority) -> None:
    """A damaged request makes no member."""
    with pytest.raises(BadUsage, match=r"request is damaged"):
        authority.sign_agent(b"x", "h1", [])
    assert () == authority.members.all()


@pytest.mark.parametrize("role", ["operator", "authority", "node"])
def test_request_for_another_role(authority: Authority, role: str) -> None:
    """S-13, S-06: a request that asks to be signed as operator gets an agent's certificate."""
    key = certificates.new_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role),
            x509.NameAttribute(NameOID.COMMON_NAME, "operator"),
        ]
    )
    powers = x509.BasicConstraints(ca=True, path_length=None)
    builder = x509.CertificateSigningRequestBuilder(subject).add_extension(powers, critical=True)
    request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    signed = authority.sign_agent(request, "h1", [])
    made = x509.load_pem_x509_certificate(signed.certificate_pem.encode())
    assert "OU=agent,CN=h1" in ",".join(reversed(made.subject.rfc4514_string().split(",")))
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
