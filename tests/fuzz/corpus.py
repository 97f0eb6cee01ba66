"""The inputs that are kept: one file for each target, one input a line, in hexadecimal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"


def read_corpus(target: str) -> list[bytes]:
    """The inputs kept for a target."""
    path = FOLDER / f"{target}.txt"
    if not path.exists():
        return []
    return [bytes.fromhex(line) for line in path.read_text("ascii").splitlines()]


def write_corpus(target: str, inputs: Iterable[bytes]) -> None:
    """Keeps these inputs for a target, and no others."""
    FOLDER.mkdir(exist_ok=True)
    lines = sorted({each.hex() for each in inputs}, key=lambda line: (len(line), line))
    (FOLDER / f"{target}.txt").write_text("".join(f"{line}\n" for line in lines), "ascii")
