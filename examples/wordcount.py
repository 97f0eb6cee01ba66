"""Counts the words of the text files that were shipped with the program.

    distrcomp run -n 4 --include 'docs/*.md' examples/wordcount.py docs

Arguments are folders or patterns, as seen from the folder in which the nodes start; included files
lie there under the same paths as on your machine. The sorted files are dealt round the nodes like
cards, so every node finds its own share without asking anybody.
"""

import glob
import re
import sys
from collections import Counter
from pathlib import Path

import distrcomp as dc


def files_of(pattern: str) -> list[Path]:
    """All files in a folder, or all that match a pattern."""
    if Path(pattern).is_dir():
        pattern = f"{glob.escape(pattern)}/**"
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
    return [Path(name) for name in found if Path(name).is_file()]


def words_of(path: Path) -> list[str]:
    """The words of one file; bytes that are not UTF-8 part words and do no harm."""
    return re.findall(r"\w+", path.read_bytes().decode(errors="replace").lower())


files = sorted({path for pattern in sys.argv[1:] for path in files_of(pattern)})
if not files:
    sys.exit("no file to count: ship some with --include and name their folder after the program")

counts: Counter[str] = Counter()
mine = files[dc.node_id :: dc.n_node]
for path in mine:
    counts.update(words_of(path))
print(f"{counts.total():,} words in my {len(mine)} of {len(files)} files")

# A Counter travels like any other object; node 0 merges them as they come.
if dc.node_id == 0:
    for _ in range(dc.n_node - 1):
        counts.update(dc.recv())
    for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]:
        print(f"{count:10,} {word}")
    print(f"{counts.total():10,} words in all")
else:
    dc.send(0, counts)
