"""cryptoctl dlq: what failed and why, and bringing it back."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cryptoctl import env_vars
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import stored_as
from cryptoctl.cli.selection import selecting_command
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.ops.dead_letters.causes import count_causes
from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.journal_file import journal_path
from cryptoctl.ops.dead_letters.lookups import lines_of, reasons
from cryptoctl.ops.dead_letters.messages import DeadLetter, Shape
from cryptoctl.ops.dead_letters.payloads import EditError, Edits
from cryptoctl.ops.dead_letters.planning import ReplayStep
from cryptoctl.ops.dead_letters.queues import DeadLetterQueues, dead_letter_queues, identity
from cryptoctl.ops.dead_letters.receiving import selected_messages
from cryptoctl.ops.dead_letters.repair import RepairSearch, read_units
from cryptoctl.ops.dead_letters.repair import repair as repair_prices
from cryptoctl.ops.dead_letters.replay import Replay
from cryptoctl.ops.dead_letters.replayer import Replayer
from cryptoctl.ops.dead_letters.results import Outcome, ReplayOptions, ReplaySummary, replay_hint
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import unreceived
from cryptoctl.ops.logs import Line
from cryptoctl.ops.times import now_ms, parse_time_ms
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.bars import progress_bar
from cryptoctl.ui.dead_letters import (
    ReplayScreen,
    letter_document,
    repaired_document,
    show_causes,
    show_letter,
    show_plan,
    show_repaired,
    step_document,
)
from cryptoctl.ui.screen import Screen
from cryptoctl.wording import pluralize


@selecting_command("list", example="cryptoctl dlq list --env prod")
def list_(run: CommandRun, selection: Selection) -> None:
    """Show how many messages there are, since when, and why. Consumes nothing."""
    aws = run.session.aws
    queues = dead_letter_queues(aws, run.session.stack, selection.queues)
    selection = with_failures(run, selection, queues)
    causes = count_causes(queues, selection, partial(reasons, aws, _functions(run)))
    run.set_members(**causes.document())
    run.show(show_causes, causes)


@selecting_command("peek", example="cryptoctl dlq peek --symbol BTC --limit 3")
def peek(
    run: CommandRun,
    selection: Selection,
    limit: Annotated[int, typer.Option(min=1, help="How many messages.")] = 10,
) -> None:
    """Show messages with the log lines of their requests. Consumes nothing."""
    queues = dead_letter_queues(run.session.aws, run.session.stack, selection.queues)
    failures = _failures(run, selection, queues)
    selection = dataclasses.replace(selection, failures=failures)
    documents: list[dict[str, Any]] = []
    count = 0
    run.set_members(messages=documents)
    with selected_messages(queues, selection, limit=limit) as (letters, journal):
        for letter in letters:
            count += 1
            lines, failure = _lines(run, letter), failures.get(letter.message.key, "")
            if run.is_json:
                documents.append(letter_document(letter, now_ms(), lines, failure))
            else:
                show_letter(run.screen, letter, now_ms(), lines, failure)
        rest = unreceived(queues, selection, journal)
    run.set_members(**rest.document())
    if rest:
        run.screen.warn(str(rest))
    elif not count:
        run.screen.say("No message matches.")


@contextmanager
def open_journal(run: CommandRun, queues: DeadLetterQueues) -> Iterator[Journal]:
    """This environment's journal; says so if it had to begin a new one."""
    with Journal(journal_path(run.session.scope), identity(queues)) as journal:
        if journal.notice:
            run.screen.warn(journal.notice)
        yield journal


def with_failures(run: CommandRun, selection: Selection, queues: DeadLetterQueues) -> Selection:
    """The same where an error that is looked for may be that of the last replay."""
    if selection.error is None:
        return selection
    return dataclasses.replace(selection, failures=_failures(run, selection, queues))


def _failures(run: CommandRun, selection: Selection, queues: DeadLetterQueues) -> dict[str, str]:
    """Why each message failed at its last replay; nothing is known while a replay runs."""
    try:
        with open_journal(run, queues) as journal:
            return journal.failures()
    except Failure as failure:
        if selection.error is not None:
            run.screen.warn(f"--error looks at first failures alone: {failure.message}")
        return {}


def _lines(run: CommandRun, letter: DeadLetter) -> list[Line]:
    if not letter.request_id:
        return []
    function = _functions(run)[letter.function]
    return lines_of(run.session.aws, function, letter.request_id, letter.message.sent_ms)


def _functions(run: CommandRun) -> dict[str, Function]:
    """The functions, by name without the environment's."""
    return {function.short_name: function for function in run.session.stack.functions}


@selecting_command("replay", example="cryptoctl dlq replay --error AccessDenied --dry-run")
def replay(
    run: CommandRun,
    selection: Selection,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and run none.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many messages.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="At most so many a second.")] = None,
    max_failures: Annotated[int, typer.Option(min=1, help="Stop after so many failures in a row.")] = 10,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set this in each price first; may be repeated."),
    ] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Open each payload in the editor first.")] = False,
) -> None:
    """Run what failed again. A message is deleted only once that has succeeded.

    After an interruption, even a kill, the same command finishes the rest and stores nothing twice.
    """
    edits = _edits(run, set_ or [], edit=edit)
    queues = dead_letter_queues(run.session.aws, run.session.stack, selection.queues)
    replayer = Replayer(aws=run.session.aws, stack=run.session.stack)
    with open_journal(run, queues) as journal:
        options = ReplayOptions(
            selection=dataclasses.replace(selection, failures=journal.failures()),
            limit=limit,
            rate_per_s=rate,
            max_failures=max_failures,
            edits=edits,
        )
        if dry_run:
            replaying = Replay(replayer, queues, journal, options)
            with replaying.planned() as steps:
                run.set_members(**replaying.unreceived.document())
                if replaying.unreceived:
                    run.screen.warn(str(replaying.unreceived))
                _show_plan(run, steps)
            return
        with progress_bar(run.screen, "collecting") as move_bar:
            replay_screen = ReplayScreen(run.screen, move_bar)
            try:
                summary = Replay(replayer, queues, journal, options, replay_screen).run()
            except BaseException:
                replay_screen.cut_short()
                raise
    run.set_members(summary=summary.document(), **summary.unreceived.document())
    replayed = pluralize(summary.outcomes[Outcome.REPLAYED], "message was", "messages were")
    run.done(f"{replayed} replayed", "`cryptoctl dlq list` shows what is left.")
    replay_screen.close(summary)
    _check(summary)


