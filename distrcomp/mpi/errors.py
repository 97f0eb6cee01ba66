# ruff: noqa: N802
"""MPI's errors: the exception, its classes and codes, and those that a program adds.

Every error of the face is an `MPIException` (`MPI.Exception`), which compares and hashes like its
code. The predefined codes are their own classes. Codes above ERR_LASTCODE are the program's own.

`NotSupported` (a NotImplementedError) is what a call raises that distrcomp can't give; see
`unsupported`.
"""

from __future__ import annotations

import threading
from typing import Any

from ..errors import DistrcompError

SUCCESS = 0
ERR_BUFFER = 1
ERR_COUNT = 2
ERR_TYPE = 3
ERR_TAG = 4
ERR_COMM = 5
ERR_RANK = 6
ERR_ROOT = 7
ERR_GROUP = 8
ERR_OP = 9
ERR_TOPOLOGY = 10
ERR_DIMS = 11
ERR_ARG = 12
ERR_UNKNOWN = 13
ERR_TRUNCATE = 14
ERR_OTHER = 15
ERR_INTERN = 16
ERR_IN_STATUS = 17
ERR_PENDING = 18
ERR_REQUEST = 19
ERR_ACCESS = 20
ERR_AMODE = 21
ERR_BAD_FILE = 22
ERR_CONVERSION = 23
ERR_DUP_DATAREP = 24
ERR_FILE_EXISTS = 25
ERR_FILE_IN_USE = 26
ERR_FILE = 27
ERR_INFO = 28
ERR_INFO_KEY = 29
ERR_INFO_VALUE = 30
ERR_INFO_NOKEY = 31
ERR_IO = 32
ERR_NAME = 33
ERR_NO_MEM = 34
ERR_NOT_SAME = 35
ERR_NO_SPACE = 36
ERR_NO_SUCH_FILE = 37
ERR_PORT = 38
ERR_QUOTA = 39
ERR_READ_ONLY = 40
ERR_SERVICE = 41
ERR_SPAWN = 42
ERR_UNSUPPORTED_DATAREP = 43
ERR_UNSUPPORTED_OPERATION = 44
ERR_WIN = 45
ERR_BASE = 46
ERR_LOCKTYPE = 47
ERR_KEYVAL = 48
ERR_RMA_CONFLICT = 49
ERR_RMA_SYNC = 50
ERR_SIZE = 51
ERR_DISP = 52
ERR_ASSERT = 53
ERR_RMA_RANGE = 55
ERR_RMA_ATTACH = 56
ERR_RMA_SHARED = 57
ERR_RMA_FLAVOR = 58
ERR_PROC_FAILED = 71
ERR_PROC_FAILED_PENDING = 72
ERR_REVOKED = 73
ERR_PROC_ABORTED = 74
ERR_SESSION = 75
ERR_VALUE_TOO_LARGE = 76
ERR_ERRHANDLER = 77
ERR_ABI = 78
ERR_LASTCODE = 16383

