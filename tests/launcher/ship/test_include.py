"""Which files an `--include` means."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from launcher import limits
from launcher.errors import BadUsage
from launcher.ship.ignore import IgnoreRules
from launcher.ship.include import included_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with files at several depths, and one file beside the folder."""
    folder = tmp_path / "tree"
    for name in (
        "a.txt",
        "b.txt",
        ".env",
        "data/a.txt",
        "data/deep/a.txt",
        "data/deep/.hidden",
        "data/.cache/x",
        "data/__pycache__/a.pyc",
        ".git/config",
        ".venv/x.txt",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (tmp_path / "outside.txt").write_text("outside")
    return folder


def find(tree: Path, pattern: str, ignored: str = "") -> list[str]:
    return included_files(pattern, tree, IgnoreRules.parse(ignored))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.txt", ["a.txt"]),
        ("./data//a.txt", ["data/a.txt"]),
        ("*.txt", ["a.txt", "b.txt"]),
        ("[!a].txt", ["b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("*", ["a.txt", "b.txt"]),
        (".env", [".env"]),
        (".e*", [".env"]),
        ("*/a.txt", ["data/a.txt"]),
        ("**/a.txt", ["a.txt", "data/a.txt", "data/deep/a.txt"]),
        ("data/**/a.txt", ["data/a.txt", "data/deep/a.txt"]),
        ("**/**/deep/**", ["data/deep/a.txt"]),
        ("**", ["a.txt", "b.txt", "data/a.txt", "data/deep/a.txt"]),
        ("data", ["data/.cache/x", "data/a.txt", "data/deep/.hidden", "data/deep/a.txt"]),
        ("data/", ["data/.cache/x", "data/a.txt", "data/deep/.hidden", "data/deep/a.txt"]),
        ("**/deep", ["data/deep/.hidden", "data/deep/a.txt"]),
        (
            ".",
            [
                ".env",
                "a.txt",
                "b.txt",
                "data/.cache/x",
                "data/a.txt",
                "data/deep/.hidden",
                "data/deep/a.txt",
            ],
        ),
    ],
)
def test_patterns(tree: Path, pattern: str, expected: list[str]) -> None:
    """Wildcards stand for visible files, `**` goes into folders, a plain folder means all below."""
    assert find(tree, pattern) == expected


def test_absolute_inside(tree: Path) -> None:
    """An absolute pattern below the folder is as good as a relative one."""
    assert find(tree, f"{tree}/data/*.txt") == ["data/a.txt"]


@pytest.mark.parametrize("pattern", ["nope", "*.csv", "data/*.csv", "a.txt/b", "data*", "x/**"])
def test_matches_nothing(tree: Path, pattern: str) -> None:
    """A pattern without a file is a mistake that is named."""
    with pytest.raises(BadUsage, match="matches no file") as caught:
        find(tree, pattern)
    assert pattern in str(caught.value)


@pytest.mark.parametrize(
    "pattern", ["../outside.txt", "data/../../outside.txt", "/etc/hosts", ".."]
)
def test_leaves_the_tree(tree: Path, pattern: str) -> None:
    """A pattern that climbs out or is absolute elsewhere is refused."""
    with pytest.raises(BadUsage, match="leaves the folder"):
        find(tree, pattern)


@pytest.mark.parametrize("pattern", ["link.txt", "*.txt", "**", "."])
def test_link_to_outside(tree: Path, pattern: str) -> None:
    """A link to a file outside is refused, however it is matched, unless it is left out."""
    (tree / "link.txt").symlink_to("../outside.txt")
    with pytest.raises(BadUsage, match=r"leaves the folder .* link\.txt is a link"):
        find(tree, pattern)
    if pattern != "link.txt":
        assert "link.txt" not in find(tree, pattern, "link.txt")


def test_link_to_inside(tree: Path) -> None:
    """A link to a file of the tree is taken as a file."""
    (tree / "link.txt").symlink_to("data/a.txt")
    assert "link.txt" in find(tree, "*.txt")
    assert find(tree, "link.txt") == ["link.txt"]


def test_linked_folders(tree: Path) -> None:
    """Links to folders are not gone through: no loop by wildcards, a clear mistake by name."""
    (tree / "loop").symlink_to(".")
    (tree / "out").symlink_to("/etc")
    (tree / "dangling").symlink_to("nowhere")
    assert find(tree, "**/a.txt") == ["a.txt", "data/a.txt", "data/deep/a.txt"]
    assert "loop/a.txt" not in find(tree, ".")
    with pytest.raises(BadUsage, match="loop is a link"):
        find(tree, "loop/a.txt")
    with pytest.raises(BadUsage, match="a link to a folder"):
        find(tree, "loop")
    with pytest.raises(BadUsage, match="leaves the folder"):
        find(tree, "out")
    with pytest.raises(BadUsage, match="cannot read"):
        find(tree, "dangling")


def test_special_files(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-21: pipes and sockets are passed over by wildcards and refused by name."""
    os.mkfifo(tree / "pipe.txt")
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.txt")
    assert find(tree, "*.txt") == ["a.txt", "b.txt"]
    for name in ("pipe.txt", "socket.txt"):
        with pytest.raises(BadUsage, match="a device, pipe or socket"):
            find(tree, name)


@pytest.mark.parametrize(
    "pattern", ["data/deep", "**/deep/*", "data/deep/a.txt", "data/**/.hidden"]
)
def test_all_left_out(tree: Path, pattern: str) -> None:
    """When the rules leave all matches out, the message says so."""
    with pytest.raises(BadUsage, match="leaves out"):
        find(tree, pattern, "a.txt\n.hidden")


def test_left_out_folder(tree: Path) -> None:
    """A folder that the rules leave out is not gone into."""
    assert find(tree, "data", "deep/\n.cache") == ["data/a.txt"]


@pytest.mark.parametrize("pattern", [".git", ".git/config", "data/__pycache__"])
def test_never_shipped(tree: Path, pattern: str) -> None:
    """Caches, repositories and environments are never shipped, not even by name."""
    with pytest.raises(BadUsage, match="never shipped"):
        find(tree, pattern)


@pytest.mark.parametrize("pattern", ["", "a\0b"])
def test_no_pattern(tree: Path, pattern: str) -> None:
    """An empty pattern is a mistake."""
    with pytest.raises(BadUsage, match="takes the name"):
        find(tree, pattern)


def test_too_many(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search stops once it has found more files than a run may ship."""
    monkeypatch.setattr(limits, "BUNDLE_FILES_MAX", 1)
    with pytest.raises(BadUsage, match="more than 1 files"):
        find(tree, "*.txt")


def test_deep_tree(tree: Path) -> None:
    """Folders nested by the hundred are searched."""
    folder = tree
    for _ in range(300):
        folder /= "d"
        folder.mkdir()
    (folder / "end.txt").write_text("")
    assert find(tree, "d/**/end.txt") == ["d/" * 300 + "end.txt"]
