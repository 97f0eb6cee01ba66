"""The long way: `python -m tests.fuzz TARGET --minutes 10`, guided by coverage.

Needs Atheris (`pip install atheris`, CPython on Linux). Begins with the kept corpus and the seeds;
at the end the corpus is what covers all that was reached, and the least of it. An input that breaks
a target ends the run and is kept, too.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.corpus import read_corpus, write_corpus
from tests.fuzz.targets import TARGETS

_INPUT_BYTES_MAX = 2048


def main() -> int:
    """Fuzzes one target and rewrites its corpus; 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fuzzer = _fuzzer(folder, options.target)
        before, found, least = (folder / part for part in ("before", "found", "least"))
        for each in (before, found, least):
            each.mkdir()
        inputs = [*TARGETS[options.target].seeds(), *read_corpus(options.target)]
        for number, data in enumerate(inputs):
            (before / str(number)).write_bytes(data)
        limits = [f"-max_len={_INPUT_BYTES_MAX}", f"-artifact_prefix={folder}/"]
        time = f"-max_total_time={max(1, int(options.minutes * 60))}"
        code = subprocess.run([fuzzer, *limits, time, found, before]).returncode
        subprocess.run(
            [fuzzer, *limits, "-merge=1", least, before, found], stderr=subprocess.DEVNULL
        )
        broke = [path.read_bytes() for path in folder.glob("crash-*")]
        kept = [path.read_bytes() for path in least.iterdir()]
        if not kept:
            print("nothing was reached: is Atheris installed?")
            return 1
    write_corpus(options.target, [*kept, *broke])
    print(f"{len(kept)} inputs cover what was reached; {len(broke)} broke {options.target}")
    for data in broke:
        print(f"broken by {data.hex()}")
    return 1 if code or broke else 0


def _fuzzer(folder: Path, target: str) -> Path:
    """A program of one name, as libFuzzer wants it: it starts itself anew for a merge."""
    path = folder / "fuzzer"
    words = shlex.join([sys.executable, "-m", "tests.fuzz.guided", str(path), target])
    path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    path.chmod(0o700)
    return path


if __name__ == "__main__":
    raise SystemExit(main())
