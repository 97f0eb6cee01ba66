"""distrcomp.cores: affinity and cgroup quotas, read from a made-up /proc and /sys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from distrcomp.cores import cpu_quota, have_a_core_each, usable_cores

V2 = "sys/fs/cgroup"
V1 = "sys/fs/cgroup/cpu"


def lay(root: Path, cgroup: str, files: Mapping[str, str | bytes]) -> str:
    """A root folder with this /proc/self/cgroup and these files."""
    for name, content in {"proc/self/cgroup": cgroup, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(root)


def v1(folder: str, quota: str, period: str = "100000\n") -> dict[str, str]:
    """The quota of a cgroup of version 1."""
    return {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": period}


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/\n", {}, None),
        ("0::/\n", {f"{V2}/cpu.max": "max 100000\n"}, None),
        ("0::/\n", {f"{V2}/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {f"{V2}/a/b/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/a/b\n", {f"{V2}/a/cpu.max": "300000 100000\n"}, 3.0),
        ("0::/a/b\n", {f"{V2}/a/c/cpu.max": "300000 100000\n"}, None),
        (
            "0::/a/b\n",
            {
                f"{V2}/a/b/cpu.max": "max 100000\n",
                f"{V2}/a/cpu.max": "7 2\n",
                f"{V2}/cpu.max": "4 1",
            },
            3.5,
        ),
        ("0::/docker/1234\n", {f"{V2}/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/../elsewhere\n", {f"{V2}/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a:b\n", {f"{V2}/a:b/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a\n", {f"{V2}/unified/a/cpu.max": "200000 100000\n"}, 2.0),
    ],
)
def test_v2(tmp_path: Path, cgroup: str, files: dict[str, str], expected: float | None) -> None:
    """The tightest quota on the way from the process's cgroup to the root counts."""
    assert expected == cpu_quota(lay(tmp_path, cgroup, files))


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("4:cpu,cpuacct:/a\n", v1(f"{V1}/a", "250000\n"), 2.5),
        ("4:cpuacct,cpu:/a\n", v1(f"{V1},cpuacct/a", "250000\n"), 2.5),
        ("1:cpu:/a/b\n", v1(f"{V1}/a/b", "-1\n") | v1(f"{V1}/a", "100000\n"), 1.0),
        ("1:cpu:/docker/1234\n", v1(V1, "50000\n"), 0.5),
        ("1:cpuset:/a\n2:memory:/a\n", v1(f"{V1}/a", "50000\n"), None),
        ("1:cpu:/a\n0::/\n", v1(f"{V1}/a", "50000\n") | {f"{V2}/cpu.max": "1 4\n"}, 0.25),
    ],
)
def test_v1(tmp_path: Path, cgroup: str, files: dict[str, str], expected: float | None) -> None:
    """Older cgroups are read too, wherever their cpu controller is mounted, and both together."""
    assert expected == cpu_quota(lay(tmp_path, cgroup, files))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", b"max", b"100000", b"1 2 3", b"x y", b"0 100000", b"-5 100000", b"100000 0",
        b"100000 -1", b"1.5 1", b"nan 1", b"\xff\xfe\x00", b"9" * 5000 + b" 1", b"9" * 4000 + b" 1",
    ],
)  # fmt: skip
def test_strange_quota(tmp_path: Path, content: bytes) -> None:
    """What cannot be understood is no quota, in either version."""
    quota, _, period = content.partition(b" ")
    files = {
        f"{V2}/cpu.max": content,
        f"{V1}/cpu.cfs_quota_us": quota,
        f"{V1}/cpu.cfs_period_us": period,
    }
    assert cpu_quota(lay(tmp_path, "0::/\n1:cpu:/\n", files)) is None


@pytest.mark.parametrize("cgroup", ["", "\n", "garbage", "0:", "::::", "0::/\0\n", "1:cpu\n"])
def test_strange_cgroup(tmp_path: Path, cgroup: str) -> None:
    """A strange list of cgroups, or none, names no quota and raises nothing."""
    assert cpu_quota(lay(tmp_path, cgroup, {})) is None


def test_unreadable(tmp_path: Path) -> None:
    """A folder where a file should be is ignored, as is a root that is not there."""
    (tmp_path / V2 / "cpu.max").mkdir(parents=True)
    assert cpu_quota(lay(tmp_path, "0::/\n", {})) is None
    assert cpu_quota(str(tmp_path / "nowhere")) is None


@pytest.mark.parametrize(("quota", "expected"), [("1 10", 1), ("19 10", 1), ("1 1", 1)])
def test_rounded_down(tmp_path: Path, quota: str, expected: int) -> None:
    """A part of a core is none, but there is always one."""
    assert expected == usable_cores(lay(tmp_path, "0::/\n", {f"{V2}/cpu.max": quota}))


@pytest.mark.parametrize("quota", ["max 100000", "1000000 1"])
def test_affinity(tmp_path: Path, quota: str) -> None:
    """Without a quota, or under one that is wider, the affinity says how many."""
    root = lay(tmp_path, "0::/\n", {f"{V2}/cpu.max": quota})
    before = os.sched_getaffinity(0)
    assert len(before) == usable_cores(root)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert 1 == usable_cores(root)
    finally:
        os.sched_setaffinity(0, before)


def test_real() -> None:
    """On this machine it is at least one, and no more than the affinity."""
    assert usable_cores() in range(1, len(os.sched_getaffinity(0)) + 1)


def test_a_core_each(tmp_path: Path) -> None:
    """Affinity and quota must both leave enough."""
    n_core = len(os.sched_getaffinity(0))
    root = lay(tmp_path, "0::/\n", {f"{V2}/cpu.max": "100000 100000\n"})
    assert have_a_core_each(1, root)
    assert not have_a_core_each(2, root)
    assert have_a_core_each(n_core, str(tmp_path / "nothing"))
    assert not have_a_core_each(n_core + 1, str(tmp_path / "nothing"))
