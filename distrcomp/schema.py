"""Records ↔ MessagePack with a fixed schema.

A record is a NamedTuple or a frozen dataclass whose fields are `int`, `bool`, `float`, `str`,
`bytes`, another record, `X | None` or `tuple[X, ...]`. A `Schema` names the records that may stand
at the top of a message. On the wire a message is the array [name, field, ...], a record inside
another one the array of its fields. From any bytes, `unpack` returns a record of the declared types
or raises ProtocolError, and nothing else.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any

import msgpack

from .errors import ProtocolError

_SCALARS = frozenset((int, bool, float, str, bytes))

Reader = Callable[[Any], Any]
"""Turns what MessagePack gave into a field's value, or raises ProtocolError."""


class Schema:
    """The set of records that one conversation may carry.

    Example:
        >>> from typing import NamedTuple
        >>> class Hello(NamedTuple):
        ...     name: str
        ...     slots: int
        >>> schema = Schema(Hello)
        >>> schema.unpack(schema.pack(Hello("h1", 4)))
        Hello(name='h1', slots=4)
    """

    def __init__(self, *records: type) -> None:
        self._records: dict[str, type] = {record.__name__: record for record in records}
        self._readers: dict[str, Reader] = {}

    def make_ready(self, *records: type) -> None:
        """Does now what the first `unpack` of each of these would do."""
        for record in records:
            self._readers[record.__name__] = _record_reader(record)

    def pack(self, record: Any) -> bytes:
        """The bytes of `record`, whose class must be one of the schema's."""
        name = type(record).__name__
        if self._records.get(name) is not type(record):
            raise TypeError(f"{name} is not a record of this schema")
        packed: bytes = msgpack.packb([name, *_plain_fields(record)])
        return packed

    def unpack(self, data: bytes) -> Any:
        """The record in `data`.

        Raises:
            ProtocolError: the bytes are not exactly one record of this schema.
        """
        try:
            items = msgpack.unpackb(data, use_list=False, max_map_len=0, max_ext_len=0)
        except ValueError as error:  # msgpack's own errors, bad UTF-8 and RecursionError's kin
            raise ProtocolError(f"not a message: {type(error).__name__}") from error
        if not isinstance(items, tuple) or not items or not isinstance(items[0], str):
            raise ProtocolError("not a message: no name")
        name, fields = items[0], items[1:]
        record = self._records.get(name)
        if record is None:
            raise ProtocolError(f"unknown message {name[:40]!r}")
        reader = self._readers.get(name)
        if reader is None:
            self.make_ready(record)
            reader = self._readers[name]
        return reader(fields)


def _plain_fields(record: Any) -> list[Any]:
    return [_plain(getattr(record, name)) for name in type(record).__annotations__]


def _plain(value: Any) -> Any:
    if type(value) in _SCALARS:
        return value
    if hasattr(type(value), "__annotations__"):
        return _plain_fields(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _record_reader(record: type) -> Reader:
    hints = typing.get_type_hints(record)
    readers = [_reader(hint, f"{record.__name__}.{name}") for name, hint in hints.items()]

    def read(fields: Any) -> Any:
        if not isinstance(fields, tuple) or len(fields) != len(readers):
            raise ProtocolError(f"{record.__name__} takes {len(readers)} fields")
        values = [read_field(field) for read_field, field in zip(readers, fields, strict=True)]
        return record(*values)

    return read


def _reader(hint: Any, where: str) -> Reader:
    """The reader of one field of type `hint`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _tuple_reader(_reader(arguments[0], where), where)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _optional_reader(_reader(inner, where))
    if hint in _SCALARS:
        return _scalar_reader(hint, where)
    return _record_reader(hint)


def _tuple_reader(read_item: Reader, where: str) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, tuple):
            raise ProtocolError(f"{where} takes a list")
        return tuple(read_item(item) for item in value)

    return read


def _optional_reader(read_inner: Reader) -> Reader:
    return lambda value: None if value is None else read_inner(value)


def _scalar_reader(kind: type, where: str) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:  # exact: True is no int here
            raise ProtocolError(f"{where} takes {kind.__name__}")
        return value

    return read
