"""The examples, each run as a person runs it, with its results checked."""

from __future__ import annotations

import math
import re
import shutil
import struct
import sysconfig
import zlib
from collections import Counter
from pathlib import Path

import pytest

from tests.command import Machine

pytestmark = pytest.mark.processes

EXAMPLES = Path(__file__).parents[1] / "examples"
CORPUS_FILES_MAX = 400

HEADING = re.compile(r"^--------\(Node (\d+)  localhost\)--------\n", re.MULTILINE)
SIZES = pytest.mark.parametrize("n", [1, 2, 4])


def run_example(machine: Machine, n: int, *words: str) -> list[str]:
    """What each node printed when `distrcomp run -n N WORDS...` went well.

    The last node's text ends with what the report says after the blocks.
    """
    if not (machine.work_dir / "examples").exists():
        shutil.copytree(EXAMPLES, machine.work_dir / "examples")
    result = machine.run("run", "-n", str(n), *words)
    assert 0 == result.code, result
    _, *parts = HEADING.split(result.out)
    assert [str(node) for node in range(n)] == parts[::2]
    assert re.search(r"^Total time : \d+\.\d{3}\.\n\Z", result.out, re.MULTILINE)
    return parts[1::2]


def found(pattern: str, text: str) -> str:
    """The one group of `pattern` in `text`."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"no {pattern!r} in {text!r}"
    return match[1]


@SIZES
def test_ring_greets_and_passes_the_token(machine: Machine, n: int) -> None:
    """Each node names its left neighbour; node 0 then tells the token's whole trip."""
    blocks = run_example(machine, n, "examples/ring.py")
    trip = " -> ".join(str(node) for node in [*range(n), 0])
    for node, block in enumerate(blocks):
        expected = f"My ID is {node}\nNext to {(node - 1) % n} is {node}\n"
        if node == 0:
            expected += f"The token went {trip}\n"
        assert expected == (block if node < n - 1 else block[: len(expected)])


@SIZES
def test_pi_is_near_and_the_same_again(machine: Machine, n: int) -> None:
    """Node 0's sum is close to pi, and seeds make a second run give the same digits."""
    pi = [
        found(r"^Pi is about ([\d.]+)$", run_example(machine, n, "examples/pi.py", "200000")[0])
        for _ in range(2)
    ]
    assert math.pi == pytest.approx(float(pi[0]), abs=0.02)
    assert pi[0] == pi[1]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the standard library's own sources, and one file that is no text."""
    source, folder = Path(sysconfig.get_path("stdlib")), tmp_path_factory.mktemp("corpus")
    files = (path.relative_to(source) for path in source.rglob("*.py"))
    python = sorted(path for path in files if path.parts[0] not in ("site-packages", "test"))
    for path in python[:CORPUS_FILES_MAX]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, folder / path)
    (folder / "noise.py").write_bytes(bytes(range(256)) * 8 + b"\xff\xfe caf\xe9 \xc3")
    return folder


@SIZES
def test_wordcount_counts_what_one_loop_counts(machine: Machine, n: int, corpus: Path) -> None:
    """The merged counts over real text are those of a plain sequential count."""
    shutil.copytree(corpus, machine.work_dir / "corpus")
    blocks = run_example(machine, n, "--include", "corpus", "examples/wordcount.py", "corpus")
    counts: Counter[str] = Counter()
    files = [path for path in corpus.rglob("*") if path.is_file()]
    for path in files:
        counts.update(re.findall(r"\w+", path.read_bytes().decode(errors="replace").lower()))
    assert len(files) > 100
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    lines = [f"{count:10,} {word}" for word, count in top]
    assert [*lines, f"{counts.total():10,} words in all"] == blocks[0].splitlines()[1:12]
    for node, block in enumerate(blocks):
        share = f"words in my {len(range(node, len(files), n))} of {len(files)} files"
        assert share in block.splitlines()[0]


def test_wordcount_without_files_says_what_to_do(machine: Machine) -> None:
    """A pattern that matches no shipped file is one sentence, and the run fails."""
    shutil.copytree(EXAMPLES, machine.work_dir / "examples")
    result = machine.run("run", "-n", "2", "examples/wordcount.py", "*.none")
    assert 1 == result.code
    assert "no file to count: ship some with --include" in result.out + result.err


def test_heat_is_the_same_to_the_last_bit(machine: Machine) -> None:
    """Rows that don't divide evenly, and more nodes than rows, give the one-node run's field."""
    results = {
        n: run_example(machine, n, "examples/heat.py", "3", "50", "40")[0].splitlines()[:4]
        for n in (1, 2, 4)
    }
    assert results[1] == results[2] == results[4]
    results[3] = run_example(machine, 3, "examples/heat.py", "100", "60", "50")[0].splitlines()[:4]
    whole = run_example(machine, 1, "examples/heat.py", "100", "60", "50")[0].splitlines()[:4]
    assert whole == results[3]
    assert re.fullmatch(r"checksum [0-9a-f]{64}", whole[3])
    assert whole[3] != results[1][3]


def test_mandelbrot_is_the_same_picture(machine: Machine) -> None:
    """Whoever draws which row, the file is the same, and it is a PNG of that size."""
    pictures = {}
    for n in (1, 2, 3, 4):
        file = machine.work_dir / f"{n}.png"
        blocks = run_example(machine, n, "examples/mandelbrot.py", str(file), "120", "80")
        assert f"drawn by {max(1, n - 1)} of {n} nodes" in blocks[0]
        pictures[n] = file.read_bytes()
    assert {pictures[1]} == set(pictures.values())
    width, height, pixels = read_png(pictures[1])
    assert (120, 80, 80 * 121) == (width, height, len(pixels))
    middle = pixels[40 * 121 + 1 :][:120]
    assert (255, 0) == (middle[0], middle[88])  # far outside and at the origin


def read_png(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and unfiltered rows of a PNG with one IDAT, every checksum looked at."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert (
            struct.pack(">I", zlib.crc32(kind + body)) == data[at + 8 + length : at + 12 + length]
        )
        chunks[kind] = body
        at += 12 + length
    assert [b"IHDR", b"IDAT", b"IEND"] == list(chunks)
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    return width, height, zlib.decompress(chunks[b"IDAT"])


def test_examples_are_short() -> None:
    """Each example is under 60 lines and says in its docstring how to run it."""
    files = sorted(EXAMPLES.glob("*.py"))
    assert 5 == len(files)
    for file in files:
        text = file.read_text("utf-8")
        assert len(text.splitlines()) < 60, file
        assert f"distrcomp run -n 4 examples/{file.name}" in re.sub(r"--include '[^']*' ", "", text)
