"""Credentials of one run's mesh."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from launcher.cluster.credentials import Identity, peer_identity
from launcher.cluster.run_credentials import RunAuthority, node_host
from tests.launcher.cluster.kit import handshake

RUN = bytes(range(16))
ALPN = "distrcomp-mesh/1"


def _context(
    protocol: int, credentials: str, ca_pem: str, folder: Path, *, strict: bool = True
) -> ssl.SSLContext:
    path = folder / "node.pem"
    path.write_text(credentials)
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(path)
    context.load_verify_locations(cadata=ca_pem)
    context.set_alpn_protocols([ALPN])
    if strict:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    return context


def test_nodes_know_each_other(tmp_path: Path) -> None:
    """Two nodes of a run prove to each other which nodes they are, by OpenSSL's strict rules."""
    run = RunAuthority(RUN)
    server = _context(ssl.PROTOCOL_TLS_SERVER, run.node(0), run.ca_pem, tmp_path)
    client = _context(ssl.PROTOCOL_TLS_CLIENT, run.node(1), run.ca_pem, tmp_path)
    server_end, client_end = handshake(server, client, node_host(RUN, 0))
    host = node_host(RUN, 1)
    identity = peer_identity(server_end, ALPN)
    assert Identity(host, "node", identity.serial) == identity
    assert node_host(RUN, 0) == peer_identity(client_end, ALPN).name


def test_wrong_node(tmp_path: Path) -> None:
    """A node that answers in another one's place is refused (S-27)."""
    run = RunAuthority(RUN)
    server = _context(ssl.PROTOCOL_TLS_SERVER, run.node(2), run.ca_pem, tmp_path)
    client = _context(ssl.PROTOCOL_TLS_CLIENT, run.node(1), run.ca_pem, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"Hostname mismatch"):
        handshake(server, client, node_host(RUN, 0))


def test_other_run(tmp_path: Path) -> None:
    """A node of another run, even one with the same id, is refused (S-28)."""
    run, stale = RunAuthority(RUN), RunAuthority(RUN)
    server = _context(ssl.PROTOCOL_TLS_SERVER, run.node(0), run.ca_pem, tmp_path)
    client = _context(ssl.PROTOCOL_TLS_CLIENT, stale.node(1), run.ca_pem, tmp_path)
    with pytest.raises(ssl.SSLError):
        handshake(server, client, node_host(RUN, 0))
