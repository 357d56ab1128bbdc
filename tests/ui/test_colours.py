"""What is printed can be read on a dark and on a light background, whatever the theme."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from rich.errors import StyleSyntaxError
from rich.style import Style

import cryptoctl
from cryptoctl.ui import styles

SOURCES = sorted(Path(cryptoctl.__file__).parent.rglob("*.py"))
# Background, text, and the colours that we use, as terminals have them unless somebody changes that.
PALETTES = {
    "xterm, light": ("ffffff", "000000", "000000", "cd0000", "00cd00", "cdcd00", "cd00cd", "00cdcd"),
    "xterm, dark": ("000000", "e5e5e5", "000000", "cd0000", "00cd00", "cdcd00", "cd00cd", "00cdcd"),
    "VS Code, light": ("ffffff", "333333", "000000", "cd3131", "107c10", "949800", "bc05bc", "0598bc"),
    "macOS, Basic": ("ffffff", "000000", "000000", "990000", "00a600", "999900", "b200b2", "00a6b2"),
    "GNOME, light": ("ffffff", "171421", "171421", "c01c28", "26a269", "a2734c", "a347ba", "2aa1b3"),
    "Solarized, light": ("fdf6e3", "657b83", "073642", "dc322f", "859900", "b58900", "d33682", "2aa198"),
    "Windows, Campbell": ("0c0c0c", "cccccc", "0c0c0c", "c50f1f", "13a10e", "c19c00", "881798", "3a96dd"),
}
NAMES = ("background", "default", "black", "red", "green", "yellow", "magenta", "cyan")
# What is read, what is seen without being read (marks, bars), and a line that is dotted besides.
TO_READ, TO_SEE, DRAWN = 3.0, 1.9, 2.3
LEAST = {
    styles.BAD: TO_READ,
    styles.VERY_BAD: TO_READ,
    styles.DOUBTFUL: 3.5,
    styles.NOTE: TO_READ,
    styles.GOOD: TO_SEE,
    styles.BARS: TO_SEE,
    styles.AVERAGE: DRAWN,
}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(style: Style, palette: Mapping[str, str]) -> float:
    """Contrast ratio (WCAG 2.2), 1 to 21."""
    text = palette[style.color.name if style.color else "default"]
    below = palette[style.bgcolor.name if style.bgcolor else "background"]
    darker, lighter = sorted((luminance(text), luminance(below)))
    return (lighter + 0.05) / (darker + 0.05)


def coloured() -> Iterator[tuple[str, str]]:
    """Every text of the source that Rich reads as a style with a colour, with its file."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
                try:
                    style = Style.parse(node.value)
                except StyleSyntaxError:
                    continue
                if style.bgcolor or (style.color and not style.color.is_default):
                    yield file.name, node.value


def test_colours_are_named_in_one_place() -> None:
    assert {file for file, _ in coloured()} == {"styles.py"}


@pytest.mark.parametrize("name", PALETTES)
def test_every_style_can_be_read_on_every_background(name: str) -> None:
    palette = dict(zip(NAMES, PALETTES[name], strict=True))
    ratios = {style: contrast(Style.parse(style), palette) for style in LEAST}
    assert {style: ratio for style, ratio in ratios.items() if ratio < LEAST[style]} == {}


def test_every_style_is_looked_at() -> None:
    named = {value for name, value in vars(styles).items() if name.isupper()}
    assert named == set(LEAST)
