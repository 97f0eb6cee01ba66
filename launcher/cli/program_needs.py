"""What programs say of themselves, and what environment they and the options ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..environment.metadata import Metadata, read_metadata
from ..environment.need import OURS, Need
from ..errors import BadUsage
from ..records import record
from ..ship.folders import current_folder
from ..ship.imports import module_file


@record
class ProgramFile:
    """The file of ours that is run, and what its inline metadata says.

    Attributes:
        path: None where no such file is run, or it can't be read.
        metadata: empty then.
    """

    path: Path | None
    metadata: Metadata

    @property
    def name(self) -> str:
        """For a sentence about what it says."""
        return "" if self.path is None else self.path.name


def read_program(words: Sequence[str], options: dict[str, Any]) -> ProgramFile:
    """What these words of a command line run; raises BadUsage for metadata that is none."""
    path = _path_of(words, options)
    if path is None or path.suffix != ".py":  # a module may be compiled
        return ProgramFile(None, Metadata())
    try:
        source = path.read_text("utf-8", "replace")
    except OSError:  # said better by whoever ships it
        return ProgramFile(None, Metadata())
    return ProgramFile(path, read_metadata(source, path.name))


def _path_of(words: Sequence[str], options: dict[str, Any]) -> Path | None:
    """The program or the module; of a foreign module the program that its first file is."""
    folder = current_folder()
    if options["module"] is not None:
        files = (folder / word for word in words if word.endswith(".py"))
        own = module_file(options["module"], folder)
        return own or next((file for file in files if file.is_file()), None)
    if options["code"] is None and words and words[0].endswith(".py"):
        return folder / words[0]
    return None


def need_of(programs: Sequence[ProgramFile], options: dict[str, Any]) -> Need | None:
    """The environment that options and programs ask for together; None where they ask for none.

    Raises:
        BadUsage: what they name can't be a requirement, or is not there.
    """
    folder = current_folder()
    packages = tuple(package.strip() for package in options["with"])
    for package in packages:
        if not package or package.startswith("-") or not package.isprintable():
            raise BadUsage(f"--with takes a package, like 'rich>=13'; got {package!r}")
    for file in options["requirements"]:
        if not (folder / file).is_file():
            raise BadUsage(f"--requirements {file}: there is no such file")
    wishes = [each.metadata.requires_python for each in programs]
    need = Need(
        programs=tuple(
            each.path for each in programs if each.path is not None and _needs_others(each.metadata)
        ),
        requirements=tuple((folder / file).absolute() for file in options["requirements"]),
        packages=packages,
        requires_python=",".join(filter(None, wishes)),
        folder=folder,
    )
    if need.is_empty and not need.requires_python:
        return None
    if options["engine"] == "mpi":
        raise BadUsage(
            "--engine mpi runs in the environment that is there: install the packages in it"
        )
    return need


def _needs_others(said: Metadata) -> bool:
    return any(one.strip().lower() != OURS for one in said.dependencies)
