"""How what is printed stands out, on a light background as on a dark one.

Only colours that every theme adapts are used. Of them green, yellow and cyan are pale on white (in xterm 2.2,
1.7 and 2.0 to 1, where text needs 4.5), so no sentence is in them. What has to be read is in the terminal's
own colour, bold, red, or black on yellow, which does not depend on the background.
"""

from __future__ import annotations

GOOD = "green"
"""a mark, or a word that nobody has to read"""
BAD = "red"
VERY_BAD = f"bold {BAD}"
DOUBTFUL = "black on yellow"
"""a word; no trailing space"""
NOTE = "bold"
"""a sentence that somebody should read"""
BARS = "cyan"
AVERAGE = "magenta"
