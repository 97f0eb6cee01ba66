"""The program's JSON and ours."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from launcher.bench.figures import Figures, read_output, render_json
from launcher.errors import CannotStart
from tests.launcher.bench.kit import MIB, across, figures, inside, row


def printed(told: Figures) -> bytes:
    """What node 0 would print of these figures."""
    pairs = [asdict(pair) for pair in told.pairs]
    for pair in pairs:
        del pair["peers"]
    collectives = asdict(told.collectives)["rows"]
    return json.dumps({"pairs": pairs, "collectives": collectives}).encode() + b"\n"


def test_what_is_printed_is_read() -> None:
    """Every figure comes back, with the names of the peers."""
    peers = ("h1", "h1", "h2")
    told = figures(inside(), across(left_out=(64 * MIB,)), across(missing="no way"), peers=peers)
    assert (told.pairs, told.collectives) == read_output(printed(told), peers)


def test_only_the_last_line_counts() -> None:
    """What a peer's own start-up files print before it is no figure."""
    told = figures(inside())
    output = b"welcome\n" + printed(told) + b"\n"
    assert (told.pairs, told.collectives) == read_output(output, ["h1", "h1"])


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"\n",
        b"hello",
        b"{}",
        b"[]",
        b"3",
        b'{"pairs": [{}]}',
        b'{"pairs": [{"nodes": [0, 1]}]}',
        b'{"pairs": []}',
        b'{"pairs": [], "collectives": [3]}',
        b'{"pairs": [], "collectives": [{"name": "barrier"}]}',
    ],
)
def test_anything_else_is_told_as_another_version(output: bytes) -> None:
    """A peer whose program printed something else."""
    with pytest.raises(CannotStart, match="h1 has measured nothing that can be read"):
        read_output(output, ["h1", "h1"])


def test_json_has_what_follows_from_the_figures() -> None:
    """Rates and shares stand beside the times; an exchange counts both ways."""
    document = json.loads(render_json(figures(inside((row(), row("both ways", MIB, 1e-3, None))))))
    assert (1, "0.1.0", "3.11.7", "tls") == tuple(
        document[name] for name in ("format", "distrcomp", "python", "data_plane")
    )
    [pair] = document["pairs"]
    assert ([0, 1], ["h1", "h1"], "memory copy") == (pair["nodes"], pair["peers"], pair["ceiling"])
    first, second = pair["rows"]
    assert pytest.approx(MIB * 1000) == first["bytes_per_s"]
    assert pytest.approx(1000) == first["messages_per_s"]
    assert pytest.approx(0.25) == first["share_of_ceiling"]
    assert pytest.approx(2 * MIB * 1000) == second["bytes_per_s"]
    assert second["share_of_ceiling"] is None
    assert {"group", "name", "bytes", "seconds", "seconds_low", "seconds_high"} <= first.keys()
    collectives = document["collectives"]
    assert ["h1", "h1"] == collectives["peers"]
    assert ("bcast", "int", 5) == tuple(
        collectives["rows"][1][name] for name in ("name", "message", "bytes")
    )


def test_titles_name_machines_and_nodes() -> None:
    """A pair is called by what it crosses."""
    assert "Inside h1 (nodes 0 and 1)" == inside().title
    assert "From h1 to h2 (nodes 0 and 2)" == across().title
    together = figures(peers=("h1", "h1", "h2")).collectives
    assert "Collectives of 3 nodes (2 on h1, 1 on h2)" == together.title
