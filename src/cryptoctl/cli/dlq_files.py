"""cryptoctl dlq export, import, purge: dead letters as files, and deleting them for good."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cryptoctl import interrupts
from cryptoctl.aws import AwsError
from cryptoctl.cli.command import CommandRun, as_failure
from cryptoctl.cli.dlq import open_journal, with_failures
from cryptoctl.cli.options import Yes
from cryptoctl.cli.selection import selecting_command
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.ops.dead_letters import files
from cryptoctl.ops.dead_letters.journal_file import private_directory
from cryptoctl.ops.dead_letters.queues import dead_letter_queues
from cryptoctl.ops.dead_letters.receiving import selected_messages
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import unreceived
from cryptoctl.ui.screen import Screen
from cryptoctl.wording import pluralize

SHOWN_LINES = 20


@selecting_command("export", example="cryptoctl dlq export letters.jsonl --older-than 1d")
def export(
    run: CommandRun,
    selection: Selection,
    file: Annotated[Path, typer.Argument(help="A new file; one JSON object a line.")],
) -> None:
    """Write messages to a file, bodies and attributes exactly. Consumes nothing."""
    queues = dead_letter_queues(run.session.aws, run.session.stack, selection.queues)
    with selected_messages(queues, with_failures(run, selection, queues)) as (letters, journal):
        count = files.write(file, letters)
        rest = unreceived(queues, selection, journal)
    result = f"{pluralize(count, 'message is', 'messages are')} in {file}"
    run.done(result, "To export again, name another file.")
    run.set_members(exported=count, **rest.document(), file=str(file))
    run.show(Screen.data, f"{result}.")
    if rest:
        run.screen.warn(f"{rest} Export again later.")


@selecting_command("import", example="cryptoctl dlq import letters.jsonl")
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
    imported = files.ImportResult()
    try:
        with open_journal(run, queues) as journal:
            files.put_back(queues, file, selection, journal, imported, forget_imported=again)
    except (KeyboardInterrupt, Failure, AwsError) as error:
        run.set_members(**imported.document(file))
        if not (imported.sent or imported.refused):
            raise
        _show_imported(run, imported, again=again)
        hint = f"Run {_command_to_resume(again)}: it sends only what is not back yet."
        raise _cut_short(error, "Interrupted before all of them were put back.", hint) from error
    run.set_members(**imported.document(file))
    _show_imported(run, imported, again=again)
    if imported.refused:
        reasons = {number: f" ({reason})" for number, reason in imported.reasons.items()}
        lines = ", ".join(f"{number}{reasons.get(number, '')}" for number in imported.refused[:SHOWN_LINES])
        more = (
            f" and {len(imported.refused) - SHOWN_LINES} more" if len(imported.refused) > SHOWN_LINES else ""
        )
        raise Failure(
            ExitCode.FAILED,
            f"SQS does not take {pluralize(len(imported.refused), 'message')} of {file}: line {lines}{more}.",
            f"Correct these lines and run {_command_to_resume(again)}: it sends only what is not back yet.",
        )


def _command_to_resume(again: bool) -> str:
    """The command that sends what is not back yet."""
    return "the same command without --again" if again else "the same command again"


def _show_imported(run: CommandRun, imported: files.ImportResult, *, again: bool) -> None:
    result = f"{pluralize(imported.sent, 'message was', 'messages were')} put back"
    run.done(result, f"To send what is not back yet, and nothing twice, run {_command_to_resume(again)}.")
    if not run.is_json:
        run.screen.data(f"{result}.")
        if imported.imported_before and again:  # that was forgotten first
            run.screen.say(
                f"{imported.imported_before} stand in the file more than once, and were put back once."
            )
        elif imported.imported_before:
            run.screen.say(f"{imported.imported_before} had been put back before: --again sends those too.")


def _cut_short(error: BaseException, interrupted: str, hint: str) -> Failure:
    """The failure of work that is done in part, which says how to go on."""
    if isinstance(error, Failure | AwsError):
        return as_failure(error, further_hint=hint)
    interrupts.ignore_signals()
    return Failure(ExitCode.INTERRUPTED, interrupted, hint)


@selecting_command("purge", example="cryptoctl dlq purge --error NoSuchThing --older-than 3d")
def purge(
    run: CommandRun,
    selection: Selection,
    yes: Yes = False,
    no_export: Annotated[
        bool, typer.Option("--no-export", help="Do not write the messages to a file first.")
    ] = False,
    export_to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write them to first.")
    ] = None,
) -> None:
    """Delete messages for good, after writing them to a file that `import` reads."""
    if no_export and export_to is not None:
        raise InputError("--no-export and --export-to exclude each other.", "Leave one out.")
    if not yes:
        run.screen.require_terminal("This deletes messages")
    queues = dead_letter_queues(run.session.aws, run.session.stack, selection.queues)
    target = None if no_export else export_to or _purged_file(run)

    def confirm(count: int) -> bool:
        they = "It is" if count == 1 else "They are"
        run.screen.say(f"{they} not in any file." if target is None else f"{they} written to {target}.")
        question = f"Delete {pluralize(count, 'message')} from the queues of {run.session.location}?"
        return yes or run.screen.ask_yes_no(question)

    selection = with_failures(run, selection, queues)
    purged = files.PurgeResult()
    try:
        files.purge(queues, selection, purged, export=target, confirm=confirm)
    except (KeyboardInterrupt, Failure, AwsError) as error:
        run.set_members(**purged.document())
        if not purged.confirmed:
            raise
        _show_purged(run, purged)
        raise _cut_short(
            error, "Interrupted before all of them were deleted.", _remaining_hint(purged)
        ) from error
    run.set_members(**purged.document())
    if purged.found and not purged.confirmed:
        removed = ", and the file is removed" if target else ""
        raise Failure(ExitCode.REFUSED, f"Nothing was deleted{removed}.")
    _show_purged(run, purged)
    rest = str(purged.unreceived)
    if purged.deleted < purged.found:
        message = f"Not everything selected is deleted. {rest}".rstrip()
        raise Failure(ExitCode.FAILED, message, _remaining_hint(purged))
    if purged.unknown:
        raise Failure(
            ExitCode.FAILED,
            f"{pluralize(purged.unknown, 'message was', 'messages were')} kept: the format is unknown. "
            f"{rest}".rstrip(),
            "`cryptoctl dlq peek --where \"shape=='unknown'\"` shows them with their ids; "
            "`cryptoctl dlq purge --id ID` deletes one.",
        )
    if rest:
        raise Failure(ExitCode.FAILED, rest, purged.unreceived.hint)


def _show_purged(run: CommandRun, purged: files.PurgeResult) -> None:
    result = f"{purged.deleted} of {pluralize(purged.found, 'message was', 'messages were')} deleted"
    they = "It is" if purged.deleted == 1 else "They are"
    place = f"{they} in {purged.export}. " if purged.export and purged.deleted else ""
    run.done(result, f"{place}`cryptoctl dlq list` shows what is left.")
    run.show(Screen.data, f"{result}.")


def _remaining_hint(purged: files.PurgeResult) -> str:
    """What to do about the messages that were kept, which the file has too."""
    if purged.export is None:
        return "`cryptoctl dlq list` shows what is left; run the same command again to delete it."
    count = pluralize(purged.found - purged.deleted, "message that was", "messages that were")
    return (
        f"{purged.export} has all {purged.found}, also the {count} kept: an import of it would add those a "
        "second time. To delete them too, run the command again with another file (without --export-to it "
        "makes one); `cryptoctl dlq list` shows what is left."
    )


def _purged_file(run: CommandRun) -> Path:
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return private_directory("purged") / f"{run.session.environment}-{moment}.jsonl"
