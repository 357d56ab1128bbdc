"""Commands named in messages, written so that following them word for word does what they say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

_COMMAND = re.compile(r"`cryptoctl ([a-z][^`]*)`")
# These ask AWS for nothing, so that only the configuration file matters to them.
_ONLY_CONFIG = ("local", "init")
_TARGETS = ("--local", "--aws")


def with_options(text: str, given: Mapping[str, str]) -> str:
    """The text with the options that the person gave (name → value, "" for a flag) in each `cryptoctl …`."""
    return _COMMAND.sub(lambda found: f"`cryptoctl {_completed(found[1], given)}`", text)


def _completed(command: str, given: Mapping[str, str]) -> str:
    words = command.split()
    targeted = any(each in words for each in _TARGETS)
    added = [
        f"{name} {shlex.quote(value)}" if value else name
        for name, value in given.items()
        if name not in words
        and not (targeted and name in _TARGETS)
        and not (words[0] in _ONLY_CONFIG and name != "--config")
    ]
    return " ".join([command, *added])
