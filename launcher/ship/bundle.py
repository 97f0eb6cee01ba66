"""From what the user named to what the run ships: every file, its place, its hash and its reason.

Files below the launcher's folder keep their path relative to it, so the sandbox stands for that
folder. A program from elsewhere lies at the sandbox's root with its local modules around it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .. import limits
from ..errors import BadManifest, BadUsage, CannotStart
from ..records import record
from .ignore import IgnoreRules
from .imports import local_imports, module_file
from .include import included_files
from .manifest import FileEntry, Manifest, check_manifest, check_path

IGNORE_FILE = ".distrcompignore"


@record
class Wanted:
    """What the user asked to run and to ship.

    Attributes:
        program: the program's file, relative to `folder` or absolute; None for a command.
        module: the module of `-m`, which need not be a local one.
        arguments: of that module, or of a command that is Python; Python files among them are
            programs that it may run.
        include: patterns of support files, relative to `folder`.
        exclude: rules, in gitignore's language, of what to leave out of their matches.
        folder: the launcher's current directory, the root of the tree.
    """

    program: Path | None
    module: str | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    folder: Path
    arguments: tuple[str, ...] = ()


@record
class Bundle:
    """What a run ships.

    Attributes:
        manifest: the files as the agents are told of them.
        sources: for each sha256 a local file with that content.
        reasons: for each path in the sandbox, why it is shipped.
        entry: the program's path in the sandbox; None when it isn't shipped.
    """

    manifest: Manifest
    sources: dict[bytes, Path]
    reasons: dict[str, str]
    entry: str | None

    @property
    def sizes(self) -> dict[bytes, int]:
        """The bytes of each content, by its hash."""
        return {entry.sha256: entry.size for entry in self.manifest.files}


@dataclass
class _Layout:
    """Which local file goes to which path of the sandbox."""

    files: dict[str, Path] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, path: str, source: Path, reason: str) -> None:
        try:
            check_path(path)
        except BadManifest as error:
            raise BadUsage(f"{error}: rename it, or leave it out") from error
        there = self.files.setdefault(path, source)
        self.reasons.setdefault(path, reason)
        if there != source and not _same_content(there, source):
            raise BadUsage(
                f"{there} and {source} would both lie at {path}: rename one, or leave it out"
            )


def collect(wanted: Wanted) -> Bundle:
    """Everything that a run ships.

    Raises:
        BadUsage: the program is missing or no file, a pattern of `include` matches nothing or
            leaves the tree, a file can't be read, two files claim one place, or it is too much.

    Example:
        >>> bundle = collect(Wanted(None, None, (), (), Path.cwd()))
        >>> bundle.manifest.files
        ()
    """
    folder = wanted.folder.resolve()
    layout = _Layout()
    entry = _add_program(wanted, folder, layout)
    for argument in wanted.arguments:
        _add_argument(argument, folder, layout)
    ignored = _ignore_rules(wanted.exclude, folder)
    for pattern in wanted.include:
        for path in included_files(pattern, folder, ignored):
            layout.add(path, folder / path, f"matched by --include {pattern}")
    _check_sizes(layout)
    entries: list[FileEntry] = []
    sources: dict[bytes, Path] = {}
    for path, source in sorted(layout.files.items()):
        file_entry = _hashed(path, source)
        entries.append(file_entry)
        sources.setdefault(file_entry.sha256, source)
    manifest = Manifest(tuple(entries))
    try:
        check_manifest(manifest)
    except BadManifest as error:
        raise BadUsage(f"these files cannot be shipped together: {error}") from error
    return Bundle(manifest, sources, layout.reasons, entry)


def read_blob(source: Path, entry_size: int, sha256: bytes, offset: int = 0) -> Iterator[bytes]:
    """The content of a collected file, piece by piece; never more than was announced.

    Args:
        source: the local file.
        entry_size: the size in the manifest.
        sha256: the hash in the manifest.
        offset: where to begin; for each piece before that an empty one comes, for all is hashed.

    Raises:
        CannotStart: at the end, when the file is no longer what was hashed.
    """
    digest, rest = hashlib.sha256(), entry_size
    changed = CannotStart(f"{source} changed while it was being shipped: run again")
    try:
        with source.open("rb", buffering=0) as file:
            while rest and (data := file.read(min(limits.SHIP_CHUNK_BYTES, rest))):
                digest.update(data)
                begins = entry_size - rest
                rest -= len(data)
                yield data[max(0, offset - begins) :]
            grown = bool(file.read(1))
    except OSError as error:
        raise changed from error
    if rest or grown or digest.digest() != sha256:
        raise changed


def _add_program(wanted: Wanted, folder: Path, layout: _Layout) -> str | None:
    """Adds the program and the local modules it imports; its path in the sandbox."""
    if wanted.program is not None:
        # Python, too, searches modules around the file that a link leads to.
        program = _existing_program(wanted.program, folder).resolve()
        search = program.parent
    elif wanted.module is not None:
        module = module_file(wanted.module, folder)
        if module is None:
            return None
        program, search = module, folder
    else:
        return None
    root = folder if program.is_relative_to(folder) else search
    entry = program.relative_to(root).as_posix()
    layout.add(entry, program, "the program")
    if program.suffix == ".py":
        for file, reason in local_imports(program, search).items():
            layout.add(file.relative_to(root).as_posix(), file, reason)
    return entry


def _add_argument(argument: str, folder: Path, layout: _Layout) -> None:
    """Adds a Python file below the folder that an argument names, and its local modules."""
    if not argument.endswith(".py") or Path(argument).is_absolute():
        return
    file = folder / os.path.normpath(argument)
    program = file.resolve()
    if program.is_file() and program.is_relative_to(folder) and file.is_relative_to(folder):
        layout.add(file.relative_to(folder).as_posix(), program, "an argument")
        for each, reason in local_imports(program, program.parent).items():
            layout.add(each.relative_to(folder).as_posix(), each, reason)


def _existing_program(program: Path, folder: Path) -> Path:
    file = folder / program
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        close = _similar(program, folder)
        hint = f"; did you mean {close}?" if close else f" (looked for {file})"
        raise BadUsage(f"there is no program {program}{hint}") from error
    except OSError as error:
        raise BadUsage(f"cannot read the program {program}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise BadUsage(f"{program} is a folder, not a program: name the program's file in it")
    if not stat.S_ISREG(mode):
        raise BadUsage(f"{program} is a device, pipe or socket, and only files can be shipped")
    return file


def _similar(program: Path, folder: Path) -> str | None:
    """The path of an existing file that the user may have meant."""
    parent = folder / program.parent
    here = parent.is_dir()
    try:
        found = parent.iterdir() if here else folder.glob("*/*")
        names = [
            file.name if here else file.relative_to(folder).as_posix()
            for file in itertools.islice(found, limits.SUGGESTION_FILES_MAX)
            if file.is_file()
        ]
    except OSError:
        return None
    import difflib

    close = difflib.get_close_matches(program.name if here else str(program), names, n=1)
    if not close:
        return None
    return str(program.parent / close[0]) if here else close[0]


def _ignore_rules(exclude: tuple[str, ...], folder: Path) -> IgnoreRules:
    """The rules of the ignore file, then those of the command line, which decide."""
    file = folder / IGNORE_FILE
    try:
        text = os.fsdecode(file.read_bytes())
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise BadUsage(f"cannot read {file}: {error.strerror}") from error
    return IgnoreRules.parse("\n".join([text, *exclude]))


def _check_sizes(layout: _Layout) -> None:
    """Refuses too much before the work of hashing it."""
    if len(layout.files) > limits.BUNDLE_FILES_MAX:
        raise BadUsage(
            f"{len(layout.files)} files are more than the {limits.BUNDLE_FILES_MAX} that a run "
            "may ship: leave some out with --exclude"
        )
    total_bytes = 0
    for source in layout.files.values():
        try:
            total_bytes += source.stat().st_size
        except OSError as error:
            raise _unreadable(source, error) from error
    if total_bytes > limits.BUNDLE_BYTES_MAX:
        raise BadUsage(
            f"the files take {total_bytes / limits.MIB:.0f} MiB, more than the "
            f"{limits.BUNDLE_BYTES_MAX / limits.MIB:.0f} MiB that a run may ship: "
            "leave some out with --exclude"
        )


def _hashed(path: str, source: Path) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    try:
        with source.open("rb", buffering=0) as file:
            mode = os.fstat(file.fileno()).st_mode
            while data := file.read(limits.SHIP_CHUNK_BYTES):
                digest.update(data)
                size += len(data)
                if size > limits.BUNDLE_BYTES_MAX:
                    raise BadUsage(f"{source} grows while it is read: leave it out")
    except OSError as error:
        raise _unreadable(source, error) from error
    return FileEntry(path, 0o700 if mode & 0o111 else 0o600, size, digest.digest())


def _same_content(one: Path, other: Path) -> bool:
    try:
        import filecmp

        return filecmp.cmp(one, other, shallow=False)
    except OSError as error:
        raise BadUsage(f"cannot read {one} or {other}: {error.strerror}") from error


def _unreadable(source: Path, error: OSError) -> BadUsage:
    return BadUsage(f"cannot read {source}: {error.strerror}")
