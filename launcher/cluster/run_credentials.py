"""Credentials of one run's mesh: an authority that lives and dies with the run.

Only the launcher holds it, in memory. Each node gets a certificate made out to its own node id and
run id, so no node can pass for another one (S-27) and none of another run is known here (S-28).
"""

from __future__ import annotations

from datetime import timedelta

from . import certificates

# Machines of one run may disagree about the time; the run's secrets die with it anyway.
_SLACK_BEFORE = timedelta(days=1)
_SLACK_AFTER = timedelta(days=30)


def node_host(run_id: bytes, node_id: int) -> str:
    """The DNS name in the certificate of node `node_id`.

    Example:
        >>> node_host(bytes.fromhex("00ff"), 3)
        'node-3.00ff'
    """
    return f"node-{node_id}.{run_id.hex()}"


def peer_host(run_id: bytes, peer: int) -> str:
    """The DNS name in the certificate of a peer of a run.

    Example:
        >>> peer_host(bytes.fromhex("00ff"), 3)
        'peer-3.00ff'
    """
    return f"peer-{peer}.{run_id.hex()}"


class RunAuthority:
    """Makes the credentials of a run's nodes.

    Args:
        run_id: the run's random id, 1 to 24 bytes (16 in the product).
    """

    def __init__(self, run_id: bytes) -> None:
        self._run_id = run_id
        now = certificates.now_utc()
        self._span = certificates.Span.around(now, _SLACK_BEFORE, _SLACK_AFTER)
        self._issuer = certificates.make_issuer(f"run {run_id.hex()}", self._span)

    @property
    def ca_pem(self) -> str:
        """The certificate by which the run's nodes know each other."""
        return self._issuer.pem

    def node(self, node_id: int) -> str:
        """Private key and certificate of node `node_id`, PEM; a new key at each call."""
        return self._made_out_to(node_host(self._run_id, node_id))

    def peer(self, peer: int) -> str:
        """The same for the agent of a peer, by which it knows the run's other agents."""
        return self._made_out_to(peer_host(self._run_id, peer))

    def _made_out_to(self, host: str) -> str:
        subject = certificates.Subject(host, certificates.ROLE_NODE, (host,))
        key = certificates.new_key()
        certificate = certificates.issue(self._issuer, key.public_key(), subject, self._span)
        return certificates.key_to_pem(key).decode() + certificates.certificate_to_pem(certificate)
