"""What the queues hold and did not give: other runs have received it, or SQS gives out no more at a time."""

from __future__ import annotations

from dataclasses import dataclass

from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.queues import MAX_IN_FLIGHT, DeadLetterQueues, in_order
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.wording import pluralize

# What a killed process was working on becomes visible again after so long at most.
VISIBILITY_S = 600


@dataclass(frozen=True, kw_only=True)
class Unreceived:
    """How many messages were not received, so that whether the filters select them is not known."""

    in_flight: int = 0
    """other consumers have received them"""
    withheld: int = 0
    """they wait, and SQS gives out no more at a time"""

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.in_flight or self.withheld)

    def __str__(self) -> str:
        """The sentences about them; nothing where there are none."""
        minutes = VISIBILITY_S // 60
        texts: list[str] = []
        if count := self.in_flight:
            texts.append(
                f"{pluralize(count, 'more message is', 'more messages are')} in flight: another run has "
                f"{_them(count)}, or one that was killed up to {minutes} minutes ago (on AWS the count may "
                "lag by a minute)."
            )
        if count := self.withheld:
            texts.append(
                f"{pluralize(count, 'more message waits', 'more messages wait')}, and SQS gives "
                f"{_them(count)} out only once others are replayed or purged: {MAX_IN_FLIGHT:,} of a queue "
                "can be in flight (on AWS the count may lag by a minute)."
            )
        if texts:
            texts.append(f"Whether the filters select {_them(self.in_flight + self.withheld)} is not known.")
        return " ".join(texts)

    @property
    def hint(self) -> str:
        """What to do about them, for a command that takes messages out of the queues."""
        if not self.withheld:
            return "Run the same command again later."
        return "Run the same command again. Where it finds none any more, replay or purge others first."

    def document(self) -> dict[str, int]:
        """`in_flight` and `withheld`, as the commands' --output json has them."""
        return vars(self)


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def ids_not_found(selection: Selection, journal: Journal) -> set[str]:
    """The ids that the selection names and that no chosen message has."""
    if not selection.ids:
        return set()
    states = (MessageState.CHOSEN, MessageState.BEGUN)
    return set(selection.ids) - {message.id for state in states for message in journal.messages(state)}


def unreceived(queues: DeadLetterQueues, selection: Selection, journal: Journal) -> Unreceived:
    """What the selected queues hold beside the journal's messages.

    To be asked once everything else is received. None where each message that is selected by its id is found.
    """
    if selection.ids and not ids_not_found(selection, journal):
        return Unreceived()
    selected_queues = in_order(queues, selection)
    return Unreceived(
        in_flight=sum(
            max(0, queue.depth().in_flight - journal.count_in_queue(queue.name)) for queue in selected_queues
        ),
        withheld=sum(journal.withheld[queue.name] for queue in selected_queues),
    )
