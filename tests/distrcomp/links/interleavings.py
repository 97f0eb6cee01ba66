"""Every interleaving of the product's own code on a model of shared memory.

A process of the model is a function that runs real code on `Words` in place of shared memory. It
has no state but what its loads gave it, so its next step follows from the answers to its steps so
far: it is run again from its start with these answers, up to the step that has none yet. So no
thread is needed and states can be told apart and visited once.

Stores wait in a buffer of their process, which alone sees them, until they reach memory. In the
order TOTAL they do so as they were made, but for those of one copy of several words, which come in
any order: that is x86-TSO (Owens, Sarkar and Sewell, 2009). In the order PARTIAL only two stores to
one word keep their order, which is weaker, as on ARM. Loads are made in the order of the program in
both, so what reordered loads would do is not shown here. A fence waits for an empty buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from distrcomp.links.ring import RingReader, RingWriter

TOTAL, PARTIAL = "total", "partial"
STUCK = "it waits for ever"

Memory = dict[Hashable, int]


class Process(NamedTuple):
    """A process: what it has made before the others run, and what it then does with that."""

    make: Callable[[], Any]
    act: Callable[[Any], Any]


class _Next(BaseException):
    """The step that has no answer yet."""


class _Machine:
    """The process that runs now: `direct` is its memory while it makes, else steps are answered."""

    direct: Memory | None = None
    answers: Sequence[Any] = ()
    done = 0

    def step(self, *step: Any) -> Any:
        if self.direct is not None:
            return _apply(self.direct, step)
        if self.done == len(self.answers):
            raise _Next(step)
        self.done += 1
        return self.answers[self.done - 1]


_machine = _Machine()


def _apply(memory: Memory, step: Any) -> Any:
    """Does a step on memory, with nothing between."""
    if step[0] == "load":
        return memory.get(step[1], 0)
    for word, value in step[1] if step[0] == "store" else ():
        memory[word] = value
    return None


class Words:
    """Shared 8-byte words."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, index: int) -> int:
        value: int = _machine.step("load", (self.name, index))
        return value

    def __setitem__(self, index: int, value: int) -> None:
        _machine.step("store", (((self.name, index), value),))


