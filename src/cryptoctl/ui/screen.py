"""The two streams: data goes to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptoctl.errors import Failure, Problem
from cryptoctl.ui.hints import with_aws_options, with_options

# Bidirectional controls can make a line read as what it is not; the line and paragraph separators end one.
_BIDI = frozenset(range(0x2028, 0x202F)) | frozenset(range(0x2066, 0x206A)) | {0x200E, 0x200F, 0x061C}


def printable(text: object) -> str:
    """Text for a part of one line: control characters and line breaks are made visible.

    So no terminal obeys text from the wire, and none of it passes for a line of ours.
    """
    return "".join(each if _harmless(each) else _shown(each) for each in str(text))


def _harmless(character: str) -> bool:
    code = ord(character)
    return not (code < 0x20 or 0x7F <= code < 0xA0 or code in _BIDI or 0xD800 <= code < 0xE000)


def _shown(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "\\n"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


WIDEST_TABLE = 1000


class _Console(Console):
    """Raises BrokenPipeError where the reader has gone; Rich itself would end with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class _Messages(_Console):
    """The console for messages: where stderr is full or closed, the work goes on without them."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich prints, or nothing."""
        with suppress(OSError):
            super().print(*objects, **options)


class Screen:
    """What a command prints with. `machine` is set by --output json: then stdout holds JSON only.

    `given` are the options that lead to where the command works; commands named in messages get them,
    and commands of the AWS CLI get `aws_options`.
    With `finishes`, a reader of stdout that leaves does not end the command: no more is written there.
    """

    def __init__(
        self,
        *,
        colour: bool,
        machine: bool = False,
        verbose: bool = False,
        given: Mapping[str, str] | None = None,
        aws_options: Callable[[], Mapping[str, str]] = dict,
        finishes: bool = False,
    ) -> None:
        self.machine, self.verbose = machine, verbose
        self._given, self._aws_options = given or {}, aws_options
        self.finishes, self._reader_left = finishes, False
        self._streamed: str | None = None
        self._indent: int | None = 2
        self.out: Console = _Console(no_color=not colour, highlight=False, soft_wrap=True)
        self.err: Console = _Messages(stderr=True, no_color=not colour, highlight=False, soft_wrap=True)

    @property
    def can_ask(self) -> bool:
        """Whether a person sits there to answer."""
        return sys.stdin is not None and sys.stdin.isatty() and self.err.is_terminal

    def hint(self, text: str) -> str:
        """The text with the commands in it as this person would have to type them."""
        return with_aws_options(with_options(text, self._given), self._aws_options)

    def say(self, text: str, style: str = "") -> None:
        """One line for the person, on stderr."""
        self.err.print(Text(printable(self.hint(text)), style=style))

    def data(self, text: str, style: str = "") -> None:
        """One line of the answer, on stdout."""
        self.line(Text(printable(text), style=style))

    def line(self, text: Text) -> None:
        """A styled line of the answer, on stdout; what is from the wire in it has passed `printable`."""
        self._write(lambda: self.out.print(text))

    def raw(self, text: str) -> None:
        """The answer for a machine, on stdout, as it is."""

        def write() -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        self._write(write)

    def _write(self, write: Callable[[], object]) -> None:
        """Writes to stdout. Raises Failure where that cannot be (to a full disk, say)."""
        if self._reader_left:
            return
        try:
            write()
        except BrokenPipeError:
            if not self.finishes:
                raise
            self._reader_left = True
        except OSError as error:
            raise Failure(
                Problem.FAILED,
                f"The output cannot be written: {error.strerror or error}.",
                "Write it somewhere else, then run the command again.",
            ) from error

    def json(self, value: object) -> None:
        """A JSON document; decimals keep all their digits, as strings."""
        self.raw(json.dumps(value, indent=2, default=_plain) + "\n")

    def one_line_each(self) -> None:
        """From here on each JSON document, the last one too, is on a line of its own."""
        self._indent = None

    def json_line(self, value: object) -> None:
        """One of many answers, as JSON on a line of its own."""
        self.raw(json.dumps(value, default=_plain) + "\n")

    def item(self, member: str, value: object) -> None:
        """One item of a list in the JSON document that `document` ends, written at once."""
        opening = f'{{\n  "{member}": [\n    ' if self._streamed is None else ",\n    "
        self._streamed = member
        self.raw(opening + json.dumps(value, default=_plain))

    def document(self, members: Mapping[str, object]) -> None:
        """The command's JSON document; the end of it where items of a list are written already."""
        if self._streamed is None:
            self.raw(json.dumps(members, indent=self._indent, default=_plain) + "\n")
            return
        rest = {name: value for name, value in members.items() if name != self._streamed}
        self.raw("\n  ],\n " + json.dumps(rest, indent=2, default=_plain).removeprefix("{\n "))
        self.raw("\n")

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
        wide = _Console(width=WIDEST_TABLE, no_color=self.out.no_color, highlight=False)
        self._write(lambda: wide.print(table, crop=False))

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

    def require_terminal(self, what: str) -> None:
        """Raises Failure (REFUSED) where nobody can be asked; `what` is refused: "This deletes dev"."""
        if not self.can_ask:
            raise Failure(
                Problem.REFUSED,
                f"{what}, and there is no terminal to ask for confirmation. Nothing was changed.",
                "Add --yes.",
            )

    def confirmed(self, question: str) -> bool:
        """Whether the person answers yes."""
        return self.ask(f"{question} [y/N]").strip().lower() in ("y", "yes")

    def confirm(self, question: str, refusal: str) -> None:
        """Goes on where the person answers yes. Raises Failure (REFUSED) otherwise.

        `refusal` says what is not done where nobody can be asked, such as "This deletes dev".
        """
        self.require_terminal(refusal)
        if not self.confirmed(question):
            raise Failure(Problem.REFUSED, "Nothing was changed.")

    def failure(self, failure: Failure) -> None:
        """What went wrong, and what to do next."""
        first, *more = self.hint(failure.message).split("\n")
        # Indented, none of them passes for a message of its own.
        more = [line if line.startswith("  ") else f"  {line}" for line in more]
        message = "\n".join(map(printable, [first, *more]))
        self.err.print(Text.assemble(("error: ", "bold red"), message))
        if failure.hint:
            hint = "\n       ".join(map(printable, self.hint(failure.hint).split("\n")))
            self.err.print(Text.assemble(("hint:  ", "bold"), hint))


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    return Text("" if value is None else printable(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
