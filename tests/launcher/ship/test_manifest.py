"""What a manifest may hold."""

from __future__ import annotations

import hashlib
import stat
import string
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.schema import Schema
from launcher import limits
from launcher.errors import BadManifest
from launcher.ship.manifest import FileEntry, Manifest, check_manifest, check_path


def entry(path: str, mode: int = 0o600, size: int = 0) -> FileEntry:
    return FileEntry(path, mode, size, hashlib.sha256(f"{size}".encode()).digest())


def check(*entries: FileEntry, files_max: int = 100, bytes_max: int = 1000) -> None:
    check_manifest(Manifest(entries), files_max, bytes_max)


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../b",
        "a/..",
        "/abs",
        "C:\\x",
        "C:x",
        "c:/x",
        "a\\..\\b",
        "a\\b",
        "a\0b",
        "",
        ".",
        "./a",
        "a/./b",
        "a//b",
        "a/",
        "a\nb",
        "a\x1b[2J",
        "a\x9bb",
        "a\u2028b",
        "a\udc80b",
        "a" * 256,
        "é" * 128,
        "/".join(["a" * 255] * 16) + "/a",
        "a/" * 2047 + "aa",
    ],
)
def test_forbidden_names(path: str) -> None:
    """S-20: a name that climbs, is absolute, hides or is too long refuses the whole manifest."""
    with pytest.raises(BadManifest):
        check(entry("good"), entry(path))


@pytest.mark.parametrize(
    "path",
    ["a", "a/b.py", "..a/b..", "-rf", "$(id);", "a b", "naïve/日本", "ab:c", "a" * 255, "é" * 127],
)
def test_allowed_names(path: str) -> None:
    """Names that are odd but plain are taken."""
    check(entry(path))


def test_longest_path() -> None:
    """S-20: a path of 4095 bytes is taken, one of 4096 refused."""
    path = "/".join(["a" * 255] * 15 + ["b" * 127] * 2)
    assert len(path) == 4095
    check_path(path)
    with pytest.raises(BadManifest, match="4095"):
        check_path(f"{path}b")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a"),
        ("README", "readme"),
        ("caf\u00e9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a/B", "A/b"),
        ("\u0345\u0301", "\u0301\u0345"),
    ],
)
def test_equal_names(first: str, second: str) -> None:
    """S-20: two names that some file system holds to be one are refused."""
    with pytest.raises(BadManifest, match="one name"):
        check(entry(first), entry("between"), entry(second))


@pytest.mark.parametrize(("file", "inner"), [("a", "a/b"), ("A", "a/b/c"), ("x/y", "X/Y/z")])
def test_file_as_folder(file: str, inner: str) -> None:
    """A file can't be a folder of another one, whatever sorts between them."""
    with pytest.raises(BadManifest, match="also a folder"):
        check(entry(inner), entry("a!"), entry("a b"), entry("a.txt"), entry(file))


@pytest.mark.parametrize("mode", [0, 0o644, 0o755, 0o4700, 0o2700, 0o1600, 0o100600, -1])
def test_modes(mode: int) -> None:
    """S-22: only 0600 and 0700 exist; there is no setuid, setgid or sticky."""
    check(entry("a", mode=0o600), entry("b", mode=0o700))
    with pytest.raises(BadManifest, match="mode"):
        check(entry("a", mode=mode))


@pytest.mark.parametrize(
    "kind",
    [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR],
)
def test_kinds(kind: int) -> None:
    """S-21: there are regular files and nothing else: no mode of another kind is taken."""
    with pytest.raises(BadManifest, match="mode"):
        check(entry("a", mode=kind | 0o600))


def test_no_owner_and_no_time() -> None:
    """S-22: neither an owner nor a time can be said of a file."""
    assert ["path", "mode", "size", "sha256"] == [field.name for field in fields(FileEntry)]


@pytest.mark.parametrize("size", [-1, 1001, 2**63])
def test_sizes(size: int) -> None:
    """A size is from 0 to the cap."""
    check(entry("a", size=1000))
    with pytest.raises(BadManifest, match="0 to 1000"):
        check(entry("a", size=size))


