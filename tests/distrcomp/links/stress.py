"""One of two processes that send each other all they can over shared memory, and check it.

python -m tests.distrcomp.links.stress HERE SEGMENT N_LOCAL SECONDS KIND DOORBELL DOORBELL
"""

from __future__ import annotations

import random
import select
import sys
import zlib
from time import monotonic

from distrcomp.cores import have_a_core_each
from distrcomp.frames import Message
from distrcomp.links import Bells, LinkEnded, ShmLink, offers, ring, shm
from distrcomp.links.local import Neighbours

SIZES = [0, 1, 8, 100, 1_000, 2_047, 5_000, 20_000, 100_000, 3_000_000]
WEIGHTS = [90, 90, 90, 90, 60, 60, 30, 10, 4, 1]
QUEUED_BYTES_MAX = 2**23
PATIENCE_MS = 20_000


class Side:
    """One end, what it sends and what it expects."""

    def __init__(self, here: int, link: ShmLink, bells: Bells, until: float) -> None:
        self.here = here
        self.link = link
        self.bells = bells
        self.until = until
        self.chance = random.Random(here)
        self.n_sent = self.n_received = self.n_sleeps = self.n_bytes = 0
        self.has_finished = self.has_heard_end = False

    def run(self) -> None:
        """Sends and receives until both have finished."""
        while not (self.has_finished and self.has_heard_end and self.link.is_drained()):
            moved = self.receive()
            if monotonic() >= self.until and not self.has_finished:
                self.link.finish()
                self.has_finished = moved = True
            elif not self.has_finished and self.link.queued_bytes < QUEUED_BYTES_MAX:
                if self.chance.random() < 0.9 or not self.link.can_receive():
                    self.send()
                moved = self.chance.random() < 0.995 or moved  # else it pauses
            if self.link.queued_bytes:
                moved = self.link.flush() or moved
            if not moved:
                self.sleep()

    def send(self) -> None:
        """Posts the next message; it is numbered, and its meta holds the checksum of the rest."""
        buffers = [
            bytearray(self.chance.randbytes(size))
            for size in self.chance.choices(SIZES, WEIGHTS, k=self.chance.randrange(3))
        ]
        total = zlib.crc32(b"".join(buffers))
        meta = total.to_bytes(4, "little") + bytes(self.chance.choice([0, 3, 300, 3_000]))
        views = [memoryview(buffer) for buffer in buffers]
        pending = self.link.post(Message(self.here, self.n_sent, 0, 5, meta, views))
        self.n_sent += 1
        if self.chance.random() < 0.3:
            self.link.own()
        if pending is None or pending.is_out:
            for buffer in buffers:
                buffer[:] = b"\xee" * len(buffer)

    def receive(self) -> bool:
        """Reads and checks what is there; whether there was anything."""
        if self.has_heard_end or not self.link.can_receive():
            return False
        try:
            messages = self.link.receive(self.chance.randrange(1, 9))
        except LinkEnded as end:
            if not end.clean:
                raise
            self.has_heard_end = True
            return True
        for message in messages:
            content = b"".join(bytes(memoryview(each)) for each in message.buffers)
            total = int.from_bytes(message.meta[:4], "little")
            if (message.tag, total) != (self.n_received, zlib.crc32(content)):
                sys.exit(f"message {self.n_received} came as {message.tag}, or changed")
            self.n_received += 1
            self.n_bytes += len(content)
        return True

    def sleep(self) -> None:
        """Sleeps until the bell rings; not to hear it for long is a lost wake-up."""
        self.bells.lie_down()
        moves = self.link.can_receive() and not self.has_heard_end
        if not moves and not (self.link.queued_bytes and self.link.flush()):
            left_ms = max(0.0, self.until - monotonic()) * 1000
            patience_ms = PATIENCE_MS if self.has_finished or self.link.queued_bytes else left_ms
            self.n_sleeps += 1
            woken = select.poll()
            woken.register(self.bells.fileno(), select.POLLIN)
            if not woken.poll(patience_ms) and patience_ms == PATIENCE_MS:
                sys.exit("nobody rang")
        self.bells.get_up()
        self.bells.silence()


def main() -> None:
    """Runs one side and prints what it has done."""
    here, segment, n_local = (int(word) for word in sys.argv[1:4])
    seconds, kind = float(sys.argv[4]), sys.argv[5]
    doorbells = [int(word) for word in sys.argv[6:]]
    if kind == "fenced":
        for module in (ring, offers):
            module.STORES_ARE_ORDERED = False  # type: ignore[misc]
    if kind == "streamed":
        shm._PULL_BYTES_MIN = 2**60  # type: ignore[misc]
    padded = doorbells + doorbells[1:] * (n_local - 2)
    neighbours = Neighbours(segment, range(n_local), here, padded, have_a_core_each(n_local))
    print("ready", flush=True)
    sys.stdin.readline()
    side = Side(here, neighbours.link_to(1 - here), neighbours.bells, monotonic() + seconds)
    side.run()
    print(side.n_sent, side.n_received, side.n_sleeps, side.n_bytes)


if __name__ == "__main__":
    main()
