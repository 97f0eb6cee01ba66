"""Tasks and their results on their way between a master and its workers, and doing them.

A task is a function with its arguments. What is packed is either a value or an error with the
traceback that it had at the worker. Packing is `MPI.pickle`'s work, so a program that puts another
serializer there is followed. An object that can't be packed, or not be unpacked, is the task's
failure and nobody else's.
"""

from __future__ import annotations

import traceback
from typing import Any

from . import MPI

# The bytes of an object, and its buffers where they are kept apart (pickle protocol 5).
Packed = tuple[bytes, list[Any] | None]
Answer = tuple[bool, Packed]


class RemoteTraceback(Exception):
    """The traceback of an error at a worker, as the cause of that error at the master."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def pack(content: object, *, apart: bool) -> Packed:
    """An object as bytes; `apart` keeps its buffers out of them."""
    if apart:
        import numpy as np

        data, buffers = MPI.pickle.dumps_oob(content)
        return data, [np.frombuffer(buffer, "u1") for buffer in buffers]
    return MPI.pickle.dumps(content), None


def unpack(packed: Packed) -> Any:
    """The object again."""
    data, buffers = packed
    return MPI.pickle.loads(data) if buffers is None else MPI.pickle.loads_oob(data, buffers)


def perform(task: Packed) -> Answer:
    """Does a task at a worker; whether it went well, and its result or its error."""
    apart = task[1] is not None
    try:
        function, arguments, keywords = unpack(task)
        return True, pack(function(*arguments, **keywords), apart=apart)
    except BaseException as error:  # noqa: BLE001  it is the task's, and told to the master
        return False, _pack_error(error)


def outcome(answer: Answer) -> tuple[Any, BaseException | None]:
    """At the master: the result of a task, or its error with the worker's traceback as cause."""
    succeeded, packed = answer
    try:
        content = unpack(packed)
    except BaseException as error:  # noqa: BLE001  it is the task's
        return None, error
    if succeeded:
        return content, None
    failure, text = content
    failure.__cause__ = RemoteTraceback(text)
    return None, failure


def _pack_error(error: BaseException) -> Packed:
    text = "".join(traceback.format_exception(error))
    error.__traceback__ = None
    try:
        packed = pack((error, text), apart=False)
        unpack(packed)  # an error that the master could not read is told in words
    except Exception:  # noqa: BLE001
        packed = pack((RuntimeError(f"{type(error).__name__}: {error}"), text), apart=False)
    return packed