_MEANINGS = {
    SUCCESS: "no error",
    ERR_BUFFER: "invalid buffer",
    ERR_COUNT: "invalid count",
    ERR_TYPE: "invalid datatype",
    ERR_TAG: "invalid tag",
    ERR_COMM: "invalid communicator",
    ERR_RANK: "invalid rank",
    ERR_ROOT: "invalid root",
    ERR_GROUP: "invalid group",
    ERR_OP: "invalid reduce operation",
    ERR_TOPOLOGY: "invalid communicator topology",
    ERR_DIMS: "invalid topology dimension",
    ERR_ARG: "invalid argument of some other kind",
    ERR_UNKNOWN: "unknown error",
    ERR_TRUNCATE: "message truncated",
    ERR_OTHER: "other error",
    ERR_INTERN: "internal error",
    ERR_IN_STATUS: "error code in status",
    ERR_PENDING: "pending request",
    ERR_REQUEST: "invalid request",
    ERR_ACCESS: "permission denied",
    ERR_AMODE: "invalid access mode",
    ERR_BAD_FILE: "invalid file name",
    ERR_CONVERSION: "error in data conversion",
    ERR_DUP_DATAREP: "data representation exists already",
    ERR_FILE_EXISTS: "file exists already",
    ERR_FILE_IN_USE: "file is in use",
    ERR_FILE: "invalid file handle",
    ERR_INFO: "invalid info object",
    ERR_INFO_KEY: "invalid info key",
    ERR_INFO_VALUE: "invalid info value",
    ERR_INFO_NOKEY: "info key is not there",
    ERR_IO: "input/output error",
    ERR_NAME: "invalid service name",
    ERR_NO_MEM: "no memory left",
    ERR_NOT_SAME: "arguments are not the same on all processes",
    ERR_NO_SPACE: "no space left on the device",
    ERR_NO_SUCH_FILE: "no such file",
    ERR_PORT: "invalid port name",
    ERR_QUOTA: "quota exceeded",
    ERR_READ_ONLY: "read-only file or file system",
    ERR_SERVICE: "invalid service name on unpublishing",
    ERR_SPAWN: "could not spawn processes",
    ERR_UNSUPPORTED_DATAREP: "data representation is not supported",
    ERR_UNSUPPORTED_OPERATION: "operation is not supported",
    ERR_WIN: "invalid window",
    ERR_BASE: "invalid base address",
    ERR_LOCKTYPE: "invalid lock type",
    ERR_KEYVAL: "invalid attribute key",
    ERR_RMA_CONFLICT: "conflicting accesses to a window",
    ERR_RMA_SYNC: "wrong synchronisation of a window",
    ERR_SIZE: "invalid size",
    ERR_DISP: "invalid displacement",
    ERR_ASSERT: "invalid assertion",
    ERR_RMA_RANGE: "target memory lies outside of the window",
    ERR_RMA_ATTACH: "memory can't be attached",
    ERR_RMA_SHARED: "memory can't be shared",
    ERR_RMA_FLAVOR: "window has the wrong flavor",
    ERR_PROC_FAILED: "a process has failed",
    ERR_PROC_FAILED_PENDING: "a process that might match has failed",
    ERR_REVOKED: "communicator was revoked",
    ERR_PROC_ABORTED: "a process has aborted",
    ERR_SESSION: "invalid session",
    ERR_VALUE_TOO_LARGE: "value is too large to store",
    ERR_ERRHANDLER: "invalid error handler",
    ERR_ABI: "wrong binary interface",
    ERR_LASTCODE: "last error code",
}

_names = {
    code: name for name, code in list(globals().items()) if name.startswith(("ERR_", "SUCCESS"))
}

_lock = threading.Lock()
_added: dict[int, int] = {}  # code that the program added -> its class (itself for a class)
_strings: dict[int, str] = {}
_last_used = ERR_LASTCODE


class MPIException(RuntimeError, DistrcompError):
    """Exception of MPI: an error code, and what went wrong in this case."""

    def __init__(self, ierr: int = SUCCESS, /, detail: str = "") -> None:
        ierr = int(ierr)
        if ierr < SUCCESS:
            ierr = ERR_UNKNOWN
        super().__init__(ierr, detail) if detail else super().__init__(ierr)
        self.ob_mpi = ierr
        self.detail = detail

    def __int__(self) -> int:
        return self.ob_mpi

    def __bool__(self) -> bool:
        return self.ob_mpi != SUCCESS

    def __hash__(self) -> int:
        return hash(self.ob_mpi)

    def __eq__(self, other: object) -> bool:
        return self.ob_mpi == _code(other)

    def __ne__(self, other: object) -> bool:
        return self.ob_mpi != _code(other)

    def __lt__(self, other: int | MPIException) -> bool:
        return self.ob_mpi < int(other)

    def __le__(self, other: int | MPIException) -> bool:
        return self.ob_mpi <= int(other)

    def __gt__(self, other: int | MPIException) -> bool:
        return self.ob_mpi > int(other)

    def __ge__(self, other: int | MPIException) -> bool:
        return self.ob_mpi >= int(other)

    def __repr__(self) -> str:
        return f"MPI.Exception({self.ob_mpi})"

    def __str__(self) -> str:
        return f"{self.error_string}: {self.detail}" if self.detail else self.error_string

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.ob_mpi, self.detail))

    def Get_error_code(self) -> int:
        """Error code."""
        return self.ob_mpi

    def Get_error_class(self) -> int:
        """Error class of the code."""
        return Get_error_class(self.ob_mpi)

    def Get_error_string(self) -> str:
        """Text of the error code."""
        return Get_error_string(self.ob_mpi)

    @property
    def error_code(self) -> int:
        """Error code."""
        return self.ob_mpi

    @property
    def error_class(self) -> int:
        """Error class of the code."""
        return Get_error_class(self.ob_mpi)

    @property
    def error_string(self) -> str:
        """Text of the error code."""
        return Get_error_string(self.ob_mpi)


