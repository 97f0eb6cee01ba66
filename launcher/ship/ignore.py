"""The rules of a `.distrcompignore`: gitignore's pattern language, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..records import record


@record
class _Rule:
    matches: re.Pattern[str]
    keeps: bool
    folders_only: bool


class IgnoreRules:
    """Which paths below one folder are to be left out.

    The last rule that fits decides; below a folder that is left out nothing can be kept. Rules are
    those of gitignore: `*`, `?`, `[a-z]`, `**`, a leading `!` to keep, a trailing `/` for folders
    only; a `/` elsewhere ties the rule to the folder of the rules. `[[:alpha:]]` is not known.

    Args:
        lines: the rules, one each, none of them a comment.

    Example:
        >>> rules = IgnoreRules.parse("*.log\\n!keep.log\\n/build/")
        >>> rules.ignores("a/b.log"), rules.ignores("keep.log"), rules.ignores("build/x.o")
        (True, False, True)
    """

    def __init__(self, lines: Iterable[str]) -> None:
        rules = (_parse_rule(line) for line in lines)
        self._rules = [rule for rule in rules if rule is not None]
        self._rules.reverse()

    @classmethod
    def parse(cls, text: str) -> IgnoreRules:
        """The rules in the text of an ignore file; comments and blank lines are skipped."""
        lines = text.removeprefix("\ufeff").split("\n")
        return cls(line.removesuffix("\r") for line in lines if not line.startswith("#"))

    def ignores(self, path: str, is_folder: bool = False) -> bool:
        """Whether `path`, relative with `/` between its parts, is left out."""
        if not self._rules:
            return False
        ends = [at for at, character in enumerate(path) if character == "/"]
        return any(self._decides(path[:end], True) for end in ends) or self._decides(
            path, is_folder
        )

    def _decides(self, path: str, is_folder: bool) -> bool:
        for rule in self._rules:
            if (is_folder or not rule.folders_only) and rule.matches.fullmatch(path):
                return not rule.keeps
        return False


def _parse_rule(line: str) -> _Rule | None:
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    keeps = line.startswith("!")
    pattern = line[keeps:]
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    if not pattern:
        return None
    anchored = "/" in pattern
    text = _pattern_regex(pattern.removeprefix("/"))
    return _Rule(
        re.compile(text if anchored else f"(?:.*/)?{text}", re.DOTALL), keeps, folders_only
    )


def _pattern_regex(pattern: str) -> str:
    """The regular expression of one anchored pattern."""
    text = ""
    parts = pattern.split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            text += ".+" if last else "(?:.*/)?"
        else:
            text += _part_regex(part) + ("" if last else "/")
    return text


def _part_regex(part: str) -> str:
    text, at = "", 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            text += "" if text.endswith("[^/]*") else "[^/]*"
        elif character == "?":
            text += "[^/]"
        elif character == "[":
            characters, at = _characters_regex(part, at)
            text += characters
        else:
            if character == "\\" and at < len(part):
                character = part[at]
                at += 1
            text += re.escape(character)
    return text


def _characters_regex(part: str, start: int) -> tuple[str, int]:
    """The regular expression of the `[...]` that opens before `start`, and where it ends.

    A bracket that nothing closes fits nothing, as in git; here it stands for itself, so that a file
    with such a name can be named.
    """
    at = start
    negated = part[at : at + 1] in ("!", "^")
    at += negated
    end = part.find("]", at + 1)
    if end < 0:
        return re.escape("["), start
    members, content = "", part[at:end]
    at = 0
    while at < len(content):
        first, last = content[at], content[at]
        if content[at + 1 : at + 2] == "-" and at + 2 < len(content):
            last = content[at + 2]
            at += 2
        at += 1
        if first <= last:  # a range that runs backwards holds nothing
            members += f"{re.escape(first)}-{re.escape(last)}"
    if negated:
        return f"[^/{members}]", end + 1
    return f"(?!/)[{members}]" if members else "(?!)", end + 1
