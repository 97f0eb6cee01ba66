"""Pickle, and `MPI.pickle`: how objects become bytes where a program has its say in it.

By default objects travel as in all of distrcomp, arrays without a pickle copy; `MPI.pickle` is
asked only when the program has given it functions or a protocol of its own (`is_changed`).
"""

from __future__ import annotations

import os
import pickle as python_pickle
from collections.abc import Callable, Iterable
from typing import Any

from ..codec import PLAIN_PICKLE_ERRORS
from .memory import buffer

_THRESHOLD = 1 << 18  # smaller buffers stay in the stream: mpi4py's figure


class Pickle:
    """Pickle/unpickle Python objects.

    Args:
        dumps: makes bytes of an object, and of a protocol where one is given.
        loads: makes an object of bytes.
        protocol: what dumps gets after the object; the highest for Python's own pickle.
        threshold: from how many bytes on a buffer is kept out of band.

    Attributes:
        is_changed: whether objects have to go through this pickle, because the program changed it.
    """

    PROTOCOL: int | None
    THRESHOLD: int
    is_changed: bool

    def __init__(
        self,
        dumps: Callable[..., bytes] | None = None,
        loads: Callable[[Any], Any] | None = None,
        protocol: int | None = None,
        threshold: int | None = None,
    ) -> None:
        self._dumps = dumps
        self._loads = loads
        if protocol is None and dumps is None:
            protocol = _environment("PROTOCOL", python_pickle.HIGHEST_PROTOCOL)
        self.PROTOCOL = protocol
        self.THRESHOLD = threshold  # type: ignore[assignment]  # None is the default

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute; programs for older versions of mpi4py put `dumps` and `loads` so."""
        if name in ("dumps", "loads"):
            super().__setattr__("PROTOCOL", None)
            name = f"_{name}"
        if name == "THRESHOLD" and value is None:
            value = _environment(name, _THRESHOLD)
        super().__setattr__(name, value)
        own = vars(self)
        is_own = own.get("_dumps") is not None or own.get("_loads") is not None
        is_other = own.get("PROTOCOL") != python_pickle.HIGHEST_PROTOCOL
        super().__setattr__("is_changed", is_own or is_other)

    def dumps(self, obj: Any) -> bytes:
        """Serialize an object to bytes."""
        if self._dumps is None:
            return _dumps(obj, self.PROTOCOL, None)
        return self._dumps(obj) if self.PROTOCOL is None else self._dumps(obj, self.PROTOCOL)

    def loads(self, data: Any) -> Any:
        """Deserialize an object from bytes."""
        return (self._loads or python_pickle.loads)(data)

    def dumps_oob(self, obj: Any) -> tuple[bytes, list[Any]]:
        """Serialize an object to bytes and the large buffers in it, which are not copied."""
        if self._dumps is not None:
            return self.dumps(obj), []
        buffers = _Buffers(self.THRESHOLD)
        protocol = self.PROTOCOL
        wide_enough = protocol is not None and (protocol < 0 or protocol >= 5)
        return _dumps(obj, protocol if wide_enough else 5, buffers), list(buffers)

    def loads_oob(self, data: Any, buffers: Iterable[Any]) -> Any:
        """Deserialize an object from bytes and its buffers."""
        if self._loads is not None:
            return self.loads(data)
        return python_pickle.loads(data, buffers=buffers)  # noqa: S301  the program's own bytes


def _dumps(obj: Any, protocol: int | None, buffers: _Buffers | None) -> bytes:
    """Plain pickle, or cloudpickle for what exists in no module."""
    keep = None if buffers is None else buffers.keep
    try:
        return python_pickle.dumps(obj, protocol, buffer_callback=keep)
    except PLAIN_PICKLE_ERRORS:
        import cloudpickle

        if buffers is not None:
            buffers.clear()
        data: bytes = cloudpickle.dumps(obj, protocol, buffer_callback=keep)
        return data


class _Buffers(list[Any]):
    """The buffers that are kept out of a pickle's stream."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold

    def keep(self, found: python_pickle.PickleBuffer) -> bool:
        """Takes a buffer if it is large; True leaves it in the stream."""
        raw = found.raw()
        if raw.nbytes < self._threshold:
            return True
        self.append(buffer.frombuffer(raw))
        return False


def _environment(name: str, default: int) -> int:
    """A figure that the environment may give, by mpi4py's names."""
    return int(os.environ.get(f"MPI4PY_PICKLE_{name}", default))


pickle = Pickle()
