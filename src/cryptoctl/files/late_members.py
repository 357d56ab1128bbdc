"""Members that a stream's records bring only after the first of them have decided what is which field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cryptoctl.files.file_scan import refuse_too_many
from cryptoctl.files.records import Fault, Members, Record, quoted, shell_word
from cryptoctl.files.sample import is_none


@dataclass(kw_only=True)
class LateMembers:
    """What was decided of each member: `settled` are those that change nothing, whatever their values."""

    may_be_field: Callable[[str, Members], bool]
    settled: set[str]
    decided: dict[str, dict[bool, bool]] = field(default_factory=dict)

    def checked(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records; one with a member that may be a field is a fault. Raises Failure for too many."""
        for number, record in records:
            found = None
            if isinstance(record, Mapping) and not record.keys() <= self.settled:
                found = next((each for each in record if self._late(each, record)), None)
                refuse_too_many(self.decided, number)
            yield number, record if found is None else _fault(found)

    def _late(self, member: str, record: Members) -> bool:
        if member in self.settled:
            return False
        none = is_none(record[member])
        decided = self.decided.setdefault(member, {})
        if none not in decided:
            decided[none] = self.may_be_field(member, record)
        if not none and not decided[none]:
            self.settled.add(member)
        return decided[none]


def _fault(member: str) -> Fault:
    return Fault(
        f"has {quoted(member)}, which has no value in the first records and may be a field: add "
        f"--ignore {shell_word(member)}, or save the stream to a file and send that, with what it asks for"
    )
