"""What a run ships."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from launcher import limits
from launcher.errors import BadUsage, CannotStart
from launcher.ship.bundle import Bundle, Wanted, collect, read_blob
from launcher.ship.manifest import Manifest
from tests.launcher.ordinary_user import ordinary_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The launcher's current directory, with a program in a sub-folder and its module."""
    made = tmp_path / "here"
    write(made, {"examples/ring.py": "import helper", "examples/helper.py": "", "data.txt": "x"})
    return made


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def pack(folder: Path, program: str | None = None, *include: str, exclude: str = "") -> Bundle:
    excluded = tuple(exclude.split())
    return collect(Wanted(Path(program) if program else None, None, include, excluded, folder))


def paths(bundle: Bundle) -> list[str]:
    return [entry.path for entry in bundle.manifest.files]


def test_program_and_modules(folder: Path) -> None:
    """A program below the folder keeps its path, and its modules lie beside it."""
    bundle = pack(folder, "examples/ring.py")
    assert bundle.entry == "examples/ring.py"
    assert bundle.reasons == {
        "examples/ring.py": "the program",
        "examples/helper.py": "imported by ring.py:1",
    }
    assert paths(bundle) == ["examples/helper.py", "examples/ring.py"]


def test_entries(folder: Path) -> None:
    """Size, hash and mode are the file's own, and the sources hold the contents."""
    (folder / "examples/ring.py").chmod(0o4711)
    (folder / "data.txt").chmod(0o444)
    bundle = pack(folder, "examples/ring.py", "data.txt")
    data, _, ring = bundle.manifest.files
    assert (data.size, data.mode, data.sha256) == (1, 0o600, hashlib.sha256(b"x").digest())
    assert ring.mode == 0o700
    for entry in bundle.manifest.files:
        content = bundle.sources[entry.sha256].read_bytes()
        assert hashlib.sha256(content).digest() == entry.sha256


def test_absolute_program(folder: Path) -> None:
    """An absolute path below the folder is laid as the relative one."""
    assert pack(folder, str(folder / "examples/ring.py")).entry == "examples/ring.py"


def test_program_elsewhere(folder: Path) -> None:
    """A program from outside lies at the root, its modules around it."""
    write(folder.parent, {"far.py": "import pkg.mod", "pkg/__init__.py": "", "pkg/mod.py": ""})
    for name in ("../far.py", str(folder.parent / "far.py")):
        bundle = pack(folder, name, "data.txt")
        assert bundle.entry == "far.py"
        assert paths(bundle) == ["data.txt", "far.py", "pkg/__init__.py", "pkg/mod.py"]


def test_linked_program(folder: Path) -> None:
    """As in Python, modules are those around the file that a link leads to."""
    (folder / "link.py").symlink_to("examples/ring.py")
    bundle = pack(folder, "link.py")
    assert (bundle.entry, paths(bundle)) == (
        "examples/ring.py",
        ["examples/helper.py", "examples/ring.py"],
    )


def test_module(folder: Path) -> None:
    """`-m` ships a local module with its packages, and nothing for one that isn't local."""
    write(folder, {"pkg/__init__.py": "", "pkg/__main__.py": "import side", "side.py": ""})
    bundle = collect(Wanted(None, "pkg", (), (), folder))
    assert bundle.entry == "pkg/__main__.py"
    assert paths(bundle) == ["pkg/__init__.py", "pkg/__main__.py", "side.py"]
    assert collect(Wanted(None, "timeit", (), (), folder)) == Bundle(Manifest(()), {}, {}, None)


def test_program_that_is_no_python(folder: Path) -> None:
    """Another file than a `.py` is shipped as it is."""
    write(folder, {"a.out": "import data"})
    assert paths(pack(folder, "a.out")) == ["a.out"]


def test_include(folder: Path) -> None:
    """Included files come with their pattern as the reason, the first reason counting."""
    bundle = pack(folder, "examples/ring.py", "*.txt", "examples/*.py")
    assert bundle.reasons["data.txt"] == "matched by --include *.txt"
    assert bundle.reasons["examples/helper.py"] == "imported by ring.py:1"


def test_exclude(folder: Path) -> None:
    """Exclusions drop matches of --include, never the program or its modules."""
    write(folder, {"examples/notes.txt": "", "examples/other.py": ""})
    bundle = pack(folder, "examples/ring.py", "examples", exclude="*.py")
    assert paths(bundle) == ["examples/helper.py", "examples/notes.txt", "examples/ring.py"]
    (folder / "examples/notes.txt").unlink()
    with pytest.raises(BadUsage, match="leaves out"):
        pack(folder, None, "examples", exclude="*.py")


def test_ignore_file(folder: Path) -> None:
    """The ignore file counts, and the command line has the last word."""
    write(folder, {".distrcompignore": "# no text\n*.txt\n", "other.txt": ""})
    with pytest.raises(BadUsage, match="leaves out"):
        pack(folder, None, "*.txt")
    assert paths(pack(folder, None, "*.txt", exclude="!data.txt")) == ["data.txt"]


