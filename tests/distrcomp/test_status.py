"""distrcomp.status: what messages show of themselves."""

from __future__ import annotations

from distrcomp import testing
from distrcomp.communicator import Communicator


def test_shown() -> None:
    """A message that a probe has taken shows what it is like, and that it was received."""

    def act(world: Communicator) -> list[str]:
        world.send(0, b"12345", tag=2)
        matched = world.mprobe()
        return [repr(matched), str(matched.recv()), repr(matched), repr(matched.status)]

    assert [
        "<MatchedMessage from node 0 with tag 2: 5 bytes>",
        "b'12345'",
        "<MatchedMessage from node 0 with tag 2: received>",
        "Status(source=0, tag=2, payload_bytes=5)",
    ] == testing.run(act, n=1)[0]
