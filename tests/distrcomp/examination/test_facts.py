"""What a machine tells of itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import distrcomp
from distrcomp.examination.facts import machine_facts


def test_this_machine() -> None:
    """Versions, cores, memory, disk and limits are all known here."""
    facts = machine_facts()
    assert distrcomp.__version__ == facts["distrcomp"]
    assert ["numpy", "cloudpickle", "msgpack"] == list(facts["libraries"])
    assert None not in [*facts["libraries"].values(), facts["memory_bytes"]]
    assert facts["disk_free_bytes"] is not None
    assert 1 <= facts["cores"] <= (os.cpu_count() or 1)
    assert 0 < facts["memory_free_bytes"] <= facts["memory_bytes"]


def test_what_cannot_be_known(tmp_path: Path) -> None:
    """Where /proc is missing or strange, or the folder is gone, it is said that it is not known."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 12 apples\nnonsense\nMemAvailable:\n")
    facts = machine_facts(str(tmp_path), str(tmp_path / "gone"))
    names = ("memory_bytes", "memory_free_bytes", "disk_free_bytes")
    assert [None, None, None] == [facts[name] for name in names]


MEMINFO = "MemTotal: 1000 kB\nMemAvailable: 600 kB\n"
V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/", {}, (1000, 600)),
        ("0::/a", {f"{V2}/a/memory.max": "max\n"}, (1000, 600)),
        ("0::/a", {f"{V2}/a/memory.max": "512000\n"}, (500, 500)),
        (
            "0::/a/b",
            {
                f"{V2}/a/memory.max": "512000\n",
                f"{V2}/a/memory.current": "409600\n",
                f"{V2}/a/memory.stat": "anon 3\ninactive_file 102400\n",
                f"{V2}/a/b/memory.max": "614400\n",
                f"{V2}/a/b/memory.current": "102400\n",
            },
            (500, 200),
        ),
        (
            "0::/a",
            {f"{V2}/a/memory.max": "1024", f"{V2}/a/memory.current": "9999"},
            (1, 0),
        ),
        (
            "4:memory:/x\n0::/",
            {
                f"{V1}/x/memory.limit_in_bytes": "9223372036854771712\n",
                f"{V1}/x/memory.usage_in_bytes": "1024\n",
                f"{V1}/memory.limit_in_bytes": "204800\n",
                f"{V1}/memory.usage_in_bytes": "102400\n",
                f"{V1}/memory.stat": "total_inactive_file nonsense\n",
            },
            (200, 100),
        ),
        ("0::/a", {f"{V2}/a/memory.max": "²\n", f"{V2}/a/memory.current": "\n"}, (1000, 600)),
    ],
)
def test_memory_in_a_cgroup(
    tmp_path: Path, cgroup: str, files: dict[str, str], expected: tuple[int, int]
) -> None:
    """The tightest limit on the way to the root counts, and what its cgroup has left, in KiB."""
    lay(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/cgroup": cgroup, **files})
    facts = machine_facts(str(tmp_path))
    found = (facts["memory_bytes"], facts["memory_free_bytes"])
    assert expected == tuple(nbytes // 1024 for nbytes in found)


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/a", {f"{V2}/a/pids.max": "max", f"{V2}/a/pids.current": "3"}, None),
        ("0::/a", {f"{V2}/a/pids.max": "10", f"{V2}/a/pids.current": "3"}, 7),
        ("8:pids:/", {f"{V2}/pids/pids.max": "10", f"{V2}/pids/pids.current": "12"}, 0),
        ("8:pids:/", {f"{V2}/pids/pids.max": "10"}, None),
    ],
)
def test_processes_in_a_cgroup(
    tmp_path: Path, cgroup: str, files: dict[str, str], expected: int | None
) -> None:
    """How many more it lets us start."""
    lay(tmp_path, {"proc/self/cgroup": cgroup, **files})
    assert expected == machine_facts(str(tmp_path))["processes_free"]


def lay(root: Path, files: dict[str, str]) -> None:
    """Makes these files below a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
