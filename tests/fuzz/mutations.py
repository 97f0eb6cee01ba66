"""A plain mutator: inputs like the given ones, without an end, decided by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_TELLING = [
    *(bytes([byte]) for byte in (0, 1, 0x7F, 0x80, 0xC0, 0xC1, 0xDC, 0xDD, 0xDF, 0xFF)),
    *(b"\xff" * 4, b"\x7f" + b"\xff" * 3, b"\x00" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7),
    *(
        b"\n",
        b"\r",
        b"\x1b[2J",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"../",
        b"/",
        b"\\",
        b":",
        b"=",
        b"#",
    ),
]
_CHANGES_MAX = 4
_BYTES_MAX = 4096


def mutations(inputs: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Changed copies of `inputs`."""
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(inputs))
        for _ in range(chance.randint(1, _CHANGES_MAX)):
            _CHANGES[chance.randrange(len(_CHANGES))](data, chance, inputs)
        yield bytes(data[:_BYTES_MAX])


def _flip(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _insert(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    place = chance.randint(0, len(data))
    data[place:place] = chance.choice(_TELLING)


def _overwrite(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    place, telling = chance.randint(0, len(data)), chance.choice(_TELLING)
    data[place : place + len(telling)] = telling


def _cut(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    del data[start:end]


def _repeat(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    data[end:end] = data[start:end] * chance.choice((1, 1, 2, 20))
    del data[_BYTES_MAX:]


def _splice(data: bytearray, chance: random.Random, inputs: Sequence[bytes]) -> None:
    other = chance.choice(inputs)
    data[chance.randint(0, len(data)) :] = other[chance.randint(0, len(other)) :]


_CHANGES = (_flip, _set, _insert, _overwrite, _cut, _repeat, _splice)
