r"""Text, numbers and data as they may stand in a page; strings in, strings out (S-31).

Everything in a page goes through one of these. Names and sentences are made plain and escaped; what
a program printed keeps its letters but loses whatever is no letter: colours are dropped, control
characters and those that turn the direction of writing are shown as escapes. Data is JSON in which
no `<` is left, so it can neither end its element nor begin a comment.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from .plain import plain

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def told(text: str) -> str:
    r"""A name or sentence as text of a page.

    Example:
        >>> print(told("<b>\x1b[1m & \u202e"))
        &lt;b&gt;\x1b[1m &amp; \u202e
    """
    return html.escape(plain(text))


def printed(text: str) -> str:
    r"""What a program printed, without what a page should not be given.

    Example:
        >>> print(printed("\x1b[31mred\x1b[0m\x07 \u202etxt"))
        red\x07 \u202etxt
    """
    text = _COLOURS.sub("", text.replace("\r\n", "\n"))
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def data(value: Any) -> str:
    r"""A value as JSON that may stand in an element of a page.

    Example:
        >>> print(data("</script><!--"))
        "\u003c/script>\u003c!--"
    """
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
