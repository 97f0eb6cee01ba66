"""What is measured."""

from __future__ import annotations

import pickle

import numpy as np

from distrcomp.benchmark.works import KIB, MIB, SIZES, works


def test_sizes_go_up_by_powers_of_four() -> None:
    """From nothing to 1 GiB; 1 KiB, 1 MiB and 64 MiB are among them."""
    assert (0, 64, 256, KIB) == SIZES[:4]
    assert 1024 * MIB == SIZES[-1]
    assert {64 * KIB, MIB, 16 * MIB, 64 * MIB} <= set(SIZES)


def test_groups_come_in_the_order_of_the_table() -> None:
    """Objects, arrays by rising size, one way, both ways."""
    groups = [work.group for work in works(64 * MIB)]
    assert ["objects"] * 5 + ["arrays"] * 12 + ["one way"] + ["both ways"] * 2 == groups
    sizes = [work.payload_bytes for work in works(64 * MIB) if work.group == "arrays"]
    assert sorted(sizes) == sizes


def test_no_array_is_longer_than_asked_for() -> None:
    """The bound holds for both ways too, which then take the longest array there is."""
    arrays = [work for work in works(5000) if not work.name]
    assert 4096 == max(work.payload_bytes for work in arrays)
    assert [4096] == [work.payload_bytes for work in arrays if work.group == "both ways"]


def test_lengths_are_those_of_what_is_made() -> None:
    """An array's own bytes; of anything else the pickle's."""
    for work in works(4096):
        made = work.make()
        is_array = isinstance(made, np.ndarray)
        length = made.nbytes if is_array else len(pickle.dumps(made, protocol=5))
        assert work.payload_bytes == length, work
