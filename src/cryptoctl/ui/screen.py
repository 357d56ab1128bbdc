"""The two streams: data goes to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptoctl.errors import Failure

# Bidirectional controls can make a line read as what it is not; the line and paragraph separators end one.
_BIDI = frozenset(range(0x2028, 0x202F)) | frozenset(range(0x2066, 0x206A)) | {0x200E, 0x200F, 0x061C}


def printable(text: object) -> str:
    """Text from the wire with every control character made visible, so that no terminal obeys it."""
    return "".join(each if _harmless(each) else _shown(each) for each in str(text))


def _harmless(character: str) -> bool:
    code = ord(character)
    if character == "\n":
        return True
    return not (code < 0x20 or 0x7F <= code < 0xA0 or code in _BIDI or 0xD800 <= code < 0xE000)


def _shown(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


WIDEST_TABLE = 1000


class Screen:
    """What a command prints with. `machine` is set by --output json: then stdout holds JSON only."""

    def __init__(self, *, colour: bool, machine: bool = False, verbose: bool = False) -> None:
        self.machine, self.verbose = machine, verbose
        self.out = Console(no_color=not colour, highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, no_color=not colour, highlight=False, soft_wrap=True)

    @property
    def can_ask(self) -> bool:
        """Whether a person sits there to answer."""
        return sys.stdin is not None and sys.stdin.isatty() and self.err.is_terminal

    def say(self, text: str, style: str = "") -> None:
        """A line for the person, on stderr."""
        self.err.print(Text(printable(text), style=style))

    def data(self, text: str, style: str = "") -> None:
        """A line of the answer, on stdout."""
        self.out.print(Text(printable(text), style=style))

    def raw(self, text: str) -> None:
        """The answer for a machine, on stdout, as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def json(self, value: object) -> None:
        """The answer as one JSON document; decimals keep all their digits, as strings."""
        self.raw(json.dumps(value, indent=2, default=_plain) + "\n")

    def json_line(self, value: object) -> None:
        """One of many answers, as JSON on a line of its own."""
        self.raw(json.dumps(value, default=_plain) + "\n")

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()
    ) -> None:
        """The answer as a table; the columns named in `numbers` are aligned to the right."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, justify="right" if column in numbers else "left", no_wrap=True)
        for row in rows:
            table.add_row(*(_cell(each) for each in row))
        # As wide as it needs: a cell is never cut, neither in a pipe nor in a narrow terminal.
        wide = Console(width=WIDEST_TABLE, no_color=self.out.no_color, highlight=False)
        wide.print(table, crop=False)

    def ask(self, question: str) -> str:
        """Asks the person; an end of input is an empty answer, and Ctrl-C ends the line."""
        self.err.print(Text(printable(question) + " ", style="bold"), end="")
        try:
            return input()
        except EOFError:
            return ""
        except KeyboardInterrupt:
            self.err.print()
            raise

    def failure(self, failure: Failure) -> None:
        """What went wrong, and what to do next."""
        self.err.print(Text.assemble(("error: ", "bold red"), printable(failure.message)))
        if failure.hint:
            hint = printable(failure.hint).replace("\n", "\n       ")
            self.err.print(Text.assemble(("hint:  ", "bold"), hint))


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    return Text("" if value is None else printable(value).replace("\n", "\\n"))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
