"""A claim about AWS: what is claimed, where the code relies on it, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cryptoctl.aws_errors import Remedy
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.reconcile.call import RetryRule
from cryptoctl.reconcile.provisioner import Provisioner


class ClaimOutcome(StrEnum):
    """How a claim stands after the self-test."""

    HOLDS = "holds"
    DIFFERS = "differs"
    """AWS was seen to do something else"""
    FAILED = "check failed"
    """the check itself could not be made"""
    NOT_SHOWN = "not shown here"
    """nothing was seen that speaks for it or against it"""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a check saw, and what that says of the claim."""

    outcome: ClaimOutcome
    seen: str


def holds(seen: str) -> Evidence:
    """The claim was seen to hold."""
    return Evidence(outcome=ClaimOutcome.HOLDS, seen=seen)


def differs(seen: str) -> Evidence:
    """The claim was seen not to hold."""
    return Evidence(outcome=ClaimOutcome.DIFFERS, seen=seen)


def not_shown(reason: str) -> Evidence:
    """Nothing was seen that says anything of the claim."""
    return Evidence(outcome=ClaimOutcome.NOT_SHOWN, seen=reason)


def failed(reason: str) -> Evidence:
    """The check could not be made."""
    return Evidence(outcome=ClaimOutcome.FAILED, seen=reason)


def compare(seen: object, expected: object) -> Evidence:
    """Holds where both are the same."""
    if seen == expected:
        return holds(f"{seen}")
    return differs(f"{seen}, not {expected}")


@dataclass(frozen=True, kw_only=True)
class AnswerCode:
    """An error that is read as an answer, such as "there is no such thing": of a request, by exact codes."""

    service: str
    operation: str
    codes: tuple[str, ...]


ExpectedError: TypeAlias = RetryRule | Remedy | AnswerCode
Expectation: TypeAlias = tuple[type[Provisioner] | None, ExpectedError]
"""What a claim is about: an expected error, of a kind of resource or (None) of every kind."""


@dataclass(frozen=True, kw_only=True)
class AwsClaim:
    """What is taken for granted about AWS.

    Claims of one `sequence` (the id's first word where none is given) are checked one after the other,
    sequences side by side. `needs` names what of the self-test's stack must be there (all that it depends on
    comes with it). `engine_limit` says why the embedded engine cannot show it; empty where it can.
    """

    id: str
    text: str
    relied_on: tuple[str, ...]
    check: Callable[[CheckContext], Evidence]
    sequence: str = ""
    needs: tuple[str, ...] = ()
    covers: tuple[Expectation, ...] = ()
    engine_limit: str = ""


def exact_code(kind: type[Provisioner], service: str, operation: str, *codes: str) -> Expectation:
    """The error codes of a request that a kind reads as an answer."""
    return kind, AnswerCode(service=service, operation=operation, codes=codes)


def retry_rule(kind: type[Provisioner], code: str, contains: str = "") -> Expectation:
    """A kind's rule for that code and piece of a message. Raises LookupError where it has none."""
    return _first(kind, (rule for rule in kind.retry_rules if (rule.code, rule.contains) == (code, contains)))


def remedy_of(kind: type[Provisioner], code: str, contains: str = "", *, operation: str = "") -> Expectation:
    """A kind's remedy for that code and piece of a message, perhaps of one operation. Raises LookupError."""

    def fits(remedy: Remedy) -> bool:
        is_of_operation = not operation or operation in remedy.operations
        return code in remedy.codes and remedy.contains == contains and is_of_operation

    return _first(kind, (remedy for remedy in kind.remedies if fits(remedy)))


def _first(kind: type[Provisioner], candidates: Iterable[ExpectedError]) -> Expectation:
    for expected in candidates:
        return kind, expected
    raise LookupError(f"{kind.__name__} has no such rule or remedy")
