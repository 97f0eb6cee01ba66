"""What a program passes as a message: `buf`, `[buf, type]`, `[buf, count, type]` and so on.

    spec = specs.message(buf)                   # to be sent spec = specs.message(buf,
    writable=True)    # to be received into spec = specs.message(buf, blocks=n)         # of a
    collective with n blocks; `count` is that of a block vector = specs.vector(buf, n)
    # counts and displacements per block several = specs.vector_w(buf, n)            # datatypes
    per block target = specs.target(buf, message)         # where a one-sided call works

A `MessageSpec` has

    datatype, count     what is sent; `state` is the datatype's inner state, `typemap` its layout
    nbytes              how many bytes travel: count * datatype.size is_contiguous       whether
    they are one run of bytes of the program's memory to_bytes()          these bytes: the
    program's own memory if contiguous, else packed writable()          the program's own memory
    to receive into; None if it isn't contiguous from_bytes(data)    puts received bytes (any
    number up to nbytes) where they belong; what was received
                        into `writable()` needs no such call
    block(i)            the i-th of the `blocks` blocks, as a MessageSpec; `whole()` all of them
    as one as_array(data)      numpy array of the items in packed bytes, for reductions

A `VectorSpec` has `counts`, `displs`, `datatypes` and `block(i)`, `nbytes`. Specs hold what they
need alive.

Errors are mpi4py's: TypeError for what is no buffer, KeyError for an unknown type code,
ValueError for counts and displacements that don't fit, BufferError for memory that isn't
contiguous, or that can't be written; MPI.Exception (ERR_TYPE) for null or uncommitted datatypes,
(ERR_BUFFER) for a message that reaches out of the memory it is given, where MPI would read or
write whatever lies there.
"""

from __future__ import annotations

from typing import Any

from . import simple_specs, vector_specs
from .message_spec import MessageSpec
from .special_buffers import IN_PLACE
from .target_specs import TargetSpec, target
from .vector_specs import VectorSpec

message = simple_specs.message
vector = vector_specs.vector
vector_w = vector_specs.vector_w


def is_in_place(buf: Any) -> bool:
    """Whether a collective's input lies in its output already: IN_PLACE or None."""
    return buf is None or buf is IN_PLACE


__all__ = [
    "MessageSpec",
    "TargetSpec",
    "VectorSpec",
    "is_in_place",
    "message",
    "target",
    "vector",
    "vector_w",
]
