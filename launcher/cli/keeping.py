"""What `distrcomp run` keeps of a run: the files of `--report` and `--trace`."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click
from click.core import ParameterSource

import distrcomp

from ..errors import BadUsage, CannotWrite
from ..records import record
from ..run.launch import Launch
from ..run.report import render_json, render_text, report_format
from ..run.results import RunResult

# Variables may hold secrets, and reports are shown around.
_VALUES_HIDDEN = ("env",)
_LOGIN = re.compile(r"://[^/@\s]+@")


@record
class Keep:
    """What is to be kept of a run.

    Attributes:
        began: when its command began, for people.
        options: those that were given, with their values.
    """

    report: Path | None
    trace: Path | None
    began: str
    options: tuple[tuple[str, str], ...]


def keep_of(ctx: click.Context) -> Keep:
    """What the options of a command ask for.

    Raises:
        BadUsage: a file of an unknown kind, or one that can't stand where it should.
    """
    report, trace = ctx.params["report"], ctx.params["trace"]
    if report is not None:
        report_format(str(report))
        check_place("--report", report)
    if trace is not None:
        if trace.suffix.lower() != ".json":
            raise BadUsage(f"--trace writes JSON to a file ending in .json; got {str(trace)!r}")
        if report is not None and report.absolute() == trace.absolute():
            raise BadUsage(f"--report and --trace both name {trace}")
        check_place("--trace", trace)
    return Keep(report, trace, time.strftime("%Y-%m-%d %H:%M:%S %Z"), tuple(_given(ctx)))


def write_files(keep: Keep, result: RunResult, launch: Launch) -> None:
    """Writes the files of a run that is over; raises CannotWrite."""
    try:
        if keep.report is not None:
            write_file("--report", keep.report, [_report(keep, result, launch)])
    finally:
        if keep.trace is not None and launch.recorded is not None:
            from ..run.trace import render_trace

            write_file("--trace", keep.trace, render_trace(result, launch.recorded))


def _report(keep: Keep, result: RunResult, launch: Launch) -> str:
    kind = report_format(str(keep.report))
    if kind != "html":
        texts = [kept.text() for kept in launch.kept]
        return (render_json if kind == "json" else render_text)(result, texts)
    from importlib.resources import files

    from ..run.html import Facts, render_html

    folder = files("launcher.run")
    version = sys.version_info
    facts = Facts(
        began=keep.began,
        version=f"distrcomp {distrcomp.__version__}, Python {version.major}.{version.minor}",
        options=keep.options,
        style=folder.joinpath("page.css").read_text("utf-8"),
        script=folder.joinpath("page.js").read_text("utf-8"),
    )
    return render_html(result, [kept.parts() for kept in launch.kept], facts)


def write_file(option: str, path: Path, parts: Iterable[str]) -> None:
    """Writes what an option has asked for; raises CannotWrite."""
    try:
        with path.open("wb") as file:
            for part in parts:
                file.write(part.encode(errors="backslashreplace"))
    except OSError as error:
        raise CannotWrite(f"{option} {path} cannot be written: {error.strerror}") from error


def check_place(option: str, path: Path) -> None:
    """Raises BadUsage where a file can't be written, before anything is done."""
    if not path.parent.is_dir():
        raise BadUsage(f"{option} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise BadUsage(f"{option} {path} is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadUsage(f"{option} {path} cannot be written")


def _given(ctx: click.Context) -> Iterable[tuple[str, str]]:
    """The options that were given, with their values as far as a report may show them."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        source = ctx.get_parameter_source(name)
        if not isinstance(parameter, click.Option) or source is ParameterSource.DEFAULT:
            continue
        value = ctx.params[name]
        values = value if isinstance(value, tuple) else (value,)
        for each in values:
            text = str(each).partition("=")[0] if name in _VALUES_HIDDEN else str(each)
            text = _LOGIN.sub("://...@", text)
            long = [word for word in parameter.opts if word.startswith("--")]
            yield [*long, *parameter.opts][0], "" if each is True else text