def _show_plan(run: CommandRun, steps: Iterator[ReplayStep]) -> None:
    """Fails where a message has no step, as the replay would."""
    unreplayable: list[ReplayStep] = []

    def checked_steps() -> Iterator[ReplayStep]:
        for step in steps:
            if step.problem:
                unreplayable.append(step)
            yield step

    if run.is_json:
        run.set_members(steps=[step_document(step) for step in checked_steps()])
    else:
        show_plan(run.screen, checked_steps())
    if unreplayable:
        raise Failure(
            ExitCode.FAILED,
            f"{pluralize(len(unreplayable), 'message')} cannot be replayed.",
            replay_hint(sum(step.letter.shape is Shape.UNKNOWN for step in unreplayable), len(unreplayable)),
        )


def _check(summary: ReplaySummary) -> None:
    if summary.interrupted:
        raise Failure(ExitCode.INTERRUPTED, "Interrupted.", "Run the same command again to go on from here.")
    if not summary.chosen_is_replayed:
        unreplayed = summary.outcomes.total() - summary.outcomes[Outcome.REPLAYED] + summary.undeleted
        hint = " With a larger --max-failures it goes on to those behind them." if summary.stopped else ""
        raise Failure(
            ExitCode.FAILED,
            "Not everything selected was replayed; the rest is still in its queue. "
            f"{summary.unreceived}".rstrip(),
            replay_hint(summary.outcomes[Outcome.UNKNOWN], unreplayed, hint),
        )
    if summary.unreceived:
        raise Failure(ExitCode.FAILED, str(summary.unreceived), summary.unreceived.hint)


def _edits(run: CommandRun, assignments: list[str], *, edit: bool) -> Edits:
    try:
        return Edits.from_options(assignments, partial(_edited, run.screen, _editor()) if edit else None)
    except EditError as error:
        raise InputError(f"--set: {error}.", "For example --set price=50000.") from None


def _editor() -> list[str]:
    """The editor's command. Raises Failure (USAGE) where there is no such command."""
    text = env_vars.editor()
    try:
        words = shlex.split(text)
    except ValueError:  # a quotation mark that is not closed
        words = []
    if not words or shutil.which(words[0]) is None:
        raise InputError(
            f"The editor {text!r} cannot be started. Nothing was changed.",
            "Set VISUAL or EDITOR to a command that is installed, such as vi.",
        )
    return words


def _edited(screen: Screen, editor: Sequence[str], text: str) -> str:
    """The text as the person leaves it in the editor. Raises EditError."""
    with tempfile.TemporaryDirectory(prefix="cryptoctl-") as directory:
        path = Path(directory) / "payload.json"
        path.write_text(text, encoding="utf-8")
        try:
            with screen.terminal.suspended():
                exit_code = subprocess.run([*editor, str(path)], check=False).returncode  # noqa: S603 - the person's
        except OSError as error:
            raise EditError(f"the editor {editor[0]} cannot be started: {error.strerror}") from None
        if exit_code != 0:
            raise EditError(f"the editor {editor[0]} exited with {exit_code}")
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise EditError(f"the editor {editor[0]} wrote another encoding than UTF-8") from None
        except OSError as error:
            raise EditError(f"what the editor {editor[0]} left cannot be read: {error.strerror}") from None


@command("dlq", "repair", access=Access.OPERATE, example="cryptoctl dlq repair --symbol BTC --since 2d")
def repair(
    run: CommandRun,
    symbol: Annotated[str | None, typer.Option(metavar="S", help="Only this symbol.")] = None,
    since: Annotated[str | None, typer.Option(metavar="T", help="Traded since: 2d (ago), or a time.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute all indicators, and correct those that differ.")
    ] = False,
) -> None:
    """Find stored prices that are not enriched, whatever the reason, and enrich them."""
    search = RepairSearch(
        symbol=stored_as(symbol) if symbol is not None else None,
        since_ms=parse_time_ms(since) if since is not None else None,
        verify=verify,
    )
    aws, stack = run.session.aws, run.session.stack
    if search.whole_table:
        units = read_units(aws, stack.prices)
        run.screen.say(f"Reading the whole table costs about {units} read units; --symbol reads less.")
    result = repair_prices(Replayer(aws=aws, stack=stack).enricher, search)
    enriched = pluralize(result.enriched, "price was", "prices were")
    run.done(f"{enriched} enriched", "The same command again finds only what is still not enriched.")
    run.set_members(**repaired_document(run.screen, result))
    run.show(show_repaired, result)
    if result.unenriched:
        raise Failure(
            ExitCode.FAILED,
            pluralize(len(result.unenriched), "price is still not enriched", "prices are still not enriched")
            + (", and the rest was not tried." if result.given_up else "."),
            "Correct the items that are not prices; for the others see `cryptoctl logs price-enricher`.",
        )
