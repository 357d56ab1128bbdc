"""Commands named in messages, written so that following them word for word does what they say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from cryptoctl.files.records import shell_word
from cryptoctl.wording import is_seen

_COMMAND = re.compile(r"`cryptoctl ([a-z][^`]*)`")
_QUOTED = re.compile(r"""'[^']*'|"'["]""")
_AWS_COMMAND = re.compile(r"`aws ([a-z][^`]*)`")
# These of the AWS CLI sign in: of its options only the profile concerns them.
_SIGN_IN = ("sso", "login")
# These ask AWS for nothing, so that only the configuration file matters to them.
_ONLY_CONFIG = ("local", "init")
_TARGETS = ("--local", "--aws")
# Only this command has the option.
_ONLY_OF = {"--for": "iam-policy"}


def command_about(name: str, symbol: str, *options: str) -> str:
    """`cryptoctl NAME SYMBOL …` for a shell; a symbol that would pass for an option goes behind them all."""
    words = (*options, "--", symbol) if symbol.startswith("-") else (symbol, *options)
    return shlex.join(("cryptoctl", name, *words))


def with_options(text: str, options: Mapping[str, str]) -> str:
    """The text with the options that the person gave (name → value, "" for a flag) in each `cryptoctl …`."""
    return _COMMAND.sub(lambda match: f"`cryptoctl {_add_options(match[1], options)}`", text)


def typeable(text: str) -> str:
    """The text, in whose `cryptoctl …` a shell reads what cannot be seen from what is shown for it."""
    return _COMMAND.sub(lambda match: _QUOTED.sub(_readable_word, match[0]), text)


def _readable_word(word: re.Match[str]) -> str:
    return word[0] if is_seen(word[0]) else shell_word(word[0][1:-1])


def with_aws_options(text: str, options: Callable[[], Mapping[str, str]]) -> str:
    """The text with the options of the AWS CLI (name → value) in each `aws …`, so that it asks the same AWS.

    `options` is called only where there is such a command.
    """
    return _AWS_COMMAND.sub(lambda match: f"`aws {_add_aws_options(match[1], options())}`", text)


def _add_aws_options(command: str, options: Mapping[str, str]) -> str:
    words = command.split()
    if words[0] == "configure":
        return command
    added = [
        f"{name} {shlex.quote(value)}"
        for name, value in options.items()
        if name not in words and not (words[0] in _SIGN_IN and name != "--profile")
    ]
    return " ".join([command, *added])


def _add_options(command: str, options: Mapping[str, str]) -> str:
    command, arguments = _split_at_separator(command)
    words = command.split()
    targeted = any(option in words for option in _TARGETS)
    added = [
        f"{name} {shlex.quote(value)}" if value else name
        for name, value in options.items()
        if name not in words
        and not (targeted and name in _TARGETS)
        and not (words[0] in _ONLY_CONFIG and name != "--config")
        and words[0] == _ONLY_OF.get(name, words[0])
    ]
    return " ".join([command, *added, *arguments])


def _split_at_separator(command: str) -> tuple[str, list[str]]:
    """The command up to "--", behind which nothing is an option, and the words from there on."""
    try:
        words = shlex.split(command)
        separator = words.index("--")
    except ValueError:  # without it, or with something to fill in that no shell reads
        return command, []
    return shlex.join(words[:separator]), list(map(shlex.quote, words[separator:]))