def test_hash_length() -> None:
    """A hash has 32 bytes."""
    with pytest.raises(BadManifest, match="hash of 31 bytes"):
        check(FileEntry("a", 0o600, 0, bytes(31)))


def test_one_hash_one_size() -> None:
    """Files with one hash have one size."""
    with pytest.raises(BadManifest, match="size"):
        check(FileEntry("a", 0o600, 1, bytes(32)), FileEntry("b", 0o600, 2, bytes(32)))


def test_caps() -> None:
    """S-18: files and bytes are counted together."""
    check(entry("a", size=500), entry("b", size=500), files_max=2)
    with pytest.raises(BadManifest, match="3 files"):
        check(entry("a"), entry("b"), entry("c"), files_max=2)
    with pytest.raises(BadManifest, match="1001 bytes"):
        check(entry("a", size=500), entry("b", size=501))


def test_name_bytes_cap() -> None:
    """All names together are bounded, so that a manifest fits a control message."""
    paths = [f"{number:04}/" + "/".join(["a" * 255] * 15) for number in range(2200)]
    with pytest.raises(BadManifest, match="names take"):
        check(*map(entry, paths), files_max=10_000)


def test_thousands_of_deep_names() -> None:
    """A thousand files a thousand folders down are no fault; a file in the place of one is."""
    paths = ["a/" * 1000 + f"{number}" for number in range(1000)]
    check(*map(entry, paths), files_max=10_000)
    with pytest.raises(BadManifest, match="is a file and also a folder"):
        check(*map(entry, [*paths, "A/" * 900 + "A"]), files_max=10_000)


def test_message_is_escaped() -> None:
    """S-37: a refused name is shown escaped and cut."""
    with pytest.raises(BadManifest) as caught:
        check(entry("\x1b]52;" + "x" * 3000))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_travels_by_schema() -> None:
    """A manifest is a record of the control protocol."""
    schema = Schema(Manifest)
    manifest = Manifest((entry("a/b", size=3), entry("c", mode=0o700)))
    assert schema.unpack(schema.pack(manifest)) == manifest


def test_largest_manifest_fits_a_frame() -> None:
    """The caps on files and names keep a manifest below the cap on control messages."""
    per_file = len(Schema(FileEntry).pack(FileEntry("", 0o700, limits.BUNDLE_BYTES_MAX, bytes(32))))
    largest = limits.BUNDLE_FILES_MAX * (per_file + 3) + limits.BUNDLE_PATH_BYTES_MAX
    assert largest < limits.FRAME_BYTES_MAX


anything = st.builds(
    FileEntry,
    st.text(st.sampled_from("aA/.\\:\0\n\u00e9e\u0301\udc80")) | st.text(),
    st.sampled_from([0o600, 0o700]) | st.integers(-1, 2**64 - 1),
    st.integers(-(2**63), 2**64 - 1) | st.integers(0, 9),
    st.sampled_from([bytes(32), b"\1" * 32]) | st.binary(max_size=40),
)


@given(st.lists(anything).map(tuple), st.integers(0, 10), st.integers(0, 100))
def test_only_bad_manifest(files: tuple[FileEntry, ...], files_max: int, bytes_max: int) -> None:
    """From any records exactly BadManifest comes, and what passes keeps within all bounds."""
    try:
        check_manifest(Manifest(files), files_max, bytes_max)
    except BadManifest:
        return
    assert len(files) <= files_max
    assert sum(file.size for file in files) <= bytes_max
    for file in files:
        assert file.mode in (0o600, 0o700)
        assert not {"", ".", ".."} & set(file.path.split("/"))


plain_paths = st.lists(
    st.text(string.ascii_letters[:3] + "AB", min_size=1, max_size=2), min_size=1, max_size=3
).map("/".join)


@given(st.lists(plain_paths, max_size=6))
def test_names_against_a_model(paths: list[str]) -> None:
    """Names are refused together exactly when, case aside, one is another or a folder of it."""
    folded = [path.casefold() for path in paths]
    clash = any(
        one == other or other.startswith(f"{one}/")
        for at, one in enumerate(folded)
        for other_at, other in enumerate(folded)
        if at != other_at
    )
    if clash:
        with pytest.raises(BadManifest):
            check(*map(entry, paths))
    else:
        check(*map(entry, paths))
