"""A function's log lines on the screen."""

from __future__ import annotations

import pytest

from cryptoctl.ops.log_entries import entries
from cryptoctl.ops.logs import Line
from cryptoctl.ui.logs import show_entry
from cryptoctl.ui.screen import Screen


@pytest.mark.parametrize("verbose", [True, False])
def test_with_verbose_a_text_of_several_lines_is_shown_whole(
    verbose: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Traceback (most recent call last):\n  File x, line 1\nValueError: no \x1b[2J"
    line = Line(id="1", time_ms=0, function="f", text=text)
    for entry in entries([line], everything=verbose):
        show_entry(Screen(colour=False, verbose=verbose), entry)
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.endswith(" f ERROR ValueError: no \\x1b[2J")
    expected = ["      File x, line 1", "    ValueError: no \\x1b[2J"]
    assert lines == (expected if verbose else [])
