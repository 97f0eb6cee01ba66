# ruff: noqa: N802
"""The constructors of datatypes (MPI-4.1, 5.1.2 to 5.1.5 and 19.1.5), as a mixin of `Datatype`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from . import distributed_array, typemap
from .checks import integer, integers
from .constants import (
    COMBINER_CONTIGUOUS,
    COMBINER_DARRAY,
    COMBINER_HINDEXED,
    COMBINER_HINDEXED_BLOCK,
    COMBINER_HVECTOR,
    COMBINER_INDEXED,
    COMBINER_INDEXED_BLOCK,
    COMBINER_NAMED,
    COMBINER_RESIZED,
    COMBINER_STRUCT,
    COMBINER_SUBARRAY,
    COMBINER_VECTOR,
    ORDER_C,
    ORDER_FORTRAN,
)
from .datatype_state import TypeState, follow, times
from .errors import ERR_ARG, ERR_COUNT, ERR_RANK, ERR_TYPE, MPIException


class Builders:
    """Mixin: makes new datatypes from this one."""

    __slots__ = ()

    _state: Any

    def Create_contiguous(self, count: int) -> Self:
        """Create a contiguous datatype."""
        (count,) = _counts(count=count)
        state = self._living()
        return self._made(
            typemap.contiguous(state.typemap, count),
            COMBINER_CONTIGUOUS,
            {"count": count},
            times(state.signature, count),
        )

    def Create_vector(self, count: int, blocklength: int, stride: int) -> Self:
        """Create a vector (strided) datatype; the stride is in items."""
        count, blocklength = _counts(count=count, blocklength=blocklength)
        stride = integer(stride)
        step = stride * self._living().typemap.extent
        arguments = {"count": count, "blocklength": blocklength, "stride": stride}
        return self._vector(step, COMBINER_VECTOR, arguments)

    def Create_hvector(self, count: int, blocklength: int, stride: int) -> Self:
        """Create a vector (strided) datatype; the stride is in bytes."""
        count, blocklength = _counts(count=count, blocklength=blocklength)
        stride = integer(stride)
        arguments = {"count": count, "blocklength": blocklength, "stride": stride}
        return self._vector(stride, COMBINER_HVECTOR, arguments)

    def Create_indexed(self, blocklengths: Sequence[int], displacements: Sequence[int]) -> Self:
        """Create an indexed datatype; displacements are in items."""
        extent = self._living().typemap.extent
        return self._indexed(blocklengths, displacements, extent, COMBINER_INDEXED)

    def Create_hindexed(self, blocklengths: Sequence[int], displacements: Sequence[int]) -> Self:
        """Create an indexed datatype; displacements are in bytes."""
        return self._indexed(blocklengths, displacements, 1, COMBINER_HINDEXED)

    def Create_indexed_block(self, blocklength: int, displacements: Sequence[int]) -> Self:
        """Create an indexed datatype with blocks of one length; displacements are in items."""
        extent = self._living().typemap.extent
        return self._indexed_block(blocklength, displacements, extent, COMBINER_INDEXED_BLOCK)

    def Create_hindexed_block(self, blocklength: int, displacements: Sequence[int]) -> Self:
        """Create an indexed datatype with blocks of one length; displacements are in bytes."""
        return self._indexed_block(blocklength, displacements, 1, COMBINER_HINDEXED_BLOCK)

    @classmethod
    def Create_struct(
        cls,
        blocklengths: Sequence[int],
        displacements: Sequence[int],
        datatypes: Sequence[Any],
    ) -> Self:
        """Create a general composite (struct) datatype; displacements are in bytes."""
        lengths, offsets = integers(blocklengths), integers(displacements)
        _same_length(lengths, offsets, datatypes)
        _counts(**{f"blocklength {i}": length for i, length in enumerate(lengths)})
        for datatype in datatypes:
            if not isinstance(datatype, cls._kind):  # type: ignore[attr-defined]
                raise TypeError(f"expected a Datatype, got {type(datatype).__name__}")
        states: tuple[TypeState, ...] = tuple(datatype._living() for datatype in datatypes)
        parts = [
            (state.typemap, length, offset)
            for state, length, offset in zip(states, lengths, offsets, strict=True)
        ]
        signature = follow(
            [times(state.signature, length) for state, length in zip(states, lengths, strict=True)]
        )
        arguments = {"blocklengths": lengths, "displacements": offsets}
        used = {id(state): state for state, n in zip(states, lengths, strict=True) if n}.values()
        if len(used) == 1 and all(state.combiner == COMBINER_NAMED for state in used):
            # Such a type is no structure of C but places of one array: MPICH pads it as little.
            layout = typemap.joined([(typemap.contiguous(t, n), at) for t, n, at in parts])
        else:
            layout = typemap.structure(parts)
        state = TypeState(layout, COMBINER_STRUCT, arguments, states, signature)
        return cls._wrap(state)  # type: ignore[attr-defined,no-any-return]

    def Create_subarray(
        self,
        sizes: Sequence[int],
        subsizes: Sequence[int],
        starts: Sequence[int],
        order: int = ORDER_C,
    ) -> Self:
        """Create a datatype for a subarray of a multidimensional array."""
        sizes, subsizes, starts = integers(sizes), integers(subsizes), integers(starts)
        _same_length(sizes, subsizes, starts)
        _order(order)
        state = self._living()
        if any(
            subsize < 0 or start < 0 or start + subsize > size
            for size, subsize, start in zip(sizes, subsizes, starts, strict=True)
        ):
            raise MPIException(ERR_ARG, f"{subsizes} from {starts} on is not inside of {sizes}")
        layout = distributed_array.subarray(
            state.typemap, *_slowest_first(order, sizes, subsizes, starts)
        )
        items = 1
        for subsize in subsizes:
            items *= subsize
        arguments = {"sizes": sizes, "subsizes": subsizes, "starts": starts, "order": int(order)}
        return self._made(layout, COMBINER_SUBARRAY, arguments, times(state.signature, items))

    def Create_darray(
        self,
        size: int,
        rank: int,
        gsizes: Sequence[int],
        distribs: Sequence[int],
        dargs: Sequence[int],
        psizes: Sequence[int],
        order: int = ORDER_C,
    ) -> Self:
        """Create a datatype for the part that one process has of a distributed array."""
        size, rank = integer(size), integer(rank)
        gsizes, distribs = integers(gsizes), integers(distribs)
        dargs, psizes = integers(dargs), integers(psizes)
        _same_length(gsizes, distribs, dargs, psizes)
        _order(order)
        if not 0 <= rank < size:
            raise MPIException(ERR_RANK, f"rank {rank} is not below size {size}")
        state = self._living()
        try:
            owned = distributed_array.owned(rank, gsizes, distribs, dargs, psizes)
        except ValueError as error:
            raise MPIException(ERR_ARG, str(error)) from None
        layout = distributed_array.darray(state.typemap, *_slowest_first(order, gsizes, owned))
        items = 1
        for indices in owned:
            items *= len(indices)
        arguments = {
            "size": size,
            "rank": rank,
            "gsizes": gsizes,
            "distribs": distribs,
            "dargs": dargs,
            "psizes": psizes,
            "order": int(order),
        }
        return self._made(layout, COMBINER_DARRAY, arguments, times(state.signature, items))

    def Create_resized(self, lb: int, extent: int) -> Self:
        """Create a datatype with a new lower bound and extent."""
        lb, extent = integer(lb), integer(extent)
        state = self._living()
        layout = typemap.resized(state.typemap, lb, extent)
        arguments = {"lb": lb, "extent": extent}
        return self._made(layout, COMBINER_RESIZED, arguments, state.signature)

    Resized = Create_resized

    def _vector(self, step: int, combiner: int, arguments: dict[str, int]) -> Self:
        state = self._state
        count, blocklength = arguments["count"], arguments["blocklength"]
        layout = typemap.repeated(typemap.contiguous(state.typemap, blocklength), count, step)
        signature = times(state.signature, count * blocklength)
        return self._made(layout, combiner, arguments, signature)

    def _indexed(
        self, blocklengths: Sequence[int], displacements: Sequence[int], unit: int, combiner: int
    ) -> Self:
        lengths, places = integers(blocklengths), integers(displacements)
        _same_length(lengths, places)
        _counts(**{f"blocklength {i}": length for i, length in enumerate(lengths)})
        state = self._living()
        if len(set(lengths)) == 1:
            block = typemap.contiguous(state.typemap, lengths[0])
            layout = typemap.spread(block, [place * unit for place in places])
        else:
            blocks = [(n, place * unit) for n, place in zip(lengths, places, strict=True)]
            layout = typemap.placed(state.typemap, blocks)
        arguments = {"blocklengths": lengths, "displacements": places}
        return self._made(layout, combiner, arguments, times(state.signature, sum(lengths)))

    def _indexed_block(
        self, blocklength: int, displacements: Sequence[int], unit: int, combiner: int
    ) -> Self:
        (blocklength,) = _counts(blocklength=blocklength)
        places = integers(displacements)
        state = self._living()
        block = typemap.contiguous(state.typemap, blocklength)
        layout = typemap.spread(block, [place * unit for place in places])
        arguments = {"blocklength": blocklength, "displacements": places}
        signature = times(state.signature, blocklength * len(places))
        return self._made(layout, combiner, arguments, signature)

    def _made(
        self, layout: typemap.Typemap, combiner: int, arguments: dict[str, Any], signature: Any
    ) -> Self:
        """A new datatype of this class, made from this one."""
        state = TypeState(layout, combiner, arguments, (self._state,), signature)
        return type(self)._wrap(state)  # type: ignore[attr-defined,no-any-return]

    def _living(self) -> Any:
        """The state; an error for the null datatype."""
        if self._state is None:
            raise MPIException(ERR_TYPE, "this is the null datatype")
        return self._state


def _counts(**counts: Any) -> list[int]:
    checked = [integer(count) for count in counts.values()]
    for name, count in zip(counts, checked, strict=True):
        if count < 0:
            raise MPIException(ERR_COUNT, f"{name} is {count}, below 0")
    return checked


def _same_length(first: Sequence[Any], *others: Sequence[Any]) -> None:
    for other in others:
        if len(other) != len(first):
            raise ValueError(f"expecting {len(first)} items, got {len(other)}")


def _order(order: int) -> None:
    if order not in (ORDER_C, ORDER_FORTRAN):
        raise MPIException(ERR_ARG, f"order {order} is neither ORDER_C nor ORDER_FORTRAN")


def _slowest_first(order: int, *lists: list[Any]) -> list[list[Any]]:
    return [each[::-1] if order == ORDER_FORTRAN else each for each in lists]
