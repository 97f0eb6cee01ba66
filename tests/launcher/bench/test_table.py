"""Figures as a table."""

from __future__ import annotations

import io

from rich.console import Console

from launcher.bench.figures import Figures
from launcher.bench.table import remarks, render_table
from tests.launcher.bench.kit import KIB, MIB, across, figures, inside, row


def lines(told: Figures) -> list[str]:
    """The table's lines on a page of 80 columns, with single spaces."""
    file = io.StringIO()
    Console(file=file, width=80, highlight=False, soft_wrap=True).print(render_table(told))
    printed = file.getvalue().splitlines()
    assert max(map(len, (line for line in printed if not line.endswith(".")))) <= 80
    return [" ".join(line.split()) for line in printed]


def test_each_row_has_time_rate_and_ceiling() -> None:
    """Short messages have no bandwidth, one way has messages a second."""
    assert [
        "Inside h1 (nodes 0 and 1)",
        "time ceiling rate ceiling of it",
        "Half round trip",
        "int 1.00 µs 400 ns 40 %",
        "array, 0 B 1.00 µs 400 ns 40 %",
        "array, 64 B 1.00 µs 400 ns 40 %",
        "array, 1 KiB 2.00 µs 500 ns 512 MB/s 2.05 GB/s 25 %",
        "array, 1 MiB 1.00 ms 250 µs 1.05 GB/s 4.19 GB/s 25 %",
        "One way, message after message",
        "int 2.00 µs 1.00 µs 500,000/s 1,000,000/s 50 %",
        "Both ways at once",
        "array, 1 MiB 2.00 ms 1.00 ms 1.05 GB/s 2.10 GB/s 50 %",
    ] == lines(figures(inside()))[:12]


def test_collectives_have_a_table_of_their_own() -> None:
    """A line for each call, a column for each message; a barrier, of none, is in the first."""
    assert [
        "",
        "Collectives of 2 nodes (2 on h1)",
        "int 1 KiB",
        "barrier 1.00 µs",
        "bcast 2.00 µs 3.00 µs",
        "allreduce 4.00 µs 5.00 µs",
    ] == lines(figures(inside()))[13:-1]


def test_the_widest_figures_fit() -> None:
    """Ten million messages a second beside the longest name cut nothing."""
    told = lines(
        figures(
            inside(
                (
                    row("objects", 10 * 100 * KIB, 9.99e-4, 9.99e-5, "dict, 10 arrays of 100 KiB"),
                    row("one way", 5, 8.1e-8, 8.1e-8, "int"),
                )
            )
        )
    )
    assert "time ceiling rate ceiling of it" in told
    assert "int 81.0 ns 81.0 ns 12,300,000/s 12,300,000/s 100 %" in told


def test_each_pair_has_its_table_and_its_ceiling() -> None:
    """Between machines the data plane is told, and that the ceiling is not encrypted."""
    text = "\n".join(lines(figures(inside(), across(), peers=("h1", "h1", "h2"))))
    assert "Collectives of 3 nodes (2 on h1, 1 on h2), data plane tls\n" in text
    assert "From h1 to h2 (nodes 0 and 2), data plane tls\n" in text
    assert "Ceiling: one copy of the same bytes, out of memory that both nodes map" in text
    assert "Ceiling: the same bytes over a bare, unencrypted TCP connection" in text


def test_a_ceiling_that_is_missing_is_a_dash_and_a_reason() -> None:
    """The reason comes from other machines, and is made plain (S-37)."""
    pair = across((row("arrays", KIB, 1e-6, None),), missing="h2\x1b[2J: no answer")
    told = lines(figures(pair))
    assert "array, 1 KiB 1.00 µs - 1.02 GB/s - -" in told
    said = r"No ceiling, because no bare TCP connection could be measured: h2\x1b[2J: no answer."
    assert said in told


def test_remarks() -> None:
    """One core for two nodes, and sizes that took too long."""
    assert "One core for both nodes: each figure holds a change of process." in remarks(
        inside(cores=1)
    )
    assert remarks(across(left_out=(16 * MIB, 64 * MIB)))[-1].endswith(": 16 MiB, 64 MiB.")


def test_names_from_elsewhere_are_plain() -> None:
    """S-37: neither a peer's nor a message's name moves the cursor."""
    pair = inside((row("objects", 5, name="i\x1bnt"),))
    told = lines(figures(pair, peers=("h\x1b1", "h2")))
    assert r"i\x1bnt 1.00 ms 250 µs 25 %" in told
    assert r"Collectives of 2 nodes (1 on h\x1b1, 1 on h2), data plane tls" in told
