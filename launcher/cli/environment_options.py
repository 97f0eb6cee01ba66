"""Options of `distrcomp run` that say which packages the program finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ..environment.metadata import Metadata, read_metadata
from ..environment.need import OURS, Need
from ..errors import BadUsage
from ..ship.bundle import Wanted
from ..ship.imports import module_file

_Function = TypeVar("_Function", bound=Callable[..., Any])


def environment_options(function: _Function) -> _Function:
    """Adds `--with PKG`, `--requirements FILE` and `--allow-skew`."""
    packages = click.option(
        "--with",
        multiple=True,
        metavar="PKG",
        help="Run in an environment with this package, the same version on every machine.",
    )
    requirements = click.option(
        "--requirements",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="... with the packages of this file, as pip understands it.",
    )
    skew = click.option(
        "--allow-skew", is_flag=True, help="Let machines have different versions of Python."
    )
    return packages(requirements(skew(function)))


def module_program(module: str, arguments: Sequence[str], folder: Path) -> Path | None:
    """The file of a module of ours, or the program that another one's first file is."""
    found = module_file(module, folder)
    if found is None:
        files = (folder / argument for argument in arguments if argument.endswith(".py"))
        found = next((file for file in files if file.is_file()), None)
    return found


def metadata_of(wanted: Wanted) -> tuple[Path | None, Metadata]:
    """The program's file, if it is one of ours, and what its inline metadata says."""
    program = None if wanted.program is None else wanted.folder / wanted.program
    if wanted.module is not None:
        program = module_program(wanted.module, wanted.arguments, wanted.folder)
    if program is None or program.suffix != ".py":
        return None, Metadata()
    try:
        source = program.read_text("utf-8", "replace")
    except OSError:  # said better by whoever ships it
        return None, Metadata()
    return program, read_metadata(source, program.name)


def need_of(programs: Sequence[Wanted], options: dict[str, Any]) -> Need | None:
    """The environment that options and programs ask for together; None where they ask for none.

    Raises:
        BadUsage: what they name can't be a requirement, or is not there.
    """
    folder, found = programs[0].folder, [metadata_of(wanted) for wanted in programs]
    packages = tuple(package.strip() for package in options["with"])
    for package in packages:
        if not package or package.startswith("-") or not package.isprintable():
            raise BadUsage(f"--with takes a package, like 'rich>=13'; got {package!r}")
    for file in options["requirements"]:
        if not (folder / file).is_file():
            raise BadUsage(f"--requirements {file}: there is no such file")
    need = Need(
        programs=tuple(file for file, said in found if file is not None and _needs_others(said)),
        requirements=tuple((folder / file).absolute() for file in options["requirements"]),
        packages=packages,
        requires_python=",".join(said.requires_python for _, said in found if said.requires_python),
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
