"""Receiving into memory that the caller owns; no I/O."""

from __future__ import annotations

import sys
from typing import Any

from .errors import DoesNotFit
from .views import content


def check(out: Any) -> None:
    """Whether anything can be received into `out`, to be asked before one waits for it.

    Raises:
        DoesNotFit: it is nothing that can be written into.
    """
    if out is not None and not _is_array(out):
        _bytes_of(out, "`out`", must_be_writable=True)


def check_like(out: Any, value: Any) -> None:
    """Whether `out` can take what becomes of arrays like `value`, to be asked before one begins.

    Raises:
        DoesNotFit: it can't.
    """
    if out is None:
        return
    if not (_is_array(out) and _is_array(value)):
        names = [type(each).__qualname__ for each in (out, value)]
        raise DoesNotFit(
            f"`out` must be an array like what is combined; they are {names[0]} and {names[1]}"
        )
    _check_alike(out, value, "is combined")


def fill(out: Any, value: Any) -> Any:
    """Copies what was received into `out` and returns `out`.

    Args:
        out: a numpy array, for an array of its dtype and shape; or any writable buffer, for bytes
            or an array of its size.
        value: what was received.

    Raises:
        DoesNotFit: `value` is something else; `out` is unchanged.
    """
    if _is_array(out) and _is_array(value):
        _check_alike(out, value, "came")
        out[...] = value
        return out
    target = _bytes_of(out, "`out`", must_be_writable=True)
    source = _bytes_of(value, "what came", must_be_writable=False)
    if source.nbytes != target.nbytes:
        raise DoesNotFit(f"{source.nbytes} bytes came; `out` takes exactly {target.nbytes}")
    target[:] = source
    return out


def _check_alike(out: Any, value: Any, what: str) -> None:
    if out.dtype != value.dtype or out.shape != value.shape:
        raise DoesNotFit(
            f"an array of {value.dtype} {value.shape} {what}; "
            f"`out` is one of {out.dtype} {out.shape}"
        )
    if not out.flags.writeable:
        raise DoesNotFit("`out` is read-only")


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _bytes_of(value: Any, name: str, must_be_writable: bool) -> memoryview:
    """The memory of a buffer, or a copy in C order where it lies otherwise and is only read."""
    try:
        if _is_array(value) and value.dtype.kind in "Mm":  # unknown to the buffer protocol
            value = value.view(f"V{value.dtype.itemsize}")
        view = memoryview(value)
        if "O" in view.format:  # pointers, which mean nothing as bytes
            raise TypeError
    except (TypeError, ValueError):
        raise DoesNotFit(
            f"{name} is an object of type {type(value).__qualname__}: "
            "only arrays and bytes can be received into an array or a buffer"
        ) from None
    if must_be_writable and (view.readonly or not view.c_contiguous):
        raise DoesNotFit("`out` must be writable and in one piece, in C order")
    return content(value) if view.c_contiguous else memoryview(view.tobytes())