MPIException.__name__ = MPIException.__qualname__ = "Exception"
Exception = MPIException  # noqa: A001


class NotSupported(NotImplementedError):
    """A call of MPI that distrcomp can't give; the text names it and says why."""


def _code(other: object) -> object:
    return other.ob_mpi if isinstance(other, MPIException) else other


def last_used_code() -> int:
    """The highest error code in use: what LASTUSEDCODE is on COMM_WORLD."""
    return _last_used


def Get_error_class(errorcode: int) -> int:
    """Convert an error code into an error class."""
    if errorcode in _MEANINGS:
        return errorcode
    return _added.get(errorcode, ERR_UNKNOWN)


def Get_error_string(errorcode: int) -> str:
    """Return the text of an error class or code."""
    if errorcode in _MEANINGS:
        return f"MPI_{_names[errorcode]}: {_MEANINGS[errorcode]}"
    if errorcode in _added:
        return _strings.get(errorcode, "")
    return Get_error_string(ERR_UNKNOWN)


def Add_error_class() -> int:
    """Add an error class to those that are known."""
    return _add(None)


def Remove_error_class(errorclass: int) -> None:
    """Remove an error class that was added and has neither codes nor text left."""
    _check_added(errorclass, is_class=True)
    if any(kind == errorclass for code, kind in _added.items() if code != errorclass):
        raise MPIException(ERR_OTHER, f"class {errorclass} has codes left")
    _remove(errorclass)


def Add_error_code(errorclass: int) -> int:
    """Add an error code to an error class."""
    if Get_error_class(errorclass) != errorclass:
        raise MPIException(ERR_ARG, f"{errorclass} is not an error class")
    return _add(errorclass)


def Remove_error_code(errorcode: int) -> None:
    """Remove an error code that was added and has no text left."""
    _check_added(errorcode, is_class=False)
    _remove(errorcode)


def Add_error_string(errorcode: int, string: str) -> None:
    """Give an error class or code that was added its text."""
    if errorcode not in _added:
        raise MPIException(ERR_ARG, f"error code {errorcode} was not added by the program")
    _strings[errorcode] = string


def Remove_error_string(errorcode: int) -> None:
    """Take the text of an error class or code away."""
    if _strings.pop(errorcode, None) is None:
        raise MPIException(ERR_ARG, f"error code {errorcode} has no text of the program's own")


def _add(errorclass: int | None) -> int:
    global _last_used
    with _lock:
        _last_used += 1
        _added[_last_used] = _last_used if errorclass is None else errorclass
        return _last_used


def _check_added(code: int, *, is_class: bool) -> None:
    if code not in _added or (_added[code] == code) != is_class:
        kind = "class" if is_class else "code"
        raise MPIException(ERR_ARG, f"{code} is no error {kind} that the program added")


def _remove(code: int) -> None:
    if code in _strings:
        raise MPIException(ERR_OTHER, f"error code {code} has its text still")
    with _lock:
        del _added[code]
