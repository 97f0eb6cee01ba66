"""Text from elsewhere made harmless for a terminal (S-37), and what is long made short."""

from __future__ import annotations

from collections.abc import Sequence

from .. import limits


def plain(text: str) -> str:
    r"""`text` with every unprintable character escaped, line breaks too.

    Escapes ESC, carriage return, C1, bidirectional and zero-width characters and lone surrogates.
    Applied twice it changes nothing more.

    Example:
        >>> print(plain("h1\x1b[2J\r"))
        h1\x1b[2J\r
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def plain_lines(text: str) -> str:
    """`text` made plain line by line: line feeds stay, tabs become spaces."""
    return "\n".join(plain(line.expandtabs()) for line in text.split("\n"))


def counted(count: int, noun: str) -> str:
    """A number and its noun.

    Example:
        >>> counted(1, "node"), counted(1200, "node")
        ('1 node', '1,200 nodes')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(names: Sequence[str], shown_max: int = limits.NAMES_SHOWN_MAX) -> str:
    """The names, plain and parted by commas, the surplus counted.

    Example:
        >>> listed(["a", "b", "c"], shown_max=2)
        'a, b and 1 more'
    """
    shown = ", ".join(plain(name) for name in names[:shown_max])
    surplus = len(names) - shown_max
    return f"{shown} and {surplus:,} more" if surplus > 0 else shown


def cut(text: str, characters_max: int) -> str:
    """`text`, without its middle if it is longer than that.

    Example:
        >>> cut("abcdefghij", 7)
        'ab...ij'
    """
    if len(text) <= characters_max:
        return text
    half = (characters_max - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def node_list(nodes: Sequence[int]) -> str:
    """Node ids in words, for rising ids.

    Example:
        >>> node_list([2]), node_list([0, 1, 3]), node_list([0, 1, 2, 3, 7])
        ('node 2', 'nodes 0, 1 and 3', 'nodes 0 to 3 and 7')
    """
    groups: list[list[int]] = []
    for node in nodes:
        if groups and groups[-1][-1] == node - 1:
            groups[-1].append(node)
        else:
            groups.append([node])
    words: list[str] = []
    for group in groups:
        words.extend([f"{group[0]} to {group[-1]}"] if len(group) > 2 else map(str, group))
    noun = "node" if len(nodes) == 1 else "nodes"
    return f"{noun} {', '.join(words[:-1])}{' and ' if len(words) > 1 else ''}{words[-1]}"
