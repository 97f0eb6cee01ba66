"""Receiving into memory that the caller owns; no I/O."""

from __future__ import annotations

import sys
from typing import Any

from .errors import DoesNotFit


def fill(out: Any, value: Any) -> Any:
    """Copies what was received into `out` and returns `out`.

    Args:
        out: a numpy array, for an array of its dtype and shape; or any writable buffer, for bytes
            or an array of its size.
        value: what was received.

    Raises:
        DoesNotFit: `value` is something else; `out` is unchanged.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(out, numpy.ndarray) and isinstance(value, numpy.ndarray):
        if out.dtype != value.dtype or out.shape != value.shape:
            raise DoesNotFit(
                f"an array of {value.dtype} {value.shape} came; "
                f"`out` is one of {out.dtype} {out.shape}"
            )
        if not out.flags.writeable:
            raise DoesNotFit("`out` is read-only")
        out[...] = value
        return out
    target = _writable_bytes(out)
    try:
        source = memoryview(value)
    except TypeError:
        raise DoesNotFit(
            f"{_named(value)} came: only arrays and bytes can be received into `out`"
        ) from None
    if source.nbytes != target.nbytes:
        raise DoesNotFit(f"{source.nbytes} bytes came; `out` has room for {target.nbytes}")
    target[:] = source.tobytes() if not source.contiguous else source.cast("B")
    return out


def _writable_bytes(out: Any) -> memoryview:
    try:
        view = memoryview(out)
    except TypeError:
        raise DoesNotFit(f"`out` is {_named(out)}, which is no array or buffer") from None
    if view.readonly or not view.c_contiguous:
        raise DoesNotFit("`out` must be writable and contiguous")
    return view.cast("B")


def _named(value: Any) -> str:
    return f"an object of type {type(value).__qualname__}"
