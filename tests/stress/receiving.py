"""All the ways to receive, and the check of what came: content, order, and whose memory it is."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

import distrcomp as dc
from tests.stress.values import Maker, Spec, fingerprint, is_writable, overwrite, parts

BATCH_MAX = 8
KEPT_MAX, KEPT_BYTES_MAX = 24, 2**23
_OURS = 0xDD

Stream = tuple[int, int]
"""By sender and tag: what has to come in the order in which it was sent."""


class Wrong(Exception):
    """Something came that was not sent so."""


class Inbox:
    """What one lane of one node still has to receive in this round.

    Args:
        communicator: of the lane.
        maker: makes what was sent.
        counts: by way and kind; added to.
        names_tags: the lane shares its communicator, so it may never take just any tag.
        patience: seconds after which a message is lost.
    """

    def __init__(
        self,
        communicator: dc.Communicator,
        maker: Maker,
        counts: Counter[str],
        names_tags: bool,
        patience: float,
    ) -> None:
        self.where = ""
        self._communicator = communicator
        self._maker = maker
        self._counts = counts
        self._names_tags = names_tags
        self._patience = patience
        self._expected: dict[Stream, deque[Spec]] = {}
        self._posted: list[tuple[Stream, Any]] = []
        self._kept: deque[tuple[Any, Any, int]] = deque()
        self._kept_bytes = 0
        self._dice = Random()
        self._but = -1  # this tag's messages are asked for already
        self._ways: list[Callable[[], None]] = []

    def begin(self, expected: dict[Stream, deque[Spec]], dice: Random) -> None:
        """A round begins, in which this has to come; `dice` chooses how it is received."""
        self._expected = expected
        self._dice = dice
        exact = [self._by_name, self._into, self._by_probe, self._by_request, self._by_timeout]
        every = [*exact, self._any_source, self._cancel, self._batch]
        if not self._names_tags:
            every += [self._any, self._by_source, self._match, self._batch_of_any]
        self._ways = dice.choice([[self._by_name], exact, every, every])

    def post(self, tag: int) -> None:
        """Asks for all messages of a tag already now."""
        for (source, of), specs in self._expected.items():
            if of == tag:
                for _ in specs:
                    request = self._communicator.irecv(source, tag)
                    self._posted.append(((source, tag), request))

    def close(self, tag: int) -> None:
        """Takes what was asked for by `post`."""
        for stream, request in self._posted:
            self._take(stream, request.wait(self._patience), "irecv posted before")
        self._posted.clear()
        if left := self._streams(but=-1):
            raise Wrong(f"{self.where}: {left} are left over of tag {tag}")

    def receive_all(self, but: int) -> None:
        """Receives all that has to come, but for one tag."""
        while self._streams(but):
            self._but = but
            self._dice.choice(self._ways)()

    def look(self, but: int) -> None:
        """Receives a message if one is there."""
        self._but = but
        if not (streams := self._streams(but)):
            return
        source, tag = self._dice.choice(streams)
        communicator = self._communicator
        if not self._names_tags and self._dice.random() < 0.5:
            source, tag = dc.ANY, dc.ANY
        way = self._dice.randrange(4)
        if way == 0:
            if status := communicator.iprobe(source, tag):
                value = communicator.recv(status.source, status.tag)
                self._take((status.source, status.tag), value, "iprobe, recv")
        elif way == 1:
            if matched := communicator.improbe(source, tag):
                stream = matched.status.source, matched.status.tag
                self._take(stream, matched.recv(), "improbe")
        elif way == 2:
            request = communicator.irecv(source, tag)
            if request.test() or not request.cancel():
                self._take_request(request, "irecv, test")
        else:
            status = dc.Status()
            try:
                value = communicator.recv(source, tag, timeout=0.0, status=status)
            except dc.RecvTimeout:
                return
            self._take((status.source, status.tag), value, "recv timeout=0")

    def take_exchanged(self, stream: Stream, value: Any) -> None:
        """Checks what `sendrecv` has returned."""
        self._take(stream, value, "sendrecv")

    def check_kept(self) -> None:
        """What was received long ago has not changed since."""
        while self._kept:
            self._let_go()

    # --- the ways ---

    def _by_name(self) -> None:
        stream = self._any_stream()
        self._take(stream, self._communicator.recv(*stream), "recv")

    def _by_source(self) -> None:
        streams = self._streams(self._but)
        source = self._dice.choice(streams)[0]
        tags = [tag for node, tag in streams if node == source]
        if len(tags) == 1:
            self._take((source, tags[0]), self._communicator.recv(source), "recv of a source")
        else:
            self._any(source)

    def _any(self, source: int = dc.ANY) -> None:
        status = dc.Status()
        value = self._communicator.recv(source, status=status)
        self._take((status.source, status.tag), value, "recv of any")

    def _any_source(self) -> None:
        status = dc.Status()
        value = self._communicator.recv(tag=self._any_stream()[1], status=status)
        self._take((status.source, status.tag), value, "recv of any source")

    def _by_timeout(self) -> None:
        stream = self._any_stream()
        self._take(
            stream, self._communicator.recv(*stream, timeout=self._patience), "recv timeout="
        )

    def _into(self) -> None:
        stream = self._any_stream()
        value = self._maker.make(self._expected[stream][0]).value
        if type(value) is bytearray:
            out: Any = bytearray(len(value))
        elif isinstance(value, np.ndarray):
            is_f_order = value.flags.f_contiguous and not value.flags.c_contiguous
            out = np.empty(value.shape, value.dtype, "F" if is_f_order else "C")
        else:
            return self._by_name()
        if self._communicator.recv(*stream, out=out) is not out:
            raise Wrong(f"{self.where}: recv(out=) has returned something else")
        return self._take(stream, out, "recv out=")

    def _by_probe(self) -> None:
        stream = self._any_stream()
        status = self._communicator.probe(*stream)
        if (status.source, status.tag) != stream:
            raise Wrong(f"{self.where}: {status} was probed for {stream}")
        self._take(stream, self._communicator.recv(*stream), "probe, recv")

    def _match(self) -> None:
        matched = self._communicator.mprobe()
        stream = matched.status.source, matched.status.tag
        self._take(stream, matched.recv(), "mprobe")

    def _by_request(self) -> None:
        self._take_request(self._communicator.irecv(*self._any_stream()), "irecv, wait")

    def _cancel(self) -> None:
        request = self._communicator.irecv(*self._any_stream())
        if request.cancel():
            self._counts["receive cancelled"] += 1
        else:
            self._take_request(request, "irecv, cancelled too late")

    def _batch(self) -> None:
        streams = [stream for stream in self._streams(self._but) for _ in self._expected[stream]]
        count = min(len(streams), self._dice.randint(1, BATCH_MAX))
        self._wait([self._communicator.irecv(*each) for each in self._dice.sample(streams, count)])

    def _batch_of_any(self) -> None:
        n_left = sum(len(self._expected[stream]) for stream in self._streams(self._but))
        count = min(n_left, self._dice.randint(1, BATCH_MAX))
        self._wait([self._communicator.irecv() for _ in range(count)])

    def _wait(self, requests: list[Any]) -> None:
        """Waits for all of them, and takes them in the order in which they were posted."""
        way = self._dice.choice(("wait_all", "wait_any", "wait_some"))
        done = 0
        while way != "wait_all" and done < len(requests):
            if way == "wait_any":
                dc.Request.wait_any(requests)
                done += 1
            else:
                done += len(dc.Request.wait_some(requests))
        dc.Request.wait_all(requests)
        for request in requests:
            self._take_request(request, way)

    # --- the check ---

    def _streams(self, but: int) -> list[Stream]:
        return [each for each, specs in self._expected.items() if specs and each[1] != but]

    def _any_stream(self) -> Stream:
        return self._dice.choice(self._streams(self._but))

    def _take_request(self, request: Any, how: str) -> None:
        value = request.wait()
        self._take((request.status.source, request.status.tag), value, how)

    def _take(self, stream: Stream, value: Any, how: str) -> None:
        """Checks one message, and that the receiver may do with it what it likes."""
        where = f"{self.where}, source {stream[0]}, tag {stream[1]}, {how}"
        specs = self._expected.get(stream)
        if not specs:
            raise Wrong(f"{where}: {fingerprint(value)} came, and nothing was sent")
        spec = specs.popleft()
        expected, actual = self._maker.fingerprint(spec), fingerprint(value)
        if expected != actual:
            later = [self._maker.fingerprint(each) for each in specs]
            known = f", which is {later.index(actual) + 1} later" if actual in later else ""
            raise Wrong(f"{where}, {spec}: expected {expected}, actual {actual}{known}")
        self._counts[f"received by {how}"] += 1
        self._counts[f"kind {spec.kind}"] += 1
        self._counts["messages"] += 1
        self._counts["bytes"] += spec.nbytes
        memory = list(parts(value))
        if not all(map(is_writable, memory)):
            raise Wrong(f"{where}: what came is read-only")
        if memory and self._dice.random() < 0.3:
            self._keep(value, actual, spec.nbytes)
        else:
            for part in memory:
                overwrite(part, _OURS)

    def _keep(self, value: Any, expected: Any, nbytes: int) -> None:
        self._kept.append((value, expected, nbytes))
        self._kept_bytes += nbytes
        while len(self._kept) > KEPT_MAX or self._kept_bytes > KEPT_BYTES_MAX:
            self._let_go()

    def _let_go(self) -> None:
        value, expected, nbytes = self._kept.popleft()
        self._kept_bytes -= nbytes
        if fingerprint(value) != expected:
            raise Wrong(f"{self.where}: a message has changed after it was received: {expected}")
