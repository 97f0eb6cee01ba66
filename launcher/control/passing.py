"""How peers get a bundle from each other. Parts of `messages`, and what agents say between them."""

from __future__ import annotations

from ..records import record


@record
class TakePass:
    """By what this peer proves to the other peers of the run who it is: to be said once.

    Attributes:
        peer: its number in the run.
        authority: a certificate that lives and dies with the run (PEM).
        certificate: its own, with the key.
    """

    peer: int
    authority: str
    certificate: str


@record
class FetchFrom:
    """Get what is missing from the agent of another peer, which has all of it."""

    peer: int
    host: str
    port: int


@record
class FetchedSoFar:
    """So many bytes have come from another peer."""

    n_bytes: int


@record
class NotFetched:
    """The other peer does not give them; these are still missing, as in Missing."""

    why: str
    hashes: tuple[bytes, ...]
    offsets: tuple[int, ...]


@record
class WantBlob:
    """From agent to agent: send this content, from an offset on. Answered by BlobParts."""

    sha256: bytes
    offset: int


ORDERS = (TakePass, FetchFrom)
NEWS = (FetchedSoFar, NotFetched)
