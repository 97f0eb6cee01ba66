"""Where a machine may be dialled, as it says itself; believed by nobody without a proof."""

from __future__ import annotations

from ..records import record


@record
class Interface:
    """An address at which an agent listens, and the network interface that has it."""

    name: str
    address: str
    port: int
