"""The language of `.distrcompignore`; every row was compared with `git check-ignore`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.ship.ignore import IgnoreRules


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("*.log", "a.log", True),
        ("*.log", "x/y/a.log", True),
        ("*.log", "a.log.txt", False),
        ("# *.log", "a.log", False),
        ("\\#a", "#a", True),
        ("\\!a", "!a", True),
        ("*.log\n!keep.log", "keep.log", False),
        ("!keep.log\n*.log", "keep.log", True),
        ("build/", "build/x.o", True),
        ("build/", "a/build/x.o", True),
        ("build/", "build", False),
        ("build/\n!build/x.o", "build/x.o", True),
        ("build/*\n!build/x.o", "build/x.o", False),
        ("/a", "a", True),
        ("/a", "x/a", False),
        ("a/b", "a/b", True),
        ("a/b", "x/a/b", False),
        ("**/a/b", "x/y/a/b", True),
        ("**/a/b", "a/b", True),
        ("a/**", "a/x/y", True),
        ("a/**", "a", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("a**b", "a/b", False),
        ("a**b", "axxb", True),
        ("?", "a", True),
        ("?", "ab", False),
        ("[ab]c", "bc", True),
        ("[!ab]c", "bc", False),
        ("[^ab]c", "xc", True),
        ("[!x]", "a/b", True),
        ("[c-a]", "b", False),
        ("[c-ax]", "x", True),
        ("[!c-a]", "b", True),
        ("[a-]", "-", True),
        ("[--0]", ".", True),
        ("[^^]", "a", True),
        ("[^^]", "^", False),
        ("[&&]", "&", True),
        ("d\\[1\\]", "d[1]", True),
        ("d[[]1]", "d[1]", True),
        ("[]-a]", "]", True),
        ("a ", "a", True),
        ("a\\ ", "a ", True),
        ("a\r\nb\r\n", "a", True),
        ("\ufeffa", "a", True),
        ("", "a", False),
        ("\n\n/\n", "a", False),
        ("*\n!.keep", ".keep", False),
        ("a.c", "abc", False),
        ("a+", "aa", False),
        ("*", "a\nb", True),
    ],
)
def test_files(text: str, path: str, expected: bool) -> None:
    """A file is left out as git would ignore it."""
    assert IgnoreRules.parse(text).ignores(path) == expected


def test_folders() -> None:
    """A rule that ends in a slash is for folders."""
    rules = IgnoreRules.parse("build/")
    assert rules.ignores("build", is_folder=True)
    assert not rules.ignores("build")


@given(st.text(st.sampled_from("ab*?[]!/\\-^ #\n&|~")), st.text(st.sampled_from("ab/[]")))
def test_any_text_is_rules(text: str, path: str) -> None:
    """No text breaks the parser or the matching."""
    assert IgnoreRules.parse(text).ignores(path) in (True, False)
