"""The basic types: what each is called, how large it is, and what stands for it elsewhere.

`code` is the character or string that `tocode` gives and automatic messages know the type by;
`typestr` is numpy's array-interface name; `external_size` is its size in "external32" (MPI-4.1,
14.5.2).
"""

from __future__ import annotations

import struct
from typing import NamedTuple


class Element(NamedTuple):
    """One basic type."""

    name: str
    size: int
    align: int
    code: str
    typechar: str
    typestr: str
    external_size: int


def _element(name: str, code: str, typechar: str, typestr: str, external_size: int = 0) -> Element:
    if typestr == "U1":
        size = align = 4
    else:
        size = align = int(typestr[1:])
    if typestr[0] == "c":
        align = size // 2
    return Element(f"MPI_{name}", size, align, code, typechar, typestr, external_size or size)


_LONG = struct.calcsize("l")

ELEMENTS = tuple(
    _element(*row)
    for row in (
        ("PACKED", "B", "B", "u1"),
        ("BYTE", "B", "B", "u1"),
        ("AINT", "p", "p", "i8"),
        ("OFFSET", "p", "p", "i8"),
        ("COUNT", "p", "p", "i8"),
        ("CHAR", "c", "c", "S1"),
        ("WCHAR", "U", "U", "U1", 2),
        ("SIGNED_CHAR", "b", "b", "i1"),
        ("SHORT", "h", "h", "i2"),
        ("INT", "i", "i", "i4"),
        ("LONG", "l", "l", f"i{_LONG}", 4),
        ("LONG_LONG_INT", "q", "q", "i8"),
        ("UNSIGNED_CHAR", "B", "B", "u1"),
        ("UNSIGNED_SHORT", "H", "H", "u2"),
        ("UNSIGNED", "I", "I", "u4"),
        ("UNSIGNED_LONG", "L", "L", f"u{_LONG}", 4),
        ("UNSIGNED_LONG_LONG", "Q", "Q", "u8"),
        ("FLOAT", "f", "f", "f4"),
        ("DOUBLE", "d", "d", "f8"),
        ("LONG_DOUBLE", "g", "g", "f16"),
        ("C_BOOL", "b1", "?", "b1"),
        ("INT8_T", "i1", "b", "i1"),
        ("INT16_T", "i2", "h", "i2"),
        ("INT32_T", "i4", "i", "i4"),
        ("INT64_T", "i8", "l", "i8"),
        ("UINT8_T", "u1", "B", "u1"),
        ("UINT16_T", "u2", "H", "u2"),
        ("UINT32_T", "u4", "I", "u4"),
        ("UINT64_T", "u8", "L", "u8"),
        ("C_FLOAT16", "e", "e", "f2"),
        ("C_COMPLEX", "F", "F", "c8"),
        ("C_DOUBLE_COMPLEX", "D", "D", "c16"),
        ("C_LONG_DOUBLE_COMPLEX", "G", "G", "c32"),
        ("CXX_BOOL", "?", "?", "b1"),
        ("CXX_FLOAT_COMPLEX", "F", "F", "c8"),
        ("CXX_DOUBLE_COMPLEX", "D", "D", "c16"),
        ("CXX_LONG_DOUBLE_COMPLEX", "G", "G", "c32"),
        ("CHARACTER", "c", "c", "S1"),
        ("LOGICAL", "i", "i", "i4"),
        ("INTEGER", "i", "i", "i4"),
        ("REAL", "f", "f", "f4"),
        ("DOUBLE_PRECISION", "d", "d", "f8"),
        ("COMPLEX", "F", "F", "c8"),
        ("DOUBLE_COMPLEX", "D", "D", "c16"),
        ("INTEGER1", "i1", "b", "i1"),
        ("INTEGER2", "i2", "h", "i2"),
        ("INTEGER4", "i4", "i", "i4"),
        ("INTEGER8", "i8", "l", "i8"),
        ("REAL4", "f4", "f", "f4"),
        ("REAL8", "f8", "d", "f8"),
        ("REAL16", "f16", "g", "f16"),
        ("COMPLEX8", "c8", "F", "c8"),
        ("COMPLEX16", "c16", "D", "c16"),
        ("COMPLEX32", "c32", "G", "c32"),
    )
)
"""All basic types of this machine."""

PAIRS = {
    "SHORT_INT": ("SHORT", "INT"),
    "2INT": ("INT", "INT"),
    "LONG_INT": ("LONG", "INT"),
    "FLOAT_INT": ("FLOAT", "INT"),
    "DOUBLE_INT": ("DOUBLE", "INT"),
    "LONG_DOUBLE_INT": ("LONG_DOUBLE", "INT"),
}
"""The pair types of MINLOC and MAXLOC: the type of the value and of the index."""