def test_same_content_once(folder: Path) -> None:
    """Two files of one content have one source."""
    write(folder, {"copy.txt": "x"})
    bundle = pack(folder, None, "*.txt")
    assert (len(bundle.manifest.files), len(bundle.sources)) == (2, 1)


def test_two_files_for_one_place(folder: Path) -> None:
    """Two different files for one path are a mistake; two equal ones are one."""
    write(folder.parent, {"far.py": "1"})
    write(folder, {"far.py": "1"})
    assert paths(pack(folder, "../far.py", "far.py")) == ["far.py"]
    write(folder, {"far.py": "2"})
    with pytest.raises(BadUsage, match=r"both lie at far\.py"):
        pack(folder, "../far.py", "far.py")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "examples/rign.py",
            "there is no program examples/rign.py; did you mean examples/ring.py?",
        ),
        (
            "exmaples/ring.py",
            "there is no program exmaples/ring.py; did you mean examples/ring.py?",
        ),
        ("data.txt/x.py", "there is no program data.txt/x.py (looked for {folder}/data.txt/x.py)"),
        ("examples", "examples is a folder, not a program: name the program's file in it"),
        ("pipe", "pipe is a device, pipe or socket, and only files can be shipped"),
    ],
)
def test_bad_program(folder: Path, program: str, message: str) -> None:
    """A program that isn't there, or is no file, gets one clear sentence."""
    os.mkfifo(folder / "pipe")
    with pytest.raises(BadUsage) as caught:
        pack(folder, program)
    assert str(caught.value) == message.format(folder=folder)


def test_odd_name(folder: Path) -> None:
    """A local file whose name can't be shipped is named."""
    write(folder, {"a\nb.txt": ""})
    with pytest.raises(BadUsage, match=r"'a\\nb\.txt' is refused: it holds a control character"):
        pack(folder, None, "*.txt")


def test_undecodable_name(folder: Path) -> None:
    """A local file whose name is no text is named."""
    (folder / os.fsdecode(b"\xff.txt")).touch()
    with pytest.raises(BadUsage, match="is refused"):
        pack(folder, None, "*.txt")


def test_names_that_differ_in_case(folder: Path) -> None:
    """Files that would be one on another file system are refused before anything is sent."""
    write(folder, {"README": "", "readme": ""})
    with pytest.raises(BadUsage, match="one name"):
        pack(folder, None, "*")


def test_too_many_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap on files holds for everything together."""
    monkeypatch.setattr(limits, "BUNDLE_FILES_MAX", 2)
    pack(folder, "examples/ring.py")
    with pytest.raises(BadUsage, match="3 files are more than the 2"):
        pack(folder, "examples/ring.py", "data.txt")


def test_too_many_bytes(folder: Path) -> None:
    """The cap on bytes is checked before the files are read."""
    with (folder / "big.txt").open("wb") as file:
        file.truncate(limits.BUNDLE_BYTES_MAX)  # a hole, which takes no space
    with pytest.raises(BadUsage, match="more than the 4096 MiB"):
        pack(folder, None, "*.txt")


def test_unreadable(tmp_path: Path) -> None:
    """A program, file or folder that can't be read is named."""
    with ordinary_folder(tmp_path) as folder:
        write(folder, {"ring.py": "import a", "a.py": "", "data/b.txt": "", "closed/far.py": ""})
        (folder / "a.py").chmod(0)
        with pytest.raises(BadUsage, match=r"cannot read .*a\.py: Permission denied"):
            pack(folder, "ring.py")
        (folder / "closed").chmod(0)
        with pytest.raises(BadUsage, match=r"cannot read the program closed/far\.py: Permission"):
            pack(folder, "closed/far.py")
        (folder / "data").chmod(0)
        with pytest.raises(BadUsage, match=r"--include data: cannot read .*data: Permission"):
            pack(folder, None, "data")
        for name in ("closed", "data"):
            (folder / name).chmod(0o700)


@pytest.mark.parametrize("offset", [0, 1, limits.SHIP_CHUNK_BYTES, limits.SHIP_CHUNK_BYTES + 7])
def test_read_blob(tmp_path: Path, offset: int) -> None:
    """A file comes in pieces, from an offset on; before that a piece of nothing for each."""
    source = tmp_path / "a"
    content = bytes(range(256)) * (limits.SHIP_CHUNK_BYTES // 256) + b"abcdefg"
    source.write_bytes(content)
    sha256 = hashlib.sha256(content).digest()
    pieces = list(read_blob(source, len(content), sha256, offset))
    assert 2 == len(pieces)
    assert content[offset:] == b"".join(pieces)


@pytest.mark.parametrize("content", [b"", b"abcdef", b"abcdefgh", b"abcdefX", None])
def test_file_changed(tmp_path: Path, content: bytes | None) -> None:
    """A file that changed since it was hashed is noticed, and no byte too many is given."""
    source = tmp_path / "a"
    if content is not None:
        source.write_bytes(content)
    pieces: list[bytes] = []
    with pytest.raises(CannotStart, match="changed while it was being shipped"):
        pieces.extend(read_blob(source, 7, hashlib.sha256(b"abcdefg").digest()))
    assert len(b"".join(pieces)) <= 7
