"""The two streams: data goes to stdout, everything else to stderr."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import RenderableType
from rich.text import Text

from cryptoctl.errors import ExitCode, Failure, PossibleDefect
from cryptoctl.ui.hints import typeable, with_aws_options, with_options
from cryptoctl.ui.json_text import json_line, json_text
from cryptoctl.ui.styles import NOTE, VERY_BAD
from cryptoctl.ui.tables import Column, fitted, fitted_plain
from cryptoctl.ui.terminal import Render, Terminal
from cryptoctl.ui.text import printable as printable
from cryptoctl.ui.wrapping import wrapped

HINT = "hint:  "


class UnwrittenError(Failure):
    """What a command had to say on stdout could not be written."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            ExitCode.FAILED,
            f"The output cannot be written: {reason}.",
            "Write it somewhere else, then run the command again.",
        )


class Screen:
    """What a command prints with. `is_json` is set by --output json: then stdout holds JSON only.

    `options` are the options that lead to where the command works; commands named in messages get them,
    and commands of the AWS CLI get `aws_options`.
    With `finishes`, a reader of stdout that leaves, or a disk that is full, does not end the command: no more
    is written there. `unwritten` is why something could not be written, such as a full disk; else empty.
    """

    def __init__(
        self,
        *,
        colour: bool,
        is_json: bool = False,
        verbose: bool = False,
        options: Mapping[str, str] | None = None,
        aws_options: Callable[[], Mapping[str, str]] = dict,
        finishes: bool = False,
    ) -> None:
        self.is_json, self.verbose = is_json, verbose
        self._options, self._aws_options = options or {}, aws_options
        self.finishes, self._reader_left = finishes, False
        self.unwritten = ""
        self._streamed: str | None = None
        self._indented = True
        self.terminal = Terminal(colour=colour)

    @property
    def can_ask(self) -> bool:
        """Whether a person sits there to answer."""
        return sys.stdin is not None and sys.stdin.isatty() and self.terminal.err.is_terminal

    @property
    def can_draw(self) -> bool:
        """Whether progress can be drawn, rather than told line by line."""
        return self.terminal.can_draw and not self.is_json

    def drawn(self, render: Render) -> AbstractContextManager[None]:
        """Draws what `render` returns below everything else during the block, where that can be."""
        return self.terminal.drawn(render) if self.can_draw else nullcontext()

    def hint(self, text: str) -> str:
        """The text with the commands in it as this person would have to type them."""
        return with_aws_options(with_options(text, self._options), self._aws_options)

    def say(self, text: str, style: str = "") -> None:
        """One line for the person, on stderr."""
        self.message(Text(printable(typeable(self.hint(text))), style=style))

    def warn(self, text: str) -> None:
        """One line for the person, on stderr, that should not be missed."""
        self.say(text, style=NOTE)

    def message(self, line: RenderableType, indent: int | None = None) -> None:
        """A styled line for the person, on stderr; what is from the wire in it has passed `printable`.

        On a terminal it is broken between words; what goes on below begins `indent` cells from the left.
        """
        err = self.terminal.err
        if isinstance(line, Text) and err.is_terminal:
            line = wrapped(line, err.width, indent)
        self.terminal.write(lambda: err.print(line))

    def data(self, text: str, style: str = "") -> None:
        """One line of the answer, on stdout."""
        self.line(Text(printable(text), style=style))

    def line(self, text: Text) -> None:
        """A styled line of the answer, on stdout; what is from the wire in it has passed `printable`."""
        self._write(lambda: self.terminal.out.print(text))

    def sentence(self, text: Text, indent: int | None = None) -> None:
        """A styled line of the answer that is words, on stdout: on a terminal broken between them."""
        out = self.terminal.out
        self.line(wrapped(text, out.width, indent) if out.is_terminal else text)

    def words(self, text: str) -> None:
        """The same without a style."""
        self.sentence(Text(printable(text)))

    def raw(self, text: str) -> None:
        """The answer for a machine, on stdout, as it is; nothing where stdout is closed."""
        out = self.terminal.out

        def write() -> None:
            out.file.write(text)
            out.file.flush()

        self._write(write)

    def _write(self, write: Callable[[], object]) -> None:
        """Writes to stdout. Raises UnwrittenError where that cannot be, on a full disk say."""
        if self._reader_left or (self.finishes and self.unwritten):
            return
        try:
            self.terminal.write(write)
        except BrokenPipeError:
            if not self.finishes:
                raise
            self._reader_left = True
        except OSError as error:
            self.unwritten = str(error.strerror or error)
            if not self.finishes:
                raise UnwrittenError(self.unwritten) from error

    def json(self, value: object) -> None:
        """A JSON document; decimals keep all their digits, as strings."""
        self.raw(json_text(value) + "\n")

    def one_line_each(self) -> None:
        """From here on each JSON document, the last one too, is on a line of its own."""
        self._indented = False

    def json_line(self, value: object) -> None:
        """One of many answers, as JSON on a line of its own."""
        self.raw(json_line(value) + "\n")

    def item(self, member: str, value: object) -> None:
        """One item of a list in the JSON document that `document` ends, written at once."""
        opening = f'{{\n  "{member}": [\n    ' if self._streamed is None else ",\n    "
        self._streamed = member
        self.raw(opening + json_line(value))

    def document(self, members: Mapping[str, object]) -> None:
        """The command's JSON document; the end of it where items of a list are written already."""
        if self._streamed is None:
            self.raw((json_text(members) if self._indented else json_line(members)) + "\n")
            return
        remaining = {name: value for name, value in members.items() if name != self._streamed}
        self.raw("\n  ],\n " + json_text(remaining).removeprefix("{\n "))
        self.raw("\n")

    def table(self, columns: Sequence[str | Column], rows: Sequence[Sequence[object]]) -> None:
        """The answer as a table: on a terminal the columns that it has room for, elsewhere all of them."""
        out = self.terminal.out
        width = out.width if out.is_terminal else None
        table_columns = [Column(column) if isinstance(column, str) else column for column in columns]
        if any(isinstance(cell, Text) for row in rows for cell in row):
            lines, left_out = fitted(table_columns, [[_styled(cell) for cell in row] for row in rows], width)
            for line in lines:
                self.line(line)
        else:
            header, plain, left_out = fitted_plain(
                table_columns, [list(map(_cell_text, row)) for row in rows], width
            )
            self.line(header)
            self.raw("".join(f"{line}\n" for line in plain))  # Rich has nothing to add to these
        if left_out:
            self.say(f"Not shown, for want of width: {', '.join(left_out)}.", style="dim")

    def ask(self, question: str) -> str:
        """Asks the person; an end of input, or a terminal that is gone, is an empty answer."""
        err = self.terminal.err
        with self.terminal.suspended():
            err.print(Text(printable(question) + " ", style="bold"), end="")
            try:
                return input()
            except (EOFError, OSError):
                err.print()
                return ""
            except KeyboardInterrupt:
                err.print()
                raise

    def require_terminal(self, what: str) -> None:
        """Raises Failure (REFUSED) where nobody can be asked; `what` is refused: "This deletes dev"."""
        if not self.can_ask:
            raise Failure(
                ExitCode.REFUSED,
                f"{what}, and there is no terminal to ask for confirmation. Nothing was changed.",
                "Add --yes.",
            )

    def ask_yes_no(self, question: str) -> bool:
        """Whether the person answers yes."""
        return self.ask(f"{question} [y/N]").strip().lower() in ("y", "yes")

    def confirm(self, question: str, refusal: str) -> None:
        """Goes on where the person answers yes. Raises Failure (REFUSED) otherwise.

        `refusal` says what is not done where nobody can be asked, such as "This deletes dev".
        """
        self.require_terminal(refusal)
        if not self.ask_yes_no(question):
            raise Failure(ExitCode.REFUSED, "Nothing was changed.")

    def failure(self, failure: Failure) -> None:
        """What went wrong, and what to do next."""
        first, *more = typeable(self.hint(failure.message)).split("\n")
        # Indented, none of them passes for a message of its own.
        more = [line if line.startswith("  ") else f"  {line}" for line in more]
        message = "\n".join(map(printable, [first, *more]))
        self.message(Text.assemble(("error: ", VERY_BAD), message))
        if failure.hint:
            hint = f"\n{' ' * len(HINT)}".join(map(printable, typeable(self.hint(failure.hint)).split("\n")))
            self.message(Text.assemble((HINT, "bold"), hint), indent=len(HINT))
        self.traceback(failure)

    def traceback(self, error: BaseException | None) -> None:
        """With --verbose where in cryptoctl it went wrong, if that may be a defect; else nothing."""
        seen = set[int]()  # what is raised again from its own effect is a cause of itself
        while error is not None and not isinstance(error, PossibleDefect) and id(error) not in seen:
            seen.add(id(error))
            error = error.__cause__
        if self.verbose and isinstance(error, PossibleDefect):
            lines = "".join(traceback.format_exception(error.__cause__)).splitlines()
            self.message(Text("\n".join(map(printable, lines)), style="dim"))


def _styled(value: object) -> Text:
    return value if isinstance(value, Text) else Text(_cell_text(value))


def _cell_text(value: object) -> str:
    return "" if value is None else printable(value)
