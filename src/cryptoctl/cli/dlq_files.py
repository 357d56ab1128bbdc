"""cryptoctl dlq export, import, purge: dead letters as files, and deleting them for good."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun
from cryptoctl.cli.dlq import dlq, open_journal, with_failures
from cryptoctl.cli.options import Yes
from cryptoctl.cli.selection import selecting_command
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters import files
from cryptoctl.ops.dead_letters.journal_file import own_directory
from cryptoctl.ops.dead_letters.queues import dead_letter_queues
from cryptoctl.ops.dead_letters.receiving import reading
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.wording import several

SHOWN_LINES = 20


@selecting_command(dlq, "export", example="cryptoctl dlq export letters.jsonl --older-than 1d")
def export(
    run: CommandRun,
    selection: Selection,
    file: Annotated[Path, typer.Argument(help="A new file; one JSON object a line.")],
) -> None:
    """Write messages to a file, bodies and attributes exactly. Consumes nothing."""
    queues = dead_letter_queues(run.session.aws, run.session.stack, selection.queues)
    with reading(queues, with_failures(run, selection, queues)) as (letters, _):
        count = files.write(file, letters)
    if run.machine:
        run.answer(exported=count, file=str(file))
    else:
        run.screen.data(f"{several(count, 'message is', 'messages are')} in {file}.")


@selecting_command(dlq, "import", example="cryptoctl dlq import letters.jsonl")
def import_(
    run: CommandRun,
    selection: Selection,
    file: Annotated[Path, typer.Argument(help="A file written by export or purge.")],
    again: Annotated[
        bool, typer.Option("--again", help="Send also what an earlier import has put back.")
    ] = False,
) -> None:
    """Put a file's messages back into their queues, as new messages with the same body and attributes.

    What was put back is remembered message by message: the same command again sends only the rest.
    """
    queues = dead_letter_queues(run.session.aws, run.session.stack, selection.queues)
    with open_journal(run, queues) as journal:
        done = files.put_back(queues, file, selection, journal, again=again)
    if run.machine:
        run.answer(**done.document(file))
    else:
        run.screen.data(f"{several(done.sent, 'message was', 'messages were')} put back.")
        if done.before:
            run.screen.say(f"{done.before} had been put back before: --again sends those too.")
    if done.refused:
        reasons = {number: f" ({reason})" for number, reason in done.reasons.items()}
        lines = ", ".join(f"{number}{reasons.get(number, '')}" for number in done.refused[:SHOWN_LINES])
        more = f" and {len(done.refused) - SHOWN_LINES} more" if len(done.refused) > SHOWN_LINES else ""
        raise Failure(
            Problem.FAILED,
            f"SQS does not take {several(len(done.refused), 'message')} of {file}: line {lines}{more}.",
            "Correct these lines and run the same command again: it sends only what is not back yet.",
        )


@selecting_command(dlq, "purge", example="cryptoctl dlq purge --error NoSuchThing --older-than 3d")
def purge(
    run: CommandRun,
    selection: Selection,
    yes: Yes = False,
    no_export: Annotated[
        bool, typer.Option("--no-export", help="Do not write the messages to a file first.")
    ] = False,
    export_to: Annotated[
        Path | None, typer.Option("--export-to", metavar="FILE", help="The file to write them to first.")
    ] = None,
) -> None:
    """Delete messages for good, after writing them to a file that `import` reads."""
    if no_export and export_to is not None:
        raise Failure(Problem.USAGE, "--no-export and --export-to exclude each other.", "Leave one out.")
    if not yes:
        run.screen.require_terminal("This deletes messages")
    queues = dead_letter_queues(run.session.aws, run.session.stack, selection.queues)
    target = None if no_export else export_to or _purged_file(run)

    def confirm(count: int) -> bool:
        run.screen.say("They are not in any file." if target is None else f"They are written to {target}.")
        question = f"Delete {several(count, 'message')} from the queues of {run.session.location}?"
        return yes or run.screen.confirmed(question)

    selection = with_failures(run, selection, queues)
    purged = files.purge(queues, selection, export=target, confirm=confirm)
    if run.machine:
        run.answer(**purged.document())
    else:
        run.screen.data(f"{purged.deleted} of {several(purged.found, 'message')} deleted.")
    if purged.found and not purged.deleted:
        raise Failure(Problem.REFUSED, "Nothing was deleted.")
    if purged.deleted < purged.found:
        raise Failure(
            Problem.FAILED,
            "Not everything selected is deleted.",
            "`cryptoctl dlq list` shows what is left; run the same command again.",
        )
    if purged.unknown:
        raise Failure(
            Problem.FAILED,
            f"{purged.unknown} of the messages selected have an unknown format and were kept.",
            "`cryptoctl dlq peek --where \"shape=='unknown'\"` shows them with their ids; "
            "`cryptoctl dlq purge --id ID` deletes one.",
        )


def _purged_file(run: CommandRun) -> Path:
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return own_directory("purged") / f"{run.session.environment}-{moment}.jsonl"
