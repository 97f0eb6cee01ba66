# ruff: noqa: N802
"""Status: where a message came from, under which tag, how long it was, whether it was cancelled."""

from __future__ import annotations

from array import array
from typing import Any, Self

from .constants import ANY_SOURCE, ANY_TAG, F_STATUS_SIZE, UNDEFINED
from .elements import Element
from .errors import ERR_ARG, ERR_TYPE, SUCCESS, MPIException

_SOURCE, _TAG, _ERROR, _BYTES, _CANCELLED = range(F_STATUS_SIZE)


class Status:
    """Status of a message: source, tag, error and length."""

    __slots__ = ("__weakref__", "_words")

    _byte_count = 8 * F_STATUS_SIZE
    _words: array[int]

    def __new__(cls, status: Status | None = None) -> Self:
        """An empty status, or a copy of one."""
        self = object.__new__(cls)
        if status is None:
            self._words = array("q", (ANY_SOURCE, ANY_TAG, SUCCESS, 0, 0))
        elif isinstance(status, Status):
            self._words = status._words[:]
        else:
            raise TypeError(f"Status() takes a Status, not {type(status).__name__}")
        return self

    def _set(self, source: int, tag: int, nbytes: int, error: int = SUCCESS) -> None:
        """Describes a message that has arrived: for those who receive."""
        words = self._words
        words[_SOURCE], words[_TAG], words[_ERROR] = source, tag, error
        words[_BYTES], words[_CANCELLED] = nbytes, 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Status):
            return NotImplemented
        return self._words == other._words

    __hash__ = None  # type: ignore[assignment]  # a status changes

    def __reduce__(self) -> tuple[Any, tuple[Any, ...], dict[str, int]]:
        return (type(self), (), self.__getstate__())

    def __getstate__(self) -> dict[str, int]:
        names = ("source", "tag", "error", "count", "cancelled")
        return dict(zip(names, self._words, strict=True))

    def __setstate__(self, state: dict[str, int]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def Get_source(self) -> int:
        """Get the rank of the message's sender."""
        return self._words[_SOURCE]

    def Set_source(self, source: int) -> None:
        """Set the rank of the message's sender."""
        self._words[_SOURCE] = source

    def Get_tag(self) -> int:
        """Get the message's tag."""
        return self._words[_TAG]

    def Set_tag(self, tag: int) -> None:
        """Set the message's tag."""
        self._words[_TAG] = tag

    def Get_error(self) -> int:
        """Get the message's error code."""
        return self._words[_ERROR]

    def Set_error(self, error: int) -> None:
        """Set the message's error code."""
        self._words[_ERROR] = error

    def Get_count(self, datatype: Any = None) -> int:
        """Get the number of items of a datatype, by default bytes; UNDEFINED if not whole."""
        nbytes = self._words[_BYTES]
        if datatype is None:
            return nbytes
        size = _size(datatype)
        if size == 0:
            return 0 if nbytes == 0 else UNDEFINED
        count, rest = divmod(nbytes, size)
        return UNDEFINED if rest else count

    def Get_elements(self, datatype: Any) -> int:
        """Get the number of basic elements of a datatype; UNDEFINED if they aren't whole."""
        nbytes = self._words[_BYTES]
        size = _size(datatype)
        if size == 0:
            return 0 if nbytes == 0 else UNDEFINED
        items, rest = divmod(nbytes, size)
        signature = datatype._state.signature
        last, rest, _ = _elements_in(signature, rest)
        return UNDEFINED if rest else items * _elements_in(signature, size)[0] + last

    def Set_elements(self, datatype: Any, count: int) -> None:
        """Set the number of elements of a datatype."""
        if count < 0:
            raise MPIException(ERR_ARG, f"a message has no {count} elements")
        self._words[_BYTES] = count * _size(datatype)

    def Is_cancelled(self) -> bool:
        """Tell whether the request was cancelled."""
        return self._words[_CANCELLED] != 0

    def Set_cancelled(self, flag: bool) -> None:
        """Set whether the request was cancelled."""
        self._words[_CANCELLED] = bool(flag)

    @property
    def source(self) -> int:
        """Rank of the sender."""
        return self._words[_SOURCE]

    @source.setter
    def source(self, source: int) -> None:
        self._words[_SOURCE] = source

    @property
    def tag(self) -> int:
        """Tag of the message."""
        return self._words[_TAG]

    @tag.setter
    def tag(self, tag: int) -> None:
        self._words[_TAG] = tag

    @property
    def error(self) -> int:
        """Error code of the message."""
        return self._words[_ERROR]

    @error.setter
    def error(self, error: int) -> None:
        self._words[_ERROR] = error

    @property
    def count(self) -> int:
        """Number of bytes."""
        return self._words[_BYTES]

    @count.setter
    def count(self, value: int) -> None:
        self._words[_BYTES] = value

    @property
    def cancelled(self) -> bool:
        """Whether the request was cancelled."""
        return self._words[_CANCELLED] != 0

    @cancelled.setter
    def cancelled(self, flag: bool) -> None:
        self._words[_CANCELLED] = bool(flag)

    def tomemory(self) -> memoryview:
        """Return the words of the status as memory; what is written there is the status."""
        return memoryview(self._words)

    def py2f(self) -> list[int]:
        """Return the words of the status in the order of F_SOURCE, F_TAG and F_ERROR."""
        return list(self._words)

    @classmethod
    def f2py(cls, arg: list[int]) -> Self:
        """Make a status of what `py2f` gave."""
        status = cls()
        status._words = array("q", arg)
        return status


def _size(datatype: Any) -> int:
    if not datatype:
        raise MPIException(ERR_TYPE, "a null datatype has no size")
    size: int = datatype.Get_size()
    return size


def _elements_in(signature: Any, nbytes: int) -> tuple[int, int, bool]:
    """How many whole elements lie in the first bytes of a datatype, bytes left over, and whether
    they are all of its elements."""
    found = 0
    for repeat, part in signature:
        for _ in range(repeat):
            if isinstance(part, Element):
                more, left = (1, nbytes - part.size)
                is_whole = left >= 0
            else:
                more, left, is_whole = _elements_in(part, nbytes)
            if not is_whole:
                return (found, nbytes, False) if left < 0 else (found + more, left, False)
            found, nbytes = found + more, left
    return found, nbytes, True
