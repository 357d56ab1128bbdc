"""What is printed can be read on a dark and on a light background: only colours that every theme adapts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rich.errors import StyleSyntaxError
from rich.style import Style

import cryptoctl.ui

SOURCES = sorted(Path(cryptoctl.ui.__file__).parent.rglob("*.py"))
# The four that stand for good, doubtful, bad and a line of a chart. White and black vanish on one background
# or the other, the bright ones on a light one, blue on a dark one.
ADAPTED = {"green", "yellow", "red", "cyan", "default"}


def styles() -> Iterator[tuple[str, Style]]:
    """Every text of the package `ui` that Rich reads as a style with a colour."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
                try:
                    style = Style.parse(node.value)
                except StyleSyntaxError:
                    continue
                if style.color or style.bgcolor:
                    yield f"{file.name}:{node.lineno}", style


def test_there_are_styles_to_look_at() -> None:
    assert len(list(styles())) > 20


def test_every_colour_is_one_that_themes_adapt_and_no_background_is_set() -> None:
    wrong = [
        (place, str(style))
        for place, style in styles()
        if style.bgcolor or (style.color and style.color.name not in ADAPTED)
    ]
    assert wrong == []