class Octets:
    """The same words as bytes, copied by whole words."""

    def __init__(self, name: str, words: int) -> None:
        self._words = Words(name)
        self._length = 8 * words

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> bytes:
        indices = range(part.start // 8, -(-part.stop // 8))
        whole = b"".join(self._words[index].to_bytes(8, "little") for index in indices)
        return whole[: part.stop - part.start]

    def __setitem__(self, part: slice, payload: bytes) -> None:
        indices = range(part.start // 8, -(-part.stop // 8))
        padded = payload.ljust(8 * len(indices), b"\0")
        pairs = [
            ((self._words.name, index), int.from_bytes(padded[8 * turn : 8 * turn + 8], "little"))
            for turn, index in enumerate(indices)
        ]
        if pairs:
            _machine.step("store", tuple(pairs))


def fence() -> None:
    """In place of the product's."""
    _machine.step("fence")


def wait(bell: Hashable) -> None:
    """Sleeps until the bell has rung, which it still has afterwards."""
    _machine.step("wait", bell)


def doze(bell: Hashable) -> None:
    """Sleeps until the bell has rung, or for so long that all stores made before reach memory."""
    _machine.step("doze", bell)


def ring(bell: Hashable) -> None:
    """Rings, by the kernel."""
    _machine.step("ring", bell)


def silence(bell: Hashable) -> None:
    """Takes back what rang."""
    _machine.step("silence", bell)


def ring_writer(size: int, position: int = 0) -> RingWriter:
    """The writing end of a ring of the model, of so many words, at a position."""
    writer = RingWriter(memoryview(bytearray(8 * (8 + size))))
    writer.position = position
    return _on_model(writer, size)


def ring_reader(size: int, position: int = 0) -> RingReader:
    """The reading end."""
    reader = RingReader(memoryview(bytearray(8 * (8 + size))), 0)
    reader.position = position
    return _on_model(reader, size)


def _on_model(end: Any, size: int) -> Any:
    end.words, end.memory, end._control = Words("ring"), Octets("ring", size), Words("control")
    return end


_Stores = tuple[tuple[int, Hashable, int], ...]  # number of the copy, word, value


class _State(NamedTuple):
    memory: frozenset[tuple[Hashable, int]]
    buffers: tuple[_Stores, ...]
    answers: tuple[tuple[Any, ...], ...]


class Model:
    """All that some processes can do to each other.

    Args:
        processes: who runs.
        order: of stores.
        memory: what is there before, words that are not 0 only.
    """

    def __init__(
        self, processes: Sequence[Process], order: str = TOTAL, memory: Memory | None = None
    ) -> None:
        self._processes = processes
        self._order = order
        self._initial: Memory = dict(memory or {})
        self._steps: dict[tuple[int, tuple[Any, ...]], Any] = {}
        self.n_states = 0

    def outcomes(self) -> set[tuple[Any, ...]]:
        """What the processes may return, all combinations; STUCK for one that waits for ever."""
        for process in self._processes:
            self._make(process, self._initial)
        empty: tuple[Any, ...] = tuple(() for _ in self._processes)
        first = _State(frozenset(self._initial.items()), empty, empty)
        seen, waiting, found = {first}, [first], set()
        while waiting:
            state = waiting.pop()
            following = self._following(state)
            if not following:
                steps = [self._next(n, each) for n, each in enumerate(state.answers)]
                found.add(tuple(s[1] if s[0] == "return" else STUCK for s in steps))
            for each in following:
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        self.n_states = len(seen)
        return found

    def _make(self, process: Process, memory: Memory) -> Any:
        _machine.direct = memory
        try:
            return process.make()
        finally:
            _machine.direct = None

    def _next(self, number: int, answers: tuple[Any, ...]) -> Any:
        """The next step of a process after these answers."""
        key = number, answers
        if key not in self._steps:
            process = self._processes[number]
            made = self._make(process, dict(self._initial))
            _machine.answers, _machine.done = answers, 0
            try:
                self._steps[key] = ("return", process.act(made))
            except _Next as step:
                self._steps[key] = step.args[0]
        return self._steps[key]

    def _following(self, state: _State) -> list[_State]:
        states = []
        for number, (buffer, answers) in enumerate(zip(state.buffers, state.answers, strict=True)):
            for stored in self._may_reach_memory(buffer):
                memory = dict(state.memory) | {stored[1]: stored[2]}
                left = tuple(each for each in buffer if each is not stored)
                states.append(self._after(state, number, memory, left, answers))
            memory = dict(state.memory)
            step = self._next(number, answers)
            if step[0] == "doze" and any(state.buffers) and not memory.get(step[1]):
                continue
            done = self._do(step, memory, buffer, len(answers))
            if done is not None:
                answer, left = done
                states.append(self._after(state, number, memory, left, (*answers, answer)))
        return states

    def _after(
        self, state: _State, number: int, memory: Memory, buffer: _Stores, answers: Any
    ) -> _State:
        buffers, all_answers = list(state.buffers), list(state.answers)
        buffers[number], all_answers[number] = buffer, answers
        return _State(frozenset(memory.items()), tuple(buffers), tuple(all_answers))

    def _may_reach_memory(self, buffer: _Stores) -> list[Any]:
        """The stores that may be the next to reach memory."""
        if self._order == TOTAL:
            return [each for each in buffer if each[0] == buffer[0][0]]
        return [
            each
            for index, each in enumerate(buffer)
            if all(earlier[1] != each[1] for earlier in buffer[:index])
        ]

    def _do(self, step: Any, memory: Memory, buffer: _Stores, number: int) -> Any:
        """The answer to a step and the buffer after it; None while it can't be done."""
        kind = step[0]
        if kind == "load":
            own = [value for _, word, value in buffer if word == step[1]]
            return (own[-1] if own else memory.get(step[1], 0)), buffer
        if kind == "store":
            return None, (*buffer, *((number, word, value) for word, value in step[1]))
        if kind == "ring":
            memory[step[1]] = 1
        elif kind == "silence":
            memory[step[1]] = 0
        may_go_on = {"return": False, "fence": not buffer, "wait": memory.get(step[-1])}
        return (None, buffer) if may_go_on.get(kind, True) else None
