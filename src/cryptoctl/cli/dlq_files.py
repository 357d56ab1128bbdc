"""cryptoctl dlq export, import, purge: dead letters as files, and for good."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cryptoctl.cli.command import Run
from cryptoctl.cli.dlq import dlq
from cryptoctl.cli.selection import Meant, letters_command
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters import files
from cryptoctl.ops.dead_letters import purge as purging
from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.overview import journal_path, letter_boxes, looking, own_directory


@letters_command(dlq, "export", example="cryptoctl dlq export letters.jsonl --older-than 1d")
def export(
    run: Run,
    meant: Meant,
    file: Annotated[Path, typer.Argument(help="A new file; one JSON object a line.")],
) -> None:
    """Write messages to a file, bodies and attributes exactly; nothing is consumed."""
    boxes = letter_boxes(run.session.aws, run.session.stack)
    with looking(boxes, meant.queues, meant.chosen) as (letters, _):
        count = files.write(file, letters)
    if run.machine:
        run.screen.json({"exported": count, "file": file})
    else:
        run.screen.data(f"{count} messages are in {file}.")


@letters_command(dlq, "import", example="cryptoctl dlq import letters.jsonl")
def import_(
    run: Run,
    meant: Meant,
    file: Annotated[Path, typer.Argument(help="A file that export or purge has written.")],
) -> None:
    """Put a file's messages back into their queues, as new messages with the same body and attributes."""
    boxes = letter_boxes(run.session.aws, run.session.stack)
    with Journal(journal_path(run.session.scope)) as journal:
        count = files.put_back(boxes, file, meant.chosen, meant.queues, journal)
    if run.machine:
        run.screen.json({"imported": count, "file": file})
    else:
        run.screen.data(f"{count} messages were put back.")


@letters_command(dlq, "purge", example="cryptoctl dlq purge --error NoSuchThing --older-than 3d")
def purge(
    run: Run,
    meant: Meant,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_export: Annotated[
        bool, typer.Option("--no-export", help="Do not write them to a file first.")
    ] = False,
    export_to: Annotated[
        Path | None, typer.Option("--export-to", metavar="FILE", help="Where they are written first.")
    ] = None,
) -> None:
    """Delete messages for good, after writing them to a file that `import` reads."""
    if no_export and export_to is not None:
        raise Failure(Problem.USAGE, "--no-export and --export-to contradict each other.", "Leave one out.")
    if not yes and not run.screen.can_ask:
        raise Failure(
            Problem.REFUSED,
            "This deletes messages, and nobody is here to be asked. Nothing was changed.",
            "Add --yes.",
        )
    boxes = letter_boxes(run.session.aws, run.session.stack)
    target = None if no_export else export_to or _purged_file(run)

    def confirm(count: int) -> bool:
        kept = "They are in no file." if target is None else f"They are written to {target}."
        run.screen.say(kept)
        question = f"Delete {count} messages from the queues of {run.session.place}? [y/N]"
        return yes or run.screen.ask(question).strip().lower() in ("y", "yes")

    purged = purging.purge(boxes, meant.queues, meant.chosen, export=target, confirm=confirm)
    if run.machine:
        run.screen.json({**vars(purged), "complete": purged.complete})
    else:
        run.screen.data(f"{purged.deleted} of {purged.found} messages were deleted.")
        if purged.unknown:
            run.screen.say(f"{purged.unknown} of no known shape were left; name them with --id.")
    if purged.found and not purged.deleted:
        raise Failure(Problem.REFUSED, "Nothing was deleted.")
    if not purged.complete:
        raise Failure(Problem.FAILED, "Not everything that was meant is deleted.")


def _purged_file(run: Run) -> Path:
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return own_directory() / "purged" / f"{run.session.environment}-{moment}.jsonl"
