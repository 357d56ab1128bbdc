"""Senders as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cryptoctl.ops.times import iso_of_ms
from cryptoctl.ops.webhook.senders import UNKNOWN, SenderActivity
from cryptoctl.ops.webhook.testing import ProofStep
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.styles import BAD, DOUBTFUL
from cryptoctl.ui.tables import Column

COLUMNS = (
    Column("sender"),
    Column("scheme"),
    Column("preset", rank=2),
    Column("sources", rank=3),
    Column("last accepted", rank=1),
    Column("refused in the last hour", right=True),
)
MARKS = {True: ("ok", ""), False: ("FAILED", BAD), None: ("unknown", DOUBTFUL)}
MAX_MARK_LENGTH = max(len(mark) for mark, _ in MARKS.values())


def sender_document(activity: SenderActivity) -> dict[str, object]:
    """The sender's JSON."""
    return {
        "name": activity.name,
        "scheme": activity.scheme,
        "preset": activity.preset,
        "sources": list(activity.sources),
        "last_accepted": None if activity.last_accepted_ms is None else iso_of_ms(activity.last_accepted_ms),
        "refused": activity.refused,
        "last_refused": None if activity.last_refused_ms is None else iso_of_ms(activity.last_refused_ms),
        "last_refusal": activity.last_refusal,
    }


def show_senders(screen: Screen, url: str, senders: Sequence[SenderActivity]) -> None:
    """The address, and a table."""
    screen.say(f"The address of each is {url}NAME")
    rows = []
    for sender in senders:
        last = "none" if sender.last_accepted_ms is None else iso_of_ms(sender.last_accepted_ms)
        accepted = "" if sender.name == UNKNOWN else last
        rows.append(
            (sender.name, sender.scheme, sender.preset, ", ".join(sender.sources), accepted, sender.refused)
        )
    screen.table(COLUMNS, rows)
    for sender in senders:
        if sender.last_refused_ms is not None and sender.last_refusal:
            time = iso_of_ms(sender.last_refused_ms)
            screen.say(f"{sender.name}: the last refusal, at {time}, was because {sender.last_refusal}.")


def show_step(screen: Screen, step: ProofStep) -> None:
    """One step of a test."""
    mark, style = MARKS[step.passed]
    space = " " * (MAX_MARK_LENGTH - len(mark))
    screen.sentence(Text.assemble((mark, style), f"{space} {printable(step.step)}: {printable(step.answer)}"))
