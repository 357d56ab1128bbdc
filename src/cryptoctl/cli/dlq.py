"""cryptoctl dlq: what failed and why, and how it comes back."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cryptoctl import settings
from cryptoctl.cli.app import app
from cryptoctl.cli.command import Run, command
from cryptoctl.cli.selection import Meant, letters_command
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters import payloads
from cryptoctl.ops.dead_letters.enriching import Enriched
from cryptoctl.ops.dead_letters.journal import Journal, State, failures
from cryptoctl.ops.dead_letters.lookups import lines_of
from cryptoctl.ops.dead_letters.messages import Letter, Shape
from cryptoctl.ops.dead_letters.overview import journal_path, letter_boxes, looking, survey
from cryptoctl.ops.dead_letters.payloads import UnmendableError
from cryptoctl.ops.dead_letters.planning import Mending, Step, Ways
from cryptoctl.ops.dead_letters.repair import repair as repair_prices
from cryptoctl.ops.dead_letters.replay import Replay
from cryptoctl.ops.dead_letters.results import Summary, Wish
from cryptoctl.ops.dead_letters.unenriched import Search, read_units
from cryptoctl.ops.logs import Line
from cryptoctl.ops.times import moment_ms, now_ms
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.dead_letters import ReplayScreen, show_letter, show_step, show_survey

dlq = typer.Typer(no_args_is_help=True, help="Dead letters: see why, mend, replay, lose nothing.")
app.add_typer(dlq, name="dlq")

SHOWN_LEFT = 20


def _ways(run: Run) -> Ways:
    return Ways(aws=run.session.aws, stack=run.session.stack)


@letters_command(dlq, "list", example="cryptoctl dlq list --env prod")
def list_(run: Run, meant: Meant) -> None:
    """Show how many messages wait, since when, and why; nothing is consumed."""
    boxes = letter_boxes(run.session.aws, run.session.stack)
    found = survey(boxes, meant.queues, meant.chosen)
    if run.machine:
        run.screen.json(found.document())
    else:
        show_survey(run.screen, found)


@letters_command(dlq, "peek", example="cryptoctl dlq peek --symbol BTC --limit 3")
def peek(
    run: Run,
    meant: Meant,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many messages.")] = 10,
) -> None:
    """Show the messages with the log lines of their requests; nothing is consumed."""
    boxes = letter_boxes(run.session.aws, run.session.stack)
    since = failures(journal_path(run.session.scope))
    documents = []
    with looking(boxes, meant.queues, meant.chosen, limit=limit) as (letters, _):
        for letter in letters:
            lines, again = _lines(run, letter), since.get(letter.message.key, "")
            if run.machine:
                logs = [{"time_ms": line.time_ms, "message": line.fields or line.text} for line in lines]
                more = {"replay_failed": again or None, "log": logs}
                documents.append({**letter.document(now_ms()), **more})
            else:
                show_letter(run.screen, letter, now_ms(), lines, f"failed again: {again}" if again else "")
    if run.machine:
        run.screen.json(documents)


def _lines(run: Run, letter: Letter) -> list[Line]:
    functions = {
        each.name.removesuffix(f"-{run.session.environment}"): each for each in run.session.stack.functions
    }
    if not letter.request_id:
        return []
    return lines_of(run.session.aws, functions[letter.function], letter.request_id, letter.message.sent_ms)


@letters_command(dlq, "replay", example="cryptoctl dlq replay --error AccessDenied --dry-run")
def replay(
    run: Run,
    meant: Meant,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many messages.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", min=0.01, help="At most so many a second.")] = None,
    max_failures: Annotated[
        int, typer.Option("--max-failures", min=1, help="Stop after so many failures in a row.")
    ] = 10,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set this in each price first; may be repeated."),
    ] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Open each payload in the editor first.")] = False,
) -> None:
    """Bring dead letters back: each is deleted only after what failed has succeeded.

    Run it again after an interruption, even a kill: it finishes the rest, and stores nothing twice.
    """
    wish = Wish(
        chosen=meant.chosen,
        queues=meant.queues,
        limit=limit,
        rate_per_s=rate,
        max_failures=max_failures,
        mending=_mending(set_ or [], edit=edit),
    )
    if dry_run:
        _show_what_would_happen(run, wish)
        return
    boxes = letter_boxes(run.session.aws, run.session.stack)
    with Journal(journal_path(run.session.scope)) as journal, ReplayScreen(run.screen) as shown:
        summary = Replay(_ways(run), boxes, journal, wish, shown).run()
    shown.close(summary)
    _check(summary)


def _check(summary: Summary) -> None:
    if summary.interrupted:
        raise Failure(Problem.INTERRUPTED, "Interrupted.", "The same command goes on from here.")
    if not summary.complete:
        raise Failure(
            Problem.FAILED,
            "Not everything chosen was brought back; what was not is still in its queue.",
            "Mend what the reasons name, then run the same command again.",
        )


def _mending(assignments: list[str], *, edit: bool) -> Mending:
    try:
        return Mending(changes=payloads.settings(assignments), edit=_edited if edit else None)
    except UnmendableError as error:
        raise Failure(Problem.USAGE, f"--set: {error}.", "Such as --set price=50000.") from None


def _edited(text: str) -> str:
    """The text as the person leaves it in the editor."""
    with tempfile.TemporaryDirectory(prefix="cryptoctl-") as directory:
        path = Path(directory) / "payload.json"
        path.write_text(text, encoding="utf-8")
        words = shlex.split(settings.editor())
        try:
            ended = subprocess.run([*words, str(path)], check=False).returncode  # noqa: S603 - the person's own
        except OSError as error:
            raise UnmendableError(f"the editor {words[0]} cannot be started: {error.strerror}") from None
        if ended != 0:
            raise UnmendableError(f"the editor {words[0]} ended with {ended}")
        return path.read_text(encoding="utf-8")


def _show_what_would_happen(run: Run, wish: Wish) -> None:
    boxes, ways = letter_boxes(run.session.aws, run.session.stack), _ways(run)
    with Journal(journal_path(run.session.scope)) as journal:
        left_over = journal.count(*(state for state in State))
    if left_over:
        run.screen.say(f"A replay was killed: {left_over} messages that it holds are taken up first.")
    documents = []
    with looking(boxes, wish.queues, wish.chosen, limit=wish.limit) as (letters, _):
        for letter in letters:
            step, reason = _planned(ways, letter, wish.mending)
            if run.machine:
                document = step.document() if step else None
                documents.append({"id": letter.message.id, "step": document, "reason": reason or None})
            else:
                show_step(run.screen, letter, step, reason)
    if run.machine:
        run.screen.json({"steps": documents, "left_over": left_over})
    else:
        run.screen.say("Nothing was changed.")


def _planned(ways: Ways, letter: Letter, mending: Mending) -> tuple[Step | None, str]:
    if letter.shape is Shape.UNKNOWN:
        return None, "it has none of the shapes that can be replayed"
    try:
        return ways.foreseen(letter, mending), ""
    except ValueError as error:
        return None, str(error)


@command(dlq, "repair", access=Access.OPERATE, example="cryptoctl dlq repair --symbol BTC --since 2d")
def repair(
    run: Run,
    symbol: Annotated[str | None, typer.Option("--symbol", metavar="S", help="Only this symbol.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="T", help="Traded since: 2d (ago), or a moment.")
    ] = None,
) -> None:
    """Find stored prices that are not enriched, whatever the reason, and enrich them."""
    search = Search(
        symbol=symbol.strip().upper() if symbol else None,
        since_ms=moment_ms(since) if since is not None else None,
    )
    if search.whole_table:
        units = read_units(run.session.aws, run.session.stack.prices)
        run.screen.say(f"Reading the whole table costs about {units} read units; --symbol reads less.")
    found = repair_prices(_ways(run), search)
    _show_repaired(run, found)
    if found.left:
        raise Failure(
            Problem.FAILED,
            f"{len(found.left)} prices are still not enriched"
            + (", and the rest was not tried." if found.given_up else "."),
            "What is no price must be mended in the table; else see `cryptoctl logs price-enricher`.",
        )


def _show_repaired(run: Run, found: Enriched) -> None:
    if run.machine:
        run.screen.json(
            {
                "found": found.seen,
                "enriched": found.enriched,
                "gone": found.gone,
                "left": [
                    {"symbol": each.key[0], "sort_key": each.key[1], "reason": each.reason}
                    for each in found.left
                ],
                "given_up": found.given_up,
            }
        )
        return
    for each in found.left[:SHOWN_LEFT]:
        run.screen.data(f"✗ {each}")
    if len(found.left) > SHOWN_LEFT:
        run.screen.data(f"… and {len(found.left) - SHOWN_LEFT} more (--output json lists all)")
    run.screen.data(f"{found.enriched} of {found.seen} prices without enrichment were enriched.")
