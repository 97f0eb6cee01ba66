"""What a program's `[tool.distrcomp]` says: defaults for options of `distrcomp run`.

A program may say how it likes to be run, and no more: nothing that writes files on the launcher's
machine, hands its variables out, or gives up protection is among what it may set. What is typed,
or set in the environment, comes first.
"""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from ..errors import BadUsage
from .program_needs import ProgramFile

# By the names of click's parameters; an option that is not there (yet) is no key.
_KEYS = frozenset(
    (
        *("n", "peers", "host", "map_by", "oversubscribe", "include", "exclude", "collect", "env"),
        *("wdir", "timeout", "recv_timeout", "output", "stdin", "on_failure", "on_deadlock"),
        *("strict", "strict_sends", "mpi4py", "allow_skew", "cold", "with", "requirements"),
    )
)
_OTHER_NAMES = {"nodes": "n", "files": "include", "np": "n"}
_WHERE = ("peers", "host")


def with_defaults(
    ctx: click.Context, program: ProgramFile, options: dict[str, Any]
) -> dict[str, Any]:
    """The options, completed by what the program says.

    Raises:
        BadUsage: it says what no option is called, or what an option doesn't take.
    """
    by_name = {param.name: param for param in ctx.command.params}
    completed = dict(options)
    for key, value in program.metadata.defaults.items():
        name = _OTHER_NAMES.get(key, key.replace("-", "_"))
        param = by_name.get(name)
        if name not in _KEYS or not isinstance(param, click.Option):
            raise BadUsage(_unknown(program.name, key, set(by_name)))
        if name == "peers" and isinstance(value, list):
            name, param, value = "host", by_name["host"], _joined(program.name, key, value)
        if not _is_typed(ctx, name, options):
            completed[name] = _converted(ctx, param, value, f"{program.name}: tool.distrcomp.{key}")
    return completed


def _is_typed(ctx: click.Context, name: str, options: dict[str, Any]) -> bool:
    """Whether the user has said it; -H stands in place of a peers file, and the other way round."""
    if name in _WHERE:
        return any(options[each] is not None for each in _WHERE)
    return ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)


def _converted(ctx: click.Context, param: Any, value: Any, where: str) -> Any:
    """The value as click would have made it from what is typed."""
    if param.is_flag:
        kinds: tuple[type, ...] = (bool,)
        wanted = "true or false"
    elif param.multiple:
        kinds, wanted = (list,), "a list of texts"
    elif isinstance(param.type, click.FloatRange | click.IntRange):
        kinds, wanted = (int, float), "a number"
    elif param.name == "n":
        kinds, wanted = (int, str), 'a number, or "auto"'
    else:
        kinds, wanted = (str,), "a text"
    is_right = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if is_right and isinstance(value, list):
        is_right = all(isinstance(each, str) for each in value)
    if not is_right:
        raise BadUsage(f"{where} takes {wanted}; got {value!r}")
    if param.name == "env" and not all("=" in each for each in value):
        raise BadUsage(f"{where} takes VAR=VALUE; what is set here is forwarded by -x VAR alone")
    try:
        return param.type_cast_value(ctx, str(value) if param.name == "n" else value)
    except click.BadParameter as error:
        raise BadUsage(f"{where}: {error.message}") from error


def _joined(program: str, key: str, value: list[Any]) -> str:
    if not value or not all(isinstance(each, str) for each in value):
        raise BadUsage(
            f"{program}: tool.distrcomp.{key} takes the path of a peers file, or a list of hosts "
            f"as in -H; got {value!r}"
        )
    return ",".join(value)


def _unknown(program: str, key: str, names: set[str]) -> str:
    known = sorted({name.replace("_", "-") for name in _KEYS & names} | {"nodes", "files"})
    import difflib

    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"{program}: tool.distrcomp.{key} is not an option that a program may set; {hint}"
