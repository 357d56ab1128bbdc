"""What to do about everything that needs attention, said once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cryptoctl.ops.overview import Concern

# A command without its options: which environment it is for is the same in all of them.
COMMAND = re.compile(r"`(cryptoctl [^`]*?)(?: --[^`]*)?`")


def next_steps(concerns: Sequence[Concern]) -> Iterator[str]:
    """The hints, each once; one that only names commands which an earlier one has named is left out."""
    named: set[str] = set()
    for hint in dict.fromkeys(each.hint for each in concerns):
        commands = set(COMMAND.findall(hint))
        if not commands <= named or not commands:
            yield hint
        named |= commands
