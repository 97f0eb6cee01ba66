"""All collective calls that communicators of any kind have."""

from __future__ import annotations

from .buffer_collectives import BufferCollectives
from .buffer_collectives_begun import BegunCollectives
from .buffer_collectives_renewed import RenewedCollectives
from .object_collectives import ObjectCollectives


class CollectiveCalls(ObjectCollectives, BufferCollectives, BegunCollectives, RenewedCollectives):
    """The collective calls of a communicator, on objects and on memory."""
