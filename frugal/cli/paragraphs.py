"""Paragraphs: sentences below a table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from frugal.cli.parts import Line
from frugal.cli.screen import Screen

__all__ = ["broken", "paragraph"]


def paragraph(text: str, screen: Screen, first: str = "  ") -> Iterator[Line]:
    """Yield the lines of a text: they fit a terminal, and in a pipe it is one.

    Args:
        text: what is said.
        screen: where.
        first: what stands before its first line; the others are indented as far.
    """
    width = screen.console.width if screen.is_terminal else None
    for number, line in enumerate(broken(text, width, len(first))):
        yield Line((" " * len(first) if number else first) + line)


def broken(text: str, width: int | None, indent: int = 2) -> list[str]:
    """Return a text in lines that fit beside an indent; in one where there is no width."""
    return [text] if width is None else textwrap.wrap(text, max(width - indent, 20)) or [""]
