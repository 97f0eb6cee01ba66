"""What stands in the place of the calls while they are recorded; see `recording`.

Each has the name of what it wraps, which stands in stacks and in what is told of waits. `send` and
`recv` are written out, each step of them being a part of what a trace costs; the others share.

A receive from any source learns whose message it got from the two ways that such a receive can
take: the short one finds a ring, the long one fills in a status.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from threading import get_ident
from time import perf_counter_ns
from typing import Any

from . import limits
from .arrays import is_array_type
from .call_records import (
    CALLS,
    FAILED,
    NO_ROOM,
    OTHERS,
    PART,
    RECEIVE_REQUESTS,
    RECORD,
    SEND_REQUESTS,
    SENDS,
    TAKES,
    UNKNOWN,
    Recorder,
)
from .collectives.kinds import Kind
from .mailbox import ANY
from .spaces import COLLECTIVE
from .status import Status

_pack = RECORD.pack_into
_now = perf_counter_ns


class _Sizers(dict[type, Any]):
    """By class: what tells how many bytes an object takes; None where that is not known at once."""

    def __missing__(self, kind: type) -> Any:
        sizer: Any = None
        if kind is memoryview or is_array_type(kind):
            sizer = attrgetter("nbytes")
        elif kind in (bytes, str, bytearray):
            sizer = len
        if len(self) < limits.CLASSES_SIZED_MAX:
            self[kind] = sizer
        return sizer


_SIZERS = _Sizers()


def record_calls(recorder: Recorder, kind: type, request: type) -> None:
    """Has the calls of all communicators and requests of these classes recorded from now on."""
    for owner, names, wrap in (
        (kind, ("send",), _sending),
        (kind, SENDS[1:], _sending_otherwise),
        (kind, SEND_REQUESTS, _beginning_send),
        (kind, ("recv",), _receiving(kind)),
        (kind, ("recv_raw",), _receiving_raw),
        (kind, RECEIVE_REQUESTS, _beginning_receive),
        (kind, TAKES, _taking),
        (kind, ("sendrecv",), _both),
        (kind, OTHERS, _other),
        (request, ("wait",), _waiting),
        (request, ("test",), _testing),
    ):
        for name in names:
            setattr(owner, name, _named(name, getattr(owner, name), wrap, recorder))


def _named(name: str, call: Any, wrap: Any, recorder: Recorder) -> Any:
    """A wrapper that looks like what it wraps."""
    made = wrap(call, CALLS.index(name), recorder)
    made.__code__ = made.__code__.replace(co_name=name, co_qualname=call.__qualname__)
    made.__name__, made.__qualname__, made.__doc__ = name, call.__qualname__, call.__doc__
    return made


# --- the two that count ---------------------------------------------------------------------------


def _sending(call: Any, number: int, recorder: Recorder) -> Any:
    memory, slot, now, pack, thread = recorder.memory, recorder.slot, _now, _pack, get_ident
    sizers = _SIZERS

    def wrapper(self: Any, dest: int, obj: Any, tag: int = 0) -> None:
        began = now()
        try:
            call(self, dest, obj, tag)
        except BaseException:
            _note_failure(recorder, began, number, self)
            raise
        ended, peer, sizer = now(), self._members[dest], sizers[type(obj)]
        size = UNKNOWN if sizer is None else sizer(obj)
        try:
            pack(memory, slot(), began, ended, thread(), size, peer, tag, number, 0, self._number)
        except NO_ROOM:
            return

    return wrapper


def _receiving(kind: Any) -> Callable[[Any, int, Recorder], Any]:
    """Makes the wrapper of `recv`, once the ways of a receive from any source are wrapped."""
    heard: dict[int, int] = {}  # by thread, the source of the latest message from any
    find_any, recv_long = kind._find_any, kind._recv_long

    def _find_any(self: Any, source: int, timeout: float | None) -> Any:
        reader = find_any(self, source, timeout)
        if reader is not None:
            heard[get_ident()] = reader.node
        return reader

    def _recv_long(
        self: Any, source: int, tag: int, timeout: float | None, out: Any, status: Any
    ) -> Any:
        if source != ANY or status is not None:
            return recv_long(self, source, tag, timeout, out, status)
        status = Status()
        value = recv_long(self, source, tag, timeout, out, status)
        heard[get_ident()] = self._members[status.source]
        return value

    kind._find_any, kind._recv_long = _find_any, _recv_long

    def wrap(call: Any, number: int, recorder: Recorder) -> Any:
        memory, slot, now, pack, thread = recorder.memory, recorder.slot, _now, _pack, get_ident

        def wrapper(
            self: Any,
            source: int = ANY,
            tag: int = ANY,
            *,
            timeout: float | None = None,
            out: Any = None,
            status: Any = None,
        ) -> Any:
            ident, size = thread(), UNKNOWN
            if source == ANY:
                heard[ident] = UNKNOWN
            began = now()
            try:
                if timeout is None and out is None and status is None:
                    value = call(self, source, tag)
                else:
                    value = call(self, source, tag, timeout=timeout, out=out, status=status)
            except BaseException:
                _note_failure(recorder, began, number, self, source)
                raise
            ended = now()
            if status is not None:
                peer, tag, size = self._members[status.source], status.tag, status.payload_bytes
            else:
                peer = heard[ident] if source == ANY else self._members[source]
            try:
                pack(memory, slot(), began, ended, ident, size, peer, tag, number, 0, self._number)
            except NO_ROOM:
                return value
            return value

        return wrapper

    return wrap


# --- the others -----------------------------------------------------------------------------------


def _sending_otherwise(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(self: Any, dest: int, obj: Any, tag: int = 0, **options: Any) -> None:
        began = _now()
        try:
            call(self, dest, obj, tag, **options)
        except BaseException:
            _note_failure(recorder, began, number, self)
            raise
        _note_sent(recorder, began, number, self, (dest, obj, tag))

    return wrapper


def _beginning_send(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(self: Any, dest: int, obj: Any, tag: int = 0) -> Any:
        began = _now()
        request = call(self, dest, obj, tag)
        _note_sent(recorder, began, number, self, (dest, obj, tag))
        return request

    return wrapper


def _receiving_raw(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(self: Any, source: int = ANY, tag: int = ANY, *options: Any, **more: Any) -> Any:
        began = _now()
        try:
            raw = call(self, source, tag, *options, **more)
        except BaseException:
            _note_failure(recorder, began, number, self, source)
            raise
        ended, peer, space = _now(), self._members[raw.source], self._number
        recorder.note(began, ended, get_ident(), raw.nbytes, peer, raw.tag, number, 0, space)
        return raw

    return wrapper


def _beginning_receive(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(self: Any, source: int = ANY, tag: int = ANY, *options: Any, **more: Any) -> Any:
        began = _now()
        request = call(self, source, tag, *options, **more)
        ended, peer, space = _now(), _member(self, source), self._number
        recorder.note(began, ended, get_ident(), id(request), peer, tag, number, 0, space)
        return request

    return wrapper


def _taking(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(self: Any, source: int = ANY, tag: int = ANY, **options: Any) -> Any:
        began = _now()
        matched = call(self, source, tag, **options)
        if matched is not None:
            ended, told, space = _now(), matched.status, self._number
            size, peer = told.payload_bytes, self._members[told.source]
            recorder.note(began, ended, get_ident(), size, peer, told.tag, number, 0, space)
        return matched

    return wrapper


def _both(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(
        self: Any, dest: int, obj: Any, source: int = ANY, *, tag: int = 0, **options: Any
    ) -> Any:
        began = _now()
        try:
            value = call(self, dest, obj, source, tag=tag, **options)
        except BaseException:
            _note_failure(recorder, began, number, self)
            raise
        ended = _note_sent(recorder, began, number, self, (dest, obj, tag))
        whom, wanted, space = _member(self, source), options.get("recv_tag", ANY), self._number
        recorder.note(began, ended, get_ident(), UNKNOWN, whom, wanted, number, PART, space)
        return value

    return wrapper


def _other(call: Any, number: int, recorder: Recorder) -> Any:
    inside = recorder.inside

    def wrapper(self: Any, *arguments: Any, **options: Any) -> Any:
        ident, space, flags = get_ident(), self._number, FAILED
        is_outer = ident not in inside
        inside.add(ident)
        began = _now()
        try:
            value = call(self, *arguments, **options)
            flags = 0
            return value
        finally:
            ended = _now()
            if is_outer:
                inside.discard(ident)
            recorder.note(began, ended, ident, UNKNOWN, UNKNOWN, UNKNOWN, number, flags, space)

    return wrapper


def record_collectives(recorder: Recorder, kind: Any) -> None:
    """Has collectives recorded that no call of a communicator has begun, as those of `mpi` are.

    Args:
        kind: the class of what runs them.
    """
    run, inside = kind.run, recorder.inside
    numbers = {
        each: CALLS.index(name)
        for each in Kind
        if (name := each.name.removeprefix("LARGE_").lower()) in CALLS
    }

    def wrapper(self: Any, what: int, root: int, *arguments: Any) -> Any:
        ident, number, flags = get_ident(), numbers.get(Kind(what)), FAILED
        if ident in inside or number is None:
            return run(self, what, root, *arguments)
        began = _now()
        try:
            value = run(self, what, root, *arguments)
            flags = 0
            return value
        finally:
            space = self._number - COLLECTIVE
            recorder.note(began, _now(), ident, UNKNOWN, UNKNOWN, UNKNOWN, number, flags, space)

    kind.run = wrapper


def _waiting(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(self: Any, timeout: float | None = None) -> Any:
        began = _now()
        try:
            value = call(self, timeout)
        except BaseException:
            ended = _now()
            recorder.note(began, ended, get_ident(), id(self), UNKNOWN, UNKNOWN, number, FAILED, 0)
            raise
        _note_waited(recorder, began, number, self)
        return value

    return wrapper


def _testing(call: Any, number: int, recorder: Recorder) -> Any:
    def wrapper(self: Any) -> bool:
        began = _now()
        is_done: bool = call(self)
        if is_done:  # a program may ask a million times in vain
            _note_waited(recorder, began, number, self)
        return is_done

    return wrapper


def _note_sent(
    recorder: Recorder, began: int, number: int, communicator: Any, sent: tuple[int, Any, int]
) -> int:
    """A message is out; the time now."""
    ended, (dest, obj, tag) = _now(), sent
    peer, space = communicator._members[dest], communicator._number
    recorder.note(began, ended, get_ident(), _size(obj), peer, tag, number, 0, space)
    return ended


def _note_waited(recorder: Recorder, began: int, number: int, request: Any) -> None:
    ended = _now()
    message = getattr(getattr(request, "_wanted", None), "message", None)
    peer, tag = (UNKNOWN, UNKNOWN) if message is None else (message.source, message.tag)
    recorder.note(began, ended, get_ident(), id(request), peer, tag, number, 0, 0)


def _note_failure(
    recorder: Recorder, began: int, number: int, communicator: Any, node: Any = ANY
) -> None:
    ended, peer, space = _now(), _member(communicator, node), communicator._number
    recorder.note(began, ended, get_ident(), UNKNOWN, peer, UNKNOWN, number, FAILED, space)


def _member(communicator: Any, node: Any) -> int:
    """The id in the world of one of a communicator's nodes; UNKNOWN for any."""
    try:
        return UNKNOWN if node == ANY else int(communicator._members[node])
    except (IndexError, TypeError):
        return UNKNOWN


def _size(obj: Any) -> int:
    """How many bytes an object takes, where that is known at once."""
    sizer = _SIZERS[type(obj)]
    return UNKNOWN if sizer is None else sizer(obj)
