"""The policy statement by which queues and topics refuse plain HTTP; others' statements stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cryptoctl.provisioners.policy import VERSION, Statement, statements_of, written
from cryptoctl.reconcile import JsonDocument, Value, frozen

SID = "RefusePlainHttp"


def deny_plain_http(actions: Sequence[str], arn: str) -> Statement:
    """Nobody may do these things to the resource without TLS."""
    return Statement(
        sid=SID,
        effect="Deny",
        principal={"AWS": "*"},
        actions=tuple(actions),
        resources=(arn,),
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )


def desired_statement(statement: Statement | None) -> dict[str, Value]:
    """The desired field: our statement by its Sid, or None under that Sid."""
    return {SID: written(statement) if statement else None}


def statements_by_id(policy: str | None) -> dict[str, Value]:
    """The policy's statements under their ids."""
    return {each["Sid"]: each for each in statements_of(policy) if each.get("Sid")}


def with_statement(policy: str | None, statement: Statement | None) -> JsonDocument | None:
    """The policy with our statement, or without it where it is None; None where no statement is left.

    The statements of others stay to the letter.
    """
    there: dict[str, Any] = json.loads(policy) if policy else {"Version": VERSION}
    others = there.get("Statement", [])
    others = [others] if isinstance(others, dict) else others
    statements = [each for each in others if each.get("Sid") != SID]
    if statement is not None:
        statements.append(written(statement))
    return JsonDocument(frozen({**there, "Statement": statements})) if statements else None