CONSTANTS = {
    "LONG_LONG": "LONG_LONG_INT",
    "FLOAT16_T": "C_FLOAT16",
    "FLOAT32_T": "FLOAT",
    "FLOAT64_T": "DOUBLE",
    "C_FLOAT_COMPLEX": "C_COMPLEX",
    "INT_INT": "2INT",
    "TWOINT": "2INT",
    "UNSIGNED_INT": "UNSIGNED",
    "SIGNED_SHORT": "SHORT",
    "SIGNED_INT": "INT",
    "SIGNED_LONG": "LONG",
    "SIGNED_LONG_LONG": "LONG_LONG_INT",
    "BOOL": "C_BOOL",
    "SINT8_T": "INT8_T",
    "SINT16_T": "INT16_T",
    "SINT32_T": "INT32_T",
    "SINT64_T": "INT64_T",
    "F_BOOL": "LOGICAL",
    "F_INT": "INTEGER",
    "F_FLOAT": "REAL",
    "F_DOUBLE": "DOUBLE_PRECISION",
    "F_COMPLEX": "COMPLEX",
    "F_FLOAT_COMPLEX": "COMPLEX",
    "F_DOUBLE_COMPLEX": "DOUBLE_COMPLEX",
}
"""Names of the MPI module that differ from the type's own, or that are second names."""

ABSENT = (
    "BFLOAT16_T",
    "LOGICAL1",
    "LOGICAL2",
    "LOGICAL4",
    "LOGICAL8",
    "LOGICAL16",
    "INTEGER16",
    "REAL2",
    "COMPLEX4",
)
"""Types that this face doesn't have: null, as where the compiler has none."""

CODES = {
    "?": "C_BOOL",
    "b": "SIGNED_CHAR",
    "h": "SHORT",
    "i": "INT",
    "l": "LONG",
    "q": "LONG_LONG_INT",
    "B": "UNSIGNED_CHAR",
    "H": "UNSIGNED_SHORT",
    "I": "UNSIGNED",
    "L": "UNSIGNED_LONG",
    "Q": "UNSIGNED_LONG_LONG",
    "e": "C_FLOAT16",
    "f": "FLOAT",
    "d": "DOUBLE",
    "g": "LONG_DOUBLE",
    "Zf": "C_COMPLEX",
    "Zd": "C_DOUBLE_COMPLEX",
    "Zg": "C_LONG_DOUBLE_COMPLEX",
    "F": "C_COMPLEX",
    "D": "C_DOUBLE_COMPLEX",
    "G": "C_LONG_DOUBLE_COMPLEX",
    "b1": "C_BOOL",
    "i1": "INT8_T",
    "i2": "INT16_T",
    "i4": "INT32_T",
    "i8": "INT64_T",
    "u1": "UINT8_T",
    "u2": "UINT16_T",
    "u4": "UINT32_T",
    "u8": "UINT64_T",
    "f2": "C_FLOAT16",
    "f4": "FLOAT",
    "f8": "DOUBLE",
    "f16": "LONG_DOUBLE",
    "c8": "C_COMPLEX",
    "c16": "C_DOUBLE_COMPLEX",
    "c32": "C_LONG_DOUBLE_COMPLEX",
    "n": "COUNT",
    "N": "UNSIGNED_LONG",
    "p": "AINT",
    "P": "UNSIGNED_LONG",
    "c": "CHAR",
    "a": "CHAR",
    "S": "CHAR",
    "S1": "CHAR",
    "s": "CHAR",
    "1s": "CHAR",
    "U": "WCHAR",
    "U1": "WCHAR",
    "u": "UINT16_T",
    "1u": "UINT16_T",
    "w": "WCHAR",
    "1w": "WCHAR",
    "M": "INT64_T",
    "M8": "INT64_T",
    "m": "INT64_T",
    "m8": "INT64_T",
}
"""What a program may write for a type, and what a buffer's format or array interface says."""

FORTRAN_CODES = {
    "l": "LOGICAL",
    "i": "INTEGER",
    "r": "REAL",
    "s": "REAL",
    "d": "DOUBLE_PRECISION",
    "c": "COMPLEX",
    "z": "DOUBLE_COMPLEX",
    "i1": "INTEGER1",
    "i2": "INTEGER2",
    "i4": "INTEGER4",
    "i8": "INTEGER8",
    "r4": "REAL4",
    "r8": "REAL8",
    "r16": "REAL16",
    "c8": "COMPLEX8",
    "c16": "COMPLEX16",
    "c32": "COMPLEX32",
}
