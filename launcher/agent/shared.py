"""What the nodes of one run on one machine share: memory for their messages, and a doorbell each.

It is made before any node is started, every node inherits it under the same numbers, and the agent
closes its own descriptors as soon as all are started. From then on it lives as long as the nodes
do, so nothing is left whoever is killed, and however.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

from distrcomp.segment import create_segment, segment_bytes

from .. import limits
from ..records import record


@record
class Shared:
    """Descriptors for the nodes to inherit; use as `with`, at whose end they are closed here.

    Attributes:
        segment: of the shared memory; -1 where there is none.
        doorbells: one eventfd for each node, by local id; none without a segment.
        why_not: why there is none, if there should be one.
    """

    segment: int = -1
    doorbells: tuple[int, ...] = ()
    why_not: str = ""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All of them."""
        return () if self.segment < 0 else (self.segment, *self.doorbells)

    def __enter__(self) -> Shared:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


def make_doorbell() -> int:
    """An eventfd that never blocks; raises OSError where there is no such thing."""
    if not hasattr(os, "eventfd"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)


def share(n_local: int, make_doorbell: Callable[[], int] = make_doorbell) -> Shared:
    """What `n_local` nodes need; nothing for a single one, or where it cannot be made."""
    if n_local < 2:
        return Shared()
    made: list[int] = []
    try:
        _require_room(n_local)
        made.append(create_segment(segment_bytes(n_local)))
        for _ in range(n_local):
            made.append(make_doorbell())
    except OSError as error:
        for descriptor in made:
            os.close(descriptor)
        return Shared(why_not=error.strerror or str(error))
    segment, *doorbells = made
    return Shared(segment, tuple(doorbells))


def _require_room(n_local: int) -> None:
    """Raises OSError where the nodes could be started without a segment and not with one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    needed = used + n_local * limits.NODE_START_DESCRIPTORS + limits.SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and needed > soft:
        raise OSError(errno.EMFILE, f"it takes `ulimit -n {needed}`, not {soft}")
