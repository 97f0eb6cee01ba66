"""What a datatype is behind its handles: its typemap, and how it was made.

A state never changes but for its name, attributes, the commit, and how many handles of the user's
own denote it (`holders`: those that MPI would have him free). A freed state goes on living inside
the types that were made from it.
"""

from __future__ import annotations

from typing import Any

from .elements import Element
from .typemap import Typemap

Signature = tuple[tuple[int, Any], ...]
"""The basic types of an item in order: (how often, an Element or a Signature)."""


class TypeState:
    """One datatype.

    Attributes:
        typemap: its layout.
        size: how many bytes of data an item has.
        combiner: its COMBINER_ constant.
        arguments: what its constructor got, by the names of the parameters, without datatypes.
        members: the states it was made from.
        element: the basic type, for a basic type, and for duplicates and f90 types of one.
        signature: its basic types in order.
        pair: the elements of value and index, for a pair type.
    """

    __slots__ = (
        "__weakref__",
        "arguments",
        "attributes",
        "combiner",
        "element",
        "holders",
        "is_committed",
        "is_predefined",
        "members",
        "name",
        "numpy_dtype",
        "pair",
        "signature",
        "size",
        "typemap",
    )

    def __init__(
        self,
        typemap: Typemap,
        combiner: int,
        arguments: dict[str, Any],
        members: tuple[TypeState, ...],
        signature: Signature,
    ) -> None:
        self.typemap = typemap
        self.size = typemap.size
        self.combiner = combiner
        self.arguments = arguments
        self.members = members
        self.signature = signature
        self.element: Element | None = None
        self.pair: tuple[Element, Element] | None = None
        self.is_committed = False
        self.is_predefined = False
        self.name = ""
        self.attributes: dict[int, Any] = {}
        self.holders = 1
        self.numpy_dtype: Any = None


def times(signature: Signature, count: int) -> Signature:
    """The signature of `count` items, one after the other."""
    if not count or not signature:
        return ()
    if count == 1:
        return signature
    if len(signature) == 1:
        inner, what = signature[0]
        return ((inner * count, what),)
    return ((count, signature),)


def follow(signatures: list[Signature]) -> Signature:
    """Signatures one after the other."""
    joined: list[tuple[int, Any]] = []
    for count, what in (run for signature in signatures for run in signature):
        if joined and joined[-1][1] is what:
            joined[-1] = (joined[-1][0] + count, what)
        else:
            joined.append((count, what))
    return tuple(joined)


def sum_bytes(signature: Signature) -> int:
    """How many bytes of data one item has."""
    return sum(
        count * (what.size if isinstance(what, Element) else sum_bytes(what))
        for count, what in signature
    )
