"""The live screen at every size: nothing is cut off or scrolled away, and what has no room is counted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.ops.overview import (
    Concern,
    Overview,
)
from cryptoctl.ops.status import Inventory, ResourceReport, ResourceState
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.watch import ESCAPE, pressed
from cryptoctl.ui.watch_view import view
from ui.overviews import BROKEN, ERROR, HEALTHY, on_a_terminal, state


@given(
    symbols=st.integers(0, 12),
    more=st.integers(0, 100),
    errors=st.integers(0, 40),
    width=st.integers(60, 200),
    height=st.integers(16, 60),
)
def test_what_the_live_screen_has_no_room_for_is_counted(
    symbols: int, more: int, errors: int, width: int, height: int
) -> None:
    overview = replace(
        HEALTHY,
        symbols=tuple(state(f"S{number:02}") for number in range(symbols)),
        more_symbols=more if symbols else 0,
        errors=tuple(replace(ERROR, time_ms=number, message=f"E{number:02}") for number in range(errors)),
    )
    lines = [line.plain for line in view(overview, "dev", width, height)]
    text = "\n".join(lines)
    rows = sum(line.startswith("S") for line in lines)
    counts = re.findall(r"^(?:  and )?(\d+) (?:more|symbols): `", text, re.MULTILINE)
    assert rows + sum(map(int, counts)) == symbols + overview.more_symbols
    older = sum(int(count) for count in re.findall(r"^(\d+) older errors: `", text, re.MULTILINE))
    assert text.count(" ERROR ") + older == errors
    if more and symbols:
        assert "all enriched" not in text


def test_the_table_s_box_says_whole_what_is_enriched_on_a_narrow_terminal() -> None:
    states = (state("S"),) * 12
    waits = replace(states[0], last=replace(states[0].last, processed=False))
    cases = (states, 0, "all enriched"), (states, 30, "12 enriched"), ((waits,), 30, "some waiting")
    for symbols, more, words in cases:
        overview = replace(HEALTHY, symbols=symbols, more_symbols=more)
        assert any(f"│ {words} " in line.plain for line in view(overview, "dev", 80, 40))


@given(
    broken=st.booleans(),
    width=st.integers(20, 200),
    height=st.integers(6, 60),
    symbols=st.integers(0, 12),
    errors=st.integers(0, 40),
)
def test_the_live_screen_fits_every_terminal(
    broken: bool, width: int, height: int, symbols: int, errors: int
) -> None:
    overview = replace(
        BROKEN if broken else HEALTHY,
        symbols=tuple(state(f"S{number}") for number in range(symbols)),
        errors=(ERROR,) * errors,
    )
    lines = view(overview, "dev in 123456789012, eu-central-1", width, height)
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width
    assert any("[q] quit" in line.plain for line in lines[-4:])


@pytest.mark.parametrize(("columns", "rows"), [(200, 50), (120, 30), (80, 24), (60, 24)])
@pytest.mark.parametrize("overview", [HEALTHY, BROKEN])
def test_a_terminal_shows_all_of_it_and_scrolls_nothing_away(
    overview: Overview, columns: int, rows: int
) -> None:
    lines = on_a_terminal(overview, columns, rows)
    assert lines[0].startswith(("✓", "!"))
    assert any(line.startswith("[p] plan") for line in lines[-2:])
    assert len(lines) <= rows
    assert any(line.startswith("sender") for line in lines) == (columns >= 80)


def test_on_a_low_and_narrow_terminal_the_time_takes_no_line_that_an_error_needs() -> None:
    lines = [line.plain for line in view(BROKEN, "dev in 123456789012, eu-central-1", 60, 12)]
    assert "ERROR" in lines[-2]
    assert lines[-1].endswith("[q] quit")


def test_who_sees_no_colours_sees_which_part_needs_somebody() -> None:
    waiting = replace(HEALTHY, queues=(HEALTHY.queues[0], replace(HEALTHY.queues[1], visible=4)))
    for columns in (60, 80, 120):
        assert any(
            "!webhook-processor " in line.replace("! w", "!w") for line in on_a_terminal(BROKEN, columns, 24)
        )
        text = "\n".join(on_a_terminal(waiting, columns, 24)).replace("? ", "?")
        assert "?price-enricher" in text and "?webhook-processor" not in text


@pytest.mark.parametrize(("width", "height"), [(200, 50), (120, 30), (80, 24), (60, 24)])
def test_the_live_screen_shows_what_matters_without_colours(width: int, height: int) -> None:
    plain = "\n".join(line.plain for line in view(BROKEN, "dev on this machine", width, height))
    for part in (
        "webhook-processor",
        "price-enricher",
        "▼ 6 dead letters",
        "! function",
        "BTC",
        "ERROR",
        "58/min",
        "failed 0",
    ):
        assert part in plain, part
    assert "50000.12345678" in plain


def test_of_many_concerns_the_first_are_shown_and_the_others_counted() -> None:
    resources = tuple(ResourceReport(name=f"r{n}", state=ResourceState.MISSING) for n in range(9))
    overview = replace(HEALTHY, inventory=Inventory(resources=resources))
    assert {type(concern) for concern in overview.concerns} == {Concern}
    assert "and 6 more" in "\n".join(line.plain for line in view(overview, "dev", 80, 24))


def test_commands_on_the_live_screen_lead_to_the_environment_that_is_watched() -> None:
    resources = tuple(ResourceReport(name=f"r{n}", state=ResourceState.MISSING) for n in range(9))
    screen = Screen(colour=False, options={"--env": "qq", "--local": ""})
    lines = on_a_terminal(replace(HEALTHY, inventory=Inventory(resources=resources)), 120, 30, screen)
    assert "  and 6 more: `cryptoctl status --env qq --local`" in lines


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("q", ["q"]),
        ("\x1b", [ESCAPE]),
        ("\x1b\x1b", [ESCAPE]),
        ("\x1b[A\x1b[1;5Cp", ["", "", "p"]),
        ("\x1b[15~\x1bOPd", ["", "", "d"]),
        ("\x1bxq", ["", "q"]),
    ],
)
def test_only_a_lone_escape_ends_the_live_screen_not_an_arrow_key_or_the_mouse_wheel(
    typed: str, keys: list[str]
) -> None:
    characters = iter(typed)
    assert [pressed(lambda _: next(characters, ""), 0.0) for _ in keys] == keys
    assert next(characters, "") == ""
